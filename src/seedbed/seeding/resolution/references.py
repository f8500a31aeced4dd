"""The parent row that each row refers to by a foreign key."""

from dataclasses import dataclass, replace

import numpy as np

from seedbed.errors import TooFewUniqueValues
from seedbed.seeding.analysis.foreign_keys import ForeignKey
from seedbed.seeding.analysis.unique_constraints import allows_one_root
from seedbed.seeding.core.column_batch import Batch, repeat
from seedbed.seeding.core.random_stream import Ints, Stream, Words, make_indices
from seedbed.seeding.core.time_units import SPAN
from seedbed.seeding.resolution.combinations import CombinationRows
from seedbed.seeding.resolution.parent_rows import ParentRows
from seedbed.seeding.resolution.resolved_table import ResolvedTable

_NULL_FRACTION = 0.2
_ROOT_FRACTION = 0.15
"""How many rows of a forest are roots."""


@dataclass(frozen=True, eq=False)
class Reference:
    """One foreign key of a table, whose rows are drawn from a stream."""

    table: ResolvedTable
    key: ForeignKey
    stream: Stream

    @property
    def parent(self) -> ParentRows:
        return self.table.get_parent(self.key)

    @property
    def is_self_reference(self) -> bool:
        """Whether the key refers to its own table."""
        return self.key.target == self.table.name

    def find_parents(self, rows: range) -> Ints:
        """Return the final parent row of each row, numbered from 0, or -1 for none."""
        return self.table.own_rows.find_parents(self.key, rows)

    def read_keys(self, column: str, chosen: Ints) -> Batch:
        """Return a key column's values for parent rows, and NULL for -1."""
        if self.parent.count == 0:
            return repeat(None, len(chosen))
        is_null = chosen < 0
        batch = self.parent.take(dict(self.key.column_pairs)[column], np.where(is_null, 0, chosen))
        return batch.with_nulls(is_null) if is_null.any() else batch

    def find_creation_times(self, rows: range) -> Ints:
        """Return the creation times of the parent rows, or the earliest time for none."""
        earliest = self.table.latest - SPAN
        chosen = self.find_parents(rows)
        is_null = chosen < 0
        if not self.parent.is_dated or self.parent.count == 0:
            return np.full(len(rows), earliest, dtype=np.int64)
        return np.where(is_null, earliest, self.parent.find_creation_times(np.where(is_null, 0, chosen)))

    def redraw(self, attempt: int) -> "Reference":
        """Return the same reference with other random draws."""
        return replace(self, stream=self.stream.substream(f"again {attempt}"))

    @property
    def can_vary(self) -> bool:
        """Whether its parents can be redrawn, because only chance chose them."""
        ruled = any(name in self.table.rules for name in self.key.columns)
        chosen = self._is_combined or self.key.follows_class or self.key.is_unique
        return not chosen and not ruled and self.table.find_distribution(self.key) is None

    def draw(self, rows: range) -> Ints:
        """Draw the parent row of each row, before CHECKs are applied."""
        spread = self.table.find_distribution(self.key)
        if spread is not None:
            return spread.find_parents(rows)
        if self.is_self_reference:
            return self._draw_earlier_row(rows)
        if self._is_combined:
            return self.table.find_combined_positions(self.key.name, rows)
        if self.key.follows_class:
            return self.parent.find_extended_rows(self.table.name, rows)
        known = self.table.consistency.find_shared_columns(self.key)
        chosen = self._draw_consistent(rows, self.stream.words(rows)) if known else self._draw_independently(rows)
        if self.key.is_nullable and all(self.table.get_column(name).nullable for name in self._own_columns):
            is_null = self.stream.substream("null").fractions(rows) < _NULL_FRACTION
            return np.where(is_null, -1, chosen)
        return chosen

    @property
    def _is_combined(self) -> bool:
        return any(self.key.name in combination.keys for combination in self.table.uniqueness.combinations)

    @property
    def _own_columns(self) -> list[str]:
        """The columns that no earlier key fills."""
        return [name for name in self.key.columns if self.table.find_key(name) is self.key]

    def _draw_consistent(self, rows: range, words: Words) -> Ints:
        """Draw a parent that agrees with the earlier keys, or -1 if there is none."""
        consistency = self.table.consistency
        known = {column: self._find_roots(column, rows) for column in consistency.find_shared_columns(self.key)}
        starts, sizes = consistency.find_groups(self.key, known)
        drawn = ((words >> np.uint64(32)) * sizes.astype(np.uint64) >> np.uint64(32)).astype(np.int64)
        return consistency.select_members(self.key, starts, sizes, drawn)

    def _find_roots(self, column: str, rows: range) -> Ints:
        """Which of the things that a column's values come from each row has, by the first key that says so."""
        key = next(key for key in self.table.keys if column in key.determined_columns)
        chosen = self.table.own_rows.find_parents(key, rows)
        roots = self.table.get_parent(key).find_roots(key.determined_columns[column])[1]
        if not len(roots):
            return np.full(len(rows), -1, dtype=np.int64)
        return np.where(chosen < 0, -1, roots[np.maximum(chosen, 0)])

    def _draw_independently(self, rows: range) -> Ints:
        allowed = self.table.consistency.find_allowed_parents(self.key)
        size = self.parent.count if allowed is None else len(allowed)
        if self.key.is_unique:
            if self.table.count > size:
                raise TooFewUniqueValues(self.table.name, self.key.name, self.table.count, size)
            places = self.stream.permutation(size, make_indices(rows))
        else:
            if size == 0:
                return np.full(len(rows), -1, dtype=np.int64)
            places = self.stream.below(size, rows)
        return places if allowed is None else allowed[places]

    def _draw_earlier_row(self, rows: range) -> Ints:
        """A row that stands before, of the same parent where the rows of one stand together; roots have none."""
        if self.key.is_unique and allows_one_root(self.table.sql, self.key.columns):
            return make_indices(rows) - 1
        if self.key.is_unique:
            return np.where(make_indices(rows) % 2 == 1, make_indices(rows) - 1, -1)
        first = np.zeros(len(rows), dtype=np.int64)
        if self.table.distribution is not None:
            first = self.table.distribution.find_groups(rows)[0]
        before = make_indices(rows) - first
        words = self.stream.words(rows) >> np.uint64(32)
        parents = first + ((words * before.astype(np.uint64)) >> np.uint64(32)).astype(np.int64)
        is_root = (self.stream.substream("root").fractions(rows) < _ROOT_FRACTION) | (before == 0)
        return np.where(is_root, -1 if self.key.is_nullable else make_indices(rows), parents)


