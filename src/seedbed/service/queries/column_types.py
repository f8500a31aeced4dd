"""What each type of column is in answers and in requests."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BeforeValidator, TypeAdapter, ValidationError
from sqlalchemy import types
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import CompileError

from seedbed.postgres.quoting import DIALECT
from seedbed.service.queries import json_output, operators, value_parser
from seedbed.service.queries.json_output import JsonFormat
from seedbed.service.queries.operators import Comparisons
from seedbed.service.queries.value_parser import InvalidValue, ValueParser

_PREPARER: Any = DIALECT.identifier_preparer


@dataclass(frozen=True)
class TypeMapping:
    """A type of column: how its values are answered, which a request may give, how it may compare them, and whether
    rows may be sorted by it.
    """

    json_format: JsonFormat
    parser: ValueParser | None = None
    comparisons: Comparisons = field(default_factory=dict)
    is_sortable: bool = False


def map_type(column_type: types.TypeEngine[Any], annotation: Any = Any) -> TypeMapping:
    """`annotation` is the model's own, which counts where the column does not say it all: in JSON, and where Python
    code converts the values.
    """
    if isinstance(column_type, types.TypeDecorator) and not isinstance(column_type, types.Interval):
        return _decorated(column_type, annotation)
    if isinstance(column_type, postgresql.DOMAIN):
        return map_type(column_type.data_type, annotation)
    if isinstance(column_type, types.ARRAY):
        return _array(column_type)
    if isinstance(column_type, types.Enum):
        return _enum(column_type)
    if isinstance(column_type, types.JSON):
        return TypeMapping(json_output.create_json_format(annotation), value_parser.JSON, operators.DOCUMENTS)
    if isinstance(column_type, (postgresql.ranges.AbstractSingleRange, postgresql.ranges.AbstractMultiRange)):
        return _range(column_type)
    for sql_type, make in _KINDS:
        if isinstance(column_type, sql_type):
            return make(column_type)
    return _other(column_type)


def _scalar(form: JsonFormat, values: ValueParser, comparisons: Comparisons = operators.SCALAR) -> TypeMapping:
    return TypeMapping(form, values, comparisons, is_sortable=True)


def _integer(column_type: Any) -> TypeMapping:
    for sql_type, name, bits in ((types.BigInteger, "bigint", 63), (types.SmallInteger, "smallint", 15)):
        if isinstance(column_type, sql_type):
            return _scalar(json_output.INTEGER, value_parser.create_integer_parser(name, bits))
    return _scalar(json_output.INTEGER, value_parser.create_integer_parser("integer", 31))


def _floating(column_type: Any) -> TypeMapping:
    """A real is compared as one: the double that is spelled like it is another number."""
    single = isinstance(column_type, types.REAL) or (
        not isinstance(column_type, types.Double) and 1 <= (column_type.precision or 0) <= _REAL_DIGITS
    )
    return _scalar(json_output.FLOAT, value_parser.REAL if single else value_parser.FLOAT)


_REAL_DIGITS = 24
"""PostgreSQL's `float(24)` and below are its `real`."""


def _numeric(column_type: Any) -> TypeMapping:
    return _scalar(json_output.DECIMAL if column_type.asdecimal else json_output.NUMERIC_AS_FLOAT, value_parser.NUMERIC)


def _string(column_type: Any) -> TypeMapping:
    cast = next(
        (name for sql_type, name in ((types.CHAR, "bpchar"), (postgresql.CITEXT, "citext"))
         if isinstance(column_type, sql_type)), "text",
    )  # fmt: skip
    return _scalar(json_output.TEXT, replace(value_parser.TEXT, cast=cast), operators.TEXTS)


def _datetime(column_type: Any) -> TypeMapping:
    zone = bool(column_type.timezone)
    return _scalar(json_output.create_timestamp_format(zone=zone), value_parser.create_timestamp_parser(zone=zone))


def _time(column_type: Any) -> TypeMapping:
    return _other(column_type) if column_type.timezone else _scalar(json_output.TIME, value_parser.TIME)


def _enum(column_type: types.Enum) -> TypeMapping:
    members: dict[str, Any]
    if column_type.enum_class is None:
        members = {label: label for label in column_type.enums}
        annotation: Any = Literal[tuple(column_type.enums)]
    else:
        members = {label: member.value for label, member in zip(column_type.enums, column_type.enum_class, strict=True)}
        annotation = column_type.enum_class
    form = json_output.create_enum_format(members, annotation)
    answered = members if form.is_native else {label: label for label in members}
    cast = _PREPARER.format_type(column_type) if column_type.native_enum else "text"
    return _scalar(form, value_parser.create_enum_parser(cast, {str(value): label for label, value in answered.items()}))


def _array(column_type: Any) -> TypeMapping:
    """PostgreSQL compares arrays of one type alone, so values are cast to the column's own, without its length."""
    item = map_type(column_type.item_type)
    form = json_output.create_array_format(item.json_format, column_type.dimensions)
    flat = column_type.dimensions in {None, 1}
    if not flat or not item.is_sortable or item.parser is None or isinstance(column_type.item_type, postgresql.DOMAIN):
        return TypeMapping(form)
    name = item.parser.cast
    if isinstance(column_type.item_type, types.String) and name == "text":
        name = "text" if isinstance(column_type.item_type, types.Text) else "varchar"
    if isinstance(column_type.item_type, postgresql.CIDR):
        name = "cidr"
    if isinstance(column_type.item_type, postgresql.BIT):
        name = "varbit" if column_type.item_type.varying else '"bit"'  # which, unquoted, is one bit
    return TypeMapping(form, value_parser.create_array_parser(item.parser, f"{name}[]"), operators.ARRAYS)


