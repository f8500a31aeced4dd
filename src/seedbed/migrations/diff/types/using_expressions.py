"""The USING expression that converts a column's values from one type to another."""

import re

from seedbed.errors import UnknownTypeConversion
from seedbed.migrations.diff.types.conversion_rules import (
    are_same_family,
    find_base_type,
    find_enum,
    is_text,
    parse_modifier,
    remove_limits,
    strip_modifier,
)
from seedbed.migrations.diff.value_sources import ValueSources
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Column, Composite, Table
from seedbed.postgres.quoting import quote_identifier

_INTEGERS = frozenset({"smallint", "integer", "bigint"})
_NUMBERS = _INTEGERS | {"numeric", "real", "double precision"}
_JSON = frozenset({"json", "jsonb"})
_BITS = frozenset({"bit", "bit varying"})
_TIMESTAMP, _TIMESTAMPTZ = "timestamp without time zone", "timestamp with time zone"
_TIME, _TIMETZ = "time without time zone", "time with time zone"
_BITS_OF_BIGINT = 64
_SAME_TEXT = (
    frozenset({"int4range", "int8range", "numrange"}),
    frozenset({"int4multirange", "int8multirange", "nummultirange"}),
    frozenset({"daterange", "tsrange"}),
    frozenset({"datemultirange", "tsmultirange"}),
)
"""Types without a cast between them, whose values are written alike."""
_TIME_WITH_ZONE = r"\d:\d\d.*([+-]|[A-Za-z])"
"""Matches a time of day that is followed by a time zone."""


def find_using_expression(
    table: Table, old: Column, new: Column, before: Catalog, after: Catalog, sources: ValueSources
) -> str | None:
    """The USING expression for a change that PostgreSQL does not make by itself, or None.

    The expression has no subquery, since ALTER TABLE takes none, and does not depend on the session's time zone. When
    `knowledge` is for the way back, it undoes what the expression for the opposite change does.

    Raises:
        UnknownTypeConversion: neither PostgreSQL nor Seedbed knows what values of the one type are in the other.
    """
    was, now = find_base_type(old.type, before), find_base_type(new.type, after)
    if was == now or are_same_family(was, now):
        return None
    expression = _TypePair(was, now, before, after, sources).convert(quote_identifier(old.name))
    if expression is None:
        raise UnknownTypeConversion(f"{table.name}.{new.name}", old.type, new.type)
    return expression


