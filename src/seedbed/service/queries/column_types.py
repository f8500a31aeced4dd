"""Map each SQL column type to its JSON format, its parser and its filter operators."""

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
    """How a column type appears in responses and requests.

    `parser` reads values of requests, `comparisons` are the filter operators by name, and `is_sortable` says whether
    rows may be sorted by such a column.
    """

    json_format: JsonFormat
    parser: ValueParser | None = None
    comparisons: Comparisons = field(default_factory=dict)
    is_sortable: bool = False


def map_type(column_type: types.TypeEngine[Any], annotation: Any = Any) -> TypeMapping:
    """Map a column type. The model's `annotation` decides for JSON columns and for types with Python code."""
    if isinstance(column_type, types.TypeDecorator) and not isinstance(column_type, types.Interval):
        return _map_decorator(column_type, annotation)
    if isinstance(column_type, postgresql.DOMAIN):
        return map_type(column_type.data_type, annotation)
    if isinstance(column_type, types.ARRAY):
        return _map_array(column_type)
    if isinstance(column_type, types.Enum):
        return _map_enum(column_type)
    if isinstance(column_type, types.JSON):
        return TypeMapping(json_output.create_json_format(annotation), value_parser.JSON, operators.DOCUMENTS)
    if isinstance(column_type, (postgresql.ranges.AbstractSingleRange, postgresql.ranges.AbstractMultiRange)):
        return _map_range(column_type)
    for sql_type, create in _TYPE_FACTORIES:
        if isinstance(column_type, sql_type):
            return create(column_type)
    return _map_unknown(column_type)


def _map_scalar(
    json_format: JsonFormat, values: ValueParser, comparisons: Comparisons = operators.SCALAR
) -> TypeMapping:
    return TypeMapping(json_format, values, comparisons, is_sortable=True)


def _map_integer(column_type: Any) -> TypeMapping:
    for sql_type, name, bits in ((types.BigInteger, "bigint", 63), (types.SmallInteger, "smallint", 15)):
        if isinstance(column_type, sql_type):
            return _map_scalar(json_output.INTEGER, value_parser.create_integer_parser(name, bits))
    return _map_scalar(json_output.INTEGER, value_parser.create_integer_parser("integer", 31))


def _map_float(column_type: Any) -> TypeMapping:
    """Map a float. A `real` is compared as `real`, because a `double precision` of the same text is another number."""
    is_real = isinstance(column_type, types.REAL) or (
        not isinstance(column_type, types.Double) and 1 <= (column_type.precision or 0) <= _REAL_DIGITS
    )
    return _map_scalar(json_output.FLOAT, value_parser.REAL if is_real else value_parser.FLOAT)


_REAL_DIGITS = 24
"""PostgreSQL's `float(1)` to `float(24)` are `real`."""


def _map_numeric(column_type: Any) -> TypeMapping:
    return _map_scalar(
        json_output.DECIMAL if column_type.asdecimal else json_output.NUMERIC_AS_FLOAT, value_parser.NUMERIC
    )


def _map_string(column_type: Any) -> TypeMapping:
    cast = next(
        (name for sql_type, name in ((types.CHAR, "bpchar"), (postgresql.CITEXT, "citext"))
         if isinstance(column_type, sql_type)), "text",
    )  # fmt: skip
    return _map_scalar(json_output.TEXT, replace(value_parser.TEXT, cast=cast), operators.TEXTS)


def _map_datetime(column_type: Any) -> TypeMapping:
    if column_type.timezone:
        return _map_scalar(json_output.TIMESTAMPTZ, value_parser.TIMESTAMPTZ)
    return _map_scalar(json_output.TIMESTAMP, value_parser.TIMESTAMP)


def _map_time(column_type: Any) -> TypeMapping:
    return _map_unknown(column_type) if column_type.timezone else _map_scalar(json_output.TIME, value_parser.TIME)


def _map_enum(column_type: types.Enum) -> TypeMapping:
    members: dict[str, Any]
    if column_type.enum_class is None:
        members = {label: label for label in column_type.enums}
        annotation: Any = Literal[tuple(column_type.enums)]
    else:
        members = {label: member.value for label, member in zip(column_type.enums, column_type.enum_class, strict=True)}
        annotation = column_type.enum_class
    json_format = json_output.create_enum_format(members, annotation)
    json_values = members if json_format.is_native else {label: label for label in members}
    cast = _PREPARER.format_type(column_type) if column_type.native_enum else "text"
    return _map_scalar(
        json_format, value_parser.create_enum_parser(cast, {str(value): label for label, value in json_values.items()})
    )


def _map_array(column_type: Any) -> TypeMapping:
    """Map an array. PostgreSQL compares only arrays of the same type, so values are cast to it, without its length."""
    item = map_type(column_type.item_type)
    json_format = json_output.create_array_format(item.json_format, column_type.dimensions)
    is_flat = column_type.dimensions in {None, 1}
    if (
        not is_flat
        or not item.is_sortable
        or item.parser is None
        or isinstance(column_type.item_type, postgresql.DOMAIN)
    ):
        return TypeMapping(json_format)
    name = item.parser.cast
    if isinstance(column_type.item_type, types.String) and name == "text":
        name = "text" if isinstance(column_type.item_type, types.Text) else "varchar"
    if isinstance(column_type.item_type, postgresql.CIDR):
        name = "cidr"
    if isinstance(column_type.item_type, postgresql.BIT):
        name = "varbit" if column_type.item_type.varying else '"bit"'  # unquoted, it means bit(1)
    return TypeMapping(json_format, value_parser.create_array_parser(item.parser, f"{name}[]"), operators.ARRAYS)


