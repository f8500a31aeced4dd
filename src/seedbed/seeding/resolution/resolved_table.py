"""A table whose keys, row count and unique columns are resolved, before any of its values exists."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seedbed.errors import CyclicReference, NoGenerator, TooFewUniqueValues
from seedbed.seeding.analysis.foreign_keys import ForeignKey, find_foreign_keys, find_key
from seedbed.seeding.analysis.inheritance import Inheritance, find_inheritance
from seedbed.seeding.analysis.table_spec import TableSpec, get_field_values
from seedbed.seeding.core.column_batch import ValuePool
from seedbed.seeding.core.random_stream import Ints, Stream
from seedbed.seeding.resolution.cardinality import RowDistribution
from seedbed.seeding.resolution.combinations import CombinationRows
from seedbed.seeding.resolution.key_consistency import KeyConsistency
from seedbed.seeding.resolution.parent_rows import ExistingRows, OwnRows, ParentRows
from seedbed.seeding.resolution.uniqueness import Uniqueness, resolve_uniqueness

_MAX_RESULTS = 24
"""Results to keep. The columns of a chunk need the same ones."""


class BatchCache:
    """Caches pools for good, and a limited number of results, which can be computed again."""

    def __init__(self) -> None:
        self.pools: dict[Any, ValuePool] = {}
        self._results: dict[Any, Any] = {}

    def get_or_compute(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return the cached result of a key, or compute it."""
        if key not in self._results:
            self._results[key] = make()
            while len(self._results) > _MAX_RESULTS:
                del self._results[next(iter(self._results))]
        return self._results[key]

    def get_transformed_pool(self, key: str, source: ValuePool, transform: Callable[[Any], Any]) -> ValuePool:
        """Return a pool of transformed entries. There is one per key."""
        if key not in self.pools:
            self.pools[key] = ValuePool(key, source.size, lambda j: transform(source.entry(j)))
        return self.pools[key]


@dataclass(eq=False)
class RowCount:
    """How many rows a table has, and how they lie by their parents.

    `was_read` says whether anything has asked for it. By engine 4, the words for a key name the number of rows per
    parent only where a column before it depends on the number of rows, and these words are part of a plan's digest.
    """

    count: int
    distribution: RowDistribution | None
    was_read: bool = False


@dataclass(frozen=True, eq=False)
class ResolvedTable(TableSpec):
    """A table with its resolved keys, row count and uniqueness.

    `keys` are its foreign keys in the order in which their rows are chosen, `parents` the rows that they refer to, by
    table. `own_rows` reads the rows of the table itself. `is_dated` says whether anything tells when its rows, or those
    that they need, were created.
    """

    inheritance: Inheritance | None
    keys: tuple[ForeignKey, ...]
    parents: Mapping[str, ParentRows]
    consistency: KeyConsistency
    uniqueness: Uniqueness
    row_count: RowCount
    own_rows: OwnRows
    is_dated: bool
    cache: BatchCache

    @property
    def count(self) -> int:
        self.row_count.was_read = True
        return self.row_count.count

    @property
    def distribution(self) -> RowDistribution | None:
        """How the rows are distributed over their parents, if the seeds or a unique constraint require it."""
        self.row_count.was_read = True
        return self.row_count.distribution

    @property
    def rows_per_parent_key(self) -> str | None:
        """The name of the key that the seeds give a number of rows for."""
        return next((key.name for key in self.keys if key.follows_rows_per_parent(self.rows_per_parent)), None)

    def find_key(self, column: str) -> ForeignKey | None:
        """The key that a column's values come from: the first that has it."""
        return find_key(self.keys, column)

    def get_parent(self, key: ForeignKey) -> ParentRows:
        return self.parents[key.target]

    def find_distribution(self, key: ForeignKey) -> RowDistribution | None:
        """Return the distribution that determines a key, if any."""
        name = self.rows_per_parent_key or self.uniqueness.distribution_key
        return self.distribution if name is not None and key.name == name else None

    def find_combined_positions(self, member: str, rows: range) -> Ints:
        """Return the parents or values of rows for a member of a combination that occurs at most once."""

        def places() -> Ints:
            combination = self.uniqueness.find_combination(member)
            assert combination is not None  # noqa: S101 - it is asked for members alone
            within = None if combination.parent_key is None else self.consistency.key(combination.parent_key)
            spread = None if within is None else self.find_distribution(within)
            return CombinationRows(self, combination, self.consistency).find_positions(spread, rows)[member]

        positions: Ints = self.cache.get_or_compute((f"combination {member}", rows.start, rows.stop), places)
        return positions


