"""Columns that a rule of the seeds fills from a file, a function or a template."""

import csv
import json
from pathlib import Path
from typing import Any

from seedbed.errors import InvalidSeedsFile
from seedbed.seeding.api.rules import Derived, FromFile
from seedbed.seeding.core.column_batch import Batch, make_coded, make_fixed_pool, make_objects
from seedbed.seeding.core.random_stream import make_indices
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest, check_nulls, make_shortage
from seedbed.seeding.resolution.resolved_table import ResolvedTable

_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0"})
"""What PostgreSQL reads as a boolean; of its abbreviations the usual ones."""


def generate_from_file(request: ColumnRequest, rule: FromFile) -> ColumnGenerator:
    """Fill a column from a file, row by row and then from its beginning again.

    An empty cell of a CSV file is NULL; in a text column that is NOT NULL it is an empty text.

    Raises:
        InvalidSeedsFile: the file cannot be read, has no such column, or a line with fewer cells than its first.
        NullNotAllowed: a value is missing, and the column is NOT NULL.
        TooFewUniqueValues: no value may repeat, and the file has fewer of them than there are rows.
    """
    values = _read_values(request, rule)
    check_nulls(request, values, f"from_file({rule.path!r})")
    pool = make_fixed_pool(rule.path, values)
    if request.is_unique and request.required_count > pool.size:
        return make_shortage(request, pool.size)

    def make(rows: range) -> Batch:
        return make_coded(pool, make_indices(rows) % pool.size)

    return ColumnGenerator(request.name, f"from {rule.path}", make)


def _read_values(request: ColumnRequest, rule: FromFile) -> list[Any]:
    file, name = request.table.root / rule.path, rule.column or request.name
    try:
        if Path(rule.path).suffix == ".json":
            rows = json.loads(file.read_text(encoding="utf-8-sig"))
            values = [row[name] if isinstance(row, dict) else row for row in rows]
        else:
            cells = _read_cells(
                file, name, empty="" if request.column_type.is_text and not request.column.nullable else None
            )
            values = _parse_booleans(cells) if request.column_type.name == "bool" else cells
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise InvalidSeedsFile(
            request.table.location, f"from_file({rule.path!r}): {type(error).__name__}: {error}"
        ) from error
    if not values:
        raise InvalidSeedsFile(request.table.location, f"from_file({rule.path!r}): it has no rows")
    return values


def _read_cells(file: Path, name: str, *, empty: str | None) -> list[str | None]:
    cells: list[str | None] = []
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        for row in reader:
            if row[name] is None:
                raise ValueError(f"line {reader.line_num} has no cell for {name}")
            cells.append(row[name] or empty)
    return cells


def _parse_booleans(cells: list[str | None]) -> list[bool | str | None]:
    """Convert cells that PostgreSQL reads as booleans, since SQLAlchemy accepts no text for one."""
    values: list[bool | str | None] = []
    for cell in cells:
        text = "" if cell is None else cell.strip().lower()
        values.append(text in _TRUE if text in _TRUE | _FALSE else cell)
    return values


class Row:
    """One row, as `derive` and `template` see it."""

    __slots__ = ("_at", "_read", "i")

    def __init__(self, read: Any, at: int, i: int) -> None:
        self._read, self._at, self.i = read, at, i

    def __getattr__(self, name: str) -> Any:
        return self._read(name)[self._at]


class _NullInTemplate(Exception):
    """A column that a template names is NULL, and so is the whole, as it is where SQL concatenates texts."""


class _TemplateValues(dict[str, Any]):
    """A row's columns by their names, as `str.format_map` asks for them."""

    def __init__(self, row: Row) -> None:
        super().__init__()
        self._row = row

    def __missing__(self, name: str) -> Any:
        value = self._row.i + 1 if name == "i" else getattr(self._row, name)
        if value is None:
            raise _NullInTemplate
        return value


def _make_rows(table: ResolvedTable, rows: range) -> list[Row]:
    kept: dict[str, list[Any]] = {}

    def read(name: str) -> list[Any]:
        if name not in kept:
            column = table.request.attributes.get(name, name)
            if column not in table.column_types:
                raise AttributeError(f"{table.name} has no column {name}")
            kept[name] = table.own_rows.batch(column, rows).tolist()
        return kept[name]

    return [Row(read, at, i) for at, i in enumerate(rows)]


def generate_derived(request: ColumnRequest, rule: Derived) -> ColumnGenerator:
    def make(rows: range) -> Batch:
        try:
            return make_objects(map(rule.function, _make_rows(request.table, rows)))
        except InvalidSeedsFile:
            raise
        except Exception as error:
            raise InvalidSeedsFile(rule.location, f"{request.name}: {type(error).__name__}: {error}") from error

    return ColumnGenerator(request.name, "derived from its row", make)


def generate_from_template(request: ColumnRequest, text: str) -> ColumnGenerator:
    def format_row(row: Row) -> str | None:
        try:
            return text.format_map(_TemplateValues(row))
        except _NullInTemplate:
            return None

    def make(rows: range) -> Batch:
        try:
            return make_objects(map(format_row, _make_rows(request.table, rows)))
        except (AttributeError, KeyError, ValueError, IndexError, TypeError) as error:
            raise InvalidSeedsFile(request.table.location, f"template({text!r}): {error}") from error

    return ColumnGenerator(request.name, f"like {text}", make)
