"""The text functions and patterns of PostgreSQL, with patterns translated to Python's re."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seedbed.seeding.analysis.checks.constants import parse_constant
from seedbed.seeding.analysis.checks.vectors import BOOL, TEXT, UNKNOWN, UnsupportedExpression, Vector, get_family
from seedbed.seeding.core.postgres_types import ColumnType

_CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "xdigit": "0-9A-Fa-f",
    "space": r" \t\n\r\f\v", "blank": r" \t", "word": r"\w", "punct": r"!-/:-@\[-`{-~",
    "print": " -~", "graph": "!-~",
}  # fmt: skip
_LOCALE_ESCAPES = frozenset("dswDSW")
"""Escapes that the locale gives a meaning."""
_COMMON_ESCAPES = frozenset("AZntrfv")
"""Escapes that mean the same in both."""
_WORD_BOUNDARIES = {"y": r"\b", "Y": r"\B", "m": r"\b(?=\w)", "M": r"\b(?<=\w)"}
"""Escapes for the beginning and the end of a word, which Python names otherwise."""
_SIMILAR_TO_TOKEN = re.compile(r"\\.|\[[^\]]*\]|.", re.DOTALL)
_GROUPS = ("(?:", "(?=", "(?!", "(?<=", "(?<!")
_BRACKET_ESCAPES = {"[": r"\[", "&": r"\&", "|": r"\|", "~": r"\~"}


@dataclass(frozen=True)
class Pattern:
    """`ascii_only` where the locale says what a letter outside of ASCII is to it."""

    compiled: re.Pattern[str]
    ascii_only: bool

    def is_reliable_for(self, text: str) -> bool:
        """Whether the answer for a text is the same here as there."""
        return "\n" not in text and (text.isascii() or not self.ascii_only)


def compile_regex(pattern: str, *, ignore_case: bool = False) -> Pattern:
    """Read an expression of `~` or `~*`.

    Raises:
        UnsupportedExpression: a part of it means something else in Python, or nothing.
    """
    translated, is_locale_dependent = translate_regex(pattern)
    try:
        compiled = re.compile(translated, re.DOTALL | re.ASCII | (re.IGNORECASE if ignore_case else 0))
    except (re.error, OverflowError) as error:
        raise UnsupportedExpression(pattern) from error
    return Pattern(compiled, is_locale_dependent or ignore_case or bool(compiled.flags & re.IGNORECASE))


def compile_like(pattern: str, *, ignore_case: bool = False) -> Pattern:
    """Read the pattern of LIKE or ILIKE, in which a backslash takes the meaning off a sign.

    Raises:
        UnsupportedExpression: the pattern ends with a backslash, which is an error in PostgreSQL.
    """
    parts, characters = [], iter(pattern)
    for character in characters:
        if character == "\\":
            following = next(characters, None)
            if following is None:
                raise UnsupportedExpression(pattern)
            parts.append(re.escape(following))
        else:
            parts.append({"%": ".*", "_": "."}.get(character) or re.escape(character))
    flags = re.DOTALL | (re.IGNORECASE | re.ASCII if ignore_case else 0)
    return Pattern(re.compile("".join(["(?:", *parts, r")\Z"]), flags), ignore_case)


def convert_similar_to(pattern: str) -> str:
    """The expression of `~` for what SIMILAR TO takes, which is about the whole text."""
    replacements = {"%": ".*", "_": ".", ".": r"\.", "^": r"\^", "$": r"\$"}
    return f"^(?:{''.join(replacements.get(part, part) for part in _SIMILAR_TO_TOKEN.findall(pattern))})$"


def translate_regex(pattern: str) -> tuple[str, bool]:
    """An expression in Python's words, and whether it depends on the locale.

    Raises:
        UnsupportedExpression: a part of it means something else in Python, or nothing.
    """
    parts: list[str] = []
    at, is_locale_dependent = 0, False
    if pattern.startswith("(?i)"):
        parts, at = ["(?i)"], 4
    elif pattern.startswith("***"):
        raise UnsupportedExpression(pattern)
    while at < len(pattern):
        character, rest = pattern[at], pattern[at:]
        if character == "\\":
            part, depends = _translate_escape(pattern, at)
            parts.append(part)
            is_locale_dependent, at = is_locale_dependent or depends, at + 2
            continue
        if character == "[":
            part, at, depends = _translate_brackets(pattern, at)
            parts.append(part)
            is_locale_dependent = is_locale_dependent or depends
            continue
        if character == "(" and rest.startswith("(?") and not rest.startswith(_GROUPS):
            raise UnsupportedExpression(pattern)
        if character == "{" and not re.match(r"\{\d+(,\d*)?\}", rest):
            raise UnsupportedExpression(pattern)
        if character == "+" and at and pattern[at - 1] in "*+?}" and not pattern[:at].endswith("\\" + pattern[at - 1]):
            raise UnsupportedExpression(pattern)
        parts.append(character)
        at += 1
    return "".join(parts), is_locale_dependent


def _translate_escape(pattern: str, at: int) -> tuple[str, bool]:
    following = pattern[at + 1 : at + 2]
    if following in _LOCALE_ESCAPES and following:
        return f"\\{following}", True
    if following in _COMMON_ESCAPES and following:
        return f"\\{following}", False
    if following in _WORD_BOUNDARIES:
        return _WORD_BOUNDARIES[following], True
    if re.match(r"[1-9](?!\d)", pattern[at + 1 :]):  # a group that was matched before
        return f"\\{following}", False
    if not following or following.isalnum():
        raise UnsupportedExpression(pattern)
    return re.escape(following), False


def _translate_brackets(pattern: str, start: int) -> tuple[str, int, bool]:
    """A set of characters, where the text goes on after it, and whether it depends on the locale."""
    parts, at, is_locale_dependent = ["["], start + 1, False
    if pattern[at : at + 1] == "^":
        parts.append("^")
        at += 1
    first = True
    while at < len(pattern) and (first or pattern[at] != "]"):
        first = False
        character = pattern[at]
        if character_class := re.match(r"\[:(\w+):\]", pattern[at:]):
            if character_class[1] not in _CLASSES:
                raise UnsupportedExpression(pattern)
            parts.append(_CLASSES[character_class[1]])
            is_locale_dependent, at = True, at + character_class.end()
        elif pattern[at : at + 2] in {"[.", "[=", "[:"}:
            raise UnsupportedExpression(pattern)
        elif character == "\\":
            part, depends = _translate_escape(pattern, at)
            if part in {*_WORD_BOUNDARIES.values(), r"\A", r"\Z"}:
                raise UnsupportedExpression(pattern)
            parts.append(part)
            is_locale_dependent, at = is_locale_dependent or depends, at + 2
        else:
            parts.append(_BRACKET_ESCAPES.get(character, r"\]" if character == "]" else character))
            at += 1
    if at >= len(pattern):
        raise UnsupportedExpression(pattern)
    return "".join([*parts, "]"]), at + 1, is_locale_dependent


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
        return "".join(changed if len(changed := function(sign)) == _ONE_CHARACTER else sign for sign in text)

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
