"""Compare what the seeds give now with their lock file."""

from dataclasses import dataclass, replace

from seedbed.extras import get_faker_version
from seedbed.seeding.planning.lock_file import Lock, get_lock_path, write_lock
from seedbed.seeding.planning.seed_plan import SeedPlan
from seedbed.seeding.planning.table_plan import make_sample

_SAMPLED_ROWS = 8
"""Rows of each table that are made to find the pools it uses."""


@dataclass(frozen=True)
class LockComparison:
    """The lock's file, and what would be otherwise now; nothing where the rows are the same.

    `accepted` is false where the lock does not say which rows the seeds gave.
    """

    file: str
    content: str
    changes: tuple[str, ...]
    accepted: bool


def compare_with_lock(plan: SeedPlan, *, revision: str | None) -> LockComparison:
    """Compare what the seeds give now with their lock."""
    now = compute_lock(plan, revision)
    file = str(get_lock_path(plan.project, plan.environment).relative_to(plan.project.root))
    return LockComparison(file, plan.content, tuple(_describe_changes(plan.lock, now)), bool(plan.lock.content))


def update_lock(plan: SeedPlan, *, revision: str | None) -> None:
    """Write what the seeds give now to the lock file."""
    write_lock(plan.project, plan.environment, compute_lock(plan, revision))


def compute_lock(plan: SeedPlan, revision: str | None) -> Lock:
    for table in plan.tables:
        make_sample(table, _SAMPLED_ROWS)
    return replace(
        plan.lock,
        content=plan.content,
        revision=revision or "",
        faker=get_faker_version(),
        pools=plan.sources.digest_entries(),
    )


def _describe_changes(lock: Lock, now: Lock) -> list[str]:
    """Values that the lock file does not have yet are no change."""
    changes = []
    if lock.revision and lock.revision != now.revision:
        changes.append(f"the newest revision is {now.revision or 'none'}, and was {lock.revision}")
    if lock.content and lock.content != now.content:
        changes.append(f"the content is {now.content}, and was {lock.content}")
    if lock.faker and lock.faker != now.faker and lock.pools != now.pools:
        changes.append(f"Faker is {now.faker}, and was {lock.faker}")
    if lock.pools:
        other = [name for name, digest in now.pools.items() if lock.pools.get(name, digest) != digest]
        changes += [f"the values of {name} are others" for name in other]
    return changes