class _TypePair:
    """Two different types, and what is known about them."""

    def __init__(self, was: str, now: str, before: Catalog, after: Catalog, sources: ValueSources) -> None:
        self._was, self._now = was, now
        self._before, self._after, self._knowledge = before, after, sources

    def convert(self, value: str) -> str | None:
        """An expression for a value; None where nothing is known about the two types."""
        was_array, now_array = self._was.endswith("[]"), self._now.endswith("[]")
        if was_array and now_array:
            return self._convert_elements(value)
        if was_array:
            return self._convert_from_array(value)
        if now_array:
            return self._convert_to_array(value)
        return self.convert_scalar(value)

    def _pair(self, was: str, now: str) -> "_TypePair":
        return _TypePair(was, now, self._before, self._after, self._knowledge)

    def _convert_elements(self, value: str) -> str | None:
        """Elements are converted by casts alone: an expression without a subquery cannot do more."""
        was, now = self._was.removesuffix("[]"), self._now.removesuffix("[]")
        scalar = "" if was == now else self._pair(was, now).convert_scalar("")
        if scalar is None or not re.fullmatch(r"(::[^():]+(\([\d,]+\))?[^():]*)*", scalar):
            return None
        return value + "".join(f"::{cast}[]" for cast in scalar.split("::")[1:])

    def _convert_from_array(self, value: str) -> str | None:
        element = self._was.removesuffix("[]")
        if self._now in _JSON:
            return f"to_{self._now}({value})"
        if is_text(self._now) and not self._knowledge.is_downgrade:
            return f"{value}::{remove_limits(self._now)}"
        first = f"({value})[array_lower({value}, 1)]"
        return first if element == self._now else self._pair(element, self._now).convert_scalar(first)

    def _convert_to_array(self, value: str) -> str | None:
        element, to = self._now.removesuffix("[]"), remove_limits(self._now)
        if self._was in _JSON:
            return self._convert_json_to_array(value, element)
        if is_text(self._was) and self._knowledge.is_downgrade:
            return f"{value}::{to}"
        plain = element == self._was or are_same_family(self._was, element)
        one = value if plain else self._pair(self._was, element).convert_scalar(value)
        return None if one is None else f"CASE WHEN {value} IS NULL THEN NULL ELSE ARRAY[{one}]::{to} END"

    def _convert_json_to_array(self, value: str, element: str) -> str | None:
        """PostgreSQL reads a JSON array for a column of type text[], and pg_class.reloptions is one in every database.

        A JSON string would be read as an array literal; with its quotes it is an error.
        """
        if element in _JSON:
            return None
        simple = is_text(element) or self._knowledge.is_downgrade or find_enum(element, self._after) is not None
        if not simple and self._pair("text", element).convert_scalar("") != f"::{remove_limits(element)}":
            return None
        given = value if self._was == "jsonb" else f"{value}::jsonb"
        read = f"(jsonb_populate_record(NULL::pg_class, jsonb_build_object('reloptions', {given}))).reloptions"
        cast = "" if self._now == "text[]" else f"::{remove_limits(self._now)}"
        return f"CASE jsonb_typeof({given}) WHEN 'string' THEN {value}::text::text[]{cast} ELSE {read}{cast} END"

    def convert_scalar(self, value: str) -> str | None:
        was, now = strip_modifier(self._was), strip_modifier(self._now)
        if was == "character" and not is_text(now) and now != "bytea":
            return self._pair("text", self._now).convert_scalar(f"{value}::text")
        if are_same_family(self._was, self._now):
            return f"{value}::{remove_limits(self._now)}"
        special = self._convert_specially(value, was, now)
        if special is not None:
            return special
        if (casts := self._casts(was, now)) is None:
            return None
        return value + "".join(f"::{cast}" for cast in casts)

    def _convert_specially(self, value: str, was: str, now: str) -> str | None:
        if {was, now} & _JSON:
            return self._convert_json(value, was, now)
        if "bytea" in {was, now}:
            return self._convert_bytes(value, was, now)
        if now in _BITS or was in _BITS:
            return self._convert_bits(value, was, now)
        if {was, now} in ({"oid", "integer"}, {"oid", "smallint"}):
            return f"{value}::bigint" if was == "oid" else f"{value}::bigint::oid"  # a cast of -1 is 4294967295
        if now == "boolean" and was in _NUMBERS - {"integer"}:
            return f"{value} <> 0"
        return _convert_time(value, was, now, remove_limits(self._now))

    def _convert_json(self, value: str, was: str, now: str) -> str | None:
        if "bytea" in {was, now}:
            return self._convert_bytes(value, was, now)
        if {was, now} <= _JSON or is_text(was) or is_text(now):
            return None
        if now in _JSON:
            return None if (was, now) in self._knowledge.casts else f"to_{now}({value})"
        return self._convert_from_json(value, now)

    def _convert_from_json(self, value: str, now: str) -> str | None:
        given = value if strip_modifier(self._was) == "jsonb" else f"{value}::jsonb"
        if now == "boolean":
            return f"CASE jsonb_typeof({given}) WHEN 'null' THEN NULL ELSE ({given})::boolean END"
        if isinstance(_find_user_type(self._now, self._after), Composite):
            return f"jsonb_populate_record(NULL::{self._now}, {given})"
        return self._pair("text", self._now).convert_scalar(f"({value} #>> '{{}}')")

    def _convert_bytes(self, value: str, was: str, now: str) -> str | None:
        """Bytes are those of the text, in UTF-8."""
        written = {"xml", *_JSON}
        if now == "bytea" and (is_text(was) or was in written):
            return f"convert_to({value}{'' if is_text(was) else '::text'}, 'UTF8')"
        if was == "bytea" and (is_text(now) or now in written):
            return f"convert_from({value}, 'UTF8'){'' if is_text(now) else f'::{now}'}"
        return None

    def _convert_bits(self, value: str, was: str, now: str) -> str | None:
        """A cast to bit(n) cuts or pads, so a value is passed whole, and its length is compared when it is assigned."""
        if {was, now} <= _BITS:
            return f"{value}::bit varying"
        if is_text(was):
            return f"('b' || {value})::bit varying"  # without the b, an x would begin hexadecimal digits
        if was in _INTEGERS and now == "bit":
            return _bits_of_integer(value, was, parse_modifier(self._now)[0])
        if was == "bit" and now in _INTEGERS:
            length = parse_modifier(self._was)[0]
            if length > _BITS_OF_BIGINT:
                return None
            return f"{value}::{now}" if now == "bigint" or (now, length) == ("integer", 32) else f"{value}::bigint"
        return None

    def _casts(self, was: str, now: str) -> tuple[str, ...] | None:
        """The types to cast a value through."""
        to = remove_limits(self._now)
        if {was, now} == {"bytea"} | ({was, now} & _INTEGERS):
            return None  # PostgreSQL 18 has a cast to bytes in network order, and others none
        if {was, now} & _BITS and not is_text(now):
            return None
        if isinstance(_find_user_type(self._was, self._before), Composite):
            known = is_text(now) or isinstance(_find_user_type(self._now, self._after), Composite)
            return ("text", to) if known else None
        if find_enum(self._was, self._before) or find_enum(self._now, self._after):
            plain = {was, now} & (_NUMBERS | {"boolean"}) or is_text(was) or is_text(now)
            return ("text", to) if plain or _are_both_enums(self._was, self._before, self._now, self._after) else None
        if (was, now) in self._knowledge.casts or is_text(was) or is_text(now):
            return (to,)
        if was == "boolean" and now in _NUMBERS:
            return ("integer", to)
        if (was == "money" and now in _NUMBERS) or (was in {"real", "double precision"} and now == "money"):
            return ("numeric", to)
        return ("text", to) if any({was, now} <= alike for alike in _SAME_TEXT) else None


