"""The plan of a draft: which revisions change a database into the models."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import psycopg2
from sqlalchemy import Connection, text

from seedbed.errors import MissingBackfill, UnknownTypeConversion, UnsupportedChange
from seedbed.migrations.diff.backfill_expressions import ValueSources
from seedbed.migrations.diff.catalog_diff import CatalogDiff
from seedbed.migrations.diff.online.column_expansion import find_column_expansions
from seedbed.migrations.diff.online.deferral import IntermediateSchema, defer
from seedbed.migrations.diff.online.expanded_schema import expand_schema
from seedbed.migrations.diff.online.steps import plan_online_steps
from seedbed.migrations.diff.plan import plan_steps
from seedbed.migrations.diff.statement import Statement
from seedbed.migrations.draft.column_expressions import collect_value_sources, find_conversions
from seedbed.migrations.draft.decisions import Decisions, RolloutStrategy
from seedbed.migrations.draft.hint_effects import check_hints, find_unused_hints
from seedbed.migrations.draft.rename_candidates import check_undecided_renames
from seedbed.migrations.draft.renames import Rename, plan_renames
from seedbed.migrations.draft.revision_plans import ChangeSet, RevisionPlan
from seedbed.postgres.catalog import Catalog, read_catalog
from seedbed.postgres.connection import execute_verbatim
from seedbed.postgres.driver_errors import get_server_message
from seedbed.postgres.quoting import ColumnName
from seedbed.postgres.version_table import VERSION_TABLE
from seedbed.schema import Schema

_FUNCTION = re.compile(r"CREATE (OR REPLACE )?(FUNCTION|PROCEDURE)\b")
_WITHOUT_BODY_CHECKS = Statement("SET LOCAL check_function_bodies = off")
"""In a downgrade, a function's text has the old names before the columns do, which are renamed last."""

_CASTS = """
SELECT format_type(castsource, NULL), format_type(casttarget, NULL) FROM pg_cast
"""


def plan_changes(
    connection: Connection,
    after: Catalog,
    schema: Schema,
    decisions: Decisions,
    *,
    version_table: str = VERSION_TABLE,
) -> ChangeSet:
    """Plan the revisions that make a database equal to a catalog. Renames are tried on it, and rolled back.

    Raises:
        AmbiguousRename, MissingBackfill: the user has to decide something first.
        UnmatchedRename, UnusedDraftOption: an option names something that does not exist or does not change.
        InvalidHint, AmbiguousSwap: a hint cannot be followed.
        UnsupportedChange: no statement makes the change.
        UnknownTypeConversion: a column's values cannot be converted to its new type.
    """
    before = read_catalog(connection, version_table)
    renames = plan_renames(schema, before, after, decisions)
    expanded_renames = [
        rename for rename in renames if decisions.strategy is RolloutStrategy.GRADUAL and rename.column is not None
    ]
    direct_renames = [rename for rename in renames if rename not in expanded_renames]
    try:
        renamed = _try_steps(connection, _rename_steps(direct_renames), version_table) if direct_renames else before
    except psycopg2.Error as error:
        connection.rollback()
        names = ", ".join(f"{rename.old} to {rename.new}" for rename in direct_renames)
        raise UnsupportedChange(f"the rename of {names}", get_server_message(error)) from error
    casts = connection.execute(text(_CASTS)).all()
    connection.rollback()
    sources = collect_value_sources(
        schema, decisions, frozenset((str(source), str(target)) for source, target in casts), renames
    )
    diff = CatalogDiff(renamed, after)
    check_hints(schema, diff, decisions, renames)
    intended = decisions.dropped | {rename.old for rename in expanded_renames}
    check_undecided_renames(renamed, after, schema, replace(decisions, dropped=intended))
    is_plain = decisions.strategy is RolloutStrategy.PLAIN
    plans = (
        None
        if is_plain
        else _plan_expansion(connection, renamed, after, direct_renames, expanded_renames, sources, version_table)
    )
    if plans is None:
        intermediate = IntermediateSchema(after, {}) if is_plain else defer(renamed, after, sources)
        plans = list(_plan_revisions(renamed, after, intermediate, direct_renames, sources))
    all_renames = (*direct_renames, *(replace(rename, up=(), down=()) for rename in expanded_renames))
    return ChangeSet(
        all_renames,
        tuple(plans),
        before,
        schema,
        find_unused_hints(schema, diff, decisions, renames),
        tuple(find_conversions(renamed, after, expanded_renames, sources)),
        version_table=version_table,
    )


