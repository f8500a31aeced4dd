"""A change as the revisions that make it, and what rows may notice of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from seedbed.migrations.diff.statement import Statement
from seedbed.migrations.diff.types.conversion_rules import find_enum
from seedbed.migrations.diff.undrafted_differences import UndraftedCheck
from seedbed.migrations.draft.renames import Rename
from seedbed.migrations.proof.candidate import Candidate, Leg
from seedbed.migrations.proof.conversion_check import Conversion
from seedbed.migrations.proof.samples.model_rows import made_by
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Table, Trigger
from seedbed.postgres.version_table import VERSION_TABLE
from seedbed.schema import Schema


@dataclass(frozen=True)
class Part:
    """One revision: its steps, the steps back or why there are none, and the catalog that it leads to.

    The steps of an `online` one are committed as they run, and may run again. A `contract` one ends the time in which
    a column is there in its old and in its new shape: it is applied when nobody uses the old one.
    """

    up: tuple[Statement, ...]
    down: tuple[Statement, ...] | str
    after: Catalog
    online: bool = False
    contract: bool = False

    def named(self, message: str) -> str:
        return f"{message}, online" if self.online else f"{message}, contract" if self.contract else message


@dataclass(frozen=True)
class Change:
    """What separates the migrations from the models, as revisions in their order; none where they agree. `unused` are
    hints and options that were not needed.
    """

    renames: tuple[Rename, ...]
    parts: tuple[Part, ...]
    before: Catalog
    models: Schema
    unused: tuple[str, ...] = ()
    conversions: tuple[Conversion, ...] = ()
    unmodelled: UndraftedCheck | None = None
    version_table: str = VERSION_TABLE

    @property
    def upgrade(self) -> list[Statement]:
        return [step for part in self.parts for step in part.up]

    @property
    def downgrade(self) -> list[Statement]:
        """The steps back, as far as there are any."""
        return [step for part in reversed(self.parts) if not isinstance(part.down, str) for step in part.down]


def candidate_of(change: Change, legs: Sequence[Leg]) -> Candidate:
    """A change as what is to be proven of it, given how to run each of its parts."""
    tables, columns = _renamed_places(change)
    return Candidate(
        legs=legs,
        before=change.before,
        losses=[step.loss for step in change.upgrade if step.loss is not None],
        losses_down=[step.loss for step in change.downgrade if step.loss is not None],
        conditions=[
            *(step.row_condition for step in change.upgrade if step.row_condition is not None),
            *(f"going down, {step.row_condition}" for step in change.downgrade if step.row_condition is not None),
        ],
        changed=_changed_columns(change),
        triggered=_triggered(change),
        renamed_tables=tables,
        renamed_columns=columns,
        made=made_by(change.models),
        unmodelled=change.unmodelled,
        version_table=change.version_table,
        conversions=change.conversions,
    )


def _renamed_places(change: Change) -> tuple[dict[tuple[str, str], tuple[str, str]], dict[tuple[str, str, str], str]]:
    """The old places of renamed tables, and the old names of renamed columns, by their new places."""
    tables = dict(rename.table for rename in change.renames if rename.table is not None)
    columns = {}
    for rename in change.renames:
        if rename.column is not None:
            (schema, table, old), new = rename.column
            columns[schema, table, new] = old
    return tables, columns


def _changed_columns(change: Change) -> frozenset[tuple[str, str, str]]:
    """Columns whose values a step may rewrite: of another type, computed, or filled where they were NULL; those that
    are renamed, by both names.
    """
    after = change.parts[-1].after
    tables, columns = _renamed_places(change)
    found = set()
    for table in after.tables():
        place = tables.get((table.schema, table.name), (table.schema, table.name))
        old = change.before.objects.get(("table", *place))
        before = old.column if isinstance(old, Table) else {}
        for column in table.columns:
            own = (table.schema, table.name, column.name)
            name = columns.get(own, column.name)
            was = before.get(name)
            kind = find_enum(column.type, after)
            label = kind is not None and any(rename.enum == kind.key for rename in change.renames)
            same = not label and was is not None and (was.type, was.not_null) == (column.type, column.not_null)
            if was is None or not same or column.generated:
                found |= {own, (*place, name)}
    return frozenset(found)


def _triggered(change: Change) -> frozenset[tuple[str, str]]:
    """Tables whose rows a step updates, and whose triggers may then write whatever they like; by both names."""
    updated = {step.updated_table for step in [*change.upgrade, *change.downgrade] if step.updated_table is not None}
    objects = [o for c in (change.before, change.parts[-1].after) for o in c.objects.values()]
    found = {(t.schema, t.table) for t in objects if isinstance(t, Trigger) and " UPDATE" in t.definition} & updated
    tables, _ = _renamed_places(change)
    return frozenset(found | {tables[place] for place in found if place in tables})
