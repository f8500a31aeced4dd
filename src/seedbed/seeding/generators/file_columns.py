"""Columns of CSV and JSON files that a seeds file names."""

import csv
import json
from pathlib import Path
from typing import Any

from seedbed.errors import TooFewUniqueValues, InvalidSeedsFile
from seedbed.seeding.api.rules import FromFile
from seedbed.seeding.core.batch import Batch, fixed_pool, pooled
from seedbed.seeding.generators.column_generator import Filling, Wish, check_nulls, indices

_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0"})
"""What PostgreSQL reads as a boolean; of its abbreviations the usual ones."""


def from_file(wish: Wish, rule: FromFile) -> Filling:
    """Fill a column from a file, row by row and then from its beginning again.

    An empty cell of a CSV file is NULL; in a text column that is NOT NULL it is an empty text.

    Raises:
        InvalidSeedsFile: the file cannot be read, has no such column, or a line with fewer cells than its first.
        NullNotAllowed: a value is missing, and the column is NOT NULL.
        TooFewUniqueValues: no value may repeat, and the file has fewer of them than there are rows.
    """
    values = _values(wish, rule)
    check_nulls(wish, values, f"from_file({rule.path!r})")
    pool = fixed_pool(rule.path, values)
    if wish.unique and wish.most > pool.size:
        raise TooFewUniqueValues(wish.table.name, wish.name, wish.most, pool.size)

    def make(rows: range) -> Batch:
        return pooled(pool, indices(rows) % pool.size)

    return Filling(wish.name, f"from {rule.path}", make)


def _values(wish: Wish, rule: FromFile) -> list[Any]:
    file, name = wish.table.root / rule.path, rule.column or wish.name
    try:
        if Path(rule.path).suffix == ".json":
            rows = json.loads(file.read_text(encoding="utf-8-sig"))
            values = [row[name] if isinstance(row, dict) else row for row in rows]
        else:
            cells = _cells(file, name, empty="" if wish.kind.is_text and not wish.column.nullable else None)
            values = _booleans(cells) if wish.kind.name == "bool" else cells
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise InvalidSeedsFile(
            wish.table.place, f"from_file({rule.path!r}): {type(error).__name__}: {error}"
        ) from error
    if not values:
        raise InvalidSeedsFile(wish.table.place, f"from_file({rule.path!r}): it has no rows")
    return values


def _cells(file: Path, name: str, *, empty: str | None) -> list[str | None]:
    found: list[str | None] = []
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        for row in reader:
            if row[name] is None:
                raise ValueError(f"line {reader.line_num} has no cell for {name}")
            found.append(row[name] or empty)
    return found


def _booleans(cells: list[str | None]) -> list[bool | str | None]:
    """Cells as booleans, where PostgreSQL reads them so; SQLAlchemy takes no text for one."""
    found: list[bool | str | None] = []
    for cell in cells:
        said = "" if cell is None else cell.strip().lower()
        found.append(said in _TRUE if said in _TRUE | _FALSE else cell)
    return found
