"""Renames of tables, columns and enum labels, as steps of the upgrade and the downgrade."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from seedbed.errors import UnmatchedRename, UnsupportedChange
from seedbed.migrations.diff.change_order import RenameGroup, group_renames, pick_temporary_name
from seedbed.migrations.diff.statement import Statement, quote_python, render_call, schema_argument
from seedbed.migrations.draft.decisions import Decisions
from seedbed.migrations.draft.rename_requests import find_column_requests, find_label_requests, find_table_requests
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Enum, ObjectKey, Sequence, View
from seedbed.postgres.catalog.model import Table as FoundTable
from seedbed.postgres.quoting import (
    ColumnName,
    TableName,
    display_name,
    quote_identifier,
    quote_literal,
    quote_qualified,
    table_display_name,
    truncate_identifier,
)
from seedbed.schema import Schema


@dataclass(frozen=True)
class Rename:
    """The rename of one object, as steps of the upgrade and the downgrade."""

    old: str
    new: str
    up: tuple[Statement, ...]
    down: tuple[Statement, ...]
    column: tuple[ColumnName, str] | None = None
    """For a column: its old path, and its new name."""
    table: tuple[TableName, TableName] | None = None
    """For a table: its new name, and its old one."""
    enum: ObjectKey | None = None
    """For an enum label: its type."""


def plan_renames(schema: Schema, before: Catalog, after: Catalog, decisions: Decisions) -> list[Rename]:
    """Plan the requested renames that are not done yet, tables before their columns.

    A hint whose old name is gone, or whose new name exists, is used up and left out. Swaps go through a temporary name,
    in the steps of their first rename.

    Raises:
        UnmatchedRename: a requested rename, not from a hint, matches nothing.
        InvalidHint: a hint names something that does not exist, or contradicts the models or another hint.
        AmbiguousSwap: hints swap objects that are alike, so that nothing tells whether they are swapped already.
        UnsupportedChange: tables of different schemas are to be swapped.
    """
    renames = [*_plan_table_renames(schema, before, after, decisions)]
    old_table_names = {rename.new: rename.old for rename in renames}
    renames += _plan_column_renames(schema, before, after, decisions, old_table_names)
    renames += _plan_label_renames(schema, before, after, decisions)
    new_names = {rename.new for rename in renames}
    for old, new in decisions.renames.items():
        if new not in new_names:
            raise UnmatchedRename(old, new)
    return renames


def _plan_table_renames(schema: Schema, before: Catalog, after: Catalog, decisions: Decisions) -> Iterable[Rename]:
    requested = find_table_requests(schema, before, after, decisions)
    existing = {key[1:3] for key, found in before.objects.items() if isinstance(found, FoundTable | View | Sequence)}

    def make_temporary(path: TableName) -> TableName:
        return path[0], pick_temporary_name(path[1], (name for _, name in existing))

    tables = {(table.schema, table.name) for table in before.tables()}
    for group in group_renames(requested, tables, make_temporary):
        if len(group.pairs) > 1:
            yield from _plan_table_swap(group, before, set(requested.values()))
            continue
        ((new, old),) = group.pairs
        sequence_renames = list(_find_serial_sequences(old, new, before, set(requested.values())))
        up = (
            *_move_table(*old, *new),
            *(_rename_sequence(new[0], old_sequence, new_sequence) for old_sequence, new_sequence in sequence_renames),
        )
        down = (
            *(_rename_sequence(new[0], new_sequence, old_sequence) for old_sequence, new_sequence in sequence_renames),
            *_move_table(*new, *old),
        )
        if ("schema", new[0]) not in before.objects:
            up = (Statement(f"CREATE SCHEMA {quote_identifier(new[0])}"), *up)
            down = (*down, Statement(f"DROP SCHEMA {quote_identifier(new[0])}"))
        yield Rename(display_name(*old), display_name(*new), up, down, table=(new, old))


def _plan_table_swap(
    group: RenameGroup[TableName], before: Catalog, renamed_tables: set[TableName]
) -> Iterator[Rename]:
    """Swap tables of one schema, with the sequences that are named after them."""
    schemas = {path[0] for path, _ in group.pairs}
    if len(schemas) > 1:
        raise UnsupportedChange(display_name(*group.pairs[0][0]), "it changes places with a table of another schema")
    (schema,) = schemas
    sequence_renames = {
        new: old for to, path in group.pairs for old, new in _find_serial_sequences(path, to, before, renamed_tables)
    }
    taken = [key[-1] for key in before.objects if key[1] == schema]
    moves = [
        move
        for group in group_renames(sequence_renames, taken, partial(pick_temporary_name, taken=taken))
        for move in group.moves
    ]
    up = [step for old, new in group.moves for step in _move_table(*old, *new)]
    up += [_rename_sequence(schema, old, new) for old, new in moves]
    down = [_rename_sequence(schema, new, old) for old, new in reversed(moves)]
    down += [step for old, new in group.reverse_moves for step in _move_table(*old, *new)]
    for number, (new, old) in enumerate(group.pairs):
        steps = ((), ()) if number else (tuple(up), tuple(down))
        yield Rename(display_name(*old), display_name(*new), *steps, table=(new, old))


def _find_serial_sequences(
    old: TableName, new: TableName, before: Catalog, renamed_tables: set[TableName]
) -> Iterator[TableName]:
    """The sequences of a table's serial columns, which are named after it, by their old and new names."""
    for obj in before.objects.values():
        if isinstance(obj, Sequence) and obj.owned_by is not None and obj.owned_by[:2] == old:
            suffix = f"_{obj.owned_by[2]}_seq"
            new_name = new[1] + suffix
            occupant = before.objects.get(("sequence", new[0], new_name))
            is_free = occupant is None or (
                isinstance(occupant, Sequence) and (occupant.owned_by or ())[:2] in renamed_tables
            )
            if (
                obj.name == old[1] + suffix
                and old[1] != new[1]
                and truncate_identifier(new_name, "") == new_name
                and is_free
            ):
                yield obj.name, new_name


