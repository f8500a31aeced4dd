"""How the text of a request becomes a value that its column could hold."""

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
    """A value of a request that its column cannot hold; the text says what it can."""


@dataclass(frozen=True)
class ValueParser:
    """Values of a request: `parse` makes what PostgreSQL reads as `cast`, and `json_schema` is what OpenAPI says of them.

    `example` is of those that nobody could guess from that. It is told in words: tools fill OpenAPI's own examples in.
    """

    cast: str
    parse: Parse = str
    json_schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    example: str = ""


_NUMERAL = re.compile(r"[+-]?([0-9]{1,1000}(\.[0-9]{0,1000})?|\.[0-9]{1,1000})([eE][+-]?[0-9]{1,3})?|NaN|-?Infinity")
_PLUS_AS_SPACE = re.compile(r"(\d:\d\d(?::\d\d(?:\.\d+)?)?) (\d\d(?::?\d\d)?)$")
_HOURS_ALONE = re.compile(r"(:\d\d(?:\.\d+)?[+-]\d\d)$")
_PART = re.compile(r'(?:"((?:[^"]|"")*)"|([^,]*))(,|\Z)')
_BOUND = r'(?:"([^"]*)"|([^,"\[\](){}]*))'
_RANGE = re.compile(rf"([\[(]){_BOUND},{_BOUND}([\])])")
_MOST_SECONDS = Decimal(9 * 10**12)
"""PostgreSQL counts an interval's microseconds in 64 bits."""


def create_integer_parser(name: str, bits: int) -> ValueParser:
    least, most = -(2**bits), 2**bits - 1

    def parse(text: str) -> str:
        if not re.fullmatch(r"[+-]?[0-9]{1,400}", text):
            raise InvalidValue("Input should be a valid integer")
        if not least <= (value := int(text)) <= most:
            raise InvalidValue(f"Input should be from {least} to {most}")
        return str(value)

    return ValueParser(name, parse, {"type": "integer", "minimum": least, "maximum": most})


def parse_numeral(text: str) -> str:
    if not _NUMERAL.fullmatch(text):
        raise InvalidValue("Input should be a number")
    return text


def _float(text: str) -> str:
    value = float(parse_numeral(text))
    if "Inf" in text or "NaN" in text:
        return text
    if abs(value) == float("inf"):
        raise InvalidValue("Input should be a number that fits")
    return repr(value)


def _boolean(text: str) -> str:
    if text not in {"true", "false"}:
        raise InvalidValue("Input should be true or false")
    return text


def _seconds(text: str) -> str:
    """An interval as it is answered: in seconds."""
    if "Inf" in parse_numeral(text):
        return text.lower()
    value = Decimal(text)
    if value.is_nan() or abs(value) > _MOST_SECONDS:
        raise InvalidValue(f"Input should be a number of seconds, at most {_MOST_SECONDS}")
    return f"{value:.6f} seconds"


def _reader(annotation: Any) -> Callable[[str], Any]:
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)

    def read(text: str) -> Any:
        try:
            return adapter.validate_strings(text)
        except ValidationError as error:
            raise InvalidValue(error.errors(include_input=False, include_url=False)[0]["msg"]) from None

    return read


_read_uuid, _read_date, _read_time = _reader(UUID), _reader(date), _reader(time)


def _uuid(text: str) -> str:
    return str(_read_uuid(text))


def _moment(read: Callable[[str], Any], write: Callable[[Any], str]) -> Parse:
    """A + that came as a space, and an offset as PostgreSQL writes it, in hours alone, are understood."""

    def parse(text: str) -> str:
        if text in {"infinity", "-infinity"}:
            return text
        try:
            return write(read(_HOURS_ALONE.sub(r"\1:00", _PLUS_AS_SPACE.sub(r"\1+\2", text))))
        except OverflowError:
            raise InvalidValue("Input should be in the years 1 to 9999") from None

    return parse


def to_utc(value: datetime) -> datetime:
    return value.astimezone(UTC) if value.tzinfo is not None else value.replace(tzinfo=UTC)


def create_timestamp_parser(*, zone: bool) -> ValueParser:
    def write(value: datetime) -> str:
        return (to_utc(value) if zone else value.replace(tzinfo=None)).isoformat()

    schema = {"type": "string", "format": "date-time"}
    example = "2026-01-31T12:00:00" + ("Z" if zone else "")
    return ValueParser("timestamptz" if zone else "timestamp", _moment(_reader(datetime), write), schema, example)


def create_enum_parser(cast: str, stored: Mapping[str, str]) -> ValueParser:
    """An enum's values, by what they are stored as."""

    def parse(text: str) -> str:
        if text not in stored:
            raise InvalidValue(f"Input should be one of {', '.join(stored)}")
        return stored[text]

    return ValueParser(cast, parse, {"type": "string", "enum": list(stored)})


def _network(text: str) -> str:
    try:
        if "%" in text:
            raise ValueError(text)
        return str(ip_interface(text))
    except ValueError:
        raise InvalidValue("Input should be an address or a network, such as 10.0.0.0/8") from None


