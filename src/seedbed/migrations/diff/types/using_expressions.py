"""The USING expression that converts a column from one type to another."""

import re

from seedbed.errors import UnknownTypeConversion
from seedbed.migrations.diff.backfill_expressions import ValueSources
from seedbed.migrations.diff.types.conversion_rules import (
    are_same_family,
    find_base_type,
    find_enum,
    is_text,
    parse_modifier,
    remove_limits,
    strip_modifier,
)
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
"""Types without a cast between them whose values have the same text form."""
_TIME_WITH_ZONE = r"\d:\d\d.*([+-]|[A-Za-z])"
"""Matches a time of day that is followed by a time zone."""


def find_using_expression(
    table: Table, old: Column, new: Column, before: Catalog, after: Catalog, sources: ValueSources
) -> str | None:
    """Find the USING expression for a conversion that PostgreSQL does not make by itself, or None where it does.

    The expression has no subquery, since ALTER TABLE accepts none, and does not depend on the session's time zone. In a
    downgrade it reverses the expression of the upgrade.

    Raises:
        UnknownTypeConversion: neither PostgreSQL nor Seedbed can convert the values.
    """
    old_type, new_type = find_base_type(old.type, before), find_base_type(new.type, after)
    if old_type == new_type or are_same_family(old_type, new_type):
        return None
    expression = _TypePair(old_type, new_type, before, after, sources).convert(quote_identifier(old.name))
    if expression is None:
        raise UnknownTypeConversion(f"{table.name}.{new.name}", old.type, new.type)
    return expression


