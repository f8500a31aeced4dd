"""The values of sample rows: edge values of any type, and the rows that the models generate."""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Enum, Table
from seedbed.postgres.quoting import ColumnName, TableName
from seedbed.schema import Schema
from seedbed.seeding.core.postgres_types import ColumnType, parse_type
from seedbed.seeding.encoding.values import format_value
from seedbed.seeding.generators.by_type import find_series

VALUES_PER_COLUMN = 16
"""The values that a unique column has at least, if its type has as many: each of two sets of rows takes half."""
AS_OF = datetime(2024, 3, 31, tzinfo=UTC)
"""The date of sample rows: in the past, so that no CHECK rejects one as of the future."""
_FIRST = 10
"""The first of a type's generated values, which differ from the edge values."""
_LONGEST = 10_000
"""The maximum length of a text that fills its column."""

_NUMBERS = ["1", "0", "2", "10", "-1", "100", "7", "42", "1000"]
_TEXTS = ["plain", 'O\'Neil \\ "x" %s :y', "", "žluťoučký 🌱", "a@b.example", "1", "A", "a-1"]
_INTEGERS = frozenset({"int2", "int4", "int8", "numeric", "float4", "float8"})
_BY_CATEGORY = {
    "N": _NUMBERS,
    "S": _TEXTS,
    "B": ["true", "false"],
    "T": ["10 days", "0", "-3 hours"],
    "I": ["10.0.0.1", "10.0.0.2"],
    "V": ["101", "1", "0"],
    "A": ["{}", "{NULL}"],
    "R": ["empty"],
}
_BY_NAME = {
    "date": ["2024-02-29", "1970-01-01", "2031-12-31"],
    "timestamp": ["2024-02-29 12:34:56.789012", "1970-01-01 00:00:00", "2031-12-31 23:59:59"],
    "timestamptz": ["2024-02-29 12:34:56.789012+00", "1970-01-01 00:00:00+02", "2031-12-31 23:59:59+00"],
    "time": ["12:34:56", "00:00:00"],
    "timetz": ["12:34:56+00", "00:00:00+02"],
    "uuid": [],
    "json": ['{"a": 1}', "[]", '"x"', "null"],
    "jsonb": ['{"a": 1}', "[]", '"x"', "null"],
    "bytea": ["\\x00ff", "\\x"],
    "xml": ["<a/>"],
    "point": ["(1,2)", "(0,0)"],
    "tsvector": ["a:1 b:2", ""],
    "tsquery": ["'a' & 'b'"],
    "money": ["1.50", "0"],
}

Rows = Sequence[Mapping[str, str | None]]
ModelRows = Callable[[TableName], Rows]
"""Returns the rows of a table by its name; none for a table without a model."""


def list_values(
    type_name: str, base: str, category: str, modifier: int, *, labels: Sequence[str] = (), checks: str = ""
) -> list[str]:
    """Distinct values for a column, the plainest first, and at least 16 where the type has as many.

    `base` is the name in pg_type of the type or of a domain's base type; `category` and `modifier` are its own. Texts
    and numbers in `checks`, the SQL of CHECKs on the column, come first, and before them texts that match its regular
    expressions.
    """
    if labels:
        return list(labels)
    if base in {"bit", "varbit"}:
        length = modifier if base == "bit" and modifier > 0 else 3
        return ["1" * length, "0" * length]
    values = [*_BY_NAME.get(base, _BY_CATEGORY.get(category, [])), *_list_ordinary_values(_parse_type(type_name, base))]
    if category == "N" or base in _INTEGERS:
        numbers = [int(n) for n in re.findall(r"(?<![\w'.])-?\d+(?![\w'])", checks)]
        values = [str(neighbor) for n in numbers for neighbor in (n + 1, n, n - 1)] + values
    if category == "S":
        quoted_texts = [text.replace("''", "'") for text in re.findall(r"'((?:[^']|'')*)'", checks)]
        length = _parse_length(type_name) or _LONGEST
        values = [text[:length] for text in [*_match_patterns(checks), *quoted_texts, *values]]
    return list(dict.fromkeys(values))


def _match_patterns(checks: str) -> Iterator[str]:
    patterns = re.findall(r"~ '((?:[^']|'')*)'", checks)
    if not patterns:
        return
    from seedbed.seeding.generators.text.regex_columns import make_match  # noqa: PLC0415 - the import takes a fifth of the time of a small draft

    for pattern in patterns:
        for j in range(VALUES_PER_COLUMN):
            with suppress(
                re.error, ValueError, KeyError, TypeError
            ):  # Python does not support every PostgreSQL expression
                yield make_match(pattern.replace("''", "'"), str(j))


