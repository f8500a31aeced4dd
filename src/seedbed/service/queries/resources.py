"""Decide which tables are served, under which paths, with which columns and links."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, count

from pydantic import BaseModel, TypeAdapter
from sqlalchemy import ForeignKeyConstraint, Table
from sqlmodel import SQLModel

from seedbed.postgres.quoting import quote_table
from seedbed.schema import Schema
from seedbed.service.queries.response_models import ResponseModel, build_response_model
from seedbed.service.queries.visibility import ReadableColumn, collect_readable_columns, is_table_public

_RESERVED_PATHS = frozenset({"/docs", "/favicon.ico", "/health", "/metrics", "/openapi.json"})


@dataclass(frozen=True, eq=False)
class Link:
    """A foreign key, followed from a row to one or many rows of `target`.

    `column_pairs` are columns of the row and the columns of the target that they equal.
    """

    name: str
    target: "Resource"
    column_pairs: tuple[tuple[ReadableColumn, ReadableColumn], ...]
    is_many: bool


@dataclass(frozen=True, eq=False)
class Resource:
    """A served table. With `needs_python`, PostgreSQL alone cannot serialize a row as the model does."""

    table: Table
    path: str
    columns: dict[str, ReadableColumn]
    key: tuple[ReadableColumn, ...]
    response: ResponseModel
    needs_python: bool
    links: dict[str, Link] = field(default_factory=dict)

    @cached_property
    def table_sql(self) -> str:
        return quote_table(self.table)

    @property
    def name(self) -> str:
        return self.path.removeprefix("/")

    @property
    def column_names(self) -> list[str]:
        """The readable columns' names in the database."""
        return [column.database_name for column in self.columns.values()]

    @cached_property
    def rows_adapter(self) -> "TypeAdapter[list[BaseModel]]":
        return TypeAdapter(list[self.response.model])  # type: ignore[name-defined]


def build_resources(schema: Schema) -> list[Resource]:
    """Build the resources of the served tables, parents first. A table without a public primary key is not served.

    Raises:
        DuplicateAlias, UnsupportedSerializer: the service cannot serialize a table's rows as its model does.
    """
    tables = [table for table in schema.tables if table.key in schema.models and is_table_public(table)]
    paths = _assign_paths(tables)
    name_counts = Counter(schema.models[table.key].__name__ for table in tables)
    by_table_key: dict[str, Resource] = {}
    for table in tables:
        model = schema.models[table.key]
        name = model.__name__ if name_counts[model.__name__] == 1 else _slug(table.key).replace(".", "_")
        resource = _build_resource(table, paths[table.key], model, name)
        if resource is not None:
            by_table_key[table.key] = resource
    for resource in by_table_key.values():
        _add_links(resource, by_table_key)
    return list(by_table_key.values())


def _assign_paths(tables: Sequence[Table]) -> dict[str, str]:
    """Assign a path to each table, by its key: its plural name, or its name and schema if the plural is not unique."""
    plurals = Counter(build_path(table) for table in tables)
    paths_by_key = {
        table.key: path for table in tables if plurals[path := build_path(table)] == 1 and path not in _RESERVED_PATHS
    }
    used = {*_RESERVED_PATHS, *paths_by_key.values()}
    for table in sorted(tables, key=lambda table: table.key):
        if table.key in paths_by_key:
            continue
        qualified = f"/{_slug(table.schema or 'public')}.{_slug(table.name)}"
        choices = chain((f"/{_slug(table.key)}", qualified), (f"{qualified}-{number}" for number in count(2)))
        paths_by_key[table.key] = next(path for path in choices if path not in used)
        used.add(paths_by_key[table.key])
    return paths_by_key


def build_path(table: Table) -> str:
    """Build a path from the table's name in the plural."""
    name = _slug(table.name)
    if name.endswith("s"):
        return f"/{name}"
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"/{name[:-1]}ies"
    return f"/{name}{'es' if name.endswith(('x', 'ch', 'sh')) else 's'}"


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII)


def _build_resource(table: Table, path: str, model: type[SQLModel], name: str) -> Resource | None:
    columns = collect_readable_columns(table, model)
    by_column = {column.database_name: column for column in columns.values()}
    key = tuple(by_column[column.name] for column in table.primary_key.columns if column.name in by_column)
    if len(key) < len(table.primary_key.columns) or any(column.type_mapping.parser is None for column in key):
        return None
    response = build_response_model(name, model, columns)
    formats = [column.type_mapping.json_format for column in columns.values()]
    needs_python = response.has_python_code or any(json_format.needs_python for json_format in formats)
    return Resource(table, path, columns, key, response, needs_python)


def _add_links(resource: Resource, by_table_key: dict[str, Resource]) -> None:
    """Add links for the table's foreign keys: forward to one row, backward to many."""
    constraints = sorted(
        (constraint for constraint in resource.table.constraints if isinstance(constraint, ForeignKeyConstraint)),
        key=lambda constraint: [column.name for column in constraint.columns],
    )
    resolved = [_resolve_foreign_key(resource, constraint, by_table_key) for constraint in constraints]
    foreign_keys = [foreign_key for foreign_key in resolved if foreign_key is not None]
    parent_counts = Counter(parent.path for parent, _ in foreign_keys)
    for parent, pairs in foreign_keys:
        columns = "-".join(child_column.name for child_column, _ in pairs)
        forward_name = columns.removesuffix("_id") if len(pairs) == 1 and columns != "id" else parent.table.name
        _add_link(resource, Link(_slug(forward_name), parent, pairs, is_many=False), columns)
        reversed_pairs = tuple((parent_column, child_column) for child_column, parent_column in pairs)
        name = resource.name if parent_counts[parent.path] == 1 else f"{resource.name}-by-{_slug(columns)}"
        _add_link(parent, Link(name, resource, reversed_pairs, is_many=True), columns)


def _add_link(resource: Resource, link: Link, columns: str) -> None:
    name = link.name if link.name not in resource.links else f"{link.name}-by-{_slug(columns)}"
    resource.links[name] = Link(name, link.target, link.column_pairs, link.is_many)


def _resolve_foreign_key(
    resource: Resource, constraint: ForeignKeyConstraint, by_table_key: dict[str, Resource]
) -> tuple[Resource, tuple[tuple[ReadableColumn, ReadableColumn], ...]] | None:
    """Return the parent and the pairs of child and parent columns, or None if one of them is not readable."""
    parent = by_table_key.get(constraint.referred_table.key)
    if parent is None:
        return None
    child_columns = {column.database_name: column for column in resource.columns.values()}
    parent_columns = {column.database_name: column for column in parent.columns.values()}
    pairs = []
    for element in constraint.elements:
        child_column = child_columns.get(element.parent.name)
        parent_column = parent_columns.get(element.column.name)
        if child_column is None or parent_column is None:
            return None
        if child_column.type_mapping.parser is None or parent_column.type_mapping.parser is None:
            return None
        pairs.append((child_column, parent_column))
    return parent, tuple(pairs)