class _TypePair:
    """Two different types, and what is known about them."""

    def __init__(self, old_type: str, new_type: str, before: Catalog, after: Catalog, sources: ValueSources) -> None:
        self._was, self._now = old_type, new_type
        self._before, self._after, self._knowledge = before, after, sources

    def convert(self, value: str) -> str | None:
        """The expression for a value, or None where no conversion is known."""
        was_array, now_array = self._was.endswith("[]"), self._now.endswith("[]")
        if was_array and now_array:
            return self._convert_elements(value)
        if was_array:
            return self._convert_from_array(value)
        if now_array:
            return self._convert_to_array(value)
        return self.convert_scalar(value)

    def _pair(self, old_type: str, new_type: str) -> "_TypePair":
        return _TypePair(old_type, new_type, self._before, self._after, self._knowledge)

    def _convert_elements(self, value: str) -> str | None:
        """Convert elements by casts only: an expression without a subquery cannot do more."""
        old_type, new_type = self._was.removesuffix("[]"), self._now.removesuffix("[]")
        scalar = "" if old_type == new_type else self._pair(old_type, new_type).convert_scalar("")
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
        element, target_type = self._now.removesuffix("[]"), remove_limits(self._now)
        if self._was in _JSON:
            return self._convert_json_to_array(value, element)
        if is_text(self._was) and self._knowledge.is_downgrade:
            return f"{value}::{target_type}"
        needs_no_cast = element == self._was or are_same_family(self._was, element)
        element_expression = value if needs_no_cast else self._pair(self._was, element).convert_scalar(value)
        return (
            None
            if element_expression is None
            else f"CASE WHEN {value} IS NULL THEN NULL ELSE ARRAY[{element_expression}]::{target_type} END"
        )

    def _convert_json_to_array(self, value: str, element: str) -> str | None:
        """Read a JSON array as text[], the type of pg_class.reloptions in every database.

        A JSON string would be read as an array literal; with its quotes it is an error.
        """
        if element in _JSON:
            return None
        has_text_elements = (
            is_text(element) or self._knowledge.is_downgrade or find_enum(element, self._after) is not None
        )
        if not has_text_elements and self._pair("text", element).convert_scalar("") != f"::{remove_limits(element)}":
            return None
        json_value = value if self._was == "jsonb" else f"{value}::jsonb"
        elements = f"(jsonb_populate_record(NULL::pg_class, jsonb_build_object('reloptions', {json_value}))).reloptions"
        cast = "" if self._now == "text[]" else f"::{remove_limits(self._now)}"
        return (
            f"CASE jsonb_typeof({json_value}) WHEN 'string' THEN {value}::text::text[]{cast} ELSE {elements}{cast} END"
        )

    def convert_scalar(self, value: str) -> str | None:
        old_type, new_type = strip_modifier(self._was), strip_modifier(self._now)
        if old_type == "character" and not is_text(new_type) and new_type != "bytea":
            return self._pair("text", self._now).convert_scalar(f"{value}::text")
        if are_same_family(self._was, self._now):
            return f"{value}::{remove_limits(self._now)}"
        special_expression = self._convert_specially(value, old_type, new_type)
        if special_expression is not None:
            return special_expression
        if (casts := self._casts(old_type, new_type)) is None:
            return None
        return value + "".join(f"::{cast}" for cast in casts)

    def _convert_specially(self, value: str, old_type: str, new_type: str) -> str | None:
        if {old_type, new_type} & _JSON:
            return self._convert_json(value, old_type, new_type)
        if "bytea" in {old_type, new_type}:
            return self._convert_bytes(value, old_type, new_type)
        if new_type in _BITS or old_type in _BITS:
            return self._convert_bits(value, old_type, new_type)
        if {old_type, new_type} in ({"oid", "integer"}, {"oid", "smallint"}):
            return f"{value}::bigint" if old_type == "oid" else f"{value}::bigint::oid"  # a cast of -1 is 4294967295
        if new_type == "boolean" and old_type in _NUMBERS - {"integer"}:
            return f"{value} <> 0"
        return _convert_time(value, old_type, new_type, remove_limits(self._now))

    def _convert_json(self, value: str, old_type: str, new_type: str) -> str | None:
        if "bytea" in {old_type, new_type}:
            return self._convert_bytes(value, old_type, new_type)
        if {old_type, new_type} <= _JSON or is_text(old_type) or is_text(new_type):
            return None
        if new_type in _JSON:
            return None if (old_type, new_type) in self._knowledge.casts else f"to_{new_type}({value})"
        return self._convert_from_json(value, new_type)

    def _convert_from_json(self, value: str, new_type: str) -> str | None:
        json_value = value if strip_modifier(self._was) == "jsonb" else f"{value}::jsonb"
        if new_type == "boolean":
            return f"CASE jsonb_typeof({json_value}) WHEN 'null' THEN NULL ELSE ({json_value})::boolean END"
        if isinstance(_find_user_type(self._now, self._after), Composite):
            return f"jsonb_populate_record(NULL::{self._now}, {json_value})"
        return self._pair("text", self._now).convert_scalar(f"({value} #>> '{{}}')")

    def _convert_bytes(self, value: str, old_type: str, new_type: str) -> str | None:
        """Convert between bytes and text in UTF-8."""
        text_like_types = {"xml", *_JSON}
        if new_type == "bytea" and (is_text(old_type) or old_type in text_like_types):
            return f"convert_to({value}{'' if is_text(old_type) else '::text'}, 'UTF8')"
        if old_type == "bytea" and (is_text(new_type) or new_type in text_like_types):
            return f"convert_from({value}, 'UTF8'){'' if is_text(new_type) else f'::{new_type}'}"
        return None

    def _convert_bits(self, value: str, old_type: str, new_type: str) -> str | None:
        """Pass values whole, since a cast to bit(n) truncates or pads; the assignment compares their length."""
        if {old_type, new_type} <= _BITS:
            return f"{value}::bit varying"
        if is_text(old_type):
            return f"('b' || {value})::bit varying"  # without the b, a leading x would mean hexadecimal digits
        if old_type in _INTEGERS and new_type == "bit":
            return _bits_of_integer(value, old_type, parse_modifier(self._now)[0])
        if old_type == "bit" and new_type in _INTEGERS:
            length = parse_modifier(self._was)[0]
            if length > _BITS_OF_BIGINT:
                return None
            return (
                f"{value}::{new_type}"
                if new_type == "bigint" or (new_type, length) == ("integer", 32)
                else f"{value}::bigint"
            )
        return None

    def _casts(self, old_type: str, new_type: str) -> tuple[str, ...] | None:
        """The types to cast a value through, or None."""
        target_type = remove_limits(self._now)
        if {old_type, new_type} == {"bytea"} | ({old_type, new_type} & _INTEGERS):
            return None  # only PostgreSQL 18 has a cast, to bytes in network order
        if {old_type, new_type} & _BITS and not is_text(new_type):
            return None
        if isinstance(_find_user_type(self._was, self._before), Composite):
            is_convertible = is_text(new_type) or isinstance(_find_user_type(self._now, self._after), Composite)
            return ("text", target_type) if is_convertible else None
        if find_enum(self._was, self._before) or find_enum(self._now, self._after):
            has_label_text = {old_type, new_type} & (_NUMBERS | {"boolean"}) or is_text(old_type) or is_text(new_type)
            return (
                ("text", target_type)
                if has_label_text or _are_both_enums(self._was, self._before, self._now, self._after)
                else None
            )
        if (old_type, new_type) in self._knowledge.casts or is_text(old_type) or is_text(new_type):
            return (target_type,)
        if old_type == "boolean" and new_type in _NUMBERS:
            return ("integer", target_type)
        if (old_type == "money" and new_type in _NUMBERS) or (
            old_type in {"real", "double precision"} and new_type == "money"
        ):
            return ("numeric", target_type)
        return ("text", target_type) if any({old_type, new_type} <= types for types in _SAME_TEXT) else None


