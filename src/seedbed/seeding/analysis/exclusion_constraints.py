"""The exclusion constraints of a table: which ranges must not overlap, and among which rows."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlglot import exp
from sqlglot.errors import SqlglotError

from seedbed.postgres.quoting import compile_expression
from seedbed.schema.declarations import get_declarations
from seedbed.seeding.analysis.table_definition import TableDefinition
from seedbed.seeding.core.column_types import INTEGERS, MOMENTS

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
