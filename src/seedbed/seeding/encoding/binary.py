"""Values of arrays, ranges and all other types as the bytes that PostgreSQL receives for them."""

import struct
from collections.abc import Sequence
from typing import Any

from seedbed.seeding.core.binary_values import Encoder, text_bytes
from seedbed.seeding.core.column_types import OIDS, RANGES, ColumnType
from seedbed.seeding.core.type_registry import TYPES

NULL = b"\xff\xff\xff\xff"

_EMPTY, _LOWER_IN, _UPPER_IN, _LOWER_OPEN, _UPPER_OPEN = 0x01, 0x02, 0x04, 0x08, 0x10


def encoder(kind: ColumnType) -> Encoder:
    """What writes a value of this kind, without its length."""
    if kind.element is not None:
        return _array(kind.element)
    if kind.name in RANGES:
        return _range(ColumnType(RANGES[kind.name]))
    if kind.name.endswith("multirange"):
        return _multirange(ColumnType(RANGES[kind.name.replace("multirange", "range")]))
    return (TYPES[kind.name].encode if kind.name in TYPES else None) or text_bytes


def with_length(payload: bytes) -> bytes:
    return struct.pack(">i", len(payload)) + payload


def _array(element: ColumnType) -> Encoder:
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


def _range(bound: ColumnType) -> Encoder:
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


def _multirange(bound: ColumnType) -> Encoder:
    encode = _range(bound)
    return lambda value: struct.pack(">i", len(value)) + b"".join(with_length(encode(part)) for part in value)
