"""What a database for tests: little, so that every test can read it all is filled with."""

from schema import Task, User
from seedbed.seeding import Seeds, choice, per


def plan(seeds: Seeds) -> None:
    seeds.add(User, 10)
    seeds.add(Task, per(User, 1, 3), is_completed=choice({True: 1, False: 2}))
