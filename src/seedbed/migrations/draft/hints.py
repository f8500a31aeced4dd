"""Backfills and conversions from the models' hints, their Python defaults, and the user's decisions."""

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column
from sqlalchemy.exc import CompileError

from seedbed.migrations.diff.backfill_expressions import ValueSources
from seedbed.migrations.draft.decisions import Decisions, RolloutStrategy
from seedbed.migrations.draft.renames import Rename
from seedbed.postgres.quoting import DIALECT, ColumnName, quote_identifier, table_display_name
from seedbed.schema import Schema
from seedbed.schema.declarations import read_hint

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
"""SQL for Python defaults, by module and name; methods of `datetime` have no module."""


def collect_value_sources(
    schema: Schema, decisions: Decisions, casts: frozenset[tuple[str, str]], renames: Iterable[Rename]
) -> ValueSources:
    """Collect what fills columns and converts types from hints, decisions and the models' Python defaults.

    An expression about a renamed column may use either name, unless both are columns.
    """
    new_names = _find_old_names(schema, renames)
    backfills: dict[ColumnName, str] = {}
    constant_backfills: set[ColumnName] = set()
    using_expressions: dict[ColumnName, str] = {}
    reverse_expressions: dict[ColumnName, str] = {}
    for table in schema.metadata.sorted_tables:
        for column in table.columns:
            path = (table.schema or "public", table.name, column.name)
            hint = read_hint(column)
            old_name = new_names.get(path)
            if hint.using:
                keeps_both_names = decisions.strategy is RolloutStrategy.GRADUAL
                from_and_to = (
                    (column.name, old_name) if keeps_both_names else (old_name, column.name)
                )  # the old column exists during an expansion
                using_expressions[path] = _replace_column(hint.using, *from_and_to)
            if hint.back:
                reverse_expressions[path] = _replace_column(hint.back, old_name, column.name)
            backfill = decisions.backfills.get(f"{table_display_name(table)}.{column.name}", hint.backfill)
            if backfill is not None:
                backfills[path] = _replace_column(backfill, old_name, column.name)
            elif not column.nullable and (default := _render_python_default(column)) is not None:
                backfills[path] = default[0]
                if default[1]:
                    constant_backfills.add(path)
    return ValueSources(
        backfills=backfills,
        constant_backfills=frozenset(constant_backfills),
        using_expressions=using_expressions,
        reverse_expressions=reverse_expressions,
        casts=casts,
    )


def _find_old_names(schema: Schema, renames: Iterable[Rename]) -> dict[ColumnName, str]:
    """The old names of renamed columns by their new paths, where no other column has the old name now."""
    columns = {(table.schema or "public", table.name): table.columns.keys() for table in schema.metadata.sorted_tables}
    old_names = {}
    for rename in renames:
        if rename.column is not None:
            (of_schema, of_table, old), new = rename.column
            if old not in columns.get((of_schema, of_table), ()):
                old_names[of_schema, of_table, new] = old
    return old_names


def _replace_column(expression: str, old: str | None, new: str | None) -> str:
    """Replace a column's name in an expression, but not in string literals and function names."""
    if old is None or new is None:
        return expression

    def replace_match(match: re.Match[str]) -> str:
        token = match[0] if match[0].startswith('"') else match[0].lower()
        return quote_identifier(new) if token == quote_identifier(old) else match[0]

    return re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[^\W\d][\w$]*(?!\s*\(|[\w$])", replace_match, expression)


def _render_python_default(column: Column[Any]) -> tuple[str, bool] | None:
    """A model's Python default as SQL, and whether it is a constant."""
    default = column.default
    if default is None or column.server_default is not None:
        return None
    if default.is_callable:
        function: Any = default.arg  # type: ignore[attr-defined]
        module = str(getattr(function, "__module__", None) or "datetime").partition(".")[0]
        sql = _CALLABLES.get((module, function.__name__))
        return (sql, False) if sql is not None else None
    if not default.is_scalar:
        return None
    process = column.type.literal_processor(DIALECT)
    try:
        value = default.arg  # type: ignore[attr-defined]
        return (process(value), True) if process is not None and value is not None else None
    except (CompileError, NotImplementedError, TypeError, ValueError):
        return None
