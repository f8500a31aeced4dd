"""What a developer's database is filled with."""

from schema import Task, User
from seedbed.seeding import Seeds, faker, per


def plan(seeds: Seeds) -> None:
    seeds.add(User, 200)
    seeds.add(Task, per(User, 0, 40), title=faker("sentence", nb_words=5))