def resolve(
    table: TableSpec,
    planned: Mapping[str, TableSpec],
    parents: Mapping[str, ParentRows],
    own_rows: OwnRows,
) -> ResolvedTable:
    """Resolve how the keys of a table choose parents, how many rows it has, and how its columns stay unique.

    `planned` are all tables of the plan, and `parents` the rows of these and of tables that a database has.

    Raises:
        CyclicReference, NoGenerator, ParentNotPlanned: there are no rows that a key could refer to.
        TooFewUniqueValues, UnsupportedUniqueConstraint: a unique constraint cannot be kept.
    """
    inheritance = find_inheritance(table)
    existing = {n: rows.count for n, rows in parents.items() if isinstance(rows, ExistingRows) and rows.is_known}
    keys = [_follow_class(key, inheritance, planned) for key in find_foreign_keys(table, planned, existing)]
    parents = {key.target: _find_parent_rows(table, key, parents) for key in keys}
    uniqueness, consistency = resolve_uniqueness(table, keys, parents)
    spread = _distribute_rows(table, planned, uniqueness, consistency)
    rows = table.request.rows
    count = spread.total if spread is not None else rows if isinstance(rows, int) else 0
    anchors = [key for key in consistency.keys if not key.is_loaded_later and key.target != table.name]
    return ResolvedTable(
        **get_field_values(table),
        inheritance=inheritance,
        keys=consistency.keys,
        parents=parents,
        consistency=consistency,
        uniqueness=uniqueness,
        row_count=RowCount(count, spread),
        own_rows=own_rows,
        is_dated=table.creation_column is not None or any(parents[key.target].is_dated for key in anchors),
        cache=BatchCache(),
    )


def find_row_shortage(table: ResolvedTable) -> TooFewUniqueValues | None:
    """Return an error if the parents have too few combinations for the rows, else None."""
    rows, spread, base = table.request.rows, table.row_count.distribution, table.uniqueness.distribution_key
    if base is None or spread is None or not isinstance(rows, int) or spread.total >= rows:
        return None
    combination = next(one for one in table.uniqueness.combinations if one.parent_key == base)
    return TooFewUniqueValues(table.name, ", ".join([base, *combination.members]), rows, spread.total)


def describe_rows_per_parent(table: ResolvedTable) -> str:
    """The number of rows per parent that the seeds give, in words."""
    share = table.rows_per_parent
    return "" if share is None else f"{share.low} to {share.high} for each"


def _find_parent_rows(table: TableSpec, key: ForeignKey, parents: Mapping[str, ParentRows]) -> ParentRows:
    if key.target in parents:
        return parents[key.target]
    column = next(column for column in table.sql.columns if column.name == key.columns[0])
    target = next(other.column.table for other in column.foreign_keys if str(other.column.table.key) == key.target)
    return ExistingRows(key.target, [str(column.name) for column in target.columns], None)


def _follow_class(key: ForeignKey, inheritance: Inheritance | None, planned: Mapping[str, TableSpec]) -> ForeignKey:
    """Have a row of a table that extends another, in joined inheritance, refer to the row that is of its class."""
    if inheritance is None or not key.is_planned or not inheritance.is_parent_key(key):
        return key
    if find_inheritance(planned[key.target]) is None:
        return key
    return replace(key, follows_class=True, source="the one of its class")


def _distribute_rows(
    table: TableSpec, planned: Mapping[str, TableSpec], uniqueness: Uniqueness, consistency: KeyConsistency
) -> RowDistribution | None:
    """The spread of a table's rows, where the seeds give a number for each parent or a unique constraint wants one.

    Raises:
        CyclicReference, NoGenerator: there is no key that it could follow.
    """
    if table.rows_per_parent is not None:
        return _distribute_per_parent(table, planned, uniqueness, consistency)
    rows = table.request.rows
    if uniqueness.distribution_key is None or not isinstance(rows, int):
        return None
    base = consistency.key(uniqueness.distribution_key)
    parent = consistency.parent(base)
    most = _find_max_counts(table, base, uniqueness, consistency)
    if most is None:
        if parent.count == 0:
            return None
        return RowDistribution.scatter(
            parent.name, base.name, parent.count, rows, Stream(table.seed, f"{table.name} over all")
        )
    return RowDistribution.balance(parent.name, base.name, rows, most)


def _distribute_per_parent(
    table: TableSpec, planned: Mapping[str, TableSpec], uniqueness: Uniqueness, consistency: KeyConsistency
) -> RowDistribution | None:
    share = table.rows_per_parent
    if share is None:
        return None
    base = next((key for key in consistency.keys if key.follows_rows_per_parent(share)), None)
    if base is None:
        parent = planned.get(share.parent)
        if parent is None or parent.rank > table.rank:
            raise CyclicReference(table.name, share.column, share.parent, nullable=False)
        raise NoGenerator(table.name, share.column, "a key that a rule fills")
    most = _find_max_counts(table, base, uniqueness, consistency)
    rows = consistency.parent(base)
    stream = Stream(table.seed, f"{table.name} per {share.parent}")
    return RowDistribution.draw(rows.name, base.name, rows.count, share, stream, most)


def _find_max_counts(
    table: TableSpec, base: ForeignKey, uniqueness: Uniqueness, consistency: KeyConsistency
) -> Ints | None:
    """How many rows each parent may have at the most: none where later keys would have no choice."""
    limits = [
        CombinationRows(table, combination, consistency).count_per_parent()
        for combination in uniqueness.combinations
        if combination.parent_key == base.name
    ]
    sizes = consistency.count_remaining_choices(base)
    if (sizes == 0).any():
        limits.append(np.where(sizes > 0, np.int64(2**62), 0))
    return None if not limits else np.min(np.stack(limits), axis=0)
