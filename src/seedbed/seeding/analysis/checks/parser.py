"""The CHECK constraints of a table, found in the model and beside it, and parsed."""

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
from seedbed.seeding.core.column_types import get_column_type

_ADDED = re.compile(
    r'ALTER\s+TABLE\s+(?:ONLY\s+)?"?(?P<table>[\w.]+)"?\s+ADD\s+(?:CONSTRAINT\s+"?(?P<name>\w+)"?\s+)?'
    r"CHECK\s*\((?P<rule>.*)\)\s*$",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, eq=False)
class Check:
    """One CHECK, and what it asks for piece by piece; `wants` is empty where nothing of it could be read."""

    name: str
    sql: str
    wants: tuple[exp.Expression, ...]

    @property
    def shown(self) -> str:
        return self.name or self.sql


def checks_of(table: Table) -> list[Check]:
    """The table's own CHECKs, those of its columns' domains, and those that `declare` adds to it."""
    return [Check(name, sql, tuple(_pieces(parsed(sql)))) for name, sql in _texts(table)]


def columns_in(want: Any) -> frozenset[str]:
    return frozenset(column.name for column in want.find_all(exp.Column))


def _texts(table: Table) -> Iterator[tuple[str, str]]:
    constraints = {*table.constraints, *(constraint for column in table.columns for constraint in column.constraints)}
    checks = [(c, compile_expression(c.sqltext)) for c in constraints if isinstance(c, CheckConstraint)]
    for constraint, sql in sorted(checks, key=lambda check: (str(check[0].name), check[1])):
        named = isinstance(constraint.name, str)
        name = DIALECT.identifier_preparer.format_constraint(constraint) if named else ""
        yield str(name or "").strip('"'), sql
    for column in table.columns:
        rule = get_column_type(column).check
        if rule is not None:
            quoted = delimit_identifier(column.name)
            yield f"the domain of {column.name}", re.sub(r"\bVALUE\b", quoted, rule, flags=re.IGNORECASE)
    for statement in get_declarations(table.metadata):
        found = _ADDED.match(statement)
        if found is not None and found["table"] in {table.name, table.key}:
            yield found["name"] or "", found["rule"]


def parsed(sql: str) -> Any:
    try:
        return sqlglot.parse_one(sql, dialect="postgres")
    except SqlglotError:
        return None


def _pieces(want: Any) -> Iterator[exp.Expression]:
    if want is None:
        return
    if isinstance(want, exp.Paren):
        yield from _pieces(want.this)
    elif isinstance(want, exp.And):
        yield from _pieces(want.left)
        yield from _pieces(want.right)
    else:
        yield want
