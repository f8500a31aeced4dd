"""The SQL of a request: one statement that gives the whole answer as PostgreSQL's own JSON."""

from collections.abc import Sequence

from seedbed.service.pool.statement import Statement
from seedbed.service.queries.list_query import Filter, ListQuery
from seedbed.service.queries.readable_columns import ReadableColumn
from seedbed.service.queries.resources import Link, Resource

_KEPT = 1000
"""Statements kept. There are as many as clients make up kinds of requests, so the oldest make room."""


class QueryCompiler:
    """Writes each kind of request's SQL once: names from the schema and casts are in it, values never are."""

    def __init__(self) -> None:
        self._kept: dict[object, Statement] = {}

    def compile_page(
        self,
        resource: Resource,
        query: ListQuery,
        after: Sequence[bytes | None] | None,
        parent: "ParentRow | None" = None,
    ) -> tuple[Statement, list[bytes | None]]:
        """One row: the page, `true` if another follows it, whether the owner exists if it is empty, and the last row's
        values of the columns sorted by.
        """
        conditions = query.filters
        nulls = None if after is None else tuple(value is None for value in after)
        shape = (
            resource, parent and parent.link, query.fields, query.sort, query.limit, nulls,
            tuple((c.column, c.operator, len(c.values)) for c in conditions),
        )  # fmt: skip
        parameters = [*(parent.key_values if parent else []), *(value for c in conditions for value in c.values)]
        parameters += (parent.values if parent else []) + ([] if after is None else _after_values(query.sort, after))
        statement = self._kept.get(shape)
        if statement is None:
            statement = self._keep(shape, _page_sql(resource, query, nulls, parent))
        return statement, parameters

    def compile_row(self, resource: Resource, fields: tuple[str, ...]) -> Statement:
        """The row with a key, by the key's values."""
        shape = (resource, fields)
        statement = self._kept.get(shape)
        if statement is None:
            numbers = _Numbers()
            where = " AND ".join(f"{column.sql} = {numbers(column)}" for column in resource.key)
            statement = self._keep(shape, f"SELECT row_to_json(r)::text {_rows(resource, fields)} WHERE {where}")
        return statement

    def compile_linked_row(self, resource: Resource, link: Link, fields: tuple[str, ...]) -> Statement:
        """The row that a row's foreign key leads to: `true` with it, or with NULL if the key is NULL, and no row at all
        if there is no such row to begin with.
        """
        shape = (resource, link, fields)
        statement = self._kept.get(shape)
        if statement is None:
            numbers = _Numbers()
            where = " AND ".join(f"t.{_q(column)} = {numbers(column)}" for column in resource.key)
            mine = ", ".join(f"t.{_q(here)} AS k{i}" for i, (here, _) in enumerate(link.column_pairs))
            joined = " AND ".join(f"t.{_q(there)} = s.k{i}" for i, (_, there) in enumerate(link.column_pairs))
            found = f"SELECT row_to_json(r)::text {_rows(link.target, fields)} WHERE {joined}"
            source = f"SELECT {mine} FROM {resource.table_sql} t WHERE {where}"
            statement = self._keep(shape, f"SELECT ({found}) FROM ({source}) s")
        return statement

    def compile_count(
        self, resource: Resource, query: ListQuery, parent: "ParentRow | None" = None
    ) -> tuple[Statement, list[bytes | None]]:
        """How many rows there are: exactly, or as many as the planner expects."""
        numbers = _Numbers()
        where = _where(
            [*(_compared(c, numbers) for c in query.filters), *(parent.compile_conditions(numbers) if parent else [])]
        )
        parameters = [value for c in query.filters for value in c.values] + (parent.values if parent else [])
        if query.count == "exact":
            return self._keep_text(f"SELECT count(*)::text FROM {resource.table_sql} t{where}"), parameters
        return self._keep_text(f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {resource.table_sql} t{where}"), parameters

    def _keep_text(self, text: str) -> Statement:
        return self._kept.get(text) or self._keep(text, text)

    def _keep(self, shape: object, text: str) -> Statement:
        if len(self._kept) >= _KEPT:
            del self._kept[next(iter(self._kept))]
        made = self._kept[shape] = Statement(text)
        return made


class ParentRow:
    """The row whose children are listed."""

    def __init__(self, owner: Resource, link: Link, key: Sequence[bytes]) -> None:
        by_name = {column.name: value for column, value in zip(owner.key, key, strict=True)}
        self.resource, self.link, self._key = owner, link, list(key)
        self._direct = all(mine.name in by_name for mine, _ in link.column_pairs)
        self.values: list[bytes | None] = (
            [*(by_name[mine.name] for mine, _ in link.column_pairs)]
            if self._direct
            else [*key] * len(link.column_pairs)
        )
        self.key_values: list[bytes | None] = [*key]

    def compile_conditions(self, numbers: "_Numbers") -> list[str]:
        """The children's columns equal the owner's: its key, mostly, or else what stands in its row."""
        if self._direct:
            return [f"{theirs.sql} = {numbers(mine)}" for mine, theirs in self.link.column_pairs]
        return [
            f"{theirs.sql} = (SELECT o.{_q(mine)} FROM {self.resource.table_sql} o WHERE {self._is_it(numbers)})"
            for mine, theirs in self.link.column_pairs
        ]

    def compile_exists(self, numbers: "_Numbers") -> str:
        return f"EXISTS (SELECT 1 FROM {self.resource.table_sql} o WHERE {self._is_it(numbers)})"

    def _is_it(self, numbers: "_Numbers") -> str:
        return " AND ".join(f"o.{_q(column)} = {numbers(column)}" for column in self.resource.key)


class _Numbers:
    """Gives each parameter its number, and casts it to its column's type."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self, column: ReadableColumn, cast: str | None = None) -> str:
        self._last += 1
        return f"${self._last}::{cast or column.cast}"


def _page_sql(resource: Resource, query: ListQuery, nulls: tuple[bool, ...] | None, of: ParentRow | None) -> str:
    numbers = _Numbers()
    exists = f"CASE WHEN count(*) = 0 THEN {of.compile_exists(numbers)} ELSE true END" if of else "true"
    conditions = [_compared(condition, numbers) for condition in query.filters]
    conditions += of.compile_conditions(numbers) if of else []
    conditions += [_beyond(query.sort, nulls, numbers)] if nulls is not None else []
    order = ", ".join(f"{column.sql}{' DESC' if descending else ''}" for column, descending in query.sort)
    answered = _answered(resource, query.fields)
    needed = {column.name: column for column in (*answered, *(column for column, _ in query.sort))}
    inner = (
        f"SELECT {', '.join(column.sql for column in needed.values())} FROM {resource.table_sql} t{_where(conditions)} "
        f"ORDER BY {order} LIMIT {query.limit + 1}"
    )
    ends = ", ".join(f"{column.sql}::text AS k{i}" for i, (column, _) in enumerate(query.sort))
    written = (
        f"SELECT row_to_json(r)::text AS j, row_number() OVER () AS n, {ends} FROM ({inner}) t CROSS JOIN LATERAL "
        f"(SELECT {', '.join(column.json_sql for column in answered)}) r"
    )
    last = ", ".join(f"max(p.k{i}) FILTER (WHERE p.n = {query.limit})" for i in range(len(query.sort)))
    return (
        f"SELECT '[' || coalesce(string_agg(p.j, ',') FILTER (WHERE p.n <= {query.limit}), '') || ']', "
        f"(count(*) > {query.limit})::text, ({exists})::text, {last} FROM ({written}) p"
    )


def _rows(resource: Resource, fields: Sequence[str]) -> str:
    columns = ", ".join(column.json_sql for column in _answered(resource, fields))
    return f"FROM {resource.table_sql} t CROSS JOIN LATERAL (SELECT {columns}) r"


def _answered(resource: Resource, fields: Sequence[str]) -> list[ReadableColumn]:
    """The columns that are needed for fields: all, where Python makes the answer of them."""
    if resource.needs_python:
        return list(resource.columns.values())
    return [resource.columns[name] for name in fields]


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _compared(condition: Filter, numbers: _Numbers) -> str:
    column = condition.column
    if condition.operator.startswith("null"):
        return f"{column.sql} IS {'' if condition.operator == 'null true' else 'NOT '}NULL"
    comparison = column.type_mapping.comparisons[condition.operator]
    cast = None if comparison.parser is None else comparison.parser.cast
    value = ", ".join(numbers(column, cast) for _ in condition.values)
    return comparison.sql.format(column=column.sql, value=value)


def _beyond(sort: Sequence[tuple[ReadableColumn, bool]], nulls: Sequence[bool], numbers: _Numbers) -> str:
    """What comes after a row in an order. NULL is the greatest of a column, as ORDER BY has it."""
    if _is_tuple(sort, nulls):
        columns = ", ".join(column.sql for column, _ in sort)
        values = ", ".join(numbers(column) for column, _ in sort)
        return f"({columns}) {'<' if sort[0][1] else '>'} ({values})"
    (column, descending), null = sort[0], nulls[0]
    if null:
        further = f"{column.sql} IS NOT NULL" if descending else "false"
        same = f"{column.sql} IS NULL"
    else:
        further = f"{column.sql} {'<' if descending else '>'} {numbers(column)}"
        if column.is_nullable and not descending:
            further = f"({further} OR {column.sql} IS NULL)"
        same = f"{column.sql} = {numbers(column)}" if len(sort) > 1 else "false"
    if len(sort) == 1:
        return further
    return f"({further} OR ({same} AND {_beyond(sort[1:], nulls[1:], numbers)}))"


def _is_tuple(sort: Sequence[tuple[ReadableColumn, bool]], nulls: Sequence[bool]) -> bool:
    """Whether one comparison of rows says it all, which an index answers at any depth."""
    one_way = len({descending for _, descending in sort}) == 1
    return one_way and not any(nulls) and not any(column.is_nullable for column, _ in sort)


def _after_values(sort: Sequence[tuple[ReadableColumn, bool]], after: Sequence[bytes | None]) -> list[bytes | None]:
    """The parameters of `_beyond`, in its order."""
    if _is_tuple(sort, [value is None for value in after]):
        return list(after)
    head = [] if after[0] is None else [after[0]] * min(len(sort), 2)
    return head + (_after_values(sort[1:], after[1:]) if len(sort) > 1 else [])


def _q(column: ReadableColumn) -> str:
    return column.sql.removeprefix("t.")
