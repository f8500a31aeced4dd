"""Functions and patterns of texts; what they mean for other types is not known here."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from seedbed.seeding.analysis.checks.constants import parse_constant
from seedbed.seeding.analysis.checks.pattern_translation import Pattern, compile_like, compile_regex
from seedbed.seeding.analysis.checks.vectors import BOOL, TEXT, UNKNOWN, UnsupportedExpression, Vector, get_family
from seedbed.seeding.core.column_types import ColumnType

_ONE_CHARACTER = 1


def length(value: Vector) -> Vector:
    """In characters; a char(n) without the blanks that fill it up."""
    lengths = _apply(_require_text(value), len, np.int64)
    return Vector(lengths, value.nulls, ColumnType("int4"), value.faults)


def lower(value: Vector) -> Vector:
    return _change_case(value, str.lower)


def upper(value: Vector) -> Vector:
    return _change_case(value, str.upper)


def trim(value: Vector, position: str, characters: str) -> Vector:
    """Without some characters at an end or at both."""
    value = _require_text(value)
    function = {"LEADING": str.lstrip, "TRAILING": str.rstrip}.get(position, str.strip)
    return replace(value, data=_apply(value, lambda text: function(text, characters), object), column_type=TEXT)


def matches(value: Vector, pattern: str, *, ignore_case: bool) -> Vector:
    """Whether a regular expression is found in texts."""
    return _match(value, compile_regex(pattern, ignore_case=ignore_case), "search")


def is_like(value: Vector, pattern: str, *, ignore_case: bool) -> Vector:
    return _match(value, compile_like(pattern, ignore_case=ignore_case), "match")


def _match(value: Vector, pattern: Pattern, method: str) -> Vector:
    if value.column_type.name == "citext":
        raise UnsupportedExpression("a pattern of citext")
    width = value.column_type.size if value.column_type.name == "bpchar" else 0
    if width is None:
        raise UnsupportedExpression("a pattern of bpchar")
    value = _require_text(value)
    find: Callable[[str], Any] = getattr(pattern.compiled, method)
    is_match = _apply(value, lambda text: find(text.ljust(width)) is not None, np.bool_)
    is_unreliable = _apply(value, lambda text: not pattern.is_reliable_for(text), np.bool_)
    if method == "match":
        is_unreliable &= _apply(value, lambda text: not text.isascii() and pattern.ascii_only, np.bool_)
    return Vector(is_match, value.nulls, BOOL, value.faults).with_faults(is_unreliable & ~value.nulls, UNKNOWN)


def _change_case(value: Vector, function: Callable[[str], str]) -> Vector:
    """Letters one by one: the locale may know others, but it never makes two of one."""
    value = _require_text(value)

    def turned(text: str) -> str:
        if text.isascii():
            return function(text)
        return "".join(made if len(made := function(sign)) == _ONE_CHARACTER else sign for sign in text)

    return replace(value, data=_apply(value, turned, object), column_type=TEXT)


def _require_text(value: Vector) -> Vector:
    if value.column_type.name == "unknown":
        return parse_constant(value, TEXT)
    if get_family(value.column_type) not in {"text", "citext"}:
        raise UnsupportedExpression(f"a text function of {value.column_type}")
    return value


def _apply(value: Vector, function: Callable[[str], Any], column_type: Any) -> Any:
    results = np.empty(len(value.data), dtype=column_type)
    results[:] = [function(text) for text in value.data]
    return results
