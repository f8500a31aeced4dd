"""The expressions that fill and convert columns: from hints, Python defaults and decisions, or by the types."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Column as ModelColumn
from sqlalchemy.exc import CompileError

from seedbed.errors import UnknownTypeConversion
from seedbed.migrations.diff.backfill_expressions import ValueSources
from seedbed.migrations.diff.types import user_types
from seedbed.migrations.diff.types.using_expressions import find_using_expression
from seedbed.migrations.draft.decisions import Decisions, RolloutStrategy
from seedbed.migrations.draft.renames import Rename
from seedbed.migrations.proof.conversion_check import ColumnConversion
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Column, Composite, Constraint, Domain, Enum, Table
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


def _render_python_default(column: ModelColumn[Any]) -> tuple[str, bool] | None:
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


def find_conversions(
    before: Catalog, after: Catalog, expanded_renames: Sequence[Rename], sources: ValueSources
) -> Iterator[ColumnConversion]:
    """Find every column that gets another type and can be converted back to the old one.

    `before` has the new names already, except those of `expanded_renames`. Columns of a type that is replaced under its
    name are left out, since both types cannot exist at once.
    """
    old_names = {
        (*rename.column[0][:2], rename.column[1]): rename.column[0][2] for rename in expanded_renames if rename.column
    }
    for table in after.tables():
        old_table = before.objects.get(table.key)
        if not isinstance(old_table, Table):
            continue
        for new in table.columns:
            path = (table.schema, table.name, new.name)
            old = old_table.columns_by_name.get(old_names.get(path, new.name))
            if old is None or old.type == new.type or old.generated or new.generated:
                continue
            missing_types = list(_find_missing_types(new, before, after))
            if any(user_type.key in before.objects for user_type in missing_types):
                continue
            up_expression = sources.using_expressions.get(path) or find_using_expression(
                table, old, new, before, after, sources
            )
            down_expression = sources.reverse_expressions.get(path)
            try:
                down_expression = down_expression or find_using_expression(
                    table, new, old, after, before, replace(sources, is_downgrade=True)
                )
            except UnknownTypeConversion:
                continue
            yield ColumnConversion(
                table.schema,
                table.name,
                old,
                new,
                up_expression or quote_identifier(old.name),
                down_expression or quote_identifier(new.name),
                tuple(step for user_type in reversed(missing_types) for step in user_types.create(user_type)),
                tuple(_find_column_checks(before, table, old)),
                tuple(_find_column_checks(after, table, new)),
            )


def _find_missing_types(column: Column, before: Catalog, after: Catalog) -> Iterator[user_types.UserType]:
    """The types of a column that the database lacks before the change, each before those that it is based on."""
    type_name: str | None = column.type
    while type_name is not None:
        schema, _, name = type_name.removesuffix("[]").rpartition(".")
        key = ("type", schema or "public", name.strip('"'))
        user_type = after.objects.get(key)
        if isinstance(user_type, Enum | Domain | Composite) and before.objects.get(key) != user_type:
            yield user_type
        type_name = user_type.type if isinstance(user_type, Domain) else None


def _find_column_checks(catalog: Catalog, table: Table, column: Column) -> Iterator[str]:
    """The CHECK constraints on a column alone."""
    for key in sorted(catalog.direct_dependents.get(("column", table.schema, table.name, column.name), ())):
        obj = catalog.objects.get(key)
        if isinstance(obj, Constraint) and obj.type == "c" and obj.columns == (column.name,):
            yield obj.definition.removesuffix(" NOT VALID")
