"""Functions and patterns of texts; what they mean for other types is not known here."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from seedbed.seeding.analysis.checks.pattern_translation import Pattern, like_pattern, regular_expression
from seedbed.seeding.analysis.checks.type_coercion import TEXT, constant
from seedbed.seeding.analysis.checks.vectors import BOOL, UNKNOWN, NotUnderstood, Vector, family
from seedbed.seeding.core.column_types import ColumnType

_SINGLE = 1


def length(value: Vector) -> Vector:
    """In characters; a char(n) without the blanks that fill it up."""
    found = _each(_text(value), len, np.int64)
    return Vector(found, value.nulls, ColumnType("int4"), value.faults)


def lower(value: Vector) -> Vector:
    return _turned(value, str.lower)


def upper(value: Vector) -> Vector:
    return _turned(value, str.upper)


def trim(value: Vector, position: str, signs: str) -> Vector:
    """Without some characters at an end or at both."""
    value = _text(value)
    function = {"LEADING": str.lstrip, "TRAILING": str.rstrip}.get(position, str.strip)
    return replace(value, data=_each(value, lambda text: function(text, signs), object), kind=TEXT)


def matches(value: Vector, pattern: str, *, ignore_case: bool) -> Vector:
    """Whether a regular expression is found in texts."""
    return _found(value, regular_expression(pattern, ignore_case=ignore_case), "search")


def is_like(value: Vector, pattern: str, *, ignore_case: bool) -> Vector:
    return _found(value, like_pattern(pattern, ignore_case=ignore_case), "match")


def _found(value: Vector, pattern: Pattern, how: str) -> Vector:
    if value.kind.name == "citext":
        raise NotUnderstood("a pattern of citext")
    width = value.kind.size if value.kind.name == "bpchar" else 0
    if width is None:
        raise NotUnderstood("a pattern of bpchar")
    value = _text(value)
    find: Callable[[str], Any] = getattr(pattern.compiled, how)
    found = _each(value, lambda text: find(text.ljust(width)) is not None, np.bool_)
    strange = _each(value, lambda text: not pattern.knows(text), np.bool_)
    if how == "match":
        strange &= _each(value, lambda text: not text.isascii() and pattern.ascii_only, np.bool_)
    return Vector(found, value.nulls, BOOL, value.faults).with_faults(strange & ~value.nulls, UNKNOWN)


def _turned(value: Vector, function: Callable[[str], str]) -> Vector:
    """Letters one by one: the locale may know others, but it never makes two of one."""
    value = _text(value)

    def turned(text: str) -> str:
        if text.isascii():
            return function(text)
        return "".join(made if len(made := function(sign)) == _SINGLE else sign for sign in text)

    return replace(value, data=_each(value, turned, object), kind=TEXT)


def _text(value: Vector) -> Vector:
    if value.kind.name == "unknown":
        return constant(value, TEXT)
    if family(value.kind) not in {"text", "citext"}:
        raise NotUnderstood(f"a text function of {value.kind}")
    return value


def _each(value: Vector, function: Callable[[str], Any], kind: Any) -> Any:
    found = np.empty(len(value.data), dtype=kind)
    found[:] = [function(text) for text in value.data]
    return found
