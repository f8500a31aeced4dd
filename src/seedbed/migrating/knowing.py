"""What the models and the user say that no comparison can know: fillings, conversions, intended losses."""

from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.exc import CompileError

from seedbed.errors import LooksRenamed
from seedbed.migrating.comparing.knowledge import ColumnName, Knowledge
from seedbed.migrating.words import Words, full_name, said_name
from seedbed.modelling import Schema
from seedbed.modelling.hints import Hint, hint_of, hinted
from seedbed.postgres.catalogue import Catalogue
from seedbed.postgres.catalogue.model import Enum
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


def knowledge(schema: Schema, words: Words, casts: frozenset[tuple[str, str]]) -> Knowledge:
    """What fills columns and converts types, from hints, from what was said, and from the models' Python defaults."""
    fills: dict[ColumnName, str] = {}
    constants: set[ColumnName] = set()
    using: dict[ColumnName, str] = {}
    back: dict[ColumnName, str] = {}
    for table in schema.metadata.sorted_tables:
        for column in table.columns:
            place = (table.schema or "public", table.name, column.name)
            said = hint_of(column)
            if said.using:
                using[place] = said.using
            if said.back:
                back[place] = said.back
            backfill = words.backfills.get(f"{said_name(table)}.{column.name}", said.backfill)
            if backfill is not None:
                fills[place] = backfill
            elif not column.nullable and (filled := _python_default(column)) is not None:
                fills[place] = filled[0]
                if filled[1]:
                    constants.add(place)
    return Knowledge(fills=fills, constants=frozenset(constants), using=using, back=back, casts=casts)


def refuse_look_alikes(before: Catalogue, after: Catalogue, schema: Schema, words: Words) -> None:
    """See that nothing is dropped while something like it is added, unless somebody said that it is meant to go.

    Raises:
        LooksRenamed: with the two names, and what to say.
    """
    intended = set(words.dropped)
    for table, column, said in hinted(schema.metadata):
        if column is None:
            intended |= {*said.dropped, *(f"{said_name(table)}.{gone}" for gone in said.dropped)}
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
        where = said_name(table) if column is None else f"{said_name(table)}.{column.name}"
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
    full = full_name(old.schema, old.name)
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


def _found_name(table: FoundTable) -> str:
    return full_name(table.schema, table.name)
