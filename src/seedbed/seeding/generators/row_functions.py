"""Columns that follow from the others of their row, by a function or a template of the seeds."""

from typing import Any

from seedbed.errors import InvalidSeedsFile
from seedbed.seeding.api.rules import Derived
from seedbed.seeding.core.batch import Batch, make_objects
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest
from seedbed.seeding.resolution.resolved_table import ResolvedTable


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
