"""All statements from one catalog to another, in an order that PostgreSQL accepts."""

from collections.abc import Iterable
from dataclasses import replace

from seedbed.migrations.diff import creation
from seedbed.migrations.diff.backfill_expressions import ValueSources
from seedbed.migrations.diff.catalog_diff import CatalogDiff
from seedbed.migrations.diff.change_order import sort_by_dependencies, sort_tables
from seedbed.migrations.diff.dependents import find_column
from seedbed.migrations.diff.objects import column_changes, functions, other_objects, privileges, sequences, tables
from seedbed.migrations.diff.removal import drop_dependents
from seedbed.migrations.diff.statement import Statement
from seedbed.migrations.diff.types import user_types
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import (
    Composite,
    Domain,
    Enum,
    Extension,
    Function,
    OtherObject,
    Schema,
    Sequence,
    Table,
)


def plan_steps(before: Catalog, after: Catalog, sources: ValueSources) -> list[Statement]:
    """Plan the steps from one catalog to another; empty when they are equal.

    A change that would lose rows silently raises instead of being left out.

    Raises:
        MissingBackfill: a column must not be NULL, and nothing gives its value in existing rows.
        UnsupportedChange: no statement makes this change.
    """
    diff = CatalogDiff(before, after)
    return [
        *diff.renames,
        *drop_dependents(diff),
        *creation.create_types(diff),
        *creation.create_tables(diff),
        *creation.alter_tables(diff, sources),
        *creation.create_dependents(diff),
        *_grant_and_comment(diff),
        *_drop(diff),
    ]


def _grant_and_comment(diff: CatalogDiff) -> Iterable[Statement]:
    created = {*diff.added, *diff.rebuilt, *diff.replaced_types}
    for key, new in diff.after.objects.items():
        old = None if key in created else diff.before.objects.get(key)
        if isinstance(old, Table):
            kept_columns = tuple(c for c in old.columns if ("column", *key[1:], c.name) not in diff.recomputed_columns)
            old = replace(old, columns=kept_columns)
        if key in created or (old is not None and old != new):
            yield from privileges.change_privileges(old, new)
            yield from privileges.change_comments(old, new)


def _drop(diff: CatalogDiff) -> Iterable[Statement]:
    """Drop columns, tables and what only they used, after everything that depended on them is gone."""
    for old, new in diff.pairs_of(Table):
        for name, column in old.columns_by_name.items():
            if name not in new.columns_by_name:
                yield column_changes.drop_column(new, column)
    remaining_functions = {
        k: o for k, o in diff.removed.items() if isinstance(o, Function) and k not in diff.rebuild_set.removed_early
    }
    unused_functions = {
        key: obj
        for key, obj in remaining_functions.items()
        if diff.before.find_dependents(key) <= remaining_functions.keys()
    }
    for key in reversed(
        sort_by_dependencies(unused_functions, diff.before)
    ):  # a function may take the row type of a table that is dropped
        yield from functions.drop(unused_functions[key])
    removed_tables = {key: obj for key, obj in diff.removed.items() if isinstance(obj, Table)}
    for key in reversed(sort_tables(removed_tables, diff.before)):
        yield from tables.drop(removed_tables[key])
    remaining_functions = {key: obj for key, obj in remaining_functions.items() if key not in unused_functions}
    for key in reversed(sort_by_dependencies(remaining_functions, diff.before)):
        yield from functions.drop(remaining_functions[key])
    for obj in diff.removed.values():
        if isinstance(obj, Sequence) and not _is_dropped_with_column(obj, diff):
            yield from sequences.drop(obj)
    removed_types = {k: o for k, o in diff.removed.items() if isinstance(o, Enum | Domain | Composite)}
    for key in reversed(sort_by_dependencies(removed_types, diff.before)):
        yield from user_types.drop(removed_types[key])
    yield from _drop_other_objects(diff)


def _drop_other_objects(diff: CatalogDiff) -> Iterable[Statement]:
    removed = diff.removed.values()
    for collation in removed:
        if isinstance(collation, OtherObject) and collation.kind == "collation":
            yield from other_objects.drop(collation)
    for object_type in (Extension, Schema):
        for obj in removed:
            if isinstance(obj, object_type):
                yield from other_objects.drop(obj)


def _is_dropped_with_column(sequence: Sequence, diff: CatalogDiff) -> bool:
    """Whether a sequence is dropped with its column, or was dropped when the column became an identity column."""
    if sequence.owned_by is None:
        return False
    column = find_column(diff.after, ("column", *sequence.owned_by))
    return column is None or bool(column.identity)
