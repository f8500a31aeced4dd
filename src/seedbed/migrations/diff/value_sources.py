"""What is known beside two catalogs: what fills a column, and how one type becomes another."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from seedbed.migrations.diff.statement import Loss
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Enum
from seedbed.postgres.quoting import quote_literal

ColumnName = tuple[str, str, str]
"""Schema, table and column."""

VOLATILE_CALL = re.compile(
    r"\b(nextval|gen_random_uuid|uuidv[47]|uuid_generate_\w+|random|clock_timestamp|timeofday)\("
)
"""Functions that give every row another value; ADD COLUMN with such a default writes all rows anew."""

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
    """What a value loses on its way to another type, and what it must be to get there."""

    loss: Loss | None
    row_condition: str | None


@dataclass(frozen=True)
class ValueSources:
    """`fills` are SQL expressions for the rows that exist, by column; a `constant` one may stand as a default. `using`
    make a new type's value, and `back` the old one from it.

    `restoring` is true for the way back down: a column that was dropped comes back empty, and where it must not be
    NULL, with a neutral value; both are losses that the revision names. `later` are new columns that a later revision
    fills, and that are added empty, whatever their default. `tolls` say what a filling leaves off, and what
    values it takes.
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
    """A value that says nothing, for a column that must have one."""
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
    """A value that says nothing and is another in every row, in terms of the row's number n, for as many rows as the
    type has values.
    """
    schema, _, bare = type_name.rpartition(".")
    enum = catalog.objects.get(("type", schema or "public", bare.strip('"')))
    if isinstance(enum, Enum):
        return f"(ARRAY[{', '.join(map(quote_literal, enum.labels))}])[n]"
    if type_name.endswith("[]"):
        return "'{' || n || '}'"
    return next((value for names, value in _NUMBERED_PLACEHOLDERS if type_name.startswith(names)), None)
