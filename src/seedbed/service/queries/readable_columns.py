"""Collect the readable columns of a table, under their names in requests and responses."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic.fields import FieldInfo
from sqlalchemy import Column, Table, inspect
from sqlmodel import SQLModel

from seedbed.errors import DuplicateAlias
from seedbed.postgres.quoting import quote_identifier
from seedbed.service.queries.column_types import TypeMapping, map_type
from seedbed.service.queries.visibility import is_excluded, is_secret_name, list_public_columns


@dataclass(frozen=True, eq=False)
class ReadableColumn:
    """A readable column. `name` is its name in requests and responses, and `attribute` the model's attribute."""

    name: str
    database_name: str
    attribute: str
    type_mapping: TypeMapping
    is_nullable: bool
    description: str | None

    @property
    def cast(self) -> str:
        """The SQL type that parameters are cast to."""
        return self.type_mapping.parser.cast if self.type_mapping.parser is not None else "text"

    @cached_property
    def sql(self) -> str:
        return f"t.{quote_identifier(self.database_name)}"

    @cached_property
    def json_sql(self) -> str:
        """The SQL expression of the column's JSON value, under its name."""
        return f"{self.type_mapping.json_format.to_json_sql(self.sql)} AS {quote_identifier(self.name)}"


def collect_readable_columns(table: Table, model: type[SQLModel]) -> dict[str, ReadableColumn]:
    """Collect the readable columns by name: the column's own, or the serialization alias of the model's field.

    Raises:
        DuplicateAlias: two columns would have the same name.
    """
    columns: dict[str, ReadableColumn] = {}
    for column in list_public_columns(table):
        attribute = inspect(model).get_property_by_column(column).key
        field = model.model_fields.get(attribute)
        if field is not None and is_excluded(field) and not column.info.get("public"):
            continue
        name = read_alias(field, column)
        if is_secret_name(name) and not column.info.get("public"):
            continue
        if name in columns:
            raise DuplicateAlias(table.name, name)
        kind = map_type(column.type, Any if field is None else field.annotation)
        description = None if field is None else field.description
        columns[name] = ReadableColumn(name, column.name, attribute, kind, bool(column.nullable), description)
    return columns


def read_alias(field: FieldInfo | None, column: Column[object]) -> str:
    alias = None if field is None else field.serialization_alias or field.alias
    return alias or column.name