def make_reference(table: ResolvedTable, key: ForeignKey) -> Reference:
    return Reference(table, key, key.stream)


def make_references(table: ResolvedTable) -> list[Reference]:
    return [make_reference(table, key) for key in table.keys]


def find_dated_references(table: ResolvedTable) -> list[Reference]:
    """Find the references to rows that must be older than the row of the table."""
    references = [
        make_reference(table, key) for key in table.keys if not key.is_loaded_later and key.target != table.name
    ]
    return [reference for reference in references if reference.parent.is_dated]


def find_roots(table: ResolvedTable, column: str) -> tuple[str, Ints]:
    """Return the column at the end of a chain of foreign keys, and its row for each row."""
    key = next((key for key in table.keys if column in key.columns and key.target != table.name), None)
    if key is None:
        return f"{table.name}.{column}", np.arange(table.count, dtype=np.int64)
    shown, above = table.get_parent(key).find_roots(dict(key.column_pairs)[column])
    chosen = table.own_rows.find_parents(key, range(table.count))
    settled = above[np.maximum(chosen, 0)] if len(above) else chosen
    return shown, np.where(chosen < 0, -1, settled)


def find_choice_shortage(table: ResolvedTable) -> TooFewUniqueValues | None:
    """Return an error if a unique key or combination has too few choices, else None."""
    for key in table.keys:
        follows = table.find_distribution(key) is not None
        if key.is_unique and not follows and key.target != table.name:
            allowed = table.consistency.find_allowed_parents(key)
            size = table.get_parent(key).count if allowed is None else len(allowed)
            if table.count > size and key.is_planned:
                return TooFewUniqueValues(table.name, key.name, table.count, size)
    for combination in table.uniqueness.combinations:
        if combination.parent_key is None:
            shortage = CombinationRows(table, combination, table.consistency).find_shortage(table.count)
            if shortage is not None:
                return shortage
    return None
