"""The PostgreSQL type of a column, read from its SQLAlchemy type."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Column, Enum, Interval
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.types import ARRAY, TypeDecorator, TypeEngine

from seedbed.postgres.quoting import DIALECT, compile_expression
from seedbed.schema.declarations import get_declarations
from seedbed.seeding.core.type_registry import TYPES

OIDS = {one.name: one.oid for one in TYPES.values() if one.oid is not None}
"""Types that every server knows by the same number: an array in binary names the type of its elements by it."""

RANGES = {one.name: one.range_of for one in TYPES.values() if one.range_of is not None}
INTEGERS = {one.name: one.limit for one in TYPES.values() if one.limit is not None}
"""The exclusive upper limit of each integer type."""
TEXTS = frozenset(one.name for one in TYPES.values() if one.generator == "text")
MOMENTS = frozenset({"timestamp", "timestamptz"})

_NAMES = {alias: one.name for one in TYPES.values() for alias in one.aliases}
_SIZED = frozenset(one.name for one in TYPES.values() if one.has_size)
_MULTIRANGES = frozenset(name.replace("range", "multirange") for name in RANGES)
_TYPE_NAME = re.compile(
    r"^(?P<name>[a-z0-9_ .\"]+?)\s*(?:\((?P<arguments>[\d, ]+)\))?(?P<zone> with(?:out)? time zone)?$"
)
_SINGLE_PRECISION = 24
_DOMAIN = re.compile(
    r'CREATE\s+DOMAIN\s+"?(?P<name>[\w.]+)"?\s+(?:AS\s+)?(?P<base>[a-z][\w ]*?\s*(?:\([\d, ]+\))?(?:\[\])?)'
    r"(?:\s+(?:CONSTRAINT\s+\S+|(?:NOT\s+)?NULL|DEFAULT\s+\S+|COLLATE\s+\S+))*(?:\s+CHECK\s*\((?P<rule>.*)\))?\s*$",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class ColumnType:
    """A PostgreSQL type. `name` is pg_type's, `enum`, `array`, or what the model calls a type that is not known here.

    `size` is the length of texts and bits or the precision of a numeric, `scale` its decimals, `element` what an array
    holds, `labels` an enum's words; `rule` is a domain's CHECK.
    """

    name: str
    size: int | None = None
    scale: int | None = None
    element: "ColumnType | None" = None
    labels: tuple[str, ...] = ()
    check: str | None = None
    is_domain: bool = False

    @property
    def has_binary(self) -> bool:
        """Whether COPY can be given its values in binary; else the whole table goes as text."""
        if self.element is not None:
            return self.element.name in OIDS and self.element.has_binary and not self.element.is_domain
        return self.name in {*RANGES, *_MULTIRANGES} or (self.name in TYPES and TYPES[self.name].encode is not None)

    @property
    def is_generated(self) -> bool:
        """Whether Seedbed can generate values of this type."""
        if self.element is not None:
            return self.element.is_generated
        return bool(self.labels) or self.name in TYPES or self.name in _MULTIRANGES

    @property
    def is_text(self) -> bool:
        return self.name in TEXTS

    @property
    def is_number(self) -> bool:
        return self.name in INTEGERS or self.name in {"numeric", "float4", "float8"}

    @property
    def decimals(self) -> int:
        """The number of decimals of generated values."""
        if self.scale is not None:
            return self.scale
        return 0 if self.size is not None else 2

    def __str__(self) -> str:
        return f"{self.element}[]" if self.element is not None else self.name


def get_stored_type(column: Column[Any]) -> TypeEngine[Any]:
    """Return the type in the database, which a TypeDecorator may hide."""
    column_type: TypeEngine[Any] = column.type
    while isinstance(column_type, TypeDecorator) and not isinstance(
        column_type, Interval
    ):  # SQLAlchemy makes an Interval of a time
        column_type = column_type.load_dialect_impl(DIALECT)
    return column_type


def get_column_type(column: Column[Any]) -> ColumnType:
    column_type = _convert_type(get_stored_type(column))
    return (
        column_type if column_type.has_binary or column.table is None else _resolve_declared_domain(column, column_type)
    )


def _resolve_declared_domain(column: Column[Any], column_type: ColumnType) -> ColumnType:
    """Replace a domain from `declare` with its base type and CHECK. Other types are returned unchanged."""
    for statement in get_declarations(column.table.metadata):
        match = _DOMAIN.match(statement)
        if match is not None and match["name"] == column_type.name:
            return replace(parse_type(match["base"]), check=match["rule"], is_domain=True)
    return column_type


def has_custom_processing(column: Column[Any]) -> bool:
    """Tell whether a TypeDecorator of the project converts the column's values.

    SQLModel's own decorators change nothing of what is made here: aware times, and texts within their length.
    """
    column_type = column.type
    return isinstance(column_type, TypeDecorator) and type(column_type).__module__.partition(".")[0] not in {
        "sqlmodel",
        "sqlalchemy",
    }


def get_bind_processor(column: Column[Any]) -> Callable[[Any], Any] | None:
    """Return SQLAlchemy's bind processor, which COPY bypasses."""
    return column.type.bind_processor(DIALECT)


def _convert_type(sql_type: TypeEngine[Any]) -> ColumnType:
    if isinstance(sql_type, Enum):
        if not sql_type.native_enum:
            return ColumnType("varchar", size=sql_type.length, labels=tuple(sql_type.enums))
        return ColumnType("enum", labels=tuple(sql_type.enums))
    if isinstance(sql_type, DOMAIN):
        base = _convert_type(sql_type.data_type)
        check = None if sql_type.check is None else compile_expression(sql_type.check)
        return ColumnType(base.name, base.size, base.scale, base.element, base.labels, check, is_domain=True)
    if isinstance(sql_type, ARRAY):
        element: Any = sql_type.item_type
        while isinstance(element, TypeDecorator):
            element = element.load_dialect_impl(DIALECT)
        return ColumnType("array", element=_convert_type(element))
    return parse_type(sql_type.compile(dialect=DIALECT))


def parse_type(words: str) -> ColumnType:
    """Parse the SQL name of a type, such as `NUMERIC(10, 2)`."""
    words = " ".join(words.lower().split())
    if words.endswith("[]"):
        return ColumnType("array", element=parse_type(words.removesuffix("[]")))
    match = _TYPE_NAME.match(words)
    if match is None:
        return ColumnType(words)
    arguments = [int(number) for number in (match["arguments"] or "").split(",") if number.strip()]
    name = match["name"] + (match["zone"] or "")
    name = _NAMES.get(name, name)
    size = arguments[0] if arguments else None
    if name == "float8" and size is not None and size <= _SINGLE_PRECISION:
        return ColumnType("float4")
    if name in {"bpchar", "bit"} and size is None:
        size = 1
    scale = arguments[1] if len(arguments) > 1 else (0 if name == "numeric" and size is not None else None)
    return ColumnType(name, size=size if name in _SIZED else None, scale=scale)
