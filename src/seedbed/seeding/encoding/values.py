"""Encoding of single values for COPY, in binary and as text."""

import struct
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any

from seedbed.seeding.core.binary_values import Encoder, json_text, text_bytes
from seedbed.seeding.core.postgres_types import OIDS, RANGES, ColumnType
from seedbed.seeding.core.type_registry import TYPES

BINARY_NULL = b"\xff\xff\xff\xff"

_EMPTY, _LOWER_INCLUSIVE, _UPPER_INCLUSIVE, _LOWER_INFINITE, _UPPER_INFINITE = 0x01, 0x02, 0x04, 0x08, 0x10


def get_encoder(kind: ColumnType) -> Encoder:
    """Return the function that encodes a value of this kind, without a length prefix."""
    if kind.element is not None:
        return _get_array_encoder(kind.element)
    if kind.name in RANGES:
        return _get_range_encoder(ColumnType(RANGES[kind.name]))
    if kind.name.endswith("multirange"):
        return _get_multirange_encoder(ColumnType(RANGES[kind.name.replace("multirange", "range")]))
    return (TYPES[kind.name].encode if kind.name in TYPES else None) or text_bytes


def add_length_prefix(payload: bytes) -> bytes:
    return struct.pack(">i", len(payload)) + payload


def _get_array_encoder(element: ColumnType) -> Encoder:
    encode, oid = get_encoder(element), OIDS.get(element.name, 0)

    def encode_array(value: Any) -> bytes:
        sizes, items = _flatten(value)
        if not items:
            return struct.pack(">iii", 0, 0, oid)
        header = struct.pack(">iii", len(sizes), int(None in items), oid)
        header += b"".join(struct.pack(">ii", size, 1) for size in sizes)
        return header + b"".join(BINARY_NULL if item is None else add_length_prefix(encode(item)) for item in items)

    return encode_array


def _flatten(value: Sequence[Any]) -> tuple[list[int], list[Any]]:
    sizes, items = [len(value)], list(value)
    while items and all(isinstance(item, list | tuple) for item in items):
        sizes.append(len(items[0]))
        items = [inner for item in items for inner in item]
    return sizes, items


def _get_range_encoder(bound: ColumnType) -> Encoder:
    encode = get_encoder(bound)

    def encode_range(value: Any) -> bytes:
        if getattr(value, "isempty", getattr(value, "empty", False)):
            return bytes([_EMPTY])
        bounds = str(getattr(value, "bounds", None) or getattr(value, "_bounds", "[)"))
        flags = (_LOWER_INCLUSIVE if bounds[0] == "[" else 0) | (_UPPER_INCLUSIVE if bounds[1] == "]" else 0)
        flags |= (_LOWER_INFINITE if value.lower is None else 0) | (_UPPER_INFINITE if value.upper is None else 0)
        finite_bounds = [end for end in (value.lower, value.upper) if end is not None]
        return bytes([flags]) + b"".join(add_length_prefix(encode(end)) for end in finite_bounds)

    return encode_range


def _get_multirange_encoder(bound: ColumnType) -> Encoder:
    encode = _get_range_encoder(bound)
    return lambda value: struct.pack(">i", len(value)) + b"".join(add_length_prefix(encode(part)) for part in value)


TEXT_NULL = r"\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def escape_text(text: str) -> str:
    """Escape a text for COPY's text format."""
    return text.translate(_ESCAPES)


def format_value(value: Any, kind: ColumnType) -> str:
    """Format a value as PostgreSQL's text input of its type."""
    if kind.element is not None:
        return _format_array(value, kind.element)
    if kind.name in RANGES:
        return _format_range(value, ColumnType(RANGES[kind.name]))
    if kind.name.endswith("multirange"):
        bound = ColumnType(RANGES[kind.name.replace("multirange", "range")])
        return "{" + ",".join(_format_range(part, bound) for part in value) + "}"
    if kind.name in {"json", "jsonb"}:
        return json_text(value)
    match value:
        case str() if not isinstance(value, Enum):
            return value
        case bool():
            return "t" if value else "f"
        case Enum():
            return value.value if isinstance(value.value, str) else value.name
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return f"{value // timedelta(microseconds=1)} microseconds"
        case bytes() | bytearray() | memoryview():
            return rf"\x{bytes(value).hex()}"
    return str(value)


def _format_array(value: Any, element: ColumnType) -> str:
    items = []
    is_nestable = element.name not in {"json", "jsonb"} and not element.name.endswith("multirange")
    for item in value:
        if item is None:
            items.append("NULL")
        elif is_nestable and isinstance(item, list | tuple):
            items.append(_format_array(item, element))
        else:
            items.append(_quote(format_value(item, element)))
    return "{" + ",".join(items) + "}"


def _format_range(value: Any, bound: ColumnType) -> str:
    if getattr(value, "isempty", getattr(value, "empty", False)):
        return "empty"
    bounds = str(getattr(value, "bounds", None) or getattr(value, "_bounds", "[)"))
    lower, upper = ("" if end is None else _quote(format_value(end, bound)) for end in (value.lower, value.upper))
    return f"{bounds[0]}{lower},{upper}{bounds[1]}"


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
