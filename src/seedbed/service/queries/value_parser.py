"""Parse the text of a request into the text of a value that PostgreSQL accepts."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from ipaddress import ip_interface
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

Parse = Callable[[str], str]


class InvalidValue(ValueError):
    """A value of a request that its column cannot hold. The message says which values are valid."""


@dataclass(frozen=True)
class ValueParser:
    """Parses values of one type. `parse` returns the text that PostgreSQL casts to the SQL type `cast`.

    `json_schema` describes the values in the OpenAPI document. `example` is one that the schema does not suggest. It
    becomes part of the description, because tools fill in OpenAPI's own examples as defaults.
    """

    cast: str
    parse: Parse = str
    json_schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    example: str = ""


_NUMERAL = re.compile(r"[+-]?([0-9]{1,1000}(\.[0-9]{0,1000})?|\.[0-9]{1,1000})([eE][+-]?[0-9]{1,3})?|NaN|-?Infinity")
_PLUS_AS_SPACE = re.compile(r"(\d:\d\d(?::\d\d(?:\.\d+)?)?) (\d\d(?::?\d\d)?)$")
_OFFSET_IN_HOURS = re.compile(r"(:\d\d(?:\.\d+)?[+-]\d\d)$")
_LIST_ITEM = re.compile(r'(?:"((?:[^"]|"")*)"|([^,]*))(,|\Z)')
_BOUND_PATTERN = r'(?:"([^"]*)"|([^,"\[\](){}]*))'
_RANGE = re.compile(rf"([\[(]){_BOUND_PATTERN},{_BOUND_PATTERN}([\])])")
_MAX_SECONDS = Decimal(9 * 10**12)
"""PostgreSQL counts an interval's microseconds in 64 bits."""


def create_integer_parser(name: str, bits: int) -> ValueParser:
    minimum, maximum = -(2**bits), 2**bits - 1

    def parse(text: str) -> str:
        if not re.fullmatch(r"[+-]?[0-9]{1,400}", text):
            raise InvalidValue("Input should be a valid integer")
        if not minimum <= (value := int(text)) <= maximum:
            raise InvalidValue(f"Input should be from {minimum} to {maximum}")
        return str(value)

    return ValueParser(name, parse, {"type": "integer", "minimum": minimum, "maximum": maximum})


def parse_numeral(text: str) -> str:
    if not _NUMERAL.fullmatch(text):
        raise InvalidValue("Input should be a number")
    return text


def _parse_float(text: str) -> str:
    value = float(parse_numeral(text))
    if "Inf" in text or "NaN" in text:
        return text
    if abs(value) == float("inf"):
        raise InvalidValue("Input should be a number that fits")
    return repr(value)


def _parse_boolean(text: str) -> str:
    if text not in {"true", "false"}:
        raise InvalidValue("Input should be true or false")
    return text


def _parse_seconds(text: str) -> str:
    """Parse an interval in seconds, as responses have it."""
    if "Inf" in parse_numeral(text):
        return text.lower()
    value = Decimal(text)
    if value.is_nan() or abs(value) > _MAX_SECONDS:
        raise InvalidValue(f"Input should be a number of seconds, at most {_MAX_SECONDS}")
    return f"{value:.6f} seconds"


def _create_reader(annotation: Any) -> Callable[[str], Any]:
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)

    def read(text: str) -> Any:
        try:
            return adapter.validate_strings(text)
        except ValidationError as error:
            raise InvalidValue(error.errors(include_input=False, include_url=False)[0]["msg"]) from None

    return read


_read_uuid, _read_date, _read_time = _create_reader(UUID), _create_reader(date), _create_reader(time)


def _parse_uuid(text: str) -> str:
    return str(_read_uuid(text))


def _create_moment_parse(read: Callable[[str], Any], write: Callable[[Any], str]) -> Parse:
    """Create a parse function that accepts a `+` decoded as a space, and PostgreSQL's offsets in hours."""

    def parse(text: str) -> str:
        if text in {"infinity", "-infinity"}:
            return text
        try:
            return write(read(_OFFSET_IN_HOURS.sub(r"\1:00", _PLUS_AS_SPACE.sub(r"\1+\2", text))))
        except OverflowError:
            raise InvalidValue("Input should be in the years 1 to 9999") from None

    return parse


def to_utc(value: datetime) -> datetime:
    return value.astimezone(UTC) if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _create_timestamp_parser(*, zone: bool) -> ValueParser:
    def write(value: datetime) -> str:
        return (to_utc(value) if zone else value.replace(tzinfo=None)).isoformat()

    schema = {"type": "string", "format": "date-time"}
    example = "2026-01-31T12:00:00" + ("Z" if zone else "")
    return ValueParser(
        "timestamptz" if zone else "timestamp", _create_moment_parse(_create_reader(datetime), write), schema, example
    )


def create_enum_parser(cast: str, stored: Mapping[str, str]) -> ValueParser:
    """Create a parser of an enum. `stored` has the stored label of each value."""

    def parse(text: str) -> str:
        if text not in stored:
            raise InvalidValue(f"Input should be one of {', '.join(stored)}")
        return stored[text]

    return ValueParser(cast, parse, {"type": "string", "enum": list(stored)})


def _parse_network(text: str) -> str:
    try:
        if "%" in text:
            raise ValueError(text)
        return str(ip_interface(text))
    except ValueError:
        raise InvalidValue("Input should be an address or a network, such as 10.0.0.0/8") from None


