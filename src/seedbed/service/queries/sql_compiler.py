"""Compile a request to one SQL statement whose result is the JSON of the response."""

from collections.abc import Sequence

from seedbed.service.pool.statement import Statement
from seedbed.service.queries.list_query import Filter, ListQuery
from seedbed.service.queries.resources import Link, Resource
from seedbed.service.queries.visibility import ReadableColumn

_MAX_CACHED = 1000
"""The number of cached statements. Clients decide how many different ones are needed, so the oldest are dropped."""


class QueryCompiler:
    """Compiles each kind of request once. The SQL contains names of the schema and casts, and never a value."""

    def __init__(self) -> None:
        self._cache: dict[object, Statement] = {}

    def compile_page(
        self,
        resource: Resource,
        query: ListQuery,
        after: Sequence[bytes | None] | None,
        parent: "ParentRow | None" = None,
    ) -> tuple[Statement, list[bytes | None]]:
        """Compile a page. Its one row has the JSON, whether another page follows, whether the parent exists, and the
        values of the sort columns in the last row.
        """
        filters = query.filters
        nulls = None if after is None else tuple(value is None for value in after)
        shape = (
            resource, parent and parent.link, query.fields, query.sort, query.limit, nulls,
            tuple((each.column, each.operator, len(each.values)) for each in filters),
        )  # fmt: skip
        parameters = [*(parent.key_values if parent else []), *(value for each in filters for value in each.values)]
        parameters += parent.values if parent else []
        parameters += [] if after is None else _list_after_values(query.sort, after)
        statement = self._cache.get(shape)
        if statement is None:
            statement = self._add_to_cache(shape, _write_page(resource, query, nulls, parent))
        return statement, parameters

    def compile_row(self, resource: Resource, fields: tuple[str, ...]) -> Statement:
        """Compile the query of one row. Its parameters are the values of the key."""
        shape = (resource, fields)
        statement = self._cache.get(shape)
        if statement is None:
            placeholders = _Placeholders()
            where = " AND ".join(f"{column.sql} = {placeholders(column)}" for column in resource.key)
            rows = _from_rows(resource, fields)
            statement = self._add_to_cache(shape, f"SELECT row_to_json(r)::text {rows} WHERE {where}")
        return statement

    def compile_linked_row(self, resource: Resource, link: Link, fields: tuple[str, ...]) -> Statement:
        """Compile the query of the row that a foreign key refers to.

        It returns NULL if the foreign key is NULL, and no row if the referring row does not exist.
        """
        shape = (resource, link, fields)
        statement = self._cache.get(shape)
        if statement is None:
            placeholders = _Placeholders()
            where = " AND ".join(f"t.{_quote(column)} = {placeholders(column)}" for column in resource.key)
            columns = ", ".join(f"t.{_quote(column)} AS k{i}" for i, (column, _) in enumerate(link.column_pairs))
            join = " AND ".join(f"t.{_quote(column)} = s.k{i}" for i, (_, column) in enumerate(link.column_pairs))
            linked_row = f"SELECT row_to_json(r)::text {_from_rows(link.target, fields)} WHERE {join}"
            source = f"SELECT {columns} FROM {resource.table_sql} t WHERE {where}"
            statement = self._add_to_cache(shape, f"SELECT ({linked_row}) FROM ({source}) s")
        return statement

    def compile_count(
        self, resource: Resource, query: ListQuery, parent: "ParentRow | None" = None
    ) -> tuple[Statement, list[bytes | None]]:
        """Compile the number of rows: exact, or the planner's estimate."""
        placeholders = _Placeholders()
        conditions = [_write_filter(each, placeholders) for each in query.filters]
        conditions += parent.compile_conditions(placeholders) if parent else []
        where = _write_where(conditions)
        parameters = [value for each in query.filters for value in each.values] + (parent.values if parent else [])
        if query.count == "exact":
            return self._get_or_add(f"SELECT count(*)::text FROM {resource.table_sql} t{where}"), parameters
        return self._get_or_add(f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {resource.table_sql} t{where}"), parameters

    def _get_or_add(self, text: str) -> Statement:
        return self._cache.get(text) or self._add_to_cache(text, text)

    def _add_to_cache(self, shape: object, text: str) -> Statement:
        if len(self._cache) >= _MAX_CACHED:
            del self._cache[next(iter(self._cache))]
        statement = self._cache[shape] = Statement(text)
        return statement


class ParentRow:
    """The row whose linked rows are listed."""

    def __init__(self, resource: Resource, link: Link, key: Sequence[bytes]) -> None:
        by_name = {column.name: value for column, value in zip(resource.key, key, strict=True)}
        self.resource, self.link, self._key = resource, link, list(key)
        self._key_has_all_columns = all(parent_column.name in by_name for parent_column, _ in link.column_pairs)
        self.values: list[bytes | None] = (
            [*(by_name[parent_column.name] for parent_column, _ in link.column_pairs)]
            if self._key_has_all_columns
            else [*key] * len(link.column_pairs)
        )
        self.key_values: list[bytes | None] = [*key]

    def compile_conditions(self, placeholders: "_Placeholders") -> list[str]:
        """Compare the children's columns with the parent's key, or else with columns of the parent's row."""
        if self._key_has_all_columns:
            return [f"{child.sql} = {placeholders(parent)}" for parent, child in self.link.column_pairs]
        return [
            f"{child.sql} = (SELECT o.{_quote(parent)} FROM {self.resource.table_sql} o"
            f" WHERE {self._key_condition(placeholders)})"
            for parent, child in self.link.column_pairs
        ]

    def compile_exists(self, placeholders: "_Placeholders") -> str:
        return f"EXISTS (SELECT 1 FROM {self.resource.table_sql} o WHERE {self._key_condition(placeholders)})"

    def _key_condition(self, placeholders: "_Placeholders") -> str:
        return " AND ".join(f"o.{_quote(column)} = {placeholders(column)}" for column in self.resource.key)


class _Placeholders:
    """Numbers the parameters, and casts each to its column's type."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self, column: ReadableColumn, cast: str | None = None) -> str:
        self._last += 1
        return f"${self._last}::{cast or column.cast}"


def _write_page(resource: Resource, query: ListQuery, nulls: tuple[bool, ...] | None, parent: ParentRow | None) -> str:
    placeholders = _Placeholders()
    exists = f"CASE WHEN count(*) = 0 THEN {parent.compile_exists(placeholders)} ELSE true END" if parent else "true"
    conditions = [_write_filter(each, placeholders) for each in query.filters]
    conditions += parent.compile_conditions(placeholders) if parent else []
    conditions += [_write_after(query.sort, nulls, placeholders)] if nulls is not None else []
    order = ", ".join(f"{column.sql}{' DESC' if descending else ''}" for column, descending in query.sort)
    columns = _select_columns(resource, query.fields)
    needed = {column.name: column for column in (*columns, *(column for column, _ in query.sort))}
    inner = (
        f"SELECT {', '.join(column.sql for column in needed.values())} "
        f"FROM {resource.table_sql} t{_write_where(conditions)} ORDER BY {order} LIMIT {query.limit + 1}"
    )
    sort_values = ", ".join(f"{column.sql}::text AS k{i}" for i, (column, _) in enumerate(query.sort))
    numbered = (
        f"SELECT row_to_json(r)::text AS j, row_number() OVER () AS n, {sort_values} FROM ({inner}) t "
        f"CROSS JOIN LATERAL (SELECT {', '.join(column.json_sql for column in columns)}) r"
    )
    last_row = ", ".join(f"max(p.k{i}) FILTER (WHERE p.n = {query.limit})" for i in range(len(query.sort)))
    return (
        f"SELECT '[' || coalesce(string_agg(p.j, ',') FILTER (WHERE p.n <= {query.limit}), '') || ']', "
        f"(count(*) > {query.limit})::text, ({exists})::text, {last_row} FROM ({numbered}) p"
    )


def _from_rows(resource: Resource, fields: Sequence[str]) -> str:
    columns = ", ".join(column.json_sql for column in _select_columns(resource, fields))
    return f"FROM {resource.table_sql} t CROSS JOIN LATERAL (SELECT {columns}) r"


def _select_columns(resource: Resource, fields: Sequence[str]) -> list[ReadableColumn]:
    """Select the columns that the fields need: all of them if Python serializes the response."""
    if resource.needs_python:
        return list(resource.columns.values())
    return [resource.columns[name] for name in fields]


def _write_where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _write_filter(filter_: Filter, placeholders: _Placeholders) -> str:
    column = filter_.column
    if filter_.operator.startswith("null"):
        return f"{column.sql} IS {'' if filter_.operator == 'null true' else 'NOT '}NULL"
    comparison = column.type_mapping.comparisons[filter_.operator]
    cast = None if comparison.parser is None else comparison.parser.cast
    value = ", ".join(placeholders(column, cast) for _ in filter_.values)
    return comparison.sql.format(column=column.sql, value=value)


def _write_after(
    sort: Sequence[tuple[ReadableColumn, bool]], nulls: Sequence[bool], placeholders: _Placeholders
) -> str:
    """Write the condition for rows after a given one. NULL sorts as the largest value, as in ORDER BY."""
    if _can_compare_rows(sort, nulls):
        columns = ", ".join(column.sql for column, _ in sort)
        values = ", ".join(placeholders(column) for column, _ in sort)
        return f"({columns}) {'<' if sort[0][1] else '>'} ({values})"
    (column, descending), null = sort[0], nulls[0]
    if null:
        after = f"{column.sql} IS NOT NULL" if descending else "false"
        equal = f"{column.sql} IS NULL"
    else:
        after = f"{column.sql} {'<' if descending else '>'} {placeholders(column)}"
        if column.is_nullable and not descending:
            after = f"({after} OR {column.sql} IS NULL)"
        equal = f"{column.sql} = {placeholders(column)}" if len(sort) > 1 else "false"
    if len(sort) == 1:
        return after
    return f"({after} OR ({equal} AND {_write_after(sort[1:], nulls[1:], placeholders)}))"


def _can_compare_rows(sort: Sequence[tuple[ReadableColumn, bool]], nulls: Sequence[bool]) -> bool:
    """Whether a row comparison is enough, which an index can answer for any page."""
    has_one_direction = len({descending for _, descending in sort}) == 1
    return has_one_direction and not any(nulls) and not any(column.is_nullable for column, _ in sort)


def _list_after_values(
    sort: Sequence[tuple[ReadableColumn, bool]], after: Sequence[bytes | None]
) -> list[bytes | None]:
    """List the parameters of `_write_after`, in its order."""
    if _can_compare_rows(sort, [value is None for value in after]):
        return list(after)
    head = [] if after[0] is None else [after[0]] * min(len(sort), 2)
    return head + (_list_after_values(sort[1:], after[1:]) if len(sort) > 1 else [])


def _quote(column: ReadableColumn) -> str:
    return column.sql.removeprefix("t.")
