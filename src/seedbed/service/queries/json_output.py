"""Write a column's values as JSON in SQL, exactly as Pydantic would serialize them."""

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, WrapSerializer

from seedbed.postgres.quoting import quote_literal
from seedbed.service.queries.value_parser import to_utc


def keep_column(column: str) -> str:
    return column


def cast_to_text(column: str) -> str:
    return f"{column}::text"


@dataclass(frozen=True)
class JsonFormat:
    """The JSON of a column type: in SQL by `to_json_sql`, in Pydantic by `annotation`.

    `needs_python` says that PostgreSQL alone cannot write responses, so they are serialized through the annotation.
    `is_native` says that the annotation's value is the one that SQLAlchemy would give to a model's own code.
    """

    to_json_sql: Callable[[str], str]
    annotation: Any
    needs_python: bool = False
    is_native: bool = True


def _with_json_schema(schema: Mapping[str, Any]) -> WithJsonSchema:
    return WithJsonSchema(dict(schema))


def _format_decimal(value: Decimal) -> str:
    return format(value, "f")


def _parse_seconds(value: object) -> object:
    return timedelta(seconds=value) if isinstance(value, (int, float)) else value


def _or_text(annotation: Any, name: str) -> Any:
    """Accept a date or time, or PostgreSQL's text: `infinity`, or a year that Python does not support."""
    return Annotated[
        annotation | str, Field(union_mode="left_to_right"), _with_json_schema({"type": "string", "format": name})
    ]


def _decode_base64url(value: object) -> object:
    return base64.urlsafe_b64decode(value) if isinstance(value, str) else value


def _encode_base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode()


DECIMAL = JsonFormat(
    cast_to_text,
    Annotated[
        Decimal,
        Field(allow_inf_nan=True),
        PlainSerializer(_format_decimal, return_type=str),
        _with_json_schema({"type": "string", "pattern": r"^(-?[0-9]+(\.[0-9]+)?|NaN|-?Infinity)$"}),
    ],
)
FLOAT = JsonFormat(
    keep_column,
    Annotated[
        float,
        Field(allow_inf_nan=True),
        _with_json_schema(
            {"anyOf": [{"type": "number"}, {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}]}
        ),
    ],
)
NUMERIC_AS_FLOAT = JsonFormat(lambda column: f"{column}::float8", FLOAT.annotation)
TEXT, INTEGER, BOOLEAN, UUIDS = (
    JsonFormat(keep_column, str),
    JsonFormat(keep_column, int),
    JsonFormat(keep_column, bool),
    JsonFormat(keep_column, UUID),
)
DATE = JsonFormat(keep_column, _or_text(date, "date"))
TIME = JsonFormat(
    lambda c: f"CASE WHEN {c} = date_trunc('second', {c}) THEN {c}::text ELSE rpad({c}::text, 15, '0') END",
    _or_text(time, "partial-time"),
)
INTERVAL = JsonFormat(
    lambda column: f"extract(epoch FROM {column})::float8",
    Annotated[
        timedelta | str,
        BeforeValidator(_parse_seconds),
        PlainSerializer(lambda v: v.total_seconds() if isinstance(v, timedelta) else v),
        _with_json_schema({"anyOf": [{"type": "number"}, {"type": "string", "enum": ["Infinity", "-Infinity"]}],
                      "description": "In seconds."}),
    ],
)  # fmt: skip
BYTES = JsonFormat(
    lambda column: f"translate(encode({column}, 'base64'), E'+/\\n', '-_')",
    Annotated[
        bytes,
        BeforeValidator(_decode_base64url),
        PlainSerializer(_encode_base64url, return_type=str),
        _with_json_schema({"type": "string", "format": "base64url"}),
    ],
)
JSON = JsonFormat(keep_column, Any)
POSTGRESQL_TEXT = JsonFormat(keep_column, str, is_native=False)
"""Types without a Python counterpart, as PostgreSQL writes them: networks, ranges, bits."""


