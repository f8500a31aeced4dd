"""The CHECK constraints of a table, read from its model and from `declare`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlalchemy import CheckConstraint, Table
from sqlglot import exp
from sqlglot.errors import SqlglotError

from seedbed.postgres.quoting import DIALECT, compile_expression, delimit_identifier
from seedbed.schema.declarations import get_declarations
from seedbed.seeding.core.postgres_types import get_column_type

_ADD_CHECK = re.compile(
    r'ALTER\s+TABLE\s+(?:ONLY\s+)?"?(?P<table>[\w.]+)"?\s+ADD\s+(?:CONSTRAINT\s+"?(?P<name>\w+)"?\s+)?'
    r"CHECK\s*\((?P<rule>.*)\)\s*$",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, eq=False)
class Check:
    """A CHECK and the conditions it joins with AND. `conditions` is empty if the SQL cannot be parsed."""

    name: str
    sql: str
    conditions: tuple[exp.Expression, ...]

    @property
    def label(self) -> str:
        return self.name or self.sql


def read_checks(table: Table) -> list[Check]:
    """Read the CHECKs of a table, of its columns' domains, and those added with `declare`."""
    return [Check(name, sql, tuple(_split_conjunction(parse_sql(sql)))) for name, sql in _read_sql(table)]


def find_columns(expression: Any) -> frozenset[str]:
    return frozenset(column.name for column in expression.find_all(exp.Column))


def _read_sql(table: Table) -> Iterator[tuple[str, str]]:
    constraints = {*table.constraints, *(constraint for column in table.columns for constraint in column.constraints)}
    checks = [(c, compile_expression(c.sqltext)) for c in constraints if isinstance(c, CheckConstraint)]
    for constraint, sql in sorted(checks, key=lambda check: (str(check[0].name), check[1])):
        is_named = isinstance(constraint.name, str)
        name = DIALECT.identifier_preparer.format_constraint(constraint) if is_named else ""
        yield str(name or "").strip('"'), sql
    for column in table.columns:
        rule = get_column_type(column).check
        if rule is not None:
            quoted = delimit_identifier(column.name)
            yield f"the domain of {column.name}", re.sub(r"\bVALUE\b", quoted, rule, flags=re.IGNORECASE)
    for statement in get_declarations(table.metadata):
        match = _ADD_CHECK.match(statement)
        if match is not None and match["table"] in {table.name, table.key}:
            yield match["name"] or "", match["rule"]


def parse_sql(sql: str) -> Any:
    try:
        return sqlglot.parse_one(sql, dialect="postgres")
    except SqlglotError:
        return None


def _split_conjunction(expression: Any) -> Iterator[exp.Expression]:
    if expression is None:
        return
    if isinstance(expression, exp.Paren):
        yield from _split_conjunction(expression.this)
    elif isinstance(expression, exp.And):
        yield from _split_conjunction(expression.left)
        yield from _split_conjunction(expression.right)
    else:
        yield expression


def strip_parentheses(expression: Any) -> Any:
    while isinstance(expression, exp.Paren):
        expression = expression.this
    return expression
