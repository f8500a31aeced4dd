"""The plan of one table, which makes any of its rows in any order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from seedbed.errors import CyclicReference
from seedbed.seeding.analysis.foreign_keys import ForeignKey
from seedbed.seeding.analysis.table_spec import get_field_values
from seedbed.seeding.core.column_batch import Batch, Numbers, to_microseconds
from seedbed.seeding.core.random_stream import Ints, make_indices
from seedbed.seeding.core.time_units import SPAN
from seedbed.seeding.encoding.rows import RowEncoder
from seedbed.seeding.generators.column_generator import ColumnGenerator
from seedbed.seeding.planning.check_solver import CheckSolver
from seedbed.seeding.planning.table_generators import TableGenerators
from seedbed.seeding.resolution.references import find_dated_references, make_reference
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
        parents: Ints = self._table.cache.get_or_compute(cache_key, lambda: self._find_parents(key, rows))
        return parents

    def take(self, column: str, chosen: Ints) -> Batch:
        """A column's values of some rows, in the order in which they are asked for."""
        if self._generators.columns[column].is_row_number:
            return Numbers(None, chosen + 1, self._table.column_types[column])
        if len(chosen) and (first := int(chosen.min())) + 4 * len(chosen) + 64 > (last := int(chosen.max())):
            return self.batch(column, range(first, last + 1)).take(chosen - first)
        return self._make_whole_column(column).take(chosen)

    def find_creation_times(self, chosen: Ints) -> Ints:
        """Return the creation times of rows: their own, or else the latest of the rows they need."""
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
        parents = self._solver.parents(key, rows)
        return make_reference(self._table, key).draw(rows) if parents is None else parents

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


@dataclass(frozen=True, eq=False)
class TablePlan(ResolvedTable):
    """A resolved table with the generators of its columns."""

    table_generators: TableGenerators
    maker: RowMaker
    encoder: RowEncoder

    @property
    def generators(self) -> Mapping[str, ColumnGenerator]:
        """The generators by column, in order. A column that the database fills has none."""
        return self.table_generators.columns

    @property
    def is_binary(self) -> bool:
        """Whether every column that is filled has a binary encoder; else rows are encoded as text."""
        return self.encoder.is_binary(self.generators)

    def source(self, column: str) -> str:
        """What fills a column, in words."""
        return self.maker.source(column)

    def batch(self, column: str, rows: range) -> Batch:
        """A column's values of some rows, as the row's other columns and its CHECKs let them be."""
        return self.maker.batch(column, rows)

    def batches(self, rows: range) -> list[tuple[str, Batch]]:
        return [(name, self.batch(name, rows)) for name in self.generators]


def build_table_plan(generators: TableGenerators, classes: ClassAssignment | None) -> TablePlan:
    table = generators.table
    columns = {name: (table.get_column(name), table.column_types[name]) for name in generators.columns}
    ruled = {name: generator.description for name, generator in generators.columns.items() if name in table.rules}
    encoder = RowEncoder(table.name, table.location, columns, ruled)
    maker = RowMaker(generators, encoder, classes)
    return TablePlan(**get_field_values(table), table_generators=generators, maker=maker, encoder=encoder)


def encode_rows(table: TablePlan, rows: range) -> bytes:
    """Encode rows for COPY, without the header and trailer.

    Raises:
        InvalidSeedsFile: a value does not fit its column.
        NullNotAllowed: a rule of the seeds gives None for a column that is NOT NULL.
    """
    return table.encoder.encode(table.batches(rows), rows)


def make_sample(table: TablePlan, count: int) -> list[dict[str, str | None]]:
    """Return the first rows of a table, in PostgreSQL's text format by column.

    Raises:
        InvalidSeedsFile, TooFewUniqueValues: a value cannot be made, or does not fit its column.
    """
    batches = table.batches(range(min(count, table.count)))
    written = {name: table.encoder.encode_as_text(name, batch) for name, batch in batches}
    return [dict(zip(written, row, strict=True)) for row in zip(*written.values(), strict=True)]
