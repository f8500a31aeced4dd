"""New names that were asked for: those of tables, columns and labels, as the steps there and back."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from seedbed.errors import UnmatchedRename, UnsupportedChange
from seedbed.migrations.diff.dependency_order import RenameGroup, group_renames, pick_temporary_name
from seedbed.migrations.diff.statement import Statement, quote_python, render_call, schema_argument
from seedbed.migrations.diff.value_sources import ColumnName
from seedbed.migrations.draft.decisions import Decisions
from seedbed.migrations.draft.rename_requests import find_column_requests, find_label_requests, find_table_requests
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Enum, ObjectKey, Sequence, View
from seedbed.postgres.catalog.model import Table as FoundTable
from seedbed.postgres.quoting import (
    display_name,
    quote_identifier,
    quote_literal,
    quote_qualified,
    table_display_name,
    truncate_identifier,
)
from seedbed.schema import Schema

TableName = tuple[str, str]
"""A schema and a table."""


@dataclass(frozen=True)
class Rename:
    """One thing's new name, as the steps there and back."""

    old: str
    new: str
    up: tuple[Statement, ...]
    down: tuple[Statement, ...]
    column: tuple[ColumnName, str] | None = None
    """For a column: where it is, with its old name, and its new name."""
    table: tuple[tuple[str, str], tuple[str, str]] | None = None
    """For a table: its new schema and name, and its old ones."""
    enum: ObjectKey | None = None
    """For a label: its type."""


def plan_renames(schema: Schema, before: Catalog, after: Catalog, words: Decisions) -> list[Rename]:
    """The renames that were asked for and are still to be done, tables before their columns.

    A hint whose old name is gone already, or whose new name is there, has been used up: it is left out. Names that
    change places do so through a temporary one, in the steps of the first of them.

    Raises:
        UnmatchedRename: what was said of a rename, and is no hint, is about nothing.
        InvalidHint: a hint is about what is not there, or contradicts the models or another hint.
        AmbiguousSwap: hints let things change places that are alike, so that nothing tells whether they have.
        UnsupportedChange: tables of several schemas are to change places.
    """
    found = [*_plan_table_renames(schema, before, after, words)]
    moved = {rename.new: rename.old for rename in found}
    found += _plan_column_renames(schema, before, after, words, moved)
    found += _plan_label_renames(schema, before, after, words)
    done = {rename.new for rename in found}
    for old, new in words.renames.items():
        if new not in done:
            raise UnmatchedRename(old, new)
    return found


def _plan_table_renames(schema: Schema, before: Catalog, after: Catalog, words: Decisions) -> Iterable[Rename]:
    asked = find_table_requests(schema, before, after, words)
    existing = {key[1:3] for key, found in before.objects.items() if isinstance(found, FoundTable | View | Sequence)}

    def temporary(place: TableName) -> TableName:
        return place[0], pick_temporary_name(place[1], (bare for _, bare in existing))

    tables = {(table.schema, table.name) for table in before.tables()}
    for group in group_renames(asked, tables, temporary):
        if len(group.pairs) > 1:
            yield from _plan_table_swap(group, before, set(asked.values()))
            continue
        ((new, old),) = group.pairs
        numbers = list(_find_serial_sequences(old, new, before, set(asked.values())))
        there = (*_move_table(*old, *new), *(_rename_sequence(new[0], mine, theirs) for mine, theirs in numbers))
        back = (*(_rename_sequence(new[0], theirs, mine) for mine, theirs in numbers), *_move_table(*new, *old))
        if ("schema", new[0]) not in before.objects:
            there = (Statement(f"CREATE SCHEMA {quote_identifier(new[0])}"), *there)
            back = (*back, Statement(f"DROP SCHEMA {quote_identifier(new[0])}"))
        yield Rename(display_name(*old), display_name(*new), there, back, table=(new, old))


def _plan_table_swap(group: RenameGroup[TableName], before: Catalog, leaving: set[TableName]) -> Iterator[Rename]:
    """Tables of one schema that change places, with the sequences that are called after them."""
    schemas = {place[0] for place, _ in group.pairs}
    if len(schemas) > 1:
        raise UnsupportedChange(display_name(*group.pairs[0][0]), "it changes places with a table of another schema")
    (schema,) = schemas
    numbers = {new: old for to, place in group.pairs for old, new in _find_serial_sequences(place, to, before, leaving)}
    taken = [key[-1] for key in before.objects if key[1] == schema]
    moves = [
        move
        for found in group_renames(numbers, taken, partial(pick_temporary_name, taken=taken))
        for move in found.moves
    ]
    there = [step for old, new in group.moves for step in _move_table(*old, *new)]
    there += [_rename_sequence(schema, old, new) for old, new in moves]
    back = [_rename_sequence(schema, new, old) for old, new in reversed(moves)]
    back += [step for old, new in group.reverse_moves for step in _move_table(*old, *new)]
    for number, (new, old) in enumerate(group.pairs):
        steps = ((), ()) if number else (tuple(there), tuple(back))
        yield Rename(display_name(*old), display_name(*new), *steps, table=(new, old))


