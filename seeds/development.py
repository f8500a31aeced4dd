"""Rows for development."""

from schema import Task, User
from seedbed.seeding import Seeds, choice, per


def plan(seeds: Seeds) -> None:
    seeds.add(User, 200)
    seeds.add(Task, per(User, 0, 40), is_completed=choice({True: 1, False: 2}))