def _parse_hardware_address(text: str) -> str:
    if not re.fullmatch(r"(?:[0-9a-fA-F]{2}[:-]?){5,7}[0-9a-fA-F]{2}", text):
        raise InvalidValue("Input should be a hardware address, such as 08:00:2b:01:02:03")
    return text


def _parse_bits(text: str) -> str:
    if set(text) - {"0", "1"}:
        raise InvalidValue("Input should be of 0 and 1")
    return text


def _parse_bytes(text: str) -> str:
    try:
        return "\\x" + base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).hex()
    except (ValueError, binascii.Error):
        raise InvalidValue("Input should be base64url") from None


def _parse_json(text: str) -> str:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidValue("Input should be JSON") from None
    return text


def _parse_pattern(text: str) -> str:
    """Translate a pattern for LIKE. A `*` matches any characters, because a URL would need to escape `%`."""
    return re.sub(r"([\\%_])", r"\\\1", text).replace("*", "%")


def split_list(text: str) -> list[str]:
    """Split a list at its commas. An item that contains a comma is in double quotes."""
    items, position = [], 0
    while (match := _LIST_ITEM.match(text, position)) is not None:
        quoted, plain, comma = match.groups()
        items.append(plain if quoted is None else quoted.replace('""', '"'))
        position = match.end()
        if not comma:
            break
    return items


def create_array_parser(item: ValueParser, cast: str) -> ValueParser:
    def parse(text: str) -> str:
        return "{" + ",".join(_quote(item.parse(part)) for part in split_list(text)) + "}" if text else "{}"

    return ValueParser(cast, parse, {"type": "array", "items": restrict_to_list_item(item.json_schema)})


def restrict_to_list_item(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Restrict a value's JSON schema for use in a list, where commas separate values and quotes have a meaning."""
    return {**schema, "pattern": r'^[^\x00,"]*$'} if schema in (TEXT.json_schema, {"type": "string"}) else dict(schema)


def create_range_parser(bound: ValueParser, cast: str) -> ValueParser:
    """Create a parser of a range, as PostgreSQL writes it, or of one value, which means the range of that value."""
    lower, upper = _EXAMPLE_BOUNDS.get(bound.json_schema.get("format", ""), ("1", "5"))

    def parse(text: str) -> str:
        if text == "empty":
            return text
        match = _RANGE.fullmatch(text)
        if match is None:
            if text.startswith(("[", "(")):
                raise InvalidValue("Input should be a range, such as [1,5), or a value within")
            return f"[{(quoted_value := _quote(bound.parse(text)))},{quoted_value}]"
        opening, *bounds, closing = match.groups(default="")
        from_, to = bounds[0] or bounds[1], bounds[2] or bounds[3]
        return f"{opening}{from_ and _quote(bound.parse(from_))},{to and _quote(bound.parse(to))}{closing}"

    return ValueParser(cast, parse, example=f"[{lower},{upper})")


_EXAMPLE_BOUNDS = {
    "date": ("2026-01-01", "2026-02-01"),
    "date-time": ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
}


def create_multirange_parser(bound: ValueParser, cast: str) -> ValueParser:
    """Create a parser of a multirange: ranges in braces, or one range without braces."""
    range_parser = create_range_parser(bound, "")
    parse_range = range_parser.parse

    def parse(text: str) -> str:
        inner = text[1:-1] if text.startswith("{") and text.endswith("}") else None
        ranges = [match[0] for match in _RANGE.finditer(inner or "")]
        if inner is not None and ",".join(ranges) != inner:
            raise InvalidValue("Input should be ranges in braces, such as {[1,5),[7,9)}")
        return "{" + ",".join(parse_range(part) for part in (ranges if inner is not None else [text])) + "}"

    return ValueParser(cast, parse, example=f"{{{range_parser.example}}}")


def _quote(text: str) -> str:
    """Quote a value for PostgreSQL's text of an array or range."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


TEXT = ValueParser("text", str, {"type": "string", "pattern": r"^[^\x00]*$"})
PATTERN = ValueParser("text", _parse_pattern, TEXT.json_schema)
NUMERIC = ValueParser("numeric", parse_numeral, {"type": "number"})
FLOAT, REAL = (
    ValueParser("float8", _parse_float, {"type": "number"}),
    ValueParser("real", _parse_float, {"type": "number"}),
)
BOOLEAN = ValueParser("boolean", _parse_boolean, {"type": "boolean"})
UUIDS = ValueParser("uuid", _parse_uuid, {"type": "string", "format": "uuid"})
DATE = ValueParser(
    "date", _create_moment_parse(_read_date, lambda day: str(day.isoformat())), {"type": "string", "format": "date"}
)
TIMESTAMP, TIMESTAMPTZ = _create_timestamp_parser(zone=False), _create_timestamp_parser(zone=True)
TIME = ValueParser("time", _create_moment_parse(_read_time, lambda clock: str(clock.replace(tzinfo=None).isoformat())))
INTERVAL = ValueParser("interval", _parse_seconds, {"type": "number"}, "3600, which is in seconds")
NETWORK = ValueParser("inet", _parse_network, example="10.0.0.0/8")
HARDWARE, HARDWARE8 = ValueParser("macaddr", _parse_hardware_address), ValueParser("macaddr8", _parse_hardware_address)
BITS = ValueParser("varbit", _parse_bits, {"type": "string", "pattern": "^[01]*$"})
BYTES = ValueParser("bytea", _parse_bytes, {"type": "string", "format": "base64url"})
JSON = ValueParser("jsonb", _parse_json, {"type": "string", "contentMediaType": "application/json"}, '{"key":"value"}')
