"""Text format of single values, for types without a binary encoding."""

from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any

from seedbed.seeding.core.binary_values import json_text
from seedbed.seeding.core.column_types import RANGES, ColumnType

NULL = r"\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def escape(text: str) -> str:
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