def _range(column_type: Any) -> TypeMapping:
    name = str(column_type.compile(dialect=DIALECT)).lower()
    bound = _BOUNDS.get(name.replace("multi", ""))
    if bound is None:
        return TypeMapping(json_output.POSTGRESQL_TEXT)
    make = value_parser.create_multirange_parser if "multi" in name else value_parser.create_range_parser
    return _scalar(json_output.POSTGRESQL_TEXT, make(bound, name), operators.RANGES)


_BOUNDS = {
    "int4range": value_parser.create_integer_parser("integer", 31),
    "int8range": value_parser.create_integer_parser("bigint", 63),
    "numrange": value_parser.NUMERIC,
    "daterange": value_parser.DATE,
    "tsrange": value_parser.create_timestamp_parser(zone=False),
    "tstzrange": value_parser.create_timestamp_parser(zone=True),
}


def _other(column_type: types.TypeEngine[Any]) -> TypeMapping:
    """A type that nothing here knows: PostgreSQL writes its text, and reads it again for a key or a cursor."""
    form = JsonFormat(json_output.cast_to_text, str, is_native=False)
    try:
        return TypeMapping(form, ValueParser(str(column_type.compile(dialect=DIALECT))))
    except CompileError:
        return TypeMapping(form)


def _decorated(column_type: Any, annotation: Any) -> TypeMapping:
    """A type with Python code in it: its values go through that code wherever it has any, both ways."""
    inner = map_type(column_type.impl_instance)
    own = type(column_type)
    if own.__module__.startswith("sqlmodel."):
        return inner  # its own see to what Python gives a driver, and none is between here
    reads = own.process_result_value is not types.TypeDecorator.process_result_value
    binds = own.process_bind_param is not types.TypeDecorator.process_bind_param
    said = json_output.strip_optional(annotation)
    if inner.parser is not None and binds:
        comparisons = {name: inner.comparisons[name] for name in ("eq", "ne", "in") if name in inner.comparisons}
        inner = TypeMapping(inner.json_format, _bound(column_type, said, inner), comparisons)
    elif reads:
        inner = TypeMapping(inner.json_format, inner.parser)
    if not reads:
        return inner
    read: TypeAdapter[Any] = TypeAdapter(inner.json_format.annotation)

    def convert(value: object) -> object:
        return column_type.process_result_value(None if value is None else read.validate_python(value), DIALECT)

    return replace(inner, json_format=JsonFormat(inner.json_format.to_json_sql, Annotated[said, BeforeValidator(convert)], needs_python=True))


def _bound(column_type: Any, said: Any, inner: TypeMapping) -> ValueParser:
    """Values that the type's own code turns into what is stored."""
    known = inner.parser or value_parser.TEXT
    read: TypeAdapter[Any] = TypeAdapter(inner.json_format.annotation if said is Any else said)

    def parse(text: str) -> str:
        try:
            value = column_type.process_bind_param(read.validate_strings(text), DIALECT)
        except ValidationError as error:
            raise InvalidValue(error.errors(include_input=False, include_url=False)[0]["msg"]) from None
        except Exception:  # whatever the type's own code makes of a value that it does not expect
            raise InvalidValue("Input should be a value of its type") from None
        if not isinstance(value, (str, int, float, Decimal, UUID)) or isinstance(value, bool):
            raise InvalidValue("Input should be a value that can be compared")
        return known.parse(str(value))

    return ValueParser(known.cast, parse)


_Make = Callable[[Any], TypeMapping]
_KINDS: tuple[tuple[type[Any] | tuple[type[Any], ...], _Make], ...] = (
    (types.Integer, _integer),
    ((types.Float, postgresql.DOUBLE_PRECISION), _floating),
    (types.Numeric, _numeric),
    ((types.String, postgresql.CITEXT), _string),
    (types.Boolean, lambda _: _scalar(json_output.BOOLEAN, value_parser.BOOLEAN)),
    (types.Uuid, lambda _: _scalar(json_output.UUIDS, value_parser.UUIDS)),
    (types.DateTime, _datetime),
    (types.Date, lambda _: _scalar(json_output.DATE, value_parser.DATE)),
    (types.Time, _time),
    ((types.Interval, postgresql.INTERVAL), lambda _: _scalar(json_output.INTERVAL, value_parser.INTERVAL)),
    (types.LargeBinary, lambda _: _scalar(json_output.BYTES, value_parser.BYTES)),
    (
        (postgresql.INET, postgresql.CIDR),
        lambda _: _scalar(json_output.POSTGRESQL_TEXT, value_parser.NETWORK, operators.NETWORKS),
    ),
    (postgresql.MACADDR, lambda _: _scalar(json_output.POSTGRESQL_TEXT, value_parser.HARDWARE)),
    (postgresql.MACADDR8, lambda _: _scalar(json_output.POSTGRESQL_TEXT, value_parser.HARDWARE8)),
    (postgresql.BIT, lambda _: _scalar(json_output.POSTGRESQL_TEXT, value_parser.BITS)),
    (postgresql.TSVECTOR, lambda _: TypeMapping(json_output.POSTGRESQL_TEXT, value_parser.TEXT, operators.FULL_TEXT)),
)
