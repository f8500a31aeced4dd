"""Makes any row of a table, in any order."""

from functools import cached_property

import numpy as np

from seedbed.errors import CyclicReference
from seedbed.seeding.analysis.foreign_keys import ForeignKey
from seedbed.seeding.core.batch import Batch, Numbers, to_microseconds
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.core.time_units import SPAN
from seedbed.seeding.encoding.rows import RowEncoder
from seedbed.seeding.planning.check_solver import CheckSolver
from seedbed.seeding.planning.table_generators import TableGenerators
from seedbed.seeding.resolution.class_rows import ClassAssignment
from seedbed.seeding.resolution.references import find_dated_references, make_reference


class RowMaker:
    """Makes rows of a table from its generators and its CHECKs."""

    def __init__(self, generators: TableGenerators, encoder: RowEncoder, classes: ClassAssignment | None) -> None:
        self._generators, self._table, self._classes = generators, generators.table, classes
        self._solver = CheckSolver(generators, encoder)
        self._columns: dict[str, Batch] = {}
        self._busy: set[str] = set()

    def source(self, column: str) -> str:
        """What fills a column, in words."""
        return self._solver.computed(column) or self._generators.columns[column].description

    def batch(self, column: str, rows: range) -> Batch:
        """A column's values of some rows, as the row's other columns and its CHECKs let them be."""
        return self._solver.batch(column, rows)

    def generate(self, column: str, rows: range) -> Batch:
        """The same, before a CHECK had a say in it."""
        return self._generators.columns[column].make(rows)

    def find_parents(self, key: ForeignKey, rows: range) -> Ints:
        """Which row of its parent each row refers to by a key, counted from 0; -1 where to none."""
        if self._solver.is_drawing:  # what is drawn may be drawn again
            return self._find_parents(key, rows)
        cache_key = (key.columns, rows.start, rows.stop)
        found: Ints = self._table.cache.get_or_compute(cache_key, lambda: self._find_parents(key, rows))
        return found

    def take(self, column: str, chosen: Ints) -> Batch:
        """A column's values of some rows, in the order in which they are asked for."""
        if self._generators.columns[column].is_row_number:
            return Numbers(None, chosen + 1, self._table.column_types[column])
        if len(chosen) and (first := int(chosen.min())) + 4 * len(chosen) + 64 > (last := int(chosen.max())):
            return self.batch(column, range(first, last + 1)).take(chosen - first)
        return self._make_whole_column(column).take(chosen)

    def find_creation_times(self, chosen: Ints) -> Ints:
        """When some rows were created: by their own column, or else not before the rows they need."""
        if self._table.creation_column is not None:
            return to_microseconds(self.take(self._table.creation_column, chosen), self._table.latest - SPAN)
        return self._parent_creation_times[chosen]

    def find_classes(self, rows: range) -> Ints:
        """The place of each row's class among the identities of its table."""
        assert self._classes is not None  # noqa: S101 - it is asked of tables with classes alone
        return self._classes.find_classes(rows)

    def find_extended_rows(self, table: str, rows: range) -> Ints:
        """In joined inheritance, the rows that some rows of an extending table belong to."""
        assert self._classes is not None  # noqa: S101 - it is asked of tables with classes alone
        return self._classes.find_extended_rows(table, rows)

    @cached_property
    def _parent_creation_times(self) -> Ints:
        rows = range(self._table.count)
        latest: Ints = np.max(
            np.stack([anchor.find_creation_times(rows) for anchor in find_dated_references(self._table)]), axis=0
        )
        return latest

    def _find_parents(self, key: ForeignKey, rows: range) -> Ints:
        found = self._solver.parents(key, rows)
        return make_reference(self._table, key).draw(rows) if found is None else found

    def _make_whole_column(self, column: str) -> Batch:
        """A column's values of all rows: rows that refer to them anywhere need them.

        Raises:
            CyclicReference: they cannot be made without themselves.
        """
        if column not in self._columns:
            if column in self._busy:
                raise CyclicReference(self._table.name, column, self._table.name, nullable=False)
            self._busy.add(column)
            try:
                self._columns[column] = self.batch(column, range(self._table.count))
            finally:
                self._busy.discard(column)
        return self._columns[column]