def _rename_sequence(schema: str, old: str, new: str) -> Statement:
    return Statement(f"ALTER SEQUENCE {quote_qualified(schema, old)} RENAME TO {quote_identifier(new)}")


def _move_table(old_schema: str, old_name: str, new_schema: str, new_name: str) -> tuple[Statement, ...]:
    steps = []
    if old_schema != new_schema:
        steps.append(
            Statement(f"ALTER TABLE {quote_qualified(old_schema, old_name)} SET SCHEMA {quote_identifier(new_schema)}")
        )
    if old_name != new_name:
        alembic_call = render_call(
            "op.rename_table", quote_python(old_name), quote_python(new_name), schema_argument(new_schema)
        )
        steps.append(
            Statement(
                f"ALTER TABLE {quote_qualified(new_schema, old_name)} RENAME TO {quote_identifier(new_name)}",
                alembic_call,
            )
        )
    return tuple(steps)


def _plan_column_renames(
    schema: Schema, before: Catalog, after: Catalog, decisions: Decisions, old_table_names: Mapping[str, str]
) -> Iterable[Rename]:
    for table in schema.metadata.sorted_tables:
        table_name = table_display_name(table)
        old_name = old_table_names.get(table_name, table_name)
        old_table, new_table = _find_table(before, old_name), _find_table(after, table_name)
        if old_table is None or new_table is None:
            continue
        requested = find_column_requests(table, old_table, new_table, old_name, decisions)
        table_path = (table.schema or "public", table.name)
        taken = [*old_table.columns_by_name, *new_table.columns_by_name]
        for group in group_renames(
            requested, set(old_table.columns_by_name), partial(pick_temporary_name, taken=taken)
        ):
            up = tuple(step for old, new in group.moves for step in _rename_column(*table_path, old, new))
            down = tuple(step for old, new in group.reverse_moves for step in _rename_column(*table_path, old, new))
            for number, (new, old) in enumerate(group.pairs):
                steps = ((), ()) if number else (up, down)
                yield Rename(f"{table_name}.{old}", f"{table_name}.{new}", *steps, column=((*table_path, old), new))


def _rename_column(schema: str, table: str, old: str, new: str) -> tuple[Statement, ...]:
    name_argument = f"new_column_name={quote_python(new)}"
    alembic_call = render_call(
        "op.alter_column", quote_python(table), quote_python(old), name_argument, schema_argument(schema)
    )
    rename = f"RENAME COLUMN {quote_identifier(old)} TO {quote_identifier(new)}"
    return (Statement(f"ALTER TABLE {quote_qualified(schema, table)} {rename}", alembic_call),)


def _plan_label_renames(schema: Schema, before: Catalog, after: Catalog, decisions: Decisions) -> Iterable[Rename]:
    for key, requested in find_label_requests(schema, before, after, decisions).items():
        enum = before.objects.get(key)
        if not isinstance(enum, Enum):
            continue
        enum_sql, enum_name = quote_qualified(key[1], key[2]), display_name(key[1], key[2])
        taken = [*enum.labels, *requested]
        for group in group_renames(requested, enum.labels, partial(pick_temporary_name, taken=taken)):
            up = tuple(_rename_label(enum_sql, old, new) for old, new in group.moves)
            down = tuple(_rename_label(enum_sql, old, new) for old, new in group.reverse_moves)
            for number, (new, old) in enumerate(group.pairs):
                steps = ((), ()) if number else (up, down)
                yield Rename(f"{enum_name}.{old}", f"{enum_name}.{new}", *steps, enum=key)


def _rename_label(enum_sql: str, old: str, new: str) -> Statement:
    return Statement(f"ALTER TYPE {enum_sql} RENAME VALUE {quote_literal(old)} TO {quote_literal(new)}")


def _find_table(catalog: Catalog, displayed_name: str) -> FoundTable | None:
    schema, _, name = displayed_name.rpartition(".")
    table = catalog.objects.get(("table", schema or "public", name))
    return table if isinstance(table, FoundTable) else None