def _bits_of_integer(value: str, old_type: str, length: int) -> str | None:
    """A number in binary digits. One that needs more digits stays longer than the column, which is an error."""
    if (old_type, length) == ("integer", 32):
        return f"{value}::bit(32)"
    number = value if old_type == "bigint" else f"{value}::bigint"
    if length >= _BITS_OF_BIGINT:
        return f"{number}::bit({length})" if length == _BITS_OF_BIGINT else None
    digits = f"{number}::bit({length})::bit varying"
    return f"CASE WHEN {number} >> {length} = 0 THEN {digits} ELSE {number}::bit(64)::bit varying END"


def _convert_time(value: str, old_type: str, new_type: str, target_type: str) -> str | None:
    """Read values without a time zone as UTC, where PostgreSQL would use the session's."""
    if {old_type, new_type} == {_TIMESTAMP, _TIMESTAMPTZ}:
        return f"{value} AT TIME ZONE 'UTC'"
    if old_type == _TIMESTAMPTZ and new_type in {"date", _TIME}:
        return f"({value} AT TIME ZONE 'UTC')::{target_type}"
    if (old_type, new_type) == ("date", _TIMESTAMPTZ):
        return f"{value}::timestamp AT TIME ZONE 'UTC'"
    if (old_type, new_type) == (_TIMESTAMPTZ, _TIMETZ):
        return f"{value}::timetz AT TIME ZONE 'UTC'"
    if (old_type, new_type) == (_TIME, _TIMETZ):
        return f"({value}::text || '+00')::{target_type}"
    if is_text(old_type) and new_type == _TIMESTAMPTZ:
        utc = f"{value}::timestamp AT TIME ZONE 'UTC'"
        return f"CASE WHEN {value} ~ '{_TIME_WITH_ZONE}' THEN {value}::timestamptz ELSE {utc} END"
    if is_text(old_type) and new_type == _TIMETZ:
        utc = f"({value}::time::text || '+00')::timetz"
        return f"CASE WHEN {value} ~ '{_TIME_WITH_ZONE}' THEN {value}::timetz ELSE {utc} END"
    return None


def _are_both_enums(old_type: str, before: Catalog, new_type: str, after: Catalog) -> bool:
    return find_enum(old_type, before) is not None and find_enum(new_type, after) is not None


def _find_user_type(type_name: str, catalog: Catalog) -> object:
    schema, _, name = type_name.removesuffix("[]").rpartition(".")
    return catalog.objects.get(("type", schema or "public", name.strip('"')))
