"""What the models and the user say that no comparison can know: renames, fillings, conversions, intended losses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.exc import CompileError

from seedbed.errors import LooksRenamed
from seedbed.migrating.comparing.knowledge import ColumnName, Knowledge
from seedbed.migrating.comparing.statements import Statement, call, literal, name, qualified, quoted, schema_argument
from seedbed.modelling import Schema
from seedbed.modelling.hints import Hint, enum_of, hint_of, hinted
from seedbed.postgres.catalogue.model import Catalogue, Enum, Key
from seedbed.postgres.catalogue.model import Table as FoundTable
from seedbed.postgres.quoting import DIALECT

_CALLABLES = {
    ("uuid", "uuid4"): "gen_random_uuid()",
    ("datetime", "now"): "now()",
    ("datetime", "utcnow"): "now()",
    ("datetime", "today"): "CURRENT_DATE",
    ("time", "time"): "extract(epoch FROM now())",
    ("builtins", "list"): "'{}'",
    ("builtins", "dict"): "'{}'",
    ("builtins", "str"): "''",
}
"""Python defaults whose meaning in SQL is known, by module and name; methods of `datetime` do not say theirs."""

_ALIKE = 0.5
"""The share of its columns, by name and type, that a new table has in common with one that it looks like."""


class Form(StrEnum):
    """How a change is made on tables that exist.

    `ONLINE` puts off what would keep others waiting. `GRADUAL` does so too, and keeps a renamed column under both names
    until a contract revision. `PLAIN` is for tables that nobody uses yet: one transaction, whoever has to wait for it.
    """

    ONLINE = "online"
    GRADUAL = "gradual"
    PLAIN = "plain"


@dataclass(frozen=True)
class Words:
    """What was said on the command line, or in answer to a question; it wins over the models' hints.

    `renames` map `task.name` to `task.title`, `app.todo` to `app.task`, or `color.RED` to `color.CRIMSON`.
    """

    renames: Mapping[str, str] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()
    backfills: Mapping[str, str] = field(default_factory=dict)
    form: Form = Form.ONLINE


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

    One whose old name is gone already, or whose new name is there, has been done: it is left out.
    """
    found = [*_table_renames(schema, before, words)]
    moved = {rename.new: rename.old for rename in found}
    found += _column_renames(schema, before, words, moved)
    found += _label_renames(schema, before, words)
    return found


def knowledge(schema: Schema, words: Words, casts: frozenset[tuple[str, str]]) -> Knowledge:
    """What fills columns and converts types, from hints, from what was said, and from the models' Python defaults."""
    fills: dict[ColumnName, str] = {}
    constants: set[ColumnName] = set()
    using: dict[ColumnName, str] = {}
    for table in schema.metadata.sorted_tables:
        for column in table.columns:
            place = (table.schema or "public", table.name, column.name)
            said = hint_of(column)
            if said.using:
                using[place] = said.using
            backfill = words.backfills.get(f"{_shown(table)}.{column.name}", said.backfill)
            if backfill is not None:
                fills[place] = backfill
            elif not column.nullable and (filled := _python_default(column)) is not None:
                fills[place] = filled[0]
                if filled[1]:
                    constants.add(place)
    return Knowledge(fills=fills, constants=frozenset(constants), using=using, casts=casts)


def refuse_look_alikes(before: Catalogue, after: Catalogue, schema: Schema, words: Words) -> None:
    """See that nothing is dropped while something like it is added, unless somebody said that it is meant to go.

    Raises:
        LooksRenamed: with the two names, and what to say.
    """
    intended = set(words.dropped)
    for table, column, said in hinted(schema.metadata):
        if column is None:
            intended |= {*said.dropped, *(f"{_shown(table)}.{gone}" for gone in said.dropped)}
    old_tables = {t.key: t for t in before.tables()}
    new_tables = {t.key: t for t in after.tables()}
    for key, gone in old_tables.items():
        if key in new_tables:
            _refuse_column(gone, new_tables[key], intended)
        elif _found_name(gone) not in intended:
            for other, coming in new_tables.items():
                if other not in old_tables and _alike(gone, coming):
                    raise LooksRenamed("table", _found_name(gone), _found_name(coming))
    for key, old in before.objects.items():
        new = after.objects.get(key)
        if isinstance(old, Enum) and isinstance(new, Enum):
            _refuse_label(old, new, intended)


def spent(schema: Schema, after_history: Catalogue) -> list[str]:
    """The hints that have nothing left to say, as `task.title: renamed_from`."""
    said = []
    for table, column, known in hinted(schema.metadata):
        where = _shown(table) if column is None else f"{_shown(table)}.{column.name}"
        if known.renamed_from and not _standing(after_history, table, column, known):
            said.append(f"{where}: renamed_from")
        found = after_history.objects.get(("table", table.schema or "public", table.name))
        if column is not None and isinstance(found, FoundTable) and column.name in found.column:
            there = found.column[column.name]
            if known.backfill and there.not_null == (not column.nullable):
                said.append(f"{where}: backfill")
    return said


