"""Which tables are served, under which paths, with which columns, and where their foreign keys lead."""

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, TypeAdapter, create_model
from sqlalchemy import Column, ForeignKeyConstraint, Table, inspect
from sqlmodel import SQLModel

from seedbed.modelling import Schema
from seedbed.postgres.quoting import column_name, table_name
from seedbed.serving.kinds import Kind, kind_of
from seedbed.serving.visibility import is_public, public_columns

_TAKEN = frozenset({"/docs", "/health", "/metrics", "/openapi.json", "/redoc"})


@dataclass(frozen=True, eq=False)
class Shown:
    """A column that may be read."""

    name: str
    kind: Kind
    nullable: bool
    description: str | None

    @cached_property
    def sql(self) -> str:
        return f"t.{column_name(self.name)}"

    @cached_property
    def json(self) -> str:
        """The column as it is answered, under its own name."""
        return f"{self.kind.json(self.sql)} AS {column_name(self.name)}"


@dataclass(frozen=True, eq=False)
class Link:
    """A foreign key from a row to others: `to` is what it leads to, by columns of it that equal columns of the row."""

    name: str
    to: "Resource"
    pairs: tuple[tuple[Shown, Shown], ...]
    many: bool


@dataclass(frozen=True, eq=False)
class Resource:
    """A served table. Where PostgreSQL alone cannot write a row as the model would, it goes `through_python`."""

    table: Table
    path: str
    columns: dict[str, Shown]
    key: tuple[Shown, ...]
    answer: type[BaseModel]
    through_python: bool
    links: dict[str, Link] = field(default_factory=dict)

    @cached_property
    def sql(self) -> str:
        return table_name(self.table)

    @property
    def name(self) -> str:
        return self.path.removeprefix("/")

    @cached_property
    def rows(self) -> "TypeAdapter[list[BaseModel]]":
        return TypeAdapter(list[self.answer])  # type: ignore[name-defined]


def resources(schema: Schema) -> list[Resource]:
    """The tables that are served, parents first. A table without a key, or with a secret for one, is not."""
    tables = [table for table in schema.tables if table.key in schema.models and is_public(table)]
    wanted = Counter(path_of(table) for table in tables)
    named = Counter(schema.models[table.key].__name__ for table in tables)
    made = {}
    for table in tables:
        path = path_of(table)
        if wanted[path] > 1 or path in _TAKEN:
            path = f"/{_slug(table.key)}"
        model = schema.models[table.key]
        name = model.__name__ if named[model.__name__] == 1 else _slug(table.key).replace(".", "_")
        made[table.key] = _resource(table, path, model, name)
    for resource in made.values():
        _link(resource, made)
    return list(made.values())


def path_of(table: Table) -> str:
    """The table's name in the plural."""
    name = _slug(table.name)
    if name.endswith("s"):
        return f"/{name}"
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"/{name[:-1]}ies"
    return f"/{name}{'es' if name.endswith(('x', 'ch', 'sh')) else 's'}"


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII)


def _resource(table: Table, path: str, model: type[SQLModel], name: str) -> Resource:
    columns = {}
    for column in public_columns(table):
        annotation, description = _said(column, model)
        kind = kind_of(column.type, annotation)
        columns[column.name] = Shown(column.name, kind, bool(column.nullable), description)
    key = tuple(columns[column.name] for column in table.primary_key.columns)
    serializers = _field_serializers(model)
    through_python = bool(serializers) or any(column.kind.python for column in columns.values())
    return Resource(table, path, columns, key, _answer(name, model, table, columns, serializers), through_python)


def _answer(
    name: str, model: type[SQLModel], table: Table, columns: dict[str, Shown], serializers: dict[str, Any]
) -> type[BaseModel]:
    """A row as it is answered. A column that the database fills is never NULL in an answer, whatever a row being made
    may lack. Columns are aliases, since a column may be called what no field of a model can be.
    """
    fields: dict[str, Any] = {}
    for number, shown in enumerate(columns.values()):
        annotation = shown.kind.annotation
        own = serializers.get(inspect(model).get_property_by_column(table.columns[_key(table, shown)]).key)
        if own is not None:
            annotation = _serialized(annotation, own)
        if shown.nullable:
            annotation = annotation | None if annotation is not Any else Any
        fields[f"column_{number}"] = (annotation, Field(alias=shown.name, description=shown.description))
    config = ConfigDict(ser_json_inf_nan="strings", serialize_by_alias=True, title=name)
    made: type[BaseModel] = create_model(name, __config__=config, **fields)
    return made


def _key(table: Table, shown: Shown) -> str:
    return next(column.key for column in table.columns if column.name == shown.name)


def _field_serializers(model: type[SQLModel]) -> dict[str, Any]:
    found = {}
    for decorator in model.__pydantic_decorators__.field_serializers.values():
        if decorator.info.mode == "plain":
            for name in decorator.info.fields:
                found[name] = decorator.func
    return found


def _serialized(annotation: Any, own: Any) -> Any:
    def serialize(value: Any) -> Any:
        return own(None, value)

    return Annotated[annotation, PlainSerializer(serialize)]


def _said(column: Column[Any], model: type[SQLModel]) -> tuple[Any, str | None]:
    """A column's Python type and description: those of the field it was made from, which may have another name."""
    found = inspect(model).get_property_by_column(column).key
    own = model.model_fields.get(found)
    return (Any, None) if own is None else (own.annotation, own.description)


def _link(resource: Resource, others: dict[str, Resource]) -> None:
    """Follow the table's foreign keys, forwards to one row and backwards to many."""
    constraints = sorted(
        (found for found in resource.table.constraints if isinstance(found, ForeignKeyConstraint)),
        key=lambda constraint: [column.name for column in constraint.columns],
    )
    keys = [_pairs(resource, constraint, others) for constraint in constraints]
    followed = [found for found in keys if found is not None]
    count = Counter(parent.path for parent, _ in followed)
    for parent, pairs in followed:
        columns = "-".join(child.name for child, _ in pairs)
        forwards = columns.removesuffix("_id") if len(pairs) == 1 and columns != "id" else parent.table.name
        _add(resource, Link(_slug(forwards), parent, pairs, many=False), columns)
        turned = tuple((mine, theirs) for theirs, mine in pairs)
        name = resource.name if count[parent.path] == 1 else f"{resource.name}-by-{_slug(columns)}"
        _add(parent, Link(name, resource, turned, many=True), columns)


def _add(resource: Resource, link: Link, columns: str) -> None:
    name = link.name if link.name not in resource.links else f"{link.name}-by-{_slug(columns)}"
    resource.links[name] = Link(name, link.to, link.pairs, link.many)


def _pairs(
    resource: Resource, constraint: ForeignKeyConstraint, others: dict[str, Resource]
) -> tuple[Resource, tuple[tuple[Shown, Shown], ...]] | None:
    """A key's columns here and there, unless any of them may not be read."""
    parent = others.get(constraint.referred_table.key)
    if parent is None:
        return None
    pairs = []
    for element in constraint.elements:
        here, there = resource.columns.get(element.parent.name), parent.columns.get(element.column.name)
        if here is None or there is None or here.kind.cast is None or there.kind.cast is None:
            return None
        pairs.append((here, there))
    return parent, tuple(pairs)