def _hardware(text: str) -> str:
    if not re.fullmatch(r"(?:[0-9a-fA-F]{2}[:-]?){5,7}[0-9a-fA-F]{2}", text):
        raise InvalidValue("Input should be a hardware address, such as 08:00:2b:01:02:03")
    return text


def _bits(text: str) -> str:
    if set(text) - {"0", "1"}:
        raise InvalidValue("Input should be of 0 and 1")
    return text


def _bytes(text: str) -> str:
    try:
        return "\\x" + base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).hex()
    except (ValueError, binascii.Error):
        raise InvalidValue("Input should be base64url") from None


def _json(text: str) -> str:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidValue("Input should be JSON") from None
    return text


def _pattern(text: str) -> str:
    """LIKE's, with * for any run of characters, which a URL can carry as it is; all else stands for itself."""
    return re.sub(r"([\\%_])", r"\\\1", text).replace("*", "%")


def split_list(text: str) -> list[str]:
    """The values of a list, with commas between; one that has a comma itself stands in double quotes."""
    found, at = [], 0
    while (match := _PART.match(text, at)) is not None:
        quoted, plain, comma = match.groups()
        found.append(plain if quoted is None else quoted.replace('""', '"'))
        at = match.end()
        if not comma:
            break
    return found


def create_array_parser(item: ValueParser, cast: str) -> ValueParser:
    def parse(text: str) -> str:
        return "{" + ",".join(_quoted(item.parse(part)) for part in split_list(text)) + "}" if text else "{}"

    return ValueParser(cast, parse, {"type": "array", "items": restrict_to_list_item(item.json_schema)})


def restrict_to_list_item(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What OpenAPI says of a value in a list: commas part it from others, and quotes would have a meaning."""
    return {**schema, "pattern": r'^[^\x00,"]*$'} if schema in (TEXT.json_schema, {"type": "string"}) else dict(schema)


def create_range_parser(bound: ValueParser, cast: str) -> ValueParser:
    """A range as PostgreSQL writes it, or one value, for the range that has it alone."""
    lower, upper = _ENDS.get(bound.json_schema.get("format", ""), ("1", "5"))

    def parse(text: str) -> str:
        if text == "empty":
            return text
        match = _RANGE.fullmatch(text)
        if match is None:
            if text.startswith(("[", "(")):
                raise InvalidValue("Input should be a range, such as [1,5), or a value within")
            return f"[{(alone := _quoted(bound.parse(text)))},{alone}]"
        opening, *bounds, closing = match.groups(default="")
        from_, to = bounds[0] or bounds[1], bounds[2] or bounds[3]
        return f"{opening}{from_ and _quoted(bound.parse(from_))},{to and _quoted(bound.parse(to))}{closing}"

    return ValueParser(cast, parse, example=f"[{lower},{upper})")


_ENDS = {
    "date": ("2026-01-01", "2026-02-01"),
    "date-time": ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
}


def create_multirange_parser(bound: ValueParser, cast: str) -> ValueParser:
    """Several ranges in braces, or one without."""
    single = create_range_parser(bound, "")
    one = single.parse

    def parse(text: str) -> str:
        inside = text[1:-1] if text.startswith("{") and text.endswith("}") else None
        found = [match[0] for match in _RANGE.finditer(inside or "")]
        if inside is not None and ",".join(found) != inside:
            raise InvalidValue("Input should be ranges in braces, such as {[1,5),[7,9)}")
        return "{" + ",".join(one(each) for each in (found if inside is not None else [text])) + "}"

    return ValueParser(cast, parse, example=f"{{{single.example}}}")


def _quoted(text: str) -> str:
    """A value inside PostgreSQL's text of an array or a range."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


TEXT = ValueParser("text", str, {"type": "string", "pattern": r"^[^\x00]*$"})
PATTERN = ValueParser("text", _pattern, TEXT.json_schema)
NUMERIC = ValueParser("numeric", parse_numeral, {"type": "number"})
FLOAT, REAL = ValueParser("float8", _float, {"type": "number"}), ValueParser("real", _float, {"type": "number"})
BOOLEAN = ValueParser("boolean", _boolean, {"type": "boolean"})
UUIDS = ValueParser("uuid", _uuid, {"type": "string", "format": "uuid"})
DATE = ValueParser("date", _moment(_read_date, lambda day: str(day.isoformat())), {"type": "string", "format": "date"})
TIME = ValueParser("time", _moment(_read_time, lambda clock: str(clock.replace(tzinfo=None).isoformat())))
INTERVAL = ValueParser("interval", _seconds, {"type": "number"}, "3600, which is in seconds")
NETWORK = ValueParser("inet", _network, example="10.0.0.0/8")
HARDWARE, HARDWARE8 = ValueParser("macaddr", _hardware), ValueParser("macaddr8", _hardware)
BITS = ValueParser("varbit", _bits, {"type": "string", "pattern": "^[01]*$"})
BYTES = ValueParser("bytea", _bytes, {"type": "string", "format": "base64url"})
JSON = ValueParser("jsonb", _json, {"type": "string", "contentMediaType": "application/json"}, '{"key":"value"}')
