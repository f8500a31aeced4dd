"""The class of each row, in tables whose mapped classes inherit."""

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import numpy as np

from seedbed.seeding.core.random_stream import Ints, make_indices
from seedbed.seeding.resolution.resolved_table import ResolvedTable


class ExtendingRows(Protocol):
    """Rows of a table that extends another, in joined inheritance."""

    @property
    def name(self) -> str: ...

    @property
    def count(self) -> int: ...

    @property
    def is_mapped(self) -> bool:
        """Whether anything says which class each row is of."""

    def find_classes(self, rows: range) -> Ints:
        """The place of each row's class among the identities."""


class ClassAssignment:
    """Assigns classes to rows. In joined inheritance this depends on the numbers of rows of all extending tables."""

    def __init__(self, table: ResolvedTable, own: Sequence[int], extensions: Sequence[ExtendingRows]) -> None:
        self._table, self._own, self._extensions = table, own, extensions

    def find_extended_rows(self, extension: str, rows: range) -> Ints:
        """The rows of this table that some rows of an extending one belong to."""
        position = next(n for n, other in enumerate(self._extensions) if other.name == extension)
        begin = sum(other.count for other in self._extensions[:position])
        return self._order[begin + rows.start : begin + rows.stop]

    def find_classes(self, rows: range) -> Ints:
        """The place of each row's class among the identities."""
        return self._classes[rows.start : rows.stop] if self._extensions else self._own_classes(rows)

    @cached_property
    def _order(self) -> Ints:
        count = self._table.count
        return self._table.make_stream("class of a row").permutation(count, make_indices(range(count)))

    @cached_property
    def _classes(self) -> Ints:
        classes = self._own_classes(range(self._table.count))
        for extension in self._extensions:
            rows = range(extension.count)
            if extension.is_mapped:
                classes[self.find_extended_rows(extension.name, rows)] = extension.find_classes(rows)
        return classes

    def _own_classes(self, rows: range) -> Ints:
        drawn = self._table.make_stream("class of a row").substream("own").below(max(len(self._own), 1), rows)
        return np.array(self._own or [0], dtype=np.int64)[drawn]
