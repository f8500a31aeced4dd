"""One value of Python as the bytes that PostgreSQL receives for it.

The formats are those of the server's own `..._recv` functions (src/backend/utils/adt).
"""

import ipaddress
import json
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from seedbed.seeding.core.time_units import MICROSECOND, microseconds

Encoder = Callable[[Any], bytes]

EPOCH_DAYS = date(2000, 1, 1).toordinal()
EPOCH_MICROSECONDS = microseconds(datetime(2000, 1, 1, tzinfo=UTC))
GROUP = 4
"""Decimal digits that a numeric keeps together."""

_NEGATIVE = 0x4000
_FAMILIES = {4: 2, 6: 3}


def json_text(value: Any) -> str:
    """JSON of a value; a text is taken for JSON already, since SQLAlchemy's JSON gives texts."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def json_bytes(value: Any) -> bytes:
    return json_text(value).encode()


def number_encoder(form: str) -> Encoder:
    """What writes a number in a form of `struct`."""
    pack, number = struct.Struct(form).pack, float if form in {">f", ">d"} else int
    return lambda value: pack(number(value))


def text_bytes(value: Any) -> bytes:
    if value is None:
        raise TypeError("None is NULL, and no text")
    if isinstance(value, Enum):
        value = value.value if isinstance(value.value, str) else value.name
    if not isinstance(value, str):
        value = str(value)
    return bytes(value.encode())


def bool_bytes(value: Any) -> bytes:
    if isinstance(value, str) and value.lower() in {"true", "t", "false", "f"}:
        return b"\x01" if value.lower().startswith("t") else b"\x00"
    if not isinstance(value, bool | int):
        raise TypeError(f"{value!r} is neither true nor false")
    return b"\x01" if value else b"\x00"


def bytea_bytes(value: Any) -> bytes:
    return bytes(value)


def jsonb_bytes(value: Any) -> bytes:
    return b"\x01" + json_text(value).encode()


def date_bytes(value: Any) -> bytes:
    day = date.fromisoformat(value) if isinstance(value, str) else value
    return struct.pack(">i", day.toordinal() - EPOCH_DAYS)


def moment_bytes(value: Any) -> bytes:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return struct.pack(">q", microseconds(moment) - EPOCH_MICROSECONDS)


def time_bytes(value: Any) -> bytes:
    moment = time.fromisoformat(value) if isinstance(value, str) else value
    seconds = (moment.hour * 60 + moment.minute) * 60 + moment.second
    return struct.pack(">q", seconds * 1_000_000 + moment.microsecond)


def interval_bytes(value: Any) -> bytes:
    return struct.pack(">qii", value // MICROSECOND, 0, 0)


def uuid_bytes(value: Any) -> bytes:
    return (value if isinstance(value, UUID) else UUID(value)).bytes


def numeric_bytes(value: Any) -> bytes:
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


def address_encoder(*, network: bool) -> Encoder:
    def encode(value: Any) -> bytes:
        parsed: Any = ipaddress.ip_network(value) if network else ipaddress.ip_interface(value)
        address = parsed.network_address if network else parsed.ip
        packed = bytes(address.packed)
        bits = parsed.prefixlen if network else parsed.network.prefixlen
        return struct.pack("BBBB", _FAMILIES[parsed.version], bits, int(network), len(packed)) + packed

    return encode


def hardware_bytes(value: Any) -> bytes:
    return bytes.fromhex(str(value).replace(":", "").replace("-", ""))


def bits_bytes(value: Any) -> bytes:
    text = str(value)
    padded = text.ljust(-(-len(text) // 8) * 8, "0")
    return struct.pack(">i", len(text)) + int(padded or "0", 2).to_bytes(len(padded) // 8, "big")
