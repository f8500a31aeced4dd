"""One value of Python as the bytes that PostgreSQL receives for it, by the type of its column.

The formats are those of the server's own `..._recv` functions (src/backend/utils/adt).
"""

import ipaddress
import struct
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from seedbed.seeding.core.column_types import OIDS, RANGES, Kind
from seedbed.seeding.core.number_codec import MICROSECOND, microseconds
from seedbed.seeding.encoding.text import json_text

Encoder = Callable[[Any], bytes]

NULL = b"\xff\xff\xff\xff"
EPOCH_DAYS = date(2000, 1, 1).toordinal()
EPOCH_MICROSECONDS = microseconds(datetime(2000, 1, 1, tzinfo=UTC))
GROUP = 4
"""Decimal digits that a numeric keeps together."""

_NEGATIVE = 0x4000
_EMPTY, _LOWER_IN, _UPPER_IN, _LOWER_OPEN, _UPPER_OPEN = 0x01, 0x02, 0x04, 0x08, 0x10
_FAMILIES = {4: 2, 6: 3}
_WORDS = {"int2": ">h", "int4": ">i", "int8": ">q", "float4": ">f", "float8": ">d"}


def encoder(kind: Kind) -> Encoder:
    """What writes a value of this kind, without its length."""
    if kind.element is not None:
        return _array(kind.element)
    if kind.name in RANGES:
        return _range(Kind(RANGES[kind.name]))
    if kind.name.endswith("multirange"):
        return _multirange(Kind(RANGES[kind.name.replace("multirange", "range")]))
    if kind.name in _WORDS:
        return _word(kind.name)
    return _ENCODERS.get(kind.name, _text)


def with_length(payload: bytes) -> bytes:
    return struct.pack(">i", len(payload)) + payload


def _word(name: str) -> Encoder:
    pack, number = struct.Struct(_WORDS[name]).pack, float if name.startswith("float") else int
    return lambda value: pack(number(value))


def _text(value: Any) -> bytes:
    if value is None:
        raise TypeError("None is NULL, and no text")
    if isinstance(value, Enum):
        value = value.value if isinstance(value.value, str) else value.name
    if not isinstance(value, str):
        value = str(value)
    return bytes(value.encode())


def _bool(value: Any) -> bytes:
    if isinstance(value, str) and value.lower() in {"true", "t", "false", "f"}:
        return b"\x01" if value.lower().startswith("t") else b"\x00"
    if not isinstance(value, bool | int):
        raise TypeError(f"{value!r} is neither true nor false")
    return b"\x01" if value else b"\x00"


def _bytea(value: Any) -> bytes:
    return bytes(value)


def _jsonb(value: Any) -> bytes:
    return b"\x01" + json_text(value).encode()


def _date(value: Any) -> bytes:
    day = date.fromisoformat(value) if isinstance(value, str) else value
    return struct.pack(">i", day.toordinal() - EPOCH_DAYS)


def _moment(value: Any) -> bytes:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return struct.pack(">q", microseconds(moment) - EPOCH_MICROSECONDS)


def _time(value: Any) -> bytes:
    moment = time.fromisoformat(value) if isinstance(value, str) else value
    seconds = (moment.hour * 60 + moment.minute) * 60 + moment.second
    return struct.pack(">q", seconds * 1_000_000 + moment.microsecond)


def _interval(value: Any) -> bytes:
    return struct.pack(">qii", value // MICROSECOND, 0, 0)


def _uuid(value: Any) -> bytes:
    return (value if isinstance(value, UUID) else UUID(value)).bytes


def _numeric(value: Any) -> bytes:
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    if not number.is_finite():
        return struct.pack(">hhHh", 0, 0, 0xC000 if number.is_nan() else 0xF000 if number < 0 else 0xD000, 0)
    sign, digits, exponent = number.as_tuple()
    scale = max(0, -int(exponent))
    whole = int("".join(map(str, digits)) or "0") * 10 ** (int(exponent) + scale)
    after = -(-scale // GROUP)
    whole *= 10 ** (after * GROUP - scale)
    groups: list[int] = []
    while whole:
        whole, group = divmod(whole, 10**GROUP)
        groups.insert(0, group)
    weight = len(groups) - after - 1
    head = struct.pack(">hhHh", len(groups), weight, _NEGATIVE if sign and groups else 0, scale)
    return head + struct.pack(f">{len(groups)}h", *groups)


def _address(*, network: bool) -> Encoder:
    def encode(value: Any) -> bytes:
        found: Any = ipaddress.ip_network(value) if network else ipaddress.ip_interface(value)
        address = found.network_address if network else found.ip
        packed = bytes(address.packed)
        bits = found.prefixlen if network else found.network.prefixlen
        return struct.pack("BBBB", _FAMILIES[found.version], bits, int(network), len(packed)) + packed

    return encode


def _hardware(value: Any) -> bytes:
    return bytes.fromhex(str(value).replace(":", "").replace("-", ""))


def _bits(value: Any) -> bytes:
    text = str(value)
    padded = text.ljust(-(-len(text) // 8) * 8, "0")
    return struct.pack(">i", len(text)) + int(padded or "0", 2).to_bytes(len(padded) // 8, "big")


def _array(element: Kind) -> Encoder:
    encode, number = encoder(element), OIDS.get(element.name, 0)

    def array(value: Any) -> bytes:
        sizes, items = _shape(value)
        if not items:
            return struct.pack(">iii", 0, 0, number)
        head = struct.pack(">iii", len(sizes), int(None in items), number)
        head += b"".join(struct.pack(">ii", size, 1) for size in sizes)
        return head + b"".join(NULL if item is None else with_length(encode(item)) for item in items)

    return array


def _shape(value: Sequence[Any]) -> tuple[list[int], list[Any]]:
    sizes, items = [len(value)], list(value)
    while items and all(isinstance(item, list | tuple) for item in items):
        sizes.append(len(items[0]))
        items = [inner for item in items for inner in item]
    return sizes, items


def _range(bound: Kind) -> Encoder:
    encode = encoder(bound)

    def written(value: Any) -> bytes:
        if getattr(value, "isempty", getattr(value, "empty", False)):
            return bytes([_EMPTY])
        bounds = str(getattr(value, "bounds", None) or getattr(value, "_bounds", "[)"))
        flags = (_LOWER_IN if bounds[0] == "[" else 0) | (_UPPER_IN if bounds[1] == "]" else 0)
        flags |= (_LOWER_OPEN if value.lower is None else 0) | (_UPPER_OPEN if value.upper is None else 0)
        ends = [end for end in (value.lower, value.upper) if end is not None]
        return bytes([flags]) + b"".join(with_length(encode(end)) for end in ends)

    return written


def _multirange(bound: Kind) -> Encoder:
    encode = _range(bound)
    return lambda value: struct.pack(">i", len(value)) + b"".join(with_length(encode(part)) for part in value)


_ENCODERS: dict[str, Encoder] = {
    "bool": _bool, "bytea": _bytea, "jsonb": _jsonb, "json": lambda value: json_text(value).encode(),
    "date": _date, "timestamp": _moment, "timestamptz": _moment, "time": _time, "interval": _interval, "uuid": _uuid,
    "numeric": _numeric, "inet": _address(network=False), "cidr": _address(network=True), "macaddr": _hardware,
    "macaddr8": _hardware, "bit": _bits, "varbit": _bits,
}  # fmt: skip
