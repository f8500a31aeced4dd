"""Decide which tables and columns are readable, under which names, and hide what looks like a secret."""

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from pydantic import SecretBytes, SecretStr
from pydantic.fields import FieldInfo
from sqlalchemy import Column, Table, inspect
from sqlmodel import SQLModel

from seedbed.errors import DuplicateAlias
from seedbed.postgres.quoting import quote_identifier
from seedbed.service.queries.column_types import TypeMapping, map_type

_SECRET_WORDS = frozenset(
    {
        "apikey", "cvc", "cvv", "hash", "otp", "pass", "passcode", "pin", "pincode", "pwd", "salt", "secret",
        "ssn", "token", "totp",
    }
)  # fmt: skip
_SECRET_WORD_PAIRS = frozenset({(first, "key") for first in ("api", "access", "encryption", "private", "signing")}
                   | {(first, "code") for first in ("backup", "recovery", "security")})  # fmt: skip
_SINGULAR_WORDS = _SECRET_WORDS | {"key", "code"}
_SECRET_PARTS = ("apikey", "credential", "passphrase", "passwd", "password", "secret", "token")
"""Parts of words that only secrets have, except `secretary`."""


def list_public_columns(table: Table) -> list[Column[object]]:
    """List the columns that may appear in a response. A column whose name looks like a secret is hidden.

    `info={"public": True}` shows a column whatever its name, and False hides it.
    """
    return [column for column in table.columns if column.info.get("public", not is_secret_name(column.name))]


def is_table_public(table: Table) -> bool:
    """Whether a table may be read at all: neither its name nor its primary key's looks like a secret.

    A key is part of a request's path, and so of every log on the way.
    """
    columns = list_public_columns(table)
    is_public = table.info.get("public", not is_secret_name(table.name))
    key_columns = list(table.primary_key.columns)
    return bool(is_public) and bool(key_columns) and all(column in columns for column in key_columns)


def is_excluded(field: FieldInfo) -> bool:
    """Whether a model's field is in no response, by `exclude=True` or one of Pydantic's secret types."""
    types = (field.annotation, *getattr(field.annotation, "__args__", ()))
    return field.exclude is True or SecretStr in types or SecretBytes in types


def is_secret_name(name: str) -> bool:
    """Whether a name, in snake or camel case, singular or plural, looks like that of a secret."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    words = [_singular(word.strip("0123456789")) for word in spaced.lower().split("_")]
    has_secret_part = any(part in word for word in words if word != "secretary" for part in _SECRET_PARTS)
    return (
        has_secret_part
        or not _SECRET_WORDS.isdisjoint(words)
        or any(pair in _SECRET_WORD_PAIRS for pair in pairwise(words))
    )


def _singular(word: str) -> str:
    return next((stem for end in ("s", "es") if (stem := word.removesuffix(end)) in _SINGULAR_WORDS), word)


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
