"""The expressions that backfill a column, and those that convert one type to another."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from seedbed.migrations.diff.statement import Loss
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Enum
from seedbed.postgres.quoting import ColumnName, quote_literal

VOLATILE_CALL = re.compile(
    r"\b(nextval|gen_random_uuid|uuidv[47]|uuid_generate_\w+|random|clock_timestamp|timeofday)\("
)
"""Functions with another value in every row; ADD COLUMN with such a default rewrites the table."""

_NUMBERED_PLACEHOLDERS = (
    (("smallint", "integer", "bigint", "numeric", "real", "double", "money", "oid"), "n"),
    (("character", "text", "citext", "public.citext", "name", "xml", "bit varying"), "n::text"),
    (("timestamp",), "'1970-01-01'::timestamp + n * interval '1 second'"),
    (("date",), "DATE '1970-01-01' + n::integer"),
    (("time",), "'00:00:00'::time + n * interval '1 microsecond'"),
    (("interval",), "n * interval '1 second'"),
    (("uuid",), "gen_random_uuid()"),
    (("inet", "cidr"), "'0.0.0.0'::inet + n"),
    (("boolean",), "n % 2 = 1"),
    (("jsonb",), "to_jsonb(n)"),
    (("macaddr8",), "lpad(to_hex(n), 16, '0')"),
    (("macaddr",), "lpad(to_hex(n), 12, '0')"),
    (("bit",), "n::integer::bit(31)"),
    (("tsvector",), "n::text"),
    (("int4range", "int8range", "numrange"), "'[' || n || ',' || n || ']'"),
    (("bytea",), "n::text::bytea"),
)

_PLACEHOLDERS = (
    (("smallint", "integer", "bigint", "numeric", "real", "double", "money", "oid"), "0"),
    (("boolean",), "false"),
    (("character", "text", "citext", "public.citext", "name", "xml"), "''"),
    (("timestamp", "date"), "'1970-01-01'"),
    (("time",), "'00:00:00'"),
    (("interval",), "'0'"),
    (("uuid",), "'00000000-0000-0000-0000-000000000000'"),
    (("jsonb", "json"), "'null'"),
    (("bytea",), "'\\x'"),
    (("inet", "cidr"), "'0.0.0.0/32'"),
    (("macaddr8",), "'00:00:00:00:00:00:00:00'"),
    (("macaddr",), "'00:00:00:00:00:00'"),
    (("tsvector",), "''"),
)


class ConversionEffect(NamedTuple):
    """What values lose when their type changes, and what they must be for the conversion to succeed."""

    loss: Loss | None
    row_condition: str | None


@dataclass(frozen=True)
class ValueSources:
    """Where the values of existing rows come from when columns are added or change.

    `backfills` are SQL expressions by column; those of `constant_backfills` can stand as a default. `using_expressions`
    compute the value of a new type, and `reverse_expressions` the old value from it. `casts` are the pairs of types
    that PostgreSQL can cast. `backfill_effects` say what a backfill loses, and what values it takes.

    In a downgrade (`is_downgrade`), a dropped column comes back empty, or with a placeholder where it is NOT NULL; the
    revision names both as losses. `deferred_columns` are added empty, whatever their default: a later revision fills
    them.
    """

    backfills: Mapping[ColumnName, str] = field(default_factory=dict)
    constant_backfills: frozenset[ColumnName] = frozenset()
    using_expressions: Mapping[ColumnName, str] = field(default_factory=dict)
    reverse_expressions: Mapping[ColumnName, str] = field(default_factory=dict)
    casts: frozenset[tuple[str, str]] = frozenset()
    is_downgrade: bool = False
    deferred_columns: frozenset[ColumnName] = frozenset()
    backfill_effects: Mapping[ColumnName, ConversionEffect] = field(default_factory=dict)


def pick_placeholder(type_name: str, catalog: Catalog) -> str | None:
    """A constant without meaning for a column that must not be NULL; None for a type that has none."""
    if type_name.endswith("[]"):
        return "'{}'"
    if type_name.endswith("range"):
        return "'{}'" if "multirange" in type_name else "'empty'"
    schema, _, bare = type_name.rpartition(".")
    enum = catalog.objects.get(("type", schema or "public", bare.strip('"')))
    if isinstance(enum, Enum):
        return quote_literal(enum.labels[0]) if enum.labels else None
    if type_name.startswith("bit") and "varying" not in type_name:
        length = int(type_name.partition("(")[2].rstrip(")") or 1)
        return f"B'{'0' * length}'"
    for names, value in _PLACEHOLDERS:
        if type_name.startswith(names):
            return value
    return "''" if type_name.startswith("bit varying") else None


def pick_numbered_placeholder(type_name: str, catalog: Catalog) -> str | None:
    """An expression of the row number `n` that differs in every row, as far as the type has values; None for a type
    that has none.
    """
    schema, _, bare = type_name.rpartition(".")
    enum = catalog.objects.get(("type", schema or "public", bare.strip('"')))
    if isinstance(enum, Enum):
        return f"(ARRAY[{', '.join(map(quote_literal, enum.labels))}])[n]"
    if type_name.endswith("[]"):
        return "'{' || n || '}'"
    return next((value for names, value in _NUMBERED_PLACEHOLDERS if type_name.startswith(names)), None)
