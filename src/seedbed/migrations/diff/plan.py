"""The statements that turn one catalog into another, in an order that PostgreSQL takes."""

from collections.abc import Iterable
from dataclasses import replace

from seedbed.migrations.diff import creation
from seedbed.migrations.diff.catalog_diff import CatalogDiff
from seedbed.migrations.diff.dependency_order import sort_by_dependencies, sort_tables
from seedbed.migrations.diff.objects import column_changes, functions, other_objects, privileges, sequences, tables
from seedbed.migrations.diff.rebuild_set import find_column
from seedbed.migrations.diff.removal import drop_dependents
from seedbed.migrations.diff.statement import Statement
from seedbed.migrations.diff.types import user_types
from seedbed.migrations.diff.value_sources import ValueSources
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import (
    Composite,
    Domain,
    Enum,
    Extension,
    Function,
    Other,
    Schema,
    Sequence,
    Table,
)


def plan_steps(before: Catalog, after: Catalog, knowledge: ValueSources) -> list[Statement]:
    """The steps from one catalog to the other; empty when they are equal.

    What would lose rows without a word raises, rather than being left out.

    Raises:
        MissingBackfill: a column must not be NULL, and nothing says what it is in rows that exist.
        UnsupportedChange: no statement makes this change.
    """
    changes = CatalogDiff(before, after)
    return [
        *changes.renames,
        *drop_dependents(changes),
        *creation.create_types(changes),
        *creation.create_tables(changes),
        *creation.alter_tables(changes, knowledge),
        *creation.create_dependents(changes),
        *_grant_and_comment(changes),
        *_drop(changes),
    ]


def _grant_and_comment(changes: CatalogDiff) -> Iterable[Statement]:
    fresh = {*changes.added, *changes.rebuilt, *changes.replaced_types}
    for key, new in changes.after.objects.items():
        old = None if key in fresh else changes.before.objects.get(key)
        if isinstance(old, Table):
            kept = tuple(c for c in old.columns if ("column", *key[1:], c.name) not in changes.recomputed_columns)
            old = replace(old, columns=kept)
        if key in fresh or (old is not None and old != new):
            yield from privileges.change_privileges(old, new)
            yield from privileges.change_comments(old, new)


def _drop(changes: CatalogDiff) -> Iterable[Statement]:
    """What goes for good, once nothing looks at it any more: columns, tables, and what only they used."""
    for old, new in changes.pairs_of(Table):
        for name, column in old.column.items():
            if name not in new.column:
                yield column_changes.drop_column(new, column)
    left = {
        k: o
        for k, o in changes.removed.items()
        if isinstance(o, Function) and k not in changes.rebuild_set.removed_early
    }
    unused = {key: found for key, found in left.items() if changes.before.dependants(key) <= left.keys()}
    for key in reversed(sort_by_dependencies(unused, changes.before)):  # one may take the rows of a table that goes
        yield from functions.drop(unused[key])
    gone_tables = {key: found for key, found in changes.removed.items() if isinstance(found, Table)}
    for key in reversed(sort_tables(gone_tables, changes.before)):
        yield from tables.drop(gone_tables[key])
    left = {key: found for key, found in left.items() if key not in unused}
    for key in reversed(sort_by_dependencies(left, changes.before)):
        yield from functions.drop(left[key])
    for found in changes.removed.values():
        if isinstance(found, Sequence) and not _is_dropped_with_column(found, changes):
            yield from sequences.drop(found)
    gone_types = {k: o for k, o in changes.removed.items() if isinstance(o, Enum | Domain | Composite)}
    for key in reversed(sort_by_dependencies(gone_types, changes.before)):
        yield from user_types.drop(gone_types[key])
    yield from _drop_other_objects(changes)


def _drop_other_objects(changes: CatalogDiff) -> Iterable[Statement]:
    gone = changes.removed.values()
    for collation in gone:
        if isinstance(collation, Other) and collation.kind == "collation":
            yield from other_objects.drop(collation)
    for kind in (Extension, Schema):
        for found in gone:
            if isinstance(found, kind):
                yield from other_objects.drop(found)


def _is_dropped_with_column(sequence: Sequence, changes: CatalogDiff) -> bool:
    """Whether it went with its column, or was dropped when the column became an identity column."""
    if sequence.owned_by is None:
        return False
    kept = find_column(changes.after, ("column", *sequence.owned_by))
    return kept is None or bool(kept.identity)
