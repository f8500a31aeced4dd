"""Foreign keys that must agree: the project of a task belongs to the tenant of the task."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from sqlalchemy import ForeignKeyConstraint

from seedbed.seeding.analysis.foreign_keys import ForeignKey
from seedbed.seeding.analysis.table_spec import TableSpec
from seedbed.seeding.analysis.unique_constraints import is_unique
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.resolution.parent_rows import ParentRows


class KeyConsistency:
    """The columns that keys of a table share, and the parent rows that agree in them.

    Its arrays have one element per parent row.
    """

    def __init__(self, table: str, keys: Sequence[ForeignKey], parents: Mapping[str, ParentRows]) -> None:
        self._table, self.keys, self._parents = table, tuple(keys), parents
        self._shared_columns = {key.columns: self._shared_before(at, key) for at, key in enumerate(keys)}
        self._groups: dict[tuple[str, ...], tuple[Ints, Ints]] = {}
        self._allowed: dict[tuple[str, ...], Ints | None] = {}

    def parent(self, key: ForeignKey) -> ParentRows:
        return self._parents[key.target]

    def key(self, name: str) -> ForeignKey:
        return next(key for key in self.keys if key.name == name)

    def find_shared_columns(self, key: ForeignKey) -> list[str]:
        """Return the columns that earlier keys determine too, in which the parent row must agree."""
        return self._shared_columns[key.columns]

    def find_allowed_parents(self, key: ForeignKey) -> Ints | None:
        """Return the parent rows that leave a choice for every later key, or None if all do."""
        if key.columns not in self._allowed:
            mask = self.count_remaining_choices(key) > 0
            self._allowed[key.columns] = None if mask.all() else np.flatnonzero(mask).astype(np.int64)
        return self._allowed[key.columns]

    def count_remaining_choices(self, key: ForeignKey) -> Ints:
        """Return the smallest number of choices of a later key for each parent row, or 1 if it restricts none."""
        parent = self.parent(key)
        sizes = np.ones(parent.count, dtype=np.int64)
        for other in self.keys[self._find_position(key) + 1 :]:
            known = self.find_shared_columns(other)
            if known and not other.is_nullable and set(known) <= set(key.determined_columns):
                roots = {column: parent.find_roots(key.determined_columns[column])[1] for column in known}
                sizes = np.minimum(sizes, self.find_groups(other, roots)[1])
        return sizes

    def find_groups(self, key: ForeignKey, roots: Mapping[str, Ints]) -> tuple[Ints, Ints]:
        """For rows whose settled columns have these roots, where the parents that agree stand in their order, and how
        many they are.
        """
        _, codes = self._ordered(key)
        wanted_codes = _combine_codes([roots[column] for column in self.find_shared_columns(key)])
        starts = np.searchsorted(codes, wanted_codes, side="left").astype(np.int64)
        return starts, np.searchsorted(codes, wanted_codes, side="right").astype(np.int64) - starts

    def select_members(self, key: ForeignKey, starts: Ints, sizes: Ints, offsets: Ints) -> Ints:
        """Return the parents at offsets in groups, or -1 for an empty group."""
        order, _ = self._ordered(key)
        if not len(order):
            return np.full(len(starts), -1, dtype=np.int64)
        parents = order[np.minimum(starts + offsets, len(order) - 1)]
        return np.where(sizes > 0, parents, -1)

    def _find_position(self, key: ForeignKey) -> int:
        return next(at for at, other in enumerate(self.keys) if other.columns == key.columns)

    def _shared_before(self, at: int, key: ForeignKey) -> list[str]:
        if key.target == self._table:
            return []
        determined = {
            column for other in self.keys[:at] if other.target != self._table for column in other.determined_columns
        }
        return [column for column in key.determined_columns if column in determined]

    def _ordered(self, key: ForeignKey) -> tuple[Ints, Ints]:
        """The parents in the order of what must agree, and that of each."""
        if key.columns not in self._groups:
            parent = self.parent(key)
            codes = _combine_codes(
                [parent.find_roots(key.determined_columns[column])[1] for column in self.find_shared_columns(key)]
            )
            order = np.argsort(codes, kind="stable").astype(np.int64)
            self._groups[key.columns] = (order, codes[order])
        return self._groups[key.columns]


def are_all_identified(table: TableSpec, keys: Sequence[ForeignKey], columns: Iterable[str]) -> bool:
    """Tell whether the values of columns identify the row that each key refers to."""
    known, remaining = set(columns), list(keys)
    while identified := [key for key in remaining if _is_identified(table, key, known)]:
        known |= {column for key in identified for column in key.determined_columns}
        remaining = [key for key in remaining if key not in identified]
    return not remaining


def _is_identified(table: TableSpec, key: ForeignKey, known: set[str]) -> bool:
    if not key.is_planned or set(key.columns) <= known:
        return True
    elements = next(
        c.elements for c in table.sql.foreign_key_constraints if set(_get_column_pairs(c)) == set(key.column_pairs)
    )
    return any(is_unique(element.column) for element in elements if element.parent.name in known)


def _get_column_pairs(constraint: ForeignKeyConstraint) -> list[tuple[str, str]]:
    return [(str(element.parent.name), str(element.column.name)) for element in constraint.elements]


def _combine_codes(roots: Sequence[Ints]) -> Ints:
    """Combine several numbers per row into one hash. A single number stays as it is."""
    codes = roots[0].astype(np.uint64)
    for more in roots[1:]:
        codes = codes * np.uint64(0x9E3779B97F4A7C15) ^ (more.astype(np.uint64) + np.uint64(1))
    return codes.astype(np.int64)
