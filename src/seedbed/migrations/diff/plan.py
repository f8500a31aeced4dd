"""The statements that turn one catalog into another, in an order that PostgreSQL takes."""

from collections.abc import Iterable
from dataclasses import replace

from seedbed.migrations.diff import creation
from seedbed.migrations.diff.catalog_diff import Changes
from seedbed.migrations.diff.dependency_order import in_order, tables_in_order
from seedbed.migrations.diff.objects import column_changes, functions, other_objects, privileges, sequences, tables
from seedbed.migrations.diff.rebuild_set import column_of
from seedbed.migrations.diff.removal import take_down
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


def transition(before: Catalog, after: Catalog, knowledge: ValueSources) -> list[Statement]:
    """The steps from one catalog to the other; empty when they are equal.

    What would lose rows without a word raises, rather than being left out.

    Raises:
        MissingBackfill: a column must not be NULL, and nothing says what it is in rows that exist.
        UnsupportedChange: no statement makes this change.
    """
    changes = Changes(before, after)
    return [
        *changes.renames,
        *take_down(changes),
        *creation.make_types(changes),
        *creation.make_tables(changes),
        *creation.alter_tables(changes, knowledge),
        *creation.build_on_tables(changes),
        *_grant_and_comment(changes),
        *_drop(changes),
    ]


def _grant_and_comment(changes: Changes) -> Iterable[Statement]:
    fresh = {*changes.made, *changes.rebuilt, *changes.replaced}
    for key, new in changes.after.objects.items():
        old = None if key in fresh else changes.before.objects.get(key)
        if isinstance(old, Table):
            kept = tuple(c for c in old.columns if ("column", *key[1:], c.name) not in changes.recomputed)
            old = replace(old, columns=kept)
        if key in fresh or (old is not None and old != new):
            yield from privileges.granted(old, new)
            yield from privileges.commented(old, new)


def _drop(changes: Changes) -> Iterable[Statement]:
    """What goes for good, once nothing looks at it any more: columns, tables, and what only they used."""
    for old, new in changes.kept(Table):
        for name, column in old.column.items():
            if name not in new.column:
                yield column_changes.dropped(new, column)
    left = {k: o for k, o in changes.gone.items() if isinstance(o, Function) and k not in changes.cleared.early}
    unused = {key: found for key, found in left.items() if changes.before.dependants(key) <= left.keys()}
    for key in reversed(in_order(unused, changes.before)):  # one may take the rows of a table that goes
        yield from functions.dropped(unused[key])
    gone_tables = {key: found for key, found in changes.gone.items() if isinstance(found, Table)}
    for key in reversed(tables_in_order(gone_tables, changes.before)):
        yield from tables.dropped(gone_tables[key])
    left = {key: found for key, found in left.items() if key not in unused}
    for key in reversed(in_order(left, changes.before)):
        yield from functions.dropped(left[key])
    for found in changes.gone.values():
        if isinstance(found, Sequence) and not _goes_with_its_column(found, changes):
            yield from sequences.dropped(found)
    gone_types = {k: o for k, o in changes.gone.items() if isinstance(o, Enum | Domain | Composite)}
    for key in reversed(in_order(gone_types, changes.before)):
        yield from user_types.dropped(gone_types[key])
    yield from _drop_others(changes)


def _drop_others(changes: Changes) -> Iterable[Statement]:
    gone = changes.gone.values()
    for collation in gone:
        if isinstance(collation, Other) and collation.kind == "collation":
            yield from other_objects.dropped(collation)
    for kind in (Extension, Schema):
        for found in gone:
            if isinstance(found, kind):
                yield from other_objects.dropped(found)


def _goes_with_its_column(sequence: Sequence, changes: Changes) -> bool:
    """Whether it went with its column, or was dropped when the column became an identity column."""
    if sequence.owned_by is None:
        return False
    kept = column_of(changes.after, ("column", *sequence.owned_by))
    return kept is None or bool(kept.identity)
