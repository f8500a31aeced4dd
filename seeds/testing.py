"""What a database for tests is filled with: little, so that a test can read it all."""

from schema import Task, User
from seedbed.seeding import Seeds, choice, per


def plan(seeds: Seeds) -> None:
    seeds.add(User, 10)
    seeds.add(Task, per(User, 1, 3), is_completed=choice({True: 1, False: 2}))