def _plan_expansion(
    connection: Connection,
    before: Catalog,
    after: Catalog,
    direct_renames: Sequence[Rename],
    expanded_renames: Sequence[Rename],
    sources: ValueSources,
    version_table: str,
) -> list[RevisionPlan] | None:
    """Plan the revisions of a change that keeps columns in both forms for a time; None if there are none.

    The new objects are tried on the database first, to know them as PostgreSQL prints them.

    Raises:
        UnsupportedChange: a column was to be kept under both names, and cannot be.
    """
    requested = [rename.column for rename in expanded_renames if rename.column is not None]
    expansions = find_column_expansions(before, after, sources, requested)
    not_expandable = {path for path, _ in requested} - {expansion.old_path for expansion in expansions}
    if not_expandable:
        raise UnsupportedChange(
            ".".join(min(not_expandable)[1:]), "it cannot exist under both names; draft it without --gradual"
        )
    if not expansions:
        return None
    try:
        trial = _try_steps(
            connection,
            [*_rename_steps(direct_renames), *(step for expansion in expansions for step in expansion.create())],
            version_table,
        )
    except psycopg2.Error as error:
        connection.rollback()
        if expanded_renames:
            raise UnsupportedChange(
                expanded_renames[0].new, f"it cannot exist under both names: {get_server_message(error)}"
            ) from error
        return None
    expanded = expand_schema(before, after, trial, expansions, sources)
    expanding_sources = replace(
        sources,
        backfills={**sources.backfills, **{expansion.new_path: expansion.up_expression for expansion in expansions}},
    )
    expanding_plans = list(
        _plan_revisions(
            before,
            expanded.catalog,
            defer(before, expanded.catalog, expanding_sources),
            direct_renames,
            expanding_sources,
        )
    )
    expanded_columns = {expansion.new_path for expansion in expansions}
    expanding_plans = [_without_losses(plan, expanded_columns) for plan in expanding_plans]
    return [*expanding_plans, RevisionPlan(expanded.up, expanded.down, after, is_contract=True)]


def _without_losses(plan: RevisionPlan, expanded_columns: set[ColumnName]) -> RevisionPlan:
    """A plan whose downgrade loses nothing by dropping the new form of a column: the old one exists."""
    if isinstance(plan.down, str):
        return plan
    steps = [
        replace(step, loss=None)
        if step.loss and (step.loss.schema, step.loss.table, step.loss.column) in expanded_columns
        else step
        for step in plan.down
    ]
    return replace(plan, down=tuple(steps))


def _rename_steps(direct_renames: Sequence[Rename]) -> list[Statement]:
    return [step for rename in direct_renames for step in rename.up]


def _try_steps(connection: Connection, steps: Sequence[Statement], version_table: str) -> Catalog:
    """The catalog after some steps, which are rolled back."""
    for step in steps:
        execute_verbatim(connection, step.sql)
    catalog = read_catalog(connection, version_table)
    connection.rollback()
    return catalog


def _plan_revisions(
    before: Catalog,
    after: Catalog,
    intermediate: IntermediateSchema,
    direct_renames: Sequence[Rename],
    sources: ValueSources,
) -> Iterator[RevisionPlan]:
    """The revisions of a change, each with the downgrade from its end."""
    up = plan_steps(before, intermediate.catalog, replace(sources, deferred_columns=frozenset(intermediate.backfills)))
    down: tuple[Statement, ...] | str
    try:
        downgrade_sources = ValueSources(
            using_expressions=sources.reverse_expressions, casts=sources.casts, is_downgrade=True
        )
        down = tuple(plan_steps(intermediate.catalog, before, downgrade_sources))
        if direct_renames and any(_FUNCTION.match(step.sql) for step in down):
            down = (_WITHOUT_BODY_CHECKS, *down)
        down = (*down, *(step for rename in reversed(direct_renames) for step in rename.down))
    except MissingBackfill as error:  # a file's text does not follow the wording of the error
        down = f"{error.column} is NOT NULL, and nothing says what it is in the rows that exist."
    except (UnsupportedChange, UnknownTypeConversion) as error:
        down = error.message
    up = [*(step for rename in direct_renames for step in rename.up), *up]
    if up:
        yield RevisionPlan(tuple(up), down, intermediate.catalog)
    if steps := plan_online_steps(intermediate.catalog, after, intermediate.backfills):
        reverse_steps = plan_online_steps(after, intermediate.catalog, {})
        yield RevisionPlan(tuple(steps), tuple(reverse_steps), after, is_online=True)
