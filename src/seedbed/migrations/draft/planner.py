"""What separates a database from the models, as the revisions that would change it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import psycopg2
from sqlalchemy import Connection, text

from seedbed.errors import MissingBackfill, UnknownTypeConversion, UnsupportedChange
from seedbed.migrations.diff.catalog_diff import CatalogDiff
from seedbed.migrations.diff.online.column_expansion import find_column_expansions
from seedbed.migrations.diff.online.deferral import IntermediateSchema, defer
from seedbed.migrations.diff.online.expanded_schema import expand_schema
from seedbed.migrations.diff.online.steps import plan_online_steps
from seedbed.migrations.diff.plan import plan_steps
from seedbed.migrations.diff.statement import Statement
from seedbed.migrations.diff.value_sources import ColumnName, ValueSources
from seedbed.migrations.draft.change_set import ChangeSet, RevisionPlan
from seedbed.migrations.draft.column_conversions import find_conversions
from seedbed.migrations.draft.decisions import Decisions, RolloutStrategy
from seedbed.migrations.draft.hint_effects import check_hints, find_unused_hints
from seedbed.migrations.draft.hints import collect_value_sources
from seedbed.migrations.draft.rename_candidates import check_undecided_renames
from seedbed.migrations.draft.renames import Rename, plan_renames
from seedbed.postgres.catalog import Catalog, read_catalog
from seedbed.postgres.connection import execute_verbatim
from seedbed.postgres.driver_errors import get_server_message
from seedbed.postgres.version_table import VERSION_TABLE
from seedbed.schema import Schema

_FUNCTION = re.compile(r"CREATE (OR REPLACE )?(FUNCTION|PROCEDURE)\b")
_WITHOUT_BODY_CHECKS = Statement("SET LOCAL check_function_bodies = off")
"""On the way back a function's text has its old names before the columns have theirs, which are renamed last."""

_CASTS = """
SELECT format_type(castsource, NULL), format_type(casttarget, NULL) FROM pg_cast
"""


def plan_changes(
    connection: Connection,
    after: Catalog,
    schema: Schema,
    words: Decisions,
    *,
    version_table: str = VERSION_TABLE,
) -> ChangeSet:
    """What has to be done to a database for it to equal a catalog. Renames are tried on it, and rolled back.

    Raises:
        AmbiguousRename, MissingBackfill: a person has to say something first.
        UnmatchedRename, UnusedDraftOption: a person said something of what is not there, or does not change.
        InvalidHint, AmbiguousSwap: a hint cannot be followed.
        UnsupportedChange: no statement makes the change.
        UnknownTypeConversion: a column's values have no known form in its new type.
    """
    before = read_catalog(connection, version_table)
    asked = plan_renames(schema, before, after, words)
    apart = [rename for rename in asked if words.strategy is RolloutStrategy.GRADUAL and rename.column is not None]
    renamed = [rename for rename in asked if rename not in apart]
    try:
        moved = _try_steps(connection, _rename_steps(renamed), version_table) if renamed else before
    except psycopg2.Error as error:
        connection.rollback()
        names = ", ".join(f"{rename.old} to {rename.new}" for rename in renamed)
        raise UnsupportedChange(f"the renaming of {names}", get_server_message(error)) from error
    pairs = connection.execute(text(_CASTS)).all()
    connection.rollback()
    known = collect_value_sources(
        schema, words, frozenset((str(source), str(target)) for source, target in pairs), asked
    )
    changes = CatalogDiff(moved, after)
    check_hints(schema, changes, words, asked)
    intended = words.dropped | {rename.old for rename in apart}
    check_undecided_renames(moved, after, schema, replace(words, dropped=intended))
    plain = words.strategy is RolloutStrategy.PLAIN
    parts = None if plain else _plan_expansion(connection, moved, after, renamed, apart, known, version_table)
    if parts is None:
        middle = IntermediateSchema(after, {}) if plain else defer(moved, after, known)
        parts = list(_plan_revisions(moved, after, middle, renamed, known))
    said = (*renamed, *(replace(rename, up=(), down=()) for rename in apart))
    return ChangeSet(
        said,
        tuple(parts),
        before,
        schema,
        find_unused_hints(schema, changes, words, asked),
        tuple(find_conversions(moved, after, apart, known)),
        version_table=version_table,
    )


