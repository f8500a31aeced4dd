"""The PostgreSQL types that Seedbed can fill. Add an entry to `_ALL` to add a type."""

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, Protocol
from uuid import UUID

from seedbed.seeding.core.binary_values import (
    Encoder,
    address_encoder,
    bits_bytes,
    bool_bytes,
    bytea_bytes,
    date_bytes,
    hardware_bytes,
    interval_bytes,
    json_bytes,
    jsonb_bytes,
    moment_bytes,
    number_encoder,
    numeric_bytes,
    text_bytes,
    time_bytes,
    uuid_bytes,
)

WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor", "iris", "juniper", "kelp", "linden")
_BYTES = 16

Generator = Literal["boolean", "decimal", "enum", "float", "integer", "moment", "series", "text", "time of day", "uuid"]
"""The generator for columns of a type, in seedbed.seeding.generators. The one for "series" calls `series`."""


class Dice(Protocol):
    """Draws one after another."""

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1."""

    def pick(self, items: Sequence[Any]) -> Any: ...


@dataclass(frozen=True)
class SeriesOptions:
    """What values of a type depend on: a column's size and decimals, and the moment that times lie before."""

    size: int | None
    decimals: int
    as_of: datetime
    unique: bool = False
    longest: int | None = None


Series = Callable[[int, Dice, SeriesOptions], Any]
"""The j-th value of a type, another one for each j as far as the type has values."""


@dataclass(frozen=True)
class PostgresType:
    """A type by pg_type's name; `aliases` are its other names in SQL.

    `series` makes values of it one by one. `encode` writes a value for COPY in binary; a table with a column of a type
    that has none goes as text. Servers know a type with an `oid` by that number, and an array in binary names the type
    of its elements by it. An integer stays below its `limit`. `range_of` is the type of a range's bounds.
    """

    name: str
    generator: Generator
    series: Series | None = None
    encode: Encoder | None = None
    oid: int | None = None
    aliases: tuple[str, ...] = ()
    has_size: bool = False
    limit: int | None = None
    range_of: str | None = None


def json_value(j: int, dice: Dice, _: SeriesOptions | None = None) -> Any:
    """A JSON object of no model."""
    return {"name": dice.pick(WORDS), "count": dice.below(100), "tags": [dice.pick(WORDS)], "number": j}


def uuid_value(j: int, dice: Dice, _: SeriesOptions | None = None) -> UUID:
    number = j << 96 | dice.below(2**32) << 64 | dice.below(2**32) << 32 | dice.below(2**32)
    return UUID(int=number & ~(0xF000 << 64) & ~(0xC000 << 48) | 0x4000 << 64 | 0x8000 << 48)


def _word(j: int, dice: Dice, options: SeriesOptions) -> str:
    return f"{dice.pick(WORDS)}{j if options.unique else ''}"[: options.size]


def _bytes(j: int, dice: Dice, options: SeriesOptions) -> bytes:
    return (j.to_bytes(4, "big") + bytes(dice.below(256) for _ in range(12)))[: options.longest or _BYTES]


def _hardware(first: int, size: int) -> Series:
    return lambda j, _, __: ":".join(f"{byte:02x}" for byte in (first + j).to_bytes(size, "big"))


