"""Rows for preview databases."""

from schema import Task, User
from seedbed.seeding import Seeds, choice, per


def plan(seeds: Seeds) -> None:
    seeds.add(User, 50)
    seeds.add(Task, per(User, 0, 20), is_completed=choice({True: 1, False: 2}))
