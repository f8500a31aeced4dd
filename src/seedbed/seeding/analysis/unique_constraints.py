"""The constraints that compare the rows of a table: unique constraints and exclusions."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlalchemy import Column, Table, TextClause, UniqueConstraint
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.sql import visitors
from sqlglot import exp
from sqlglot.errors import SqlglotError

from seedbed.postgres.quoting import compile_expression
from seedbed.schema.declarations import get_declarations
from seedbed.seeding.analysis.table_spec import TableDefinition
from seedbed.seeding.core.postgres_types import INTEGERS, MOMENTS


@dataclass(frozen=True)
class Unique:
    """Columns that are unique together; `where` is the condition of a partial index."""

    columns: tuple[str, ...]
    where: str | None = None


def find_unique_constraints(table: TableDefinition) -> list[Unique]:
    """The unique constraints and indexes of a table whose columns are all filled here, always in the same order."""
    constraints = [Unique(tuple(str(c.name) for c in table.sql.primary_key.columns))] if table.sql.primary_key else []
    constraints += [
        Unique(tuple(str(c.name) for c in constraint.columns))
        for constraint in sorted(
            (c for c in table.sql.constraints if isinstance(c, UniqueConstraint)),
            key=lambda c: (str(c.name), c.columns.keys()),
        )
    ]
    constraints += [Unique((str(column.name),)) for column in table.sql.columns if column.unique]
    for index in sorted(table.sql.indexes, key=lambda index: (str(index.name), index.columns.keys())):
        if index.unique:
            where = index.dialect_options["postgresql"]["where"]
            columns = [
                name for expression in index.expressions for name in _find_columns(table.column_types, expression)
            ]
            constraints.append(
                Unique(tuple(dict.fromkeys(columns)), None if where is None else compile_expression(where))
            )
    return [
        unique
        for unique in dict.fromkeys(constraints)
        if unique.columns and set(unique.columns) <= set(table.column_types)
    ]


def is_unique(column: Column[Any]) -> bool:
    """Whether a column is unique by itself."""
    table = column.table
    if column.primary_key and len(table.primary_key) == 1:
        return True
    keys = [c.columns.keys() for c in table.constraints if isinstance(c, UniqueConstraint)]
    return bool(column.unique) or [column.key] in keys


def find_expression_columns(table: Table) -> set[str]:
    """Columns that a unique index has in an expression, such as lower(email)."""
    expressions = [e for index in table.indexes if index.unique for e in index.expressions if not isinstance(e, Column)]
    return {name for expression in expressions for name in _find_columns(table.columns.keys(), expression)}


def _find_columns(names: Iterable[str], expression: Any) -> list[str]:
    """The columns of an index expression: generated texts differ even in lower case, so lower(email) is as email."""
    if isinstance(expression, TextClause):
        return [name for name in names if re.search(rf"\b{re.escape(name)}\b", expression.text)]
    return [str(part.name) for part in visitors.iterate(expression) if hasattr(part, "name") and hasattr(part, "table")]


def find_nulls_not_distinct_columns(table: Table) -> set[str]:
    """Columns of constraints to which two NULLs are the same: a second one is refused, so none is made.

    A key to the same table is left NULL all the same where a row has nothing above it: see `has_one_root`.
    """
    own = {key.parent.name for c in table.foreign_key_constraints if c.referred_table is table for key in c.elements}
    return {name for names in _read_nulls_not_distinct_keys(table) for name in names if name not in own}


def allows_one_root(table: Table, columns: Sequence[str]) -> bool:
    """Whether a unique constraint allows one NULL in a key to the same table."""
    return any(set(names) <= set(columns) for names in _read_nulls_not_distinct_keys(table))


def _read_nulls_not_distinct_keys(table: Table) -> Iterator[list[str]]:
    for constraint in (*table.constraints, *table.indexes):
        if constraint.dialect_options["postgresql"].get("nulls_not_distinct") and len(constraint.columns):  # type: ignore[attr-defined]
            yield [str(column.name) for column in constraint.columns]  # type: ignore[attr-defined]


_ADD_EXCLUSION = re.compile(
    r'ALTER\s+TABLE\s+(?:ONLY\s+)?"?(?P<table>[\w.]+)"?\s+ADD\s+(?:CONSTRAINT\s+"?(?P<name>\w+)"?\s+)?'
    r"EXCLUDE\s*(?:USING\s+\w+\s*)?(?P<rest>\(.*)$",
    re.IGNORECASE | re.DOTALL,
)
_ELEMENT = re.compile(r"^(?P<element>.*?)\s+WITH\s+(?P<operator>[^\s\w]+)\s*$", re.IGNORECASE | re.DOTALL)
_DEFAULT_BOUNDS = "[)"
_RANGE_BOUND_TYPES = MOMENTS | {"date", "time", "numeric"} | frozenset(INTEGERS)


@dataclass(frozen=True)
class Exclusion:
    """One exclusion constraint: for no two rows do all its operators hold."""

    name: str
    elements: tuple[tuple[Any, str], ...]
    """Expressions of sqlglot, or their text where it could not be read."""

    @property
    def label(self) -> str:
        return ", ".join(_format_element(element) for element, operator in self.elements if operator != "=")


@dataclass(frozen=True)
class Span:
    """The two columns that are the ends of a range."""

    start: str
    end: str


def find_exclusions(table: TableDefinition) -> list[Exclusion]:
    """The exclusion constraints of a table, in its model and added by `declare`, always in the same order."""
    exclusions = []
    for constraint in table.sql.constraints:
        if isinstance(constraint, ExcludeConstraint):
            rendered = constraint._render_exprs  # noqa: SLF001 - it has no other way to be read
            elements = tuple(
                (_parse_sql(compile_expression(element)), str(operator)) for element, _, operator in rendered
            )
            exclusions.append(Exclusion(str(constraint.name or ""), elements))
    for statement in get_declarations(table.sql.metadata):
        match = _ADD_EXCLUSION.match(statement)
        if match is not None and match["table"] in {table.sql.name, table.sql.key}:
            exclusions.append(Exclusion(match["name"] or "", tuple(_parse_elements(match["rest"]))))
    return sorted(exclusions, key=lambda exclusion: (exclusion.name, exclusion.label))


def find_column(table: TableDefinition, element: Any) -> str | None:
    """The column that an element names, or None for an expression."""
    while isinstance(element, exp.Paren | exp.Cast):
        element = element.this
    return element.name if isinstance(element, exp.Column) and element.name in table.sql.columns else None


def find_span(table: TableDefinition, element: Any) -> tuple[Span, bool] | None:
    """The two columns that a range is made of, be it in the constraint or in a computed column, and whether one may
    end where the next begins.
    """
    name = find_column(table, element)
    computed = table.get_column(name).computed if name is not None else None
    if computed is not None:
        element = _parse_sql(compile_expression(computed.sqltext))
    while isinstance(element, exp.Paren | exp.Cast):
        element = element.this
    if not isinstance(element, exp.Anonymous) or not element.name.lower().endswith("range"):
        return None
    arguments = element.expressions
    if len(arguments) not in {2, 3}:
        return None
    start, end = find_column(table, _drop_coalesce(arguments[0])), find_column(table, _drop_coalesce(arguments[1]))
    bounds = str(arguments[2].this) if len(arguments) == 3 else _DEFAULT_BOUNDS  # noqa: PLR2004
    if start is None or end is None or start == end or not {start, end} <= set(table.column_types):
        return None
    if table.column_types[start].name not in _RANGE_BOUND_TYPES or table.column_types[start] != table.column_types[end]:
        return None
    return Span(start, end), bounds != "[]"


def _drop_coalesce(element: Any) -> Any:
    """Drop a default for a missing end: a NULL is unbounded too."""
    return element.this if isinstance(element, exp.Coalesce) else element


def _parse_sql(sql: str) -> Any:
    try:
        return sqlglot.parse_one(sql, dialect="postgres")
    except SqlglotError:
        return sql


def _format_element(element: Any) -> str:
    return element.sql("postgres") if isinstance(element, exp.Expression) else str(element)


def _parse_elements(rest: str) -> Iterator[tuple[Any, str]]:
    for part in _split_list(rest):
        if match := _ELEMENT.match(part.strip()):
            yield _parse_sql(match["element"]), match["operator"]
        else:
            yield part.strip(), "?"


def _split_list(rest: str) -> Sequence[str]:
    """Split the parenthesised list that a text begins with at its commas."""
    depth, parts, is_quoted = 0, [""], False
    for character in rest:
        is_quoted ^= character == "'"
        if not is_quoted and character == ")":
            depth -= 1
            if not depth:
                break
        if depth == 1 and character == "," and not is_quoted:
            parts.append("")
        elif depth:
            parts[-1] += character
        if not is_quoted and character == "(":
            depth += 1
    return parts