_ALL = (
    PostgresType(
        "bool", "boolean", lambda _, dice, __: bool(dice.below(2)), bool_bytes, oid=16, aliases=("boolean",)
    ),
    PostgresType(
        "int2", "integer", lambda j, _, __: j % 32_000 + 1, number_encoder(">h"), oid=21, limit=2**15,
        aliases=("smallint", "smallserial"),
    ),
    PostgresType(
        "int4", "integer", lambda j, _, __: j + 1, number_encoder(">i"), oid=23, limit=2**31,
        aliases=("integer", "int", "serial"),
    ),
    PostgresType(
        "int8", "integer", lambda j, _, __: j + 1, number_encoder(">q"), oid=20, limit=2**63,
        aliases=("bigint", "bigserial"),
    ),
    PostgresType(
        "numeric", "decimal",
        lambda j, _, options: Decimal(j % 10 ** (options.size or 9)).scaleb(-options.decimals),
        numeric_bytes, oid=1700, has_size=True, aliases=("decimal",),
    ),
    PostgresType("float4", "float", lambda j, _, __: j / 4, number_encoder(">f"), oid=700, aliases=("real",)),
    PostgresType(
        "float8", "float", lambda j, _, __: j / 4, number_encoder(">d"), oid=701, aliases=("double precision", "float")
    ),
    PostgresType("money", "series", lambda j, _, __: f"{j}.50"),
    PostgresType("oid", "series", lambda j, _, __: j + 1),
    PostgresType("text", "text", _word, text_bytes, oid=25, has_size=True),
    PostgresType("varchar", "text", _word, text_bytes, oid=1043, has_size=True, aliases=("character varying",)),
    PostgresType("bpchar", "text", _word, text_bytes, oid=1042, has_size=True, aliases=("char", "character")),
    PostgresType("citext", "text", _word, text_bytes, has_size=True),
    PostgresType("enum", "enum", encode=text_bytes),
    PostgresType("uuid", "uuid", uuid_value, uuid_bytes, oid=2950),
    PostgresType(
        "date", "moment", lambda j, _, options: options.as_of.date() - timedelta(days=j % 3000 + 1), date_bytes,
        oid=1082,
    ),
    PostgresType(
        "timestamp", "moment", lambda j, _, options: options.as_of.replace(tzinfo=None) - timedelta(hours=j + 1),
        moment_bytes, oid=1114, aliases=("timestamp without time zone",),
    ),
    PostgresType(
        "timestamptz", "moment", lambda j, _, options: options.as_of - timedelta(hours=j + 1), moment_bytes, oid=1184,
        aliases=("timestamp with time zone",),
    ),
    PostgresType(
        "time", "time of day",
        lambda j, _, __: (datetime(2000, 1, 1) + timedelta(minutes=j)).time(),  # noqa: DTZ001 - it has no zone
        time_bytes, oid=1083, aliases=("time without time zone",),
    ),
    PostgresType(
        "timetz", "series", lambda j, _, __: f"{j // 60 % 24:02}:{j % 60:02}:00+00", oid=1266,
        aliases=("time with time zone",),
    ),
    PostgresType(
        "interval", "time of day", lambda j, _, __: timedelta(minutes=15 * (j + 1)), interval_bytes, oid=1186
    ),
    PostgresType("json", "series", json_value, json_bytes, oid=114),
    PostgresType("jsonb", "series", json_value, jsonb_bytes, oid=3802),
    PostgresType("bytea", "series", _bytes, bytea_bytes, oid=17),
    PostgresType(
        "inet", "series", lambda j, _, __: str(ipaddress.ip_address("10.0.0.1") + j), address_encoder(network=False),
        oid=869,
    ),
    PostgresType(
        "cidr", "series", lambda j, _, __: f"{ipaddress.ip_address('10.0.0.0') + j * 256}/24",
        address_encoder(network=True), oid=650,
    ),
    PostgresType("macaddr", "series", _hardware(0x02_00_00_00_00_00, 6), hardware_bytes, oid=829),
    PostgresType("macaddr8", "series", _hardware(0x02 << 56, 8), hardware_bytes, oid=774),
    PostgresType(
        "bit", "series", lambda j, _, options: format(j % 2 ** (options.size or 1), f"0{options.size or 1}b"),
        bits_bytes, oid=1560, has_size=True,
    ),
    PostgresType(
        "varbit", "series", lambda j, _, options: format(j, "b")[-(options.size or 60) :], bits_bytes, oid=1562,
        has_size=True, aliases=("bit varying",),
    ),
    PostgresType("int4range", "series", oid=3904, range_of="int4"),
    PostgresType("int8range", "series", oid=3926, range_of="int8"),
    PostgresType("numrange", "series", oid=3906, range_of="numeric"),
    PostgresType("tsrange", "series", oid=3908, range_of="timestamp"),
    PostgresType("tstzrange", "series", oid=3910, range_of="timestamptz"),
    PostgresType("daterange", "series", oid=3912, range_of="date"),
    PostgresType("hstore", "series", lambda j, dice, _: f"{dice.pick(WORDS)}=>{j}"),
    PostgresType("ltree", "series", lambda j, dice, _: f"{dice.pick(WORDS)}.{dice.pick(WORDS)}.{j}"),
    PostgresType("tsvector", "series", lambda j, dice, _: f"'{dice.pick(WORDS)}':1 '{dice.pick(WORDS)}{j}':2"),
    PostgresType("xml", "series", lambda j, _, __: f"<row>{j}</row>"),
    PostgresType("point", "series", lambda j, dice, _: f"({dice.below(180) - 90},{j})"),
)  # fmt: skip

TYPES = {one.name: one for one in _ALL}
"""Types by pg_type's names. An array, and a multirange of the ranges here, needs no entry of its own."""