def _find_serial_sequences(
    old: TableName, new: TableName, before: Catalog, leaving: set[TableName]
) -> Iterator[tuple[str, str]]:
    """The sequences of a table's serial columns, by their old and new names: they are called after it."""
    for found in before.objects.values():
        if isinstance(found, Sequence) and found.owned_by is not None and found.owned_by[:2] == old:
            end = f"_{found.owned_by[2]}_seq"
            wanted = new[1] + end
            taken = before.objects.get(("sequence", new[0], wanted))
            free = taken is None or (isinstance(taken, Sequence) and (taken.owned_by or ())[:2] in leaving)
            if found.name == old[1] + end and old[1] != new[1] and truncate_identifier(wanted, "") == wanted and free:
                yield found.name, wanted


def _rename_sequence(schema: str, old: str, new: str) -> Statement:
    return Statement(f"ALTER SEQUENCE {quote_qualified(schema, old)} RENAME TO {quote_identifier(new)}")


def _move_table(old_schema: str, old_name: str, new_schema: str, new_name: str) -> tuple[Statement, ...]:
    steps = []
    if old_schema != new_schema:
        steps.append(
            Statement(f"ALTER TABLE {quote_qualified(old_schema, old_name)} SET SCHEMA {quote_identifier(new_schema)}")
        )
    if old_name != new_name:
        code = render_call(
            "op.rename_table", quote_python(old_name), quote_python(new_name), schema_argument(new_schema)[2:]
        )
        steps.append(
            Statement(
                f"ALTER TABLE {quote_qualified(new_schema, old_name)} RENAME TO {quote_identifier(new_name)}", code
            )
        )
    return tuple(steps)


def _plan_column_renames(
    schema: Schema, before: Catalog, after: Catalog, words: Decisions, moved: Mapping[str, str]
) -> Iterable[Rename]:
    for table in schema.metadata.sorted_tables:
        shown = table_display_name(table)
        old_name = moved.get(shown, shown)
        found, wanted = _find_table(before, old_name), _find_table(after, shown)
        if found is None or wanted is None:
            continue
        asked = find_column_requests(table, found, wanted, old_name, words)
        where = (table.schema or "public", table.name)
        taken = [*found.columns_by_name, *wanted.columns_by_name]
        for group in group_renames(asked, set(found.columns_by_name), partial(pick_temporary_name, taken=taken)):
            there = tuple(step for old, new in group.moves for step in _rename_column(*where, old, new))
            back = tuple(step for old, new in group.reverse_moves for step in _rename_column(*where, old, new))
            for number, (new, old) in enumerate(group.pairs):
                steps = ((), ()) if number else (there, back)
                yield Rename(f"{shown}.{old}", f"{shown}.{new}", *steps, column=((*where, old), new))


def _rename_column(schema: str, table: str, old: str, new: str) -> tuple[Statement, ...]:
    named = f"new_column_name={quote_python(new)}"
    code = render_call("op.alter_column", quote_python(table), quote_python(old), named, schema_argument(schema)[2:])
    return (
        Statement(
            f"ALTER TABLE {quote_qualified(schema, table)} RENAME COLUMN {quote_identifier(old)} TO {quote_identifier(new)}",
            code,
        ),
    )


def _plan_label_renames(schema: Schema, before: Catalog, after: Catalog, words: Decisions) -> Iterable[Rename]:
    for key, asked in find_label_requests(schema, before, after, words).items():
        found = before.objects.get(key)
        if not isinstance(found, Enum):
            continue
        full, shown = quote_qualified(key[1], key[2]), display_name(key[1], key[2])
        taken = [*found.labels, *asked]
        for group in group_renames(asked, found.labels, partial(pick_temporary_name, taken=taken)):
            there = tuple(_rename_label(full, old, new) for old, new in group.moves)
            back = tuple(_rename_label(full, old, new) for old, new in group.reverse_moves)
            for number, (new, old) in enumerate(group.pairs):
                steps = ((), ()) if number else (there, back)
                yield Rename(f"{shown}.{old}", f"{shown}.{new}", *steps, enum=key)


def _rename_label(full: str, old: str, new: str) -> Statement:
    return Statement(f"ALTER TYPE {full} RENAME VALUE {quote_literal(old)} TO {quote_literal(new)}")


def _find_table(catalog: Catalog, shown: str) -> FoundTable | None:
    schema, _, bare = shown.rpartition(".")
    found = catalog.objects.get(("table", schema or "public", bare))
    return found if isinstance(found, FoundTable) else None
