"""Rows for tests: few, so that a test can read all of them."""

from schema import Task, User
from seedbed.seeding import Seeds, choice, per


def plan(seeds: Seeds) -> None:
    seeds.add(User, 10)
    seeds.add(Task, per(User, 1, 3), is_completed=choice({True: 1, False: 2}))