def longest_text(type_name: str, category: str) -> str | None:
    """A text of the column's maximum length; None if there is none."""
    length = _parse_length(type_name) if category == "S" else None
    return "ž" * length if length is not None and length <= _LONGEST else None


def list_texts(type_name: str, catalog: Catalog) -> list[str]:
    """Texts that are values of a type, as a text column has them before it gets that type."""
    schema, _, name = type_name.rpartition(".")
    enum = catalog.objects.get(("type", schema or "public", name.strip('"')))
    if isinstance(enum, Enum):
        return list(enum.labels)
    column_type = parse_type(type_name)
    ordinary_values = [] if column_type.is_text or column_type.is_number else _list_ordinary_values(column_type)
    return list(dict.fromkeys(ordinary_values)) or ["1", "2", "3", "7", "42"]


def _list_ordinary_values(column_type: ColumnType) -> list[str]:
    """Values of the type as seeding generates them."""
    value_at = find_series(column_type, AS_OF, unique=True)
    if value_at is None:
        return []
    random_source = _Dice(column_type.name)
    return [format_value(value_at(j, random_source), column_type) for j in range(_FIRST, _FIRST + VALUES_PER_COLUMN)]


class _Dice:
    """Python's random numbers: the rows of a proof belong to no seed."""

    def __init__(self, name: str) -> None:
        self._chance = random.Random(name)

    def below(self, limit: int) -> int:
        return self._chance.randrange(limit)

    def pick(self, items: Sequence[Any]) -> Any:
        return self._chance.choice(items)


def _parse_type(type_name: str, base: str) -> ColumnType:
    """A type by its own name, or else by its base type."""
    column_type = parse_type(type_name)
    element_base = base.removeprefix("_")
    if (column_type.element or column_type).name == element_base:
        return column_type
    return parse_type(f"{element_base}[]") if element_base != base else parse_type(base)


def _parse_length(type_name: str) -> int | None:
    match = re.search(r"\((\d+)\)", type_name)
    return int(match[1]) if match else None


def read_model_rows(models: Schema) -> ModelRows:
    """Rows that the models generate for each table, computed when they are asked for."""
    tables = {(table.schema or "public", str(table.name)): table for table in models.tables}
    rows_by_table: dict[TableName, Rows] = {}

    def rows_of(path: TableName) -> Rows:
        from seedbed.seeding.planning.sample_rows import make_sample_rows  # noqa: PLC0415 - the import takes a fifth of the time of a small draft

        if path not in rows_by_table:
            table = tables.get(path)
            rows_by_table[path] = (
                []
                if table is None
                else make_sample_rows(table, models.classes.get(table.key), VALUES_PER_COLUMN, AS_OF)
            )
        return rows_by_table[path]

    return rows_of


def map_to_old_schema(
    model_rows: ModelRows,
    before: Catalog,
    after: Catalog,
    tables: Mapping[TableName, TableName],
    columns: Mapping[ColumnName, str],
) -> ModelRows:
    """Map rows to the schema before a change: columns of an unchanged type, under their old names.

    `tables` and `columns` map new names to old ones.
    """
    new_tables = [((table.schema, table.name), table) for table in after.tables()]
    tables_by_old_path = {tables.get(path, path): table for path, table in new_tables}

    def rows_under_old_names(path: TableName) -> Rows:
        old, new = before.objects.get(("table", *path)), tables_by_old_path.get(path)
        if not isinstance(old, Table) or new is None:
            return []
        old_names = {}
        for column in new.columns:
            old_column = old.columns_by_name.get(columns.get((new.schema, new.name, column.name), column.name))
            if old_column is not None and old_column.type == column.type and _is_unchanged(column.type, before, after):
                old_names[column.name] = old_column.name
        return [
            {old_names[n]: value for n, value in row.items() if n in old_names}
            for row in model_rows((new.schema, new.name))
        ]

    return rows_under_old_names


def _is_unchanged(type_name: str, before: Catalog, after: Catalog) -> bool:
    """Whether a user-defined type has not changed; other types never do."""
    schema, _, name = type_name.removesuffix("[]").rpartition(".")
    key = ("type", schema or "public", name)
    return before.objects.get(key) == after.objects.get(key)