def _map_range(column_type: Any) -> TypeMapping:
    name = str(column_type.compile(dialect=DIALECT)).lower()
    bound = _RANGE_BOUND_PARSERS.get(name.replace("multi", ""))
    if bound is None:
        return TypeMapping(json_output.POSTGRESQL_TEXT)
    create = value_parser.create_multirange_parser if "multi" in name else value_parser.create_range_parser
    return _map_scalar(json_output.POSTGRESQL_TEXT, create(bound, name), operators.RANGES)


_RANGE_BOUND_PARSERS = {
    "int4range": value_parser.create_integer_parser("integer", 31),
    "int8range": value_parser.create_integer_parser("bigint", 63),
    "numrange": value_parser.NUMERIC,
    "daterange": value_parser.DATE,
    "tsrange": value_parser.TIMESTAMP,
    "tstzrange": value_parser.TIMESTAMPTZ,
}


def _map_unknown(column_type: types.TypeEngine[Any]) -> TypeMapping:
    """Map any other type to PostgreSQL's text, which a key or a cursor can also be parsed from."""
    json_format = JsonFormat(json_output.cast_to_text, str, is_native=False)
    try:
        return TypeMapping(json_format, ValueParser(str(column_type.compile(dialect=DIALECT))))
    except CompileError:
        return TypeMapping(json_format)


def _map_decorator(column_type: Any, annotation: Any) -> TypeMapping:
    """Map a TypeDecorator. Its Python code converts the values in both directions, as far as it has any."""
    inner = map_type(column_type.impl_instance)
    decorator = type(column_type)
    if decorator.__module__.startswith("sqlmodel."):
        return inner  # SQLModel's decorators only convert values for the driver, which is not used here
    converts_results = decorator.process_result_value is not types.TypeDecorator.process_result_value
    converts_parameters = decorator.process_bind_param is not types.TypeDecorator.process_bind_param
    value_type = json_output.strip_optional(annotation)
    if inner.parser is not None and converts_parameters:
        comparisons = {name: inner.comparisons[name] for name in ("eq", "ne", "in") if name in inner.comparisons}
        inner = TypeMapping(inner.json_format, _create_binding_parser(column_type, value_type, inner), comparisons)
    elif converts_results:
        inner = TypeMapping(inner.json_format, inner.parser)
    if not converts_results:
        return inner
    adapter: TypeAdapter[Any] = TypeAdapter(inner.json_format.annotation)

    def convert(value: object) -> object:
        return column_type.process_result_value(None if value is None else adapter.validate_python(value), DIALECT)

    return replace(
        inner,
        json_format=JsonFormat(
            inner.json_format.to_json_sql, Annotated[value_type, BeforeValidator(convert)], needs_python=True
        ),
    )


def _create_binding_parser(column_type: Any, value_type: Any, inner: TypeMapping) -> ValueParser:
    """Create a parser whose values the type's own Python code converts to what the database stores."""
    database_parser = inner.parser or value_parser.TEXT
    adapter: TypeAdapter[Any] = TypeAdapter(inner.json_format.annotation if value_type is Any else value_type)

    def parse(text: str) -> str:
        try:
            value = column_type.process_bind_param(adapter.validate_strings(text), DIALECT)
        except ValidationError as error:
            raise InvalidValue(error.errors(include_input=False, include_url=False)[0]["msg"]) from None
        except Exception:  # the type's own code may raise anything
            raise InvalidValue("Input should be a value of its type") from None
        if not isinstance(value, (str, int, float, Decimal, UUID)) or isinstance(value, bool):
            raise InvalidValue("Input should be a value that can be compared")
        return database_parser.parse(str(value))

    return ValueParser(database_parser.cast, parse)


_CreateMapping = Callable[[Any], TypeMapping]
_TYPE_FACTORIES: tuple[tuple[type[Any] | tuple[type[Any], ...], _CreateMapping], ...] = (
    (types.Integer, _map_integer),
    ((types.Float, postgresql.DOUBLE_PRECISION), _map_float),
    (types.Numeric, _map_numeric),
    ((types.String, postgresql.CITEXT), _map_string),
    (types.Boolean, lambda _: _map_scalar(json_output.BOOLEAN, value_parser.BOOLEAN)),
    (types.Uuid, lambda _: _map_scalar(json_output.UUIDS, value_parser.UUIDS)),
    (types.DateTime, _map_datetime),
    (types.Date, lambda _: _map_scalar(json_output.DATE, value_parser.DATE)),
    (types.Time, _map_time),
    ((types.Interval, postgresql.INTERVAL), lambda _: _map_scalar(json_output.INTERVAL, value_parser.INTERVAL)),
    (types.LargeBinary, lambda _: _map_scalar(json_output.BYTES, value_parser.BYTES)),
    (
        (postgresql.INET, postgresql.CIDR),
        lambda _: _map_scalar(json_output.POSTGRESQL_TEXT, value_parser.NETWORK, operators.NETWORKS),
    ),
    (postgresql.MACADDR, lambda _: _map_scalar(json_output.POSTGRESQL_TEXT, value_parser.HARDWARE)),
    (postgresql.MACADDR8, lambda _: _map_scalar(json_output.POSTGRESQL_TEXT, value_parser.HARDWARE8)),
    (postgresql.BIT, lambda _: _map_scalar(json_output.POSTGRESQL_TEXT, value_parser.BITS)),
    (postgresql.TSVECTOR, lambda _: TypeMapping(json_output.POSTGRESQL_TEXT, value_parser.TEXT, operators.FULL_TEXT)),
)
