"""Which tables are served, under which paths, with which columns, and where their foreign keys lead."""

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
from seedbed.service.queries.readable_columns import ReadableColumn, collect_readable_columns
from seedbed.service.queries.response_models import ResponseModel, build_response_model
from seedbed.service.queries.visibility import is_table_public

_TAKEN = frozenset({"/docs", "/health", "/metrics", "/openapi.json", "/redoc"})


@dataclass(frozen=True, eq=False)
class Link:
    """A foreign key from a row to others: `target` is what it leads to, by columns of it that equal columns of the row."""

    name: str
    target: "Resource"
    column_pairs: tuple[tuple[ReadableColumn, ReadableColumn], ...]
    is_many: bool


@dataclass(frozen=True, eq=False)
class Resource:
    """A served table. Where PostgreSQL alone cannot write a row as the model would, it goes `needs_python`."""

    table: Table
    path: str
    columns: dict[str, ReadableColumn]
    key: tuple[ReadableColumn, ...]
    response: ResponseModel
    needs_python: bool
    links: dict[str, Link] = field(default_factory=dict)

    @cached_property
    def sql(self) -> str:
        return quote_table(self.table)

    @property
    def name(self) -> str:
        return self.path.removeprefix("/")

    @property
    def column_names(self) -> list[str]:
        """The columns that may be read, as the database has them."""
        return [shown.column for shown in self.columns.values()]

    @cached_property
    def rows_adapter(self) -> "TypeAdapter[list[BaseModel]]":
        return TypeAdapter(list[self.answers.model])  # type: ignore[name-defined]


def build_resources(schema: Schema) -> list[Resource]:
    """The tables that are served, parents first. A table without a key, or with a secret for one, is not.

    Raises:
        DuplicateAlias, UnsupportedSerializer: a table cannot be answered as its model says.
    """
    tables = [table for table in schema.tables if table.key in schema.models and is_table_public(table)]
    paths = _assign_paths(tables)
    named = Counter(schema.models[table.key].__name__ for table in tables)
    made = {}
    for table in tables:
        model = schema.models[table.key]
        name = model.__name__ if named[model.__name__] == 1 else _slug(table.key).replace(".", "_")
        resource = _resource(table, paths[table.key], model, name)
        if resource is not None:
            made[table.key] = resource
    for resource in made.values():
        _link(resource, made)
    return list(made.values())


def _assign_paths(tables: Sequence[Table]) -> dict[str, str]:
    """A path for each table, by its key: its plural, or its name with its schema where that is taken or not unique."""
    plurals = Counter(build_path(table) for table in tables)
    unique = {table.key: path for table in tables if plurals[path := build_path(table)] == 1 and path not in _TAKEN}
    used = {*_TAKEN, *unique.values()}
    for table in sorted(tables, key=lambda table: table.key):
        if table.key in unique:
            continue
        qualified = f"/{_slug(table.schema or 'public')}.{_slug(table.name)}"
        choices = chain((f"/{_slug(table.key)}", qualified), (f"{qualified}-{number}" for number in count(2)))
        unique[table.key] = next(path for path in choices if path not in used)
        used.add(unique[table.key])
    return unique


def build_path(table: Table) -> str:
    """The table's name in the plural."""
    name = _slug(table.name)
    if name.endswith("s"):
        return f"/{name}"
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"/{name[:-1]}ies"
    return f"/{name}{'es' if name.endswith(('x', 'ch', 'sh')) else 's'}"


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII)


def _resource(table: Table, path: str, model: type[SQLModel], name: str) -> Resource | None:
    columns = collect_readable_columns(table, model)
    by_column = {shown.column: shown for shown in columns.values()}
    key = tuple(by_column[column.name] for column in table.primary_key.columns if column.name in by_column)
    if len(key) < len(table.primary_key.columns) or any(shown.type_mapping.parser is None for shown in key):
        return None
    answers = build_response_model(name, model, columns)
    through_python = answers.has_python_code or any(shown.type_mapping.json_format.needs_python for shown in columns.values())
    return Resource(table, path, columns, key, answers, through_python)


def _link(resource: Resource, others: dict[str, Resource]) -> None:
    """Follow the table's foreign keys, forwards to one row and backwards to many."""
    constraints = sorted(
        (found for found in resource.table.constraints if isinstance(found, ForeignKeyConstraint)),
        key=lambda constraint: [column.name for column in constraint.columns],
    )
    keys = [_pairs(resource, constraint, others) for constraint in constraints]
    followed = [found for found in keys if found is not None]
    led_to = Counter(parent.path for parent, _ in followed)
    for parent, pairs in followed:
        columns = "-".join(child.name for child, _ in pairs)
        forwards = columns.removesuffix("_id") if len(pairs) == 1 and columns != "id" else parent.table.name
        _add(resource, Link(_slug(forwards), parent, pairs, is_many=False), columns)
        turned = tuple((mine, theirs) for theirs, mine in pairs)
        name = resource.name if led_to[parent.path] == 1 else f"{resource.name}-by-{_slug(columns)}"
        _add(parent, Link(name, resource, turned, is_many=True), columns)


def _add(resource: Resource, link: Link, columns: str) -> None:
    name = link.name if link.name not in resource.links else f"{link.name}-by-{_slug(columns)}"
    resource.links[name] = Link(name, link.target, link.column_pairs, link.is_many)


def _pairs(
    resource: Resource, constraint: ForeignKeyConstraint, others: dict[str, Resource]
) -> tuple[Resource, tuple[tuple[ReadableColumn, ReadableColumn], ...]] | None:
    """A key's columns here and there, unless any of them may not be read."""
    parent = others.get(constraint.referred_table.key)
    if parent is None:
        return None
    mine, theirs = ({shown.column: shown for shown in each.columns.values()} for each in (resource, parent))
    pairs = []
    for element in constraint.elements:
        here, there = mine.get(element.parent.name), theirs.get(element.column.name)
        if here is None or there is None or here.type_mapping.parser is None or there.type_mapping.parser is None:
            return None
        pairs.append((here, there))
    return parent, tuple(pairs)