def _create_timestamp_format(annotation: Any, *, zone: bool) -> JsonFormat:
    """Create the format of a timestamp. Pydantic writes six decimals or none; PostgreSQL omits trailing zeros."""
    at = " AT TIME ZONE 'UTC'" if zone else ""
    form = 'YYYY-MM-DD"T"HH24:MI:SS{}' + ('"Z"' if zone else "")

    def json(c: str) -> str:
        return (
            f"CASE WHEN {c} >= '0001-01-02' AND {c} < '9999-12-31' THEN to_char({c}{at}, CASE WHEN {c} = date_trunc("
            f"'second', {c}) THEN '{form.format('')}' ELSE '{form.format('.US')}' END) ELSE {c}::text END"
        )

    return JsonFormat(json, _or_text(annotation, "date-time" if zone else "date-time-local"))


TIMESTAMP = _create_timestamp_format(datetime, zone=False)
TIMESTAMPTZ = _create_timestamp_format(Annotated[datetime, AfterValidator(to_utc)], zone=True)


def create_enum_format(members: Mapping[str, Any], annotation: Any) -> JsonFormat:
    """Create the format of an enum, which is stored by its labels and serialized by its values."""
    if all(label == value for label, value in members.items()):
        return JsonFormat(keep_column, annotation)
    if not all(isinstance(value, (str, int)) and not isinstance(value, bool) for value in members.values()):
        return JsonFormat(cast_to_text, str, is_native=False)
    are_integers = all(isinstance(value, int) for value in members.values())
    cases = " ".join(
        f"WHEN {quote_literal(label)} THEN {value if are_integers else quote_literal(str(value))}"
        for label, value in members.items()
    )
    return JsonFormat(lambda c: f"CASE {c}::text {cases} END", annotation)


def create_array_format(item: JsonFormat, dimensions: int | None) -> JsonFormat:
    """Create the format of an array. One with several dimensions is serialized as PostgreSQL writes it."""
    if dimensions not in {None, 1}:
        return JsonFormat(keep_column, list[Any], is_native=item.is_native)
    inner: Any = item.annotation
    annotation = list[inner | None] if inner is not Any else list[Any]
    if item.to_json_sql is keep_column:
        return JsonFormat(keep_column, annotation, item.needs_python, item.is_native)

    def json(c: str) -> str:
        items = f"SELECT json_agg({item.to_json_sql('u.x')} ORDER BY u.n) FROM unnest({c}) WITH ORDINALITY AS u(x, n)"
        return f"CASE WHEN {c} IS NOT NULL THEN coalesce(({items}), '[]') END"

    return JsonFormat(json, annotation, item.needs_python, item.is_native)


def create_json_format(annotation: Any) -> JsonFormat:
    """Create the format of a JSON column. Plain JSON is passed through; a Pydantic model serializes its own."""
    return (
        JSON if _is_plain_json(annotation) else JsonFormat(keep_column, strip_optional(annotation), needs_python=True)
    )


def _is_plain_json(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return _is_plain_json(annotation.__origin__) and not list(find_serializers(annotation))
    inner = getattr(annotation, "__args__", ())
    if inner:
        return all(_is_plain_json(part) for part in inner)
    return annotation in {Any, dict, list, str, int, float, bool, type(None), None, object}


def strip_optional(annotation: Any) -> Any:
    if get_origin(annotation) not in {Union, UnionType}:
        return annotation
    types = [member for member in get_args(annotation) if member is not type(None)]
    return types[0] if len(types) == 1 and type(None) in get_args(annotation) else annotation


def find_serializers(annotation: Any) -> Iterator[PlainSerializer | WrapSerializer]:
    """Find the serializers inside an annotation."""
    metadata = getattr(annotation, "__metadata__", ())
    yield from (part for part in metadata if isinstance(part, (PlainSerializer, WrapSerializer)))
    for part in (
        getattr(annotation, "__value__", None),
        getattr(annotation, "__origin__", None),
        *get_args(annotation),
    ):
        if part is not None and (hasattr(part, "__args__") or hasattr(part, "__metadata__")):
            yield from find_serializers(part)
