"""What a foreign key refers to: rows that are planned, or rows that are in the database already."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from seedbed.seeding.analysis.foreign_keys import ForeignKey
from seedbed.seeding.core.batch import Batch, make_objects
from seedbed.seeding.core.column_types import ColumnType
from seedbed.seeding.core.random_stream import Ints


class ParentRows(Protocol):
    """Rows that other rows refer to, counted from 0."""

    @property
    def name(self) -> str: ...

    @property
    def count(self) -> int: ...

    @property
    def is_dated(self) -> bool:
        """Whether anything says when these rows, or those that they need, were created."""

    @property
    def country_column(self) -> str | None:
        """The column that says in which country each row is, where no two are in one."""

    def get_type(self, column: str) -> ColumnType | None:
        """The type of a column that is filled; None of others."""

    def find_creation_times(self, chosen: Ints) -> Ints:
        """When some rows were created, in microseconds since 1970."""

    def take(self, column: str, chosen: Ints) -> Batch:
        """A column's values of some rows, in the order in which they are asked for."""

    def find_roots(self, column: str) -> tuple[str, Ints]:
        """Where a column's values come from through foreign keys, and for each row which of those it has."""

    def find_extended_rows(self, table: str, rows: range) -> Ints:
        """In joined inheritance, the rows that some rows of an extending table belong to."""


class OwnRows(Protocol):
    """The rows of the table itself. The columns of a row read one another, so they are read through this."""

    def batch(self, column: str, rows: range) -> Batch:
        """A column's values of some rows, as the CHECKs of the table let them be."""

    def generate(self, column: str, rows: range) -> Batch:
        """The same, before a CHECK had a say in it."""

    def find_parents(self, key: ForeignKey, rows: range) -> Ints:
        """Which row of its parent each row refers to by a key, counted from 0; -1 where to none."""

    def find_classes(self, rows: range) -> Ints:
        """The place of each row's class among the identities of its table."""


class ExistingRows:
    """Rows of a table that the seeds do not plan, as the database has them; without a database, one that is unknown."""

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
