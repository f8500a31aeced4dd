"""What a foreign key refers to: rows that are planned, or rows that are in the database already."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from seedbed.seeding.core.batch import Batch, objects
from seedbed.seeding.core.random_stream import Ints


class Parent(Protocol):
    """Rows that other rows refer to, counted from 0."""

    @property
    def name(self) -> str: ...

    @property
    def count(self) -> int: ...

    @property
    def is_dated(self) -> bool:
        """Whether anything says when these rows, or those that they need, were made."""

    def made(self, chosen: Ints) -> Ints:
        """When some rows were made, in microseconds since 1970."""

    def take(self, column: str, chosen: Ints) -> Batch:
        """A column's values of some rows, in the order in which they are asked for."""

    def roots(self, column: str) -> tuple[str, Ints]:
        """Where a column's values come from through foreign keys, and for each row which of those it has."""


class Existing:
    """Rows of a table that the seeds do not plan, as the database has them; without a database, one that is unknown."""

    is_dated = False

    def __init__(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]] | None) -> None:
        self.name = name
        self.known = rows is not None
        found = rows if rows is not None else [[None] * len(columns)]
        self._columns: Mapping[str, list[Any]] = {c: [row[i] for row in found] for i, c in enumerate(columns)}
        self.count = len(found)

    def take(self, column: str, chosen: Ints) -> Batch:
        return objects(self._columns[column]).take(chosen)

    def made(self, chosen: Ints) -> Ints:
        return np.zeros(len(chosen), dtype=np.int64)

    def roots(self, column: str) -> tuple[str, Ints]:
        return f"{self.name}.{column}", np.arange(self.count, dtype=np.int64)