def _bits_of_integer(value: str, was: str, length: int) -> str | None:
    """The number in binary digits. One that needs more of them stays longer than the column, which is an error."""
    if (was, length) == ("integer", 32):
        return f"{value}::bit(32)"
    number = value if was == "bigint" else f"{value}::bigint"
    if length >= _BITS_OF_BIGINT:
        return f"{number}::bit({length})" if length == _BITS_OF_BIGINT else None
    digits = f"{number}::bit({length})::bit varying"
    return f"CASE WHEN {number} >> {length} = 0 THEN {digits} ELSE {number}::bit(64)::bit varying END"


def _convert_time(value: str, was: str, now: str, to: str) -> str | None:
    """Where PostgreSQL goes by the session's time zone, values without a zone are taken for UTC."""
    if {was, now} == {_TIMESTAMP, _TIMESTAMPTZ}:
        return f"{value} AT TIME ZONE 'UTC'"
    if was == _TIMESTAMPTZ and now in {"date", _TIME}:
        return f"({value} AT TIME ZONE 'UTC')::{to}"
    if (was, now) == ("date", _TIMESTAMPTZ):
        return f"{value}::timestamp AT TIME ZONE 'UTC'"
    if (was, now) == (_TIMESTAMPTZ, _TIMETZ):
        return f"{value}::timetz AT TIME ZONE 'UTC'"
    if (was, now) == (_TIME, _TIMETZ):
        return f"({value}::text || '+00')::{to}"
    if is_text(was) and now == _TIMESTAMPTZ:
        utc = f"{value}::timestamp AT TIME ZONE 'UTC'"
        return f"CASE WHEN {value} ~ '{_TIME_WITH_ZONE}' THEN {value}::timestamptz ELSE {utc} END"
    if is_text(was) and now == _TIMETZ:
        utc = f"({value}::time::text || '+00')::timetz"
        return f"CASE WHEN {value} ~ '{_TIME_WITH_ZONE}' THEN {value}::timetz ELSE {utc} END"
    return None


def _are_both_enums(was: str, before: Catalog, now: str, after: Catalog) -> bool:
    return find_enum(was, before) is not None and find_enum(now, after) is not None


def _find_user_type(type_name: str, catalog: Catalog) -> object:
    schema, _, bare = type_name.removesuffix("[]").rpartition(".")
    return catalog.objects.get(("type", schema or "public", bare.strip('"')))
