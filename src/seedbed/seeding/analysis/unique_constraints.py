"""Which columns of a table no two rows may have the same in, as its constraints and indexes say."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Table, TextClause, UniqueConstraint
from sqlalchemy.sql import visitors

from seedbed.postgres.quoting import compile_expression
from seedbed.seeding.api.rules import Choice, Constant, FakerValues, Same

if TYPE_CHECKING:
    from seedbed.seeding.planning.table_plan import TablePlan


@dataclass(frozen=True)
class Unique:
    """Columns of which no two rows may have the same together; `where` is a partial index's condition."""

    columns: tuple[str, ...]
    where: str | None = None


def wanted(table: "TablePlan") -> list[Unique]:
    """The unique constraints and indexes of a table whose columns are all filled here, always in the same order."""
    found = [Unique(tuple(str(c.name) for c in table.sql.primary_key.columns))] if table.sql.primary_key else []
    found += [
        Unique(tuple(str(c.name) for c in constraint.columns))
        for constraint in sorted(
            (c for c in table.sql.constraints if isinstance(c, UniqueConstraint)),
            key=lambda c: (str(c.name), c.columns.keys()),
        )
    ]
    found += [Unique((str(column.name),)) for column in table.sql.columns if column.unique]
    for index in sorted(table.sql.indexes, key=lambda index: (str(index.name), index.columns.keys())):
        if index.unique:
            where = index.dialect_options["postgresql"]["where"]
            columns = [name for expression in index.expressions for name in _columns_of(table.kinds, expression)]
            found.append(Unique(tuple(dict.fromkeys(columns)), None if where is None else compile_expression(where)))
    return [unique for unique in dict.fromkeys(found) if unique.columns and set(unique.columns) <= set(table.kinds)]


def folded_columns(table: Table) -> set[str]:
    """Columns of which a unique index has an expression, such as lower(email), instead of the column itself."""
    expressions = [e for index in table.indexes if index.unique for e in index.expressions if not isinstance(e, Column)]
    return {name for expression in expressions for name in _columns_of(table.columns.keys(), expression)}


def _columns_of(names: Iterable[str], expression: Any) -> list[str]:
    """The columns of an index's expression: lower(email) is as good as email, since texts differ without capitals."""
    if isinstance(expression, TextClause):
        return [name for name in names if re.search(rf"\b{re.escape(name)}\b", expression.text)]
    return [str(part.name) for part in visitors.iterate(expression) if hasattr(part, "name") and hasattr(part, "table")]


def where_nulls_meet(table: Table) -> set[str]:
    """Columns of constraints to which two NULLs are the same: a second one is refused, so none is made.

    A key to the same table is left NULL all the same where a row has nothing above it: see `has_one_root`.
    """
    own = {key.parent.name for c in table.foreign_key_constraints if c.referred_table is table for key in c.elements}
    return {name for names in _where_nulls_meet(table) for name in names if name not in own}


def has_one_root(table: Table, columns: Sequence[str]) -> bool:
    """Whether a unique constraint leaves a key to the same table NULL in one row and no more."""
    return any(set(names) <= set(columns) for names in _where_nulls_meet(table))


def _where_nulls_meet(table: Table) -> Iterator[list[str]]:
    for constraint in (*table.constraints, *table.indexes):
        if constraint.dialect_options["postgresql"].get("nulls_not_distinct") and len(constraint.columns):  # type: ignore[attr-defined]
            yield [str(column.name) for column in constraint.columns]  # type: ignore[attr-defined]


def finite(table: "TablePlan", name: str) -> int:
    """How many values a column has where these are few; 0 where they are not counted."""
    rule, kind = table.rules.get(name), table.kinds[name]
    if isinstance(rule, Choice):
        return len(dict.fromkeys(rule.values))
    if isinstance(rule, Constant):
        return 1
    if rule is not None and not isinstance(rule, Same | FakerValues):
        return 0
    facts = table.facts[name]
    if facts.values is not None:
        return len(facts.values)
    if kind.labels:
        return len(kind.labels)
    if kind.name == "bit":
        return 1 << min(kind.size or 1, 20)
    return 2 if kind.name == "bool" else 0
