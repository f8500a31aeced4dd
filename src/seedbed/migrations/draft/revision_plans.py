"""A change as the revisions that make it, and what its proof must know about rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from seedbed.migrations.diff.statement import Statement
from seedbed.migrations.diff.types.conversion_rules import find_enum
from seedbed.migrations.diff.undrafted_differences import UndraftedCheck
from seedbed.migrations.draft.renames import Rename
from seedbed.migrations.proof.candidate import Candidate, RevisionRun
from seedbed.migrations.proof.conversion_check import ColumnConversion
from seedbed.migrations.proof.samples.sample_values import read_model_rows
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Table, Trigger
from seedbed.postgres.quoting import ColumnName, TableName
from seedbed.postgres.version_table import VERSION_TABLE
from seedbed.schema import Schema


@dataclass(frozen=True)
class RevisionPlan:
    """One revision: its steps, the steps of its downgrade or why there is none, and the catalog at its end.

    The steps of one that `is_online` are committed one by one, and can run again. One that `is_contract` removes the
    old form of a column: it is applied when no program uses that form.
    """

    up: tuple[Statement, ...]
    down: tuple[Statement, ...] | str
    end: Catalog
    is_online: bool = False
    is_contract: bool = False

    def title(self, message: str) -> str:
        return f"{message}, online" if self.is_online else f"{message}, contract" if self.is_contract else message


@dataclass(frozen=True)
class ChangeSet:
    """What separates the migrations from the models, as revisions in their order; empty where they are equal.

    `unused_hints` are hints and options without effect on this change.
    """

    renames: tuple[Rename, ...]
    revision_plans: tuple[RevisionPlan, ...]
    before: Catalog
    models: Schema
    unused_hints: tuple[str, ...] = ()
    conversions: tuple[ColumnConversion, ...] = ()
    undrafted_check: UndraftedCheck | None = None
    version_table: str = VERSION_TABLE

    @property
    def upgrade(self) -> list[Statement]:
        return [step for part in self.revision_plans for step in part.up]

    @property
    def downgrade(self) -> list[Statement]:
        """The steps of the downgrade, as far as there is one."""
        return [step for part in reversed(self.revision_plans) if not isinstance(part.down, str) for step in part.down]


def build_candidate(change_set: ChangeSet, revision_runs: Sequence[RevisionRun]) -> Candidate:
    """Build what a proof needs to know about a change, given how to run each of its revisions."""
    tables, columns = _map_renames(change_set)
    return Candidate(
        revision_runs=revision_runs,
        before=change_set.before,
        losses=[step.loss for step in change_set.upgrade if step.loss is not None],
        downgrade_losses=[step.loss for step in change_set.downgrade if step.loss is not None],
        row_conditions=[
            *(step.row_condition for step in change_set.upgrade if step.row_condition is not None),
            *(f"going down, {step.row_condition}" for step in change_set.downgrade if step.row_condition is not None),
        ],
        changed_columns=_find_changed_columns(change_set),
        triggered_tables=_find_triggered_tables(change_set),
        renamed_tables=tables,
        renamed_columns=columns,
        model_rows=read_model_rows(change_set.models),
        undrafted_check=change_set.undrafted_check,
        version_table=change_set.version_table,
        conversions=change_set.conversions,
    )


def _map_renames(
    change_set: ChangeSet,
) -> tuple[dict[TableName, TableName], dict[ColumnName, str]]:
    """The old names of renamed tables and columns by their new ones."""
    tables = dict(rename.table for rename in change_set.renames if rename.table is not None)
    columns = {}
    for rename in change_set.renames:
        if rename.column is not None:
            (schema, table, old), new = rename.column
            columns[schema, table, new] = old
    return tables, columns


def _find_changed_columns(change_set: ChangeSet) -> frozenset[ColumnName]:
    """Columns whose values a step may rewrite: of another type, computed, or filled where they were NULL.

    Renamed columns are listed by both names.
    """
    after = change_set.revision_plans[-1].end
    tables, columns = _map_renames(change_set)
    paths = set()
    for table in after.tables():
        path = tables.get((table.schema, table.name), (table.schema, table.name))
        old = change_set.before.objects.get(("table", *path))
        before = old.columns_by_name if isinstance(old, Table) else {}
        for column in table.columns:
            path_in_models = (table.schema, table.name, column.name)
            name = columns.get(path_in_models, column.name)
            old_column = before.get(name)
            enum = find_enum(column.type, after)
            has_renamed_label = enum is not None and any(rename.enum == enum.key for rename in change_set.renames)
            is_same = (
                not has_renamed_label
                and old_column is not None
                and (old_column.type, old_column.not_null) == (column.type, column.not_null)
            )
            if old_column is None or not is_same or column.generated:
                paths |= {path_in_models, (*path, name)}
    return frozenset(paths)


def _find_triggered_tables(change_set: ChangeSet) -> frozenset[TableName]:
    """Tables whose rows a step updates and whose triggers may then write other columns, by both names."""
    updated_tables = {
        step.updated_table for step in [*change_set.upgrade, *change_set.downgrade] if step.updated_table is not None
    }
    objects = [o for c in (change_set.before, change_set.revision_plans[-1].end) for o in c.objects.values()]
    paths = {
        (t.schema, t.table) for t in objects if isinstance(t, Trigger) and " UPDATE" in t.definition
    } & updated_tables
    tables, _ = _map_renames(change_set)
    return frozenset(paths | {tables[path] for path in paths if path in tables})
