"""One value of Python as PostgreSQL reads it from text, for types that have no other way."""

from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any

from seedbed.seeding.core.binary_values import json_text
from seedbed.seeding.core.column_types import RANGES, ColumnType

NULL = r"\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def escaped(text: str) -> str:
    """A value's text as a field of COPY's text format."""
    return text.translate(_ESCAPES)


def written(value: Any, kind: ColumnType) -> str:
    """A value as a literal of its type would have it."""
    if kind.element is not None:
        return _array(value, kind.element)
    if kind.name in RANGES:
        return _range(value, ColumnType(RANGES[kind.name]))
    if kind.name.endswith("multirange"):
        bound = ColumnType(RANGES[kind.name.replace("multirange", "range")])
        return "{" + ",".join(_range(part, bound) for part in value) + "}"
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


def _array(value: Any, element: ColumnType) -> str:
    items = []
    nests = element.name not in {"json", "jsonb"} and not element.name.endswith("multirange")
    for item in value:
        if item is None:
            items.append("NULL")
        elif nests and isinstance(item, list | tuple):
            items.append(_array(item, element))
        else:
            items.append(_quoted(written(item, element)))
    return "{" + ",".join(items) + "}"


def _range(value: Any, bound: ColumnType) -> str:
    if getattr(value, "isempty", getattr(value, "empty", False)):
        return "empty"
    bounds = str(getattr(value, "bounds", None) or getattr(value, "_bounds", "[)"))
    lower, upper = ("" if end is None else _quoted(written(end, bound)) for end in (value.lower, value.upper))
    return f"{bounds[0]}{lower},{upper}{bounds[1]}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
