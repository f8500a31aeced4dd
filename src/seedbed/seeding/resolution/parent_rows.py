"""The rows that a foreign key refers to: planned rows, or rows that a database already has."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from seedbed.seeding.analysis.foreign_keys import ForeignKey
from seedbed.seeding.core.column_batch import Batch, make_objects
from seedbed.seeding.core.postgres_types import ColumnType
from seedbed.seeding.core.random_stream import Ints


class ParentRows(Protocol):
    """Rows that other rows refer to, numbered from 0."""

    @property
    def name(self) -> str: ...

    @property
    def count(self) -> int: ...

    @property
    def is_dated(self) -> bool:
        """Whether these rows, or rows they need, have a creation time."""

    @property
    def country_column(self) -> str | None:
        """The column with the country of each row, if countries do not repeat."""

    def get_type(self, column: str) -> ColumnType | None:
        """Return the type of a column, or None if nothing fills the column."""

    def find_creation_times(self, chosen: Ints) -> Ints:
        """Return the creation times of rows, in microseconds since 1970."""

    def take(self, column: str, chosen: Ints) -> Batch:
        """Return the values of a column for some rows, in their order."""

    def find_roots(self, column: str) -> tuple[str, Ints]:
        """Return the column at the end of the chain of foreign keys, and its row for each row."""

    def find_extended_rows(self, table: str, rows: range) -> Ints:
        """Return the rows that rows of an extending table belong to, in joined inheritance."""


class OwnRows(Protocol):
    """The rows of the table itself. Columns read other columns of their row through it."""

    def batch(self, column: str, rows: range) -> Batch:
        """Return the values of a column that satisfy the CHECKs of the table."""

    def generate(self, column: str, rows: range) -> Batch:
        """Return the values of a column before CHECKs are applied."""

    def find_parents(self, key: ForeignKey, rows: range) -> Ints:
        """Return the parent row of each row by a key, numbered from 0, or -1 for none."""

    def find_classes(self, rows: range) -> Ints:
        """Return the position of each row's class among the identities of its table."""


class ExistingRows:
    """Rows of a table that the seeds do not plan, read from the database. Without a database, one unknown row."""

    is_dated = False
    country_column = None

    def __init__(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]] | None) -> None:
        self.name = name
        self.is_known = rows is not None
        known_rows = rows if rows is not None else [[None] * len(columns)]
        self._columns: Mapping[str, list[Any]] = {c: [row[i] for row in known_rows] for i, c in enumerate(columns)}
        self.count = len(known_rows)

    def get_type(self, column: str) -> ColumnType | None:  # noqa: ARG002 - nothing fills it
        return None

    def take(self, column: str, chosen: Ints) -> Batch:
        return make_objects(self._columns[column]).take(chosen)

    def find_creation_times(self, chosen: Ints) -> Ints:
        return np.zeros(len(chosen), dtype=np.int64)

    def find_roots(self, column: str) -> tuple[str, Ints]:
        return f"{self.name}.{column}", np.arange(self.count, dtype=np.int64)

    def find_extended_rows(self, table: str, rows: range) -> Ints:
        raise AssertionError(f"{self.name} is not planned, and {table} extends it for {rows}")