def _standing(catalogue: Catalogue, table: Table, column: Column[Any] | None, known: Hint) -> bool:
    if column is None:
        schema, _, old = (known.renamed_from or "").rpartition(".")
        return ("table", schema or table.schema or "public", old) in catalogue.objects
    found = catalogue.objects.get(("table", table.schema or "public", table.name))
    return isinstance(found, FoundTable) and known.renamed_from in found.column


def _table_renames(schema: Schema, before: Catalogue, words: Words) -> Iterable[Rename]:
    said = {new: old for old, new in words.renames.items()}
    for table in schema.metadata.sorted_tables:
        shown = _shown(table)
        old = said.get(shown, hint_of(table).renamed_from)
        if old is None or ("table", table.schema or "public", table.name) in before.objects:
            continue
        old_schema, _, old_name = old.rpartition(".")
        old_schema = old_schema or ("public" if shown in said else table.schema or "public")
        if ("table", old_schema, old_name) in before.objects:
            new_schema = table.schema or "public"
            there = _move(old_schema, old_name, new_schema, table.name)
            back = _move(new_schema, table.name, old_schema, old_name)
            if ("schema", new_schema) not in before.objects:
                there = (Statement(f"CREATE SCHEMA {name(new_schema)}"), *there)
                back = (*back, Statement(f"DROP SCHEMA {name(new_schema)}"))
            places = ((new_schema, table.name), (old_schema, old_name))
            yield Rename(_name(old_schema, old_name), shown, there, back, table=places)


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
        shown = _shown(table)
        found = _find_table(before, moved.get(shown, shown))
        if found is None:
            continue
        for column in table.columns:
            told = said.get(f"{shown}.{column.name}")
            old = _last(told, shown, moved.get(shown, shown)) if told else hint_of(column).renamed_from
            if old is None or old not in found.column or column.name in found.column:
                continue
            where = (table.schema or "public", table.name)
            yield Rename(
                f"{shown}.{old}",
                f"{shown}.{column.name}",
                _rename(*where, old, column.name),
                _rename(*where, column.name, old),
                ((*where, old), column.name),
            )


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
                full = _name(key[1], key[2])
                if old.startswith(f"{full}.") and new.startswith(f"{full}."):
                    asked[key, _last(old, full)] = _last(new, full)
    for (key, old), new in asked.items():
        found = before.objects.get(key)
        if isinstance(found, Enum) and old in found.labels and new not in found.labels:
            full = qualified(key[1], key[2])
            yield Rename(
                f"{_name(key[1], key[2])}.{old}",
                f"{_name(key[1], key[2])}.{new}",
                (Statement(f"ALTER TYPE {full} RENAME VALUE {literal(old)} TO {literal(new)}"),),
                (Statement(f"ALTER TYPE {full} RENAME VALUE {literal(new)} TO {literal(old)}"),),
                enum=key,
            )


def _refuse_column(old: FoundTable, new: FoundTable, intended: set[str]) -> None:
    gone = [c for c in old.columns if c.name not in new.column and not c.generated]
    coming = [c for c in new.columns if c.name not in old.column and not c.generated]
    for column in gone:
        full = f"{_found_name(old)}.{column.name}"
        for other in coming:
            if column.type == other.type and full not in intended:
                raise LooksRenamed("column", full, f"{_found_name(new)}.{other.name}")


def _refuse_label(old: Enum, new: Enum, intended: set[str]) -> None:
    gone = [label for label in old.labels if label not in new.labels]
    coming = [label for label in new.labels if label not in old.labels]
    full = _name(old.schema, old.name)
    for label in gone:
        if coming and f"{full}.{label}" not in intended:
            raise LooksRenamed("label", f"{full}.{label}", f"{full}.{coming[0]}")


def _alike(one: FoundTable, other: FoundTable) -> bool:
    mine = {(c.name, c.type) for c in one.columns}
    theirs = {(c.name, c.type) for c in other.columns}
    return bool(mine and theirs) and len(mine & theirs) / max(len(mine), len(theirs)) > _ALIKE


def _python_default(column: Column[Any]) -> tuple[str, bool] | None:
    """A model's own default in SQL, and whether it is a constant."""
    default = column.default
    if default is None or column.server_default is not None:
        return None
    if default.is_callable:
        function: Any = default.arg  # type: ignore[attr-defined]
        module = str(getattr(function, "__module__", None) or "datetime").partition(".")[0]
        known = _CALLABLES.get((module, function.__name__))
        return (known, False) if known is not None else None
    if not default.is_scalar:
        return None
    process = column.type.literal_processor(DIALECT)
    try:
        value = default.arg  # type: ignore[attr-defined]
        return (process(value), True) if process is not None and value is not None else None
    except (CompileError, NotImplementedError, TypeError, ValueError):
        return None


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


def _shown(table: Table) -> str:
    return _name(table.schema or "public", table.name)


def _found_name(table: FoundTable) -> str:
    return _name(table.schema, table.name)


def _name(schema: str, bare: str) -> str:
    return bare if schema == "public" else f"{schema}.{bare}"