def _plan_expansion(
    connection: Connection,
    before: Catalog,
    after: Catalog,
    renamed: Sequence[Rename],
    apart: Sequence[Rename],
    known: ValueSources,
    version_table: str,
) -> list[RevisionPlan] | None:
    """The revisions of a change in which columns are there in both shapes for a time; None where there are no such.

    What they need is tried on the database first, so that it is known as PostgreSQL prints it.

    Raises:
        UnsupportedChange: a column was to be kept under both names, and cannot be.
    """
    wanted = [rename.column for rename in apart if rename.column is not None]
    chosen = find_column_expansions(before, after, known, wanted)
    alone = {place for place, _ in wanted} - {one.old_path for one in chosen}
    if alone:
        raise UnsupportedChange(
            ".".join(min(alone)[1:]), "it cannot be there under both names; draft it without --gradual"
        )
    if not chosen:
        return None
    try:
        tried = _try_steps(
            connection, [*_rename_steps(renamed), *(step for one in chosen for step in one.create())], version_table
        )
    except psycopg2.Error as error:
        connection.rollback()
        if apart:
            raise UnsupportedChange(
                apart[0].new, f"it cannot be there under both names: {get_server_message(error)}"
            ) from error
        return None
    both = expand_schema(before, after, tried, chosen, known)
    filled = replace(known, backfills={**known.backfills, **{one.new_path: one.up_expression for one in chosen}})
    expanding = list(_plan_revisions(before, both.catalog, defer(before, both.catalog, filled), renamed, filled))
    doubled = {one.new_path for one in chosen}
    expanding = [_without_losses(part, doubled) for part in expanding]
    return [*expanding, RevisionPlan(both.up, both.down, after, is_contract=True)]


def _without_losses(part: RevisionPlan, doubled: set[ColumnName]) -> RevisionPlan:
    """By dropping the new shape of a column on the way back nothing is lost: the old one is there."""
    if isinstance(part.down, str):
        return part
    kept = [
        replace(step, loss=None)
        if step.loss and (step.loss.schema, step.loss.table, step.loss.column) in doubled
        else step
        for step in part.down
    ]
    return replace(part, down=tuple(kept))


def _rename_steps(renamed: Sequence[Rename]) -> list[Statement]:
    return [step for rename in renamed for step in rename.up]


def _try_steps(connection: Connection, steps: Sequence[Statement], version_table: str) -> Catalog:
    """The catalog as it is after some steps, which are rolled back."""
    for step in steps:
        execute_verbatim(connection, step.sql)
    found = read_catalog(connection, version_table)
    connection.rollback()
    return found


def _plan_revisions(
    before: Catalog, after: Catalog, middle: IntermediateSchema, renamed: Sequence[Rename], known: ValueSources
) -> Iterator[RevisionPlan]:
    """The revisions of a change, each with the way back from where it ends."""
    up = plan_steps(before, middle.catalog, replace(known, deferred_columns=frozenset(middle.backfills)))
    down: tuple[Statement, ...] | str
    try:
        backwards = ValueSources(using_expressions=known.reverse_expressions, casts=known.casts, is_downgrade=True)
        down = tuple(plan_steps(middle.catalog, before, backwards))
        if renamed and any(_FUNCTION.match(step.sql) for step in down):
            down = (_WITHOUT_BODY_CHECKS, *down)
        down = (*down, *(step for rename in reversed(renamed) for step in rename.down))
    except (MissingBackfill, UnsupportedChange, UnknownTypeConversion) as error:
        down = error.message
    up = [*(step for rename in renamed for step in rename.up), *up]
    if up:
        yield RevisionPlan(tuple(up), down, middle.catalog)
    if steps := plan_online_steps(middle.catalog, after, middle.backfills):
        back = plan_online_steps(after, middle.catalog, {})
        yield RevisionPlan(tuple(steps), tuple(back), after, is_online=True)
