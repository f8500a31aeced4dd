"""The j-th value of a type, another one for each j as far as the type has values."""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.dialects.postgresql import Range

from seedbed.seeding.core.column_types import RANGES, Kind

WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor", "iris", "juniper", "kelp", "linden")
_BYTES = 16


class Dice(Protocol):
    """Draws one after another."""

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1."""

    def pick(self, items: Sequence[Any]) -> Any: ...


Nth = Callable[[int, Dice], Any]


def series(kind: Kind, as_of: datetime, *, unique: bool = False, longest: int | None = None) -> Nth | None:
    """What makes a type's values; None of a type that nothing is known of.

    Unless `unique`, words and lists of them repeat. Ranges of different j do not overlap, so that a constraint that
    excludes overlaps is kept.
    """
    if kind.element is not None:
        element = series(kind.element, as_of, unique=unique, longest=longest)
        return None if element is None else lambda j, dice: _list(element, j, dice, unique=unique)
    if kind.name in {"json", "jsonb"}:
        return some_json
    if kind.name in RANGES:
        return lambda j, dice: _range(kind.name, as_of, j, dice)
    if kind.name.endswith("multirange"):
        name = kind.name.replace("multirange", "range")
        return lambda j, dice: _ranges(name, as_of, j, dice)
    if kind.labels:
        return lambda _, dice: dice.pick(kind.labels)
    if kind.is_text:
        return lambda j, dice: f"{dice.pick(WORDS)}{j if unique else ''}"[: kind.size]
    if kind.name == "bytea":
        return lambda j, dice: (j.to_bytes(4, "big") + bytes(dice.below(256) for _ in range(12)))[: longest or _BYTES]
    return _makers(kind, as_of).get(kind.name)


def some_json(j: int, dice: Dice) -> Any:
    """A JSON object of no model."""
    return {"name": dice.pick(WORDS), "count": dice.below(100), "tags": [dice.pick(WORDS)], "number": j}


def uuid(j: int, dice: Dice) -> UUID:
    number = j << 96 | dice.below(2**32) << 64 | dice.below(2**32) << 32 | dice.below(2**32)
    return UUID(int=number & ~(0xF000 << 64) & ~(0xC000 << 48) | 0x4000 << 64 | 0x8000 << 48)


def _makers(kind: Kind, as_of: datetime) -> Mapping[str, Nth]:
    size = kind.size
    return {
        "inet": lambda j, _: str(ipaddress.ip_address("10.0.0.1") + j),
        "cidr": lambda j, _: f"{ipaddress.ip_address('10.0.0.0') + j * 256}/24",
        "macaddr": lambda j, _: ":".join(f"{byte:02x}" for byte in (0x02_00_00_00_00_00 + j).to_bytes(6, "big")),
        "macaddr8": lambda j, _: ":".join(f"{byte:02x}" for byte in (0x02 << 56 | j).to_bytes(8, "big")),
        "bit": lambda j, _: format(j % 2 ** (size or 1), f"0{size or 1}b"),
        "varbit": lambda j, _: format(j, "b")[-(size or 60) :],
        "int2": lambda j, _: j % 32_000 + 1,
        "int4": lambda j, _: j + 1,
        "int8": lambda j, _: j + 1,
        "float4": lambda j, _: j / 4,
        "float8": lambda j, _: j / 4,
        "numeric": lambda j, _: Decimal(j % 10 ** (size or 9)).scaleb(-kind.decimals),
        "bool": lambda _, dice: bool(dice.below(2)),
        "uuid": uuid,
        "date": lambda j, _: as_of.date() - timedelta(days=j % 3000 + 1),
        "timestamptz": lambda j, _: as_of - timedelta(hours=j + 1),
        "timestamp": lambda j, _: as_of.replace(tzinfo=None) - timedelta(hours=j + 1),
        "interval": lambda j, _: timedelta(minutes=15 * (j + 1)),
        "time": lambda j, _: (datetime(2000, 1, 1) + timedelta(minutes=j)).time(),  # noqa: DTZ001
        "timetz": lambda j, _: f"{j // 60 % 24:02}:{j % 60:02}:00+00",
        "hstore": lambda j, dice: f"{dice.pick(WORDS)}=>{j}",
        "ltree": lambda j, dice: f"{dice.pick(WORDS)}.{dice.pick(WORDS)}.{j}",
        "tsvector": lambda j, dice: f"'{dice.pick(WORDS)}':1 '{dice.pick(WORDS)}{j}':2",
        "money": lambda j, _: f"{j}.50",
        "oid": lambda j, _: j + 1,
        "xml": lambda j, _: f"<row>{j}</row>",
        "point": lambda j, dice: f"({dice.below(180) - 90},{j})",
    }


def _list(element: Nth, j: int, dice: Dice, *, unique: bool) -> list[Any]:
    if unique:
        return [element(j, dice), *(element(dice.below(100), dice) for _ in range(dice.below(2)))]
    if dice.below(10) == 0:
        return []
    return [element(dice.below(200), dice) for _ in range(1 + dice.below(3))]


def _range(name: str, as_of: datetime, j: int, dice: Dice) -> Any:
    bounds: tuple[Any, Any]
    width = 1 + dice.below(8)
    match RANGES[name]:
        case "date":
            start = as_of.date() - timedelta(days=10 * (j + 1))
            bounds = (start, start + timedelta(days=width))
        case "timestamp" | "timestamptz":
            moment = as_of.replace(tzinfo=as_of.tzinfo if name == "tstzrange" else None) - timedelta(hours=10 * (j + 1))
            bounds = (moment, moment + timedelta(hours=width))
        case "numeric":
            bounds = (Decimal(10 * j), Decimal(10 * j + width))
        case _:
            bounds = (10 * j, 10 * j + width)
    return Range(*bounds, bounds="[)")


def _ranges(name: str, as_of: datetime, j: int, dice: Dice) -> list[Any]:
    parts = (_range(name, as_of, 2 * j + part, dice) for part in range(1 + dice.below(2)))
    return sorted(parts, key=lambda part: part.lower)
