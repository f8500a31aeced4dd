"""The order of the times of one row, by the names of their columns."""

import re

from seedbed.seeding.analysis.table_spec import TableSpec
from seedbed.seeding.analysis.timestamp_names import FIRST, LAST, STEP, names_change, names_deletion, names_future
from seedbed.seeding.core.column_types import MOMENTS

_WEAKLY_MADE = re.compile(
    r"^(ordered|placed|issued|registered|joined|added|uploaded|sent|requested|submitted|opened|shipped|hired|booked)_(at|on)$"
)
"""Names that say when a row was created, where no better name does."""


def column_before(table: TableSpec, name: str) -> str | None:
    """The column of the same row that this one must not be earlier than, or None."""
    if name == table.created:
        return None
    others = [c.name for c in table.sql.columns if table.kind(c.name).name in MOMENTS | {"date"} and c.name != name]
    if names_deletion(name):
        changed = [other for other in others if names_change(other)]
        return changed[0] if changed else table.created
    if found := LAST.match(name):
        same = [other for other in others if (first := FIRST.match(other)) and first.groups() == found.groups()]
        starts = same or [other for other in others if FIRST.match(other)]
        if starts and not FIRST.match(name):
            return starts[0]
    return _step_before(table, name, others) or created_before(table, name)


def _step_before(table: TableSpec, name: str, others: list[str]) -> str | None:
    """The latest earlier step that every row with this one has."""
    at = STEP.get(name)
    if at is None:
        return None
    optional = bool(table.column(name).nullable) and not table.facts[name].not_null
    there = [o for o in others if optional or not table.column(o).nullable]
    steps = [o for o in there if STEP.get(o, at) < at and not names_future(o)]
    return max(steps, key=lambda other: STEP[other], default=None)


def created_before(table: TableSpec, name: str) -> str | None:
    """The column that says when a row was created, which another column must not be earlier than."""
    return None if name == table.created else table.created or _weakly_made(table, name)


def _weakly_made(table: TableSpec, name: str) -> str | None:
    if _WEAKLY_MADE.match(name):
        return None
    times = [c for c in table.sql.columns if table.kind(c.name).name in MOMENTS | {"date"}]
    return next((c.name for c in times if _WEAKLY_MADE.match(c.name) and not c.nullable), None)
