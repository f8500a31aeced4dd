"""What each type of column looks like in an answer, and how a value of it is read from a request."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from sqlalchemy import types
from sqlalchemy.dialects import postgresql

from seedbed.postgres.quoting import DIALECT

_BITS = ((types.BigInteger, "bigint", 63), (types.SmallInteger, "smallint", 15), (types.Integer, "integer", 31))
_PLUS_AS_SPACE = re.compile(r" (?=\d\d(:?\d\d)?$)")


_PREPARER: Any = DIALECT.identifier_preparer


class Unreadable(ValueError):
    """A value of a request that its column cannot hold; the text says what it can."""


@dataclass(frozen=True)
class Kind:
    """A type of column.

    `json` turns the column's SQL into what row_to_json writes as Pydantic would write `annotation`. A request's text is
    read by `parse` and cast to `cast`; a kind without one cannot be filtered or sorted by. `python` says that answers
    go through the annotation, since PostgreSQL alone cannot write them.
    """

    json: Callable[[str], str]
    annotation: Any
    cast: str | None = None
    parse: Callable[[str], str] = str
    schema: Mapping[str, Any] | None = None
    python: bool = False

    @property
    def is_verbatim(self) -> bool:
        return self.json is _verbatim


def kind_of(column_type: types.TypeEngine[Any], annotation: Any = Any) -> Kind:
    """`annotation` is the model's own, which counts where the column does not say it all: in JSON, and where Python
    code converts the values.
    """
    if isinstance(column_type, types.TypeDecorator) and not isinstance(column_type, types.Interval):
        return _decorated(column_type, annotation)
    if isinstance(column_type, postgresql.DOMAIN):
        return kind_of(column_type.data_type, annotation)
    if isinstance(column_type, types.ARRAY):
        return _array(column_type)
    if isinstance(column_type, types.Enum):
        return _enum(column_type)
    for sql_type, make in _KINDS:
        if isinstance(column_type, sql_type):
            found = make(column_type)
            return _json(found, annotation) if isinstance(column_type, types.JSON) else found
    return Kind(lambda c: f"{c}::text", str)


def _verbatim(column: str) -> str:
    return column


def _reader(annotation: Any) -> Callable[[str], Any]:
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)

    def read(text: str) -> Any:
        try:
            return adapter.validate_strings(text)
        except ValidationError as error:
            raise Unreadable(error.errors(include_input=False, include_url=False)[0]["msg"]) from None

    return read


def _number(name: str, bits: int) -> Kind:
    schema = {"type": "integer", "minimum": -(2**bits), "maximum": 2**bits - 1}
    least, most = -(2**bits), 2**bits - 1

    def parse(text: str) -> str:
        if not re.fullmatch(r"[+-]?[0-9]{1,400}", text):
            raise Unreadable("Input should be a valid integer")
        if not least <= (value := int(text)) <= most:
            raise Unreadable(f"Input should be from {least} to {most}")
        return str(value)

    return Kind(_verbatim, int, name, parse, schema)


def _integer(column_type: Any) -> Kind:
    return next(_number(name, bits) for sql_type, name, bits in _BITS if isinstance(column_type, sql_type))


def _plain(value: Decimal) -> str:
    return format(value, "f")


_decimal = Annotated[
    Decimal,
    Field(allow_inf_nan=True),
    PlainSerializer(_plain, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^(-?[0-9]+(\.[0-9]+)?|NaN|-?Infinity)$"}),
]
_float = Annotated[
    float,
    Field(allow_inf_nan=True),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}]}),
]
_NUMERAL = re.compile(r"[+-]?([0-9]{1,1000}(\.[0-9]{0,1000})?|\.[0-9]{1,1000})([eE][+-]?[0-9]{1,3})?|NaN|-?Infinity")


def _numeral(text: str) -> str:
    if not _NUMERAL.fullmatch(text):
        raise Unreadable("Input should be a number")
    return text


def _float_numeral(text: str) -> str:
    value = float(_numeral(text))
    return text if "Inf" in text or "NaN" in text else repr(value) if abs(value) != float("inf") else _too_large()


def _too_large() -> str:
    raise Unreadable("Input should be a number that fits")


def _numeric(column_type: Any) -> Kind:
    if not column_type.asdecimal:
        return replace(_floating(column_type), json=lambda c: f"{c}::float8", cast="numeric")
    return Kind(lambda c: f"{c}::text", _decimal, "numeric", _numeral, {"type": "number"})


def _floating(column_type: Any) -> Kind:  # noqa: ARG001
    return Kind(_verbatim, _float, "float8", _float_numeral, {"type": "number"})


def _text(text: str) -> str:
    if "\0" in text:
        raise Unreadable("PostgreSQL's text has no NUL")
    return text


_TEXT_SCHEMA = {"type": "string", "pattern": r"^[^\x00]*$"}


def _string(column_type: Any) -> Kind:
    cast = next(
        (name for sql_type, name in ((types.CHAR, "bpchar"), (postgresql.CITEXT, "citext"))
         if isinstance(column_type, sql_type)), "text",
    )  # fmt: skip
    return Kind(_verbatim, str, cast, _text, _TEXT_SCHEMA)


def _boolean(column_type: Any) -> Kind:  # noqa: ARG001
    def parse(text: str) -> str:
        if text not in {"true", "false"}:
            raise Unreadable("Input should be true or false")
        return text

    return Kind(_verbatim, bool, "boolean", parse, {"type": "boolean"})


def _uuid(column_type: Any) -> Kind:  # noqa: ARG001
    read = _reader(UUID)
    return Kind(_verbatim, UUID, "uuid", lambda text: str(read(text)), {"type": "string", "format": "uuid"})


def _endless(annotation: Any, name: str) -> Any:
    """A date or time as Python has it, or else as PostgreSQL writes it: `infinity`, or years that Python lacks."""
    schema = WithJsonSchema({"type": "string", "format": name})
    return Annotated[annotation | str, Field(union_mode="left_to_right"), schema]


def _moment(read: Callable[[str], Any]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text in {"infinity", "-infinity"}:
            return text
        value = read(_PLUS_AS_SPACE.sub("+", text))
        return str(value.isoformat())

    return parse


def _date(column_type: Any) -> Kind:  # noqa: ARG001
    schema = {"type": "string", "format": "date"}
    return Kind(_verbatim, _endless(date, "date"), "date", _moment(_reader(date)), schema)


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC) if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _datetime(column_type: Any) -> Kind:
    """Pydantic writes six digits of a fraction or none; PostgreSQL leaves zeros at the end out."""
    zone = "Z" if column_type.timezone else ""
    at = " AT TIME ZONE 'UTC'" if column_type.timezone else ""
    form = 'YYYY-MM-DD"T"HH24:MI:SS{}' + ('"Z"' if zone else "")

    def json(c: str) -> str:
        return (
            f"CASE WHEN {c} >= '0001-01-02' AND {c} < '9999-12-31' THEN to_char({c}{at}, CASE WHEN {c} = date_trunc("
            f"'second', {c}) THEN '{form.format('')}' ELSE '{form.format('.US')}' END) ELSE {c}::text END"
        )

    annotation = Annotated[datetime, AfterValidator(_utc)] if zone else datetime
    form_name = "date-time" if zone else "date-time-local"
    read = _reader(datetime)

    def parse(text: str) -> str:
        given = _moment(read)(text)
        if given.endswith("infinity"):
            return given
        value = datetime.fromisoformat(given)
        return (_utc(value) if zone else value.replace(tzinfo=None)).isoformat()

    cast = "timestamptz" if zone else "timestamp"
    schema = {"type": "string", "format": "date-time"}
    return Kind(json, _endless(annotation, form_name), cast, _within_python(parse), schema)


def _within_python(parse: Callable[[str], str]) -> Callable[[str], str]:
    def parsed(text: str) -> str:
        try:
            return parse(text)
        except OverflowError:
            raise Unreadable("Input should be in the years 1 to 9999") from None

    return parsed


def _time(column_type: Any) -> Kind:
    if column_type.timezone:
        return Kind(lambda c: f"{c}::text", str)
    read = _reader(time)

    def parse(text: str) -> str:
        value = read(text)
        return str(value.replace(tzinfo=None).isoformat())

    annotation = Annotated[
        time | str, Field(union_mode="left_to_right"), WithJsonSchema({"type": "string", "format": "partial-time"})
    ]
    return Kind(
        lambda c: f"CASE WHEN {c} = date_trunc('second', {c}) THEN {c}::text ELSE rpad({c}::text, 15, '0') END",
        annotation, "time", parse, {"type": "string"},
    )  # fmt: skip


def _seconds(value: object) -> object:
    return timedelta(seconds=value) if isinstance(value, (int, float)) else value


_interval_annotation = Annotated[
    timedelta | str,
    BeforeValidator(_seconds),
    PlainSerializer(lambda v: v.total_seconds() if isinstance(v, timedelta) else v),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "enum": ["Infinity", "-Infinity"]}],
                    "description": "In seconds."}),
]  # fmt: skip


def _interval(column_type: Any) -> Kind:  # noqa: ARG001
    def parse(text: str) -> str:
        return f"{_float_numeral(text)} seconds"

    return Kind(lambda c: f"extract(epoch FROM {c})::float8", _interval_annotation, None, parse)


_bytes = Annotated[str, WithJsonSchema({"type": "string", "format": "base64url"})]


def _binary(column_type: Any) -> Kind:  # noqa: ARG001
    return Kind(lambda c: f"translate(encode({c}, 'base64'), E'+/\\n', '-_')", _bytes)


def _json(kind: Kind, annotation: Any) -> Kind:
    """What a model makes of JSON, its defaults among it, only the model knows; plain JSON goes out as it is."""
    if _is_plain_json(annotation):
        return kind
    return replace(kind, annotation=without_none(annotation), python=True)


def without_none(annotation: Any) -> Any:
    kinds = [kind for kind in getattr(annotation, "__args__", ()) if kind is not type(None)]
    return kinds[0] if len(kinds) == 1 and type(None) in annotation.__args__ else annotation


def _is_plain_json(annotation: Any) -> bool:
    inner = getattr(annotation, "__args__", ())
    if inner:
        return all(_is_plain_json(part) for part in inner)
    return annotation in {Any, dict, list, str, int, float, bool, type(None), None, object}


def _shown(column_type: Any) -> Kind:  # noqa: ARG001
    """Types that only PostgreSQL has, as it writes them: networks, ranges, bits."""
    return Kind(_verbatim, str)


def _enum(column_type: types.Enum) -> Kind:
    """A Python enum is stored by its names and answered by its values, as Pydantic answers it."""
    members: dict[str, Any]
    if column_type.enum_class is None:
        members = {label: label for label in column_type.enums}
        annotation: Any = Literal[tuple(column_type.enums)]
    else:
        members = {label: member.value for label, member in zip(column_type.enums, column_type.enum_class, strict=True)}
        annotation = column_type.enum_class
    stored = {str(value): label for label, value in members.items()}
    cast = _PREPARER.format_type(column_type) if column_type.native_enum else "text"

    def parse(text: str) -> str:
        if text not in stored:
            raise Unreadable(f"Input should be one of {', '.join(stored)}")
        return stored[text]

    schema = {"type": "string", "enum": list(stored)}
    if all(label == value for label, value in members.items()):
        return Kind(_verbatim, annotation, cast, parse, schema)
    if not all(isinstance(value, (str, int)) and not isinstance(value, bool) for value in members.values()):
        return Kind(lambda c: f"{c}::text", str)
    numbers = all(isinstance(value, int) for value in members.values())
    cases = " ".join(
        f"WHEN {_literal(label)} THEN {value if numbers else _literal(str(value))}" for label, value in members.items()
    )
    return Kind(lambda c: f"CASE {c}::text {cases} END", annotation, cast, parse, schema)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _array(column_type: Any) -> Kind:
    item = kind_of(column_type.item_type)
    flat = column_type.dimensions in {None, 1}
    inner: Any = item.annotation
    annotation: Any = list[inner | None] if flat else list[Any]
    if item.is_verbatim:
        return Kind(_verbatim, annotation)

    def json(c: str) -> str:
        items = f"SELECT json_agg({item.json('u.x')} ORDER BY u.n) FROM unnest({c}) WITH ORDINALITY AS u(x, n)"
        return f"CASE WHEN {c} IS NOT NULL THEN coalesce(({items}), '[]') END"

    return Kind(json, annotation)


def _decorated(column_type: Any, annotation: Any) -> Kind:
    """A type with Python code in it: its values go through that code wherever it has any for results."""
    inner = kind_of(column_type.impl_instance)
    own = type(column_type)
    if own.__module__.startswith("sqlmodel."):
        return inner  # its own see to what Python gives a driver, and none is between here
    if own.process_bind_param is not types.TypeDecorator.process_bind_param:
        inner = replace(inner, cast=None)
    if own.process_result_value is types.TypeDecorator.process_result_value:
        return inner
    read: TypeAdapter[Any] = TypeAdapter(inner.annotation)

    def convert(value: object) -> object:
        return column_type.process_result_value(None if value is None else read.validate_python(value), DIALECT)

    said = without_none(annotation)
    return replace(inner, annotation=Annotated[said, BeforeValidator(convert)], cast=None, python=True)


_KINDS: tuple[tuple[type[Any] | tuple[type[Any], ...], Callable[[Any], Kind]], ...] = (
    ((types.Integer,), _integer),
    ((types.Float, postgresql.DOUBLE_PRECISION), _floating),
    (types.Numeric, _numeric),
    ((types.String, postgresql.CITEXT), _string),
    (types.Boolean, _boolean),
    (types.Uuid, _uuid),
    (types.DateTime, _datetime),
    (types.Date, _date),
    (types.Time, _time),
    ((types.Interval, postgresql.INTERVAL), _interval),
    (types.LargeBinary, _binary),
    (types.JSON, lambda _: Kind(_verbatim, Any)),
    (
        (postgresql.INET, postgresql.CIDR, postgresql.MACADDR, postgresql.MACADDR8, postgresql.BIT,
         postgresql.ranges.AbstractRange, postgresql.TSVECTOR),
        _shown,
    ),
)  # fmt: skip
