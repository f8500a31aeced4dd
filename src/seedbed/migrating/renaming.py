"""New names that were asked for: those of tables, columns and labels, as the steps there and back."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from seedbed.errors import NothingRenamed
from seedbed.migrating.comparing.knowledge import ColumnName
from seedbed.migrating.comparing.ordering import in_turn
from seedbed.migrating.comparing.statements import (
    Statement,
    call,
    literal,
    name,
    qualified,
    quoted,
    schema_argument,
    shortened,
)
from seedbed.migrating.words import Words, full_name, said_name
from seedbed.modelling import Schema
from seedbed.modelling.hints import enum_of, hint_of
from seedbed.postgres.catalogue import Catalogue
from seedbed.postgres.catalogue.model import Enum, Key, Sequence
from seedbed.postgres.catalogue.model import Table as FoundTable

Place = tuple[str, str]
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
    enum: Key | None = None
    """For a label: its type."""


def renames(schema: Schema, before: Catalogue, words: Words) -> list[Rename]:
    """The renames that were asked for and are still to be done, tables before their columns.

    A hint whose old name is gone already, or whose new name is there, has been used up: it is left out.

    Raises:
        NothingRenamed: what was said of a rename, and is no hint, is about nothing.
    """
    found = [*_table_renames(schema, before, words)]
    moved = {rename.new: rename.old for rename in found}
    found += _column_renames(schema, before, words, moved)
    found += _label_renames(schema, before, words)
    done = {rename.new for rename in found}
    for old, new in words.renames.items():
        if new not in done:
            raise NothingRenamed(old, new)
    return found


def _table_renames(schema: Schema, before: Catalogue, words: Words) -> Iterable[Rename]:
    said = {new: old for old, new in words.renames.items()}
    asked = {}
    for table in schema.metadata.sorted_tables:
        shown = said_name(table)
        told = said.get(shown, hint_of(table).renamed_from)
        if told is not None:
            old_schema, _, old_name = told.rpartition(".")
            old_schema = old_schema or ("public" if shown in said else table.schema or "public")
            asked[table.schema or "public", table.name] = (old_schema, old_name)
    for new, old in in_turn(asked, {(table.schema, table.name) for table in before.tables()}):
        numbers = list(_sequences(old, new, before, set(asked.values())))
        there = (*_move(*old, *new), *(_sequence(new[0], mine, theirs) for mine, theirs in numbers))
        back = (*(_sequence(new[0], theirs, mine) for mine, theirs in numbers), *_move(*new, *old))
        if ("schema", new[0]) not in before.objects:
            there = (Statement(f"CREATE SCHEMA {name(new[0])}"), *there)
            back = (*back, Statement(f"DROP SCHEMA {name(new[0])}"))
        yield Rename(full_name(*old), full_name(*new), there, back, table=(new, old))


def _sequences(old: Place, new: Place, before: Catalogue, leaving: set[Place]) -> Iterator[tuple[str, str]]:
    """The sequences of a table's serial columns, by their old and new names: they are called after it."""
    for found in before.objects.values():
        if isinstance(found, Sequence) and found.owned_by is not None and found.owned_by[:2] == old:
            end = f"_{found.owned_by[2]}_seq"
            wanted = new[1] + end
            taken = before.objects.get(("sequence", new[0], wanted))
            free = taken is None or (isinstance(taken, Sequence) and (taken.owned_by or ())[:2] in leaving)
            if found.name == old[1] + end and old[1] != new[1] and shortened(wanted, "") == wanted and free:
                yield found.name, wanted


def _sequence(schema: str, old: str, new: str) -> Statement:
    return Statement(f"ALTER SEQUENCE {qualified(schema, old)} RENAME TO {name(new)}")


def _move(old_schema: str, old_name: str, new_schema: str, new_name: str) -> tuple[Statement, ...]:
    steps = []
    if old_schema != new_schema:
        steps.append(Statement(f"ALTER TABLE {qualified(old_schema, old_name)} SET SCHEMA {name(new_schema)}"))
    if old_name != new_name:
        code = call("op.rename_table", quoted(old_name), quoted(new_name), schema_argument(new_schema)[2:])
        steps.append(Statement(f"ALTER TABLE {qualified(new_schema, old_name)} RENAME TO {name(new_name)}", code))
    return tuple(steps)


def _column_renames(schema: Schema, before: Catalogue, words: Words, moved: Mapping[str, str]) -> Iterable[Rename]:
    said = {new: old for old, new in words.renames.items()}
    for table in schema.metadata.sorted_tables:
        shown = said_name(table)
        found = _find_table(before, moved.get(shown, shown))
        if found is None:
            continue
        asked = {}
        for column in table.columns:
            told = said.get(f"{shown}.{column.name}")
            old = _last(told, shown, moved.get(shown, shown)) if told else hint_of(column).renamed_from
            if old is not None:
                asked[column.name] = old
        where = (table.schema or "public", table.name)
        for new, old in in_turn(asked, set(found.column)):
            there, back = _rename(*where, old, new), _rename(*where, new, old)
            yield Rename(f"{shown}.{old}", f"{shown}.{new}", there, back, ((*where, old), new))


def _rename(schema: str, table: str, old: str, new: str) -> tuple[Statement, ...]:
    named = f"new_column_name={quoted(new)}"
    code = call("op.alter_column", quoted(table), quoted(old), named, schema_argument(schema)[2:])
    return (Statement(f"ALTER TABLE {qualified(schema, table)} RENAME COLUMN {name(old)} TO {name(new)}", code),)


def _label_renames(schema: Schema, before: Catalogue, words: Words) -> Iterable[Rename]:
    asked: dict[tuple[tuple[str, str, str], str], str] = {}
    for table in schema.metadata.sorted_tables:
        for column in table.columns:
            kind = enum_of(column)
            if kind is None or kind.name is None:
                continue
            key = ("type", kind.schema or "public", kind.name)
            for old, new in hint_of(column).renamed_values.items():
                asked[key, old] = new
            for old, new in words.renames.items():
                full = full_name(key[1], key[2])
                if old.startswith(f"{full}.") and new.startswith(f"{full}."):
                    asked[key, _last(old, full)] = _last(new, full)
    for (key, old), new in asked.items():
        found = before.objects.get(key)
        if isinstance(found, Enum) and old in found.labels and new not in found.labels:
            full = qualified(key[1], key[2])
            yield Rename(
                f"{full_name(key[1], key[2])}.{old}",
                f"{full_name(key[1], key[2])}.{new}",
                (Statement(f"ALTER TYPE {full} RENAME VALUE {literal(old)} TO {literal(new)}"),),
                (Statement(f"ALTER TYPE {full} RENAME VALUE {literal(new)} TO {literal(old)}"),),
                enum=key,
            )


def _last(said: str, *owners: str) -> str:
    """The last part of a name as it was said: what follows its owner's, dots in it included."""
    for owner in owners:
        if said.startswith(f"{owner}."):
            return said[len(owner) + 1 :]
    return said.rpartition(".")[2]


def _find_table(catalogue: Catalogue, shown: str) -> FoundTable | None:
    schema, _, bare = shown.rpartition(".")
    found = catalogue.objects.get(("table", schema or "public", bare))
    return found if isinstance(found, FoundTable) else None
