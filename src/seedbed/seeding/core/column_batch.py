"""Batches of a column's values, in forms that are fast to generate and to encode."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from seedbed.seeding.core.number_codec import decode_numbers
from seedbed.seeding.core.postgres_types import MOMENTS, ColumnType
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.core.time_units import DAY, microseconds

Bools = npt.NDArray[np.bool_]
Things = npt.NDArray[np.object_]
Bytes = npt.NDArray[np.uint8]


class ValuePool:
    """Values that rows share. Entry j is a function of the pool's name and j, and is made on first use.

    The encoded bytes of an entry are cached with it.
    """

    def __init__(self, name: str, size: int, make: Callable[[int], Any]) -> None:
        self.name, self.size, self._make = name, size, make
        self._entries = _EntryCache(size, None)
        self._encoded: dict[str, _EntryCache] = {}

    def make_entry(self, number: int) -> Any:
        """Make an entry without caching it. `number` may exceed the pool's size."""
        return self._make(number)

    def prepare(self, codes: Ints) -> None:
        """Make the entries of these codes that do not exist yet."""
        self._entries.prepare(codes, self._make)

    def entries(self, codes: Ints) -> Things:
        self.prepare(codes)
        entries: Things = self._entries.values[codes]
        return entries

    def entry(self, code: int) -> Any:
        return self._entries.get(code, self._make)

    def make_all(self) -> list[Any]:
        return list(self.entries(np.arange(self.size)))

    def missing(self, codes: Ints) -> Bools | None:
        """Tell which of some entries are None. Returns None if no entry is."""
        self.prepare(codes)
        return self._entries.missing[codes] if self._entries.missing.any() else None

    def encoded(
        self, key: str, encode: Callable[[Any], bytes], codes: Ints, nulls: Bools | None, null: bytes
    ) -> tuple[Things, Ints]:
        """Return some entries as bytes, with their lengths. Each entry is encoded once per key."""
        if key not in self._encoded:
            self._encoded[key] = _EntryCache(self.size, null)
        kept = self._encoded[key]
        kept.prepare(codes if nulls is None else codes[~nulls], lambda code: encode(self.entry(code)))
        if nulls is not None:
            codes = np.where(nulls, self.size, codes)
        found: tuple[Things, Ints] = (kept.values[codes], kept.lengths[codes])
        return found


class _EntryCache:
    """A value for each entry of a pool, and a last one for NULL."""

    def __init__(self, size: int, null: bytes | None) -> None:
        self.values: Things = np.empty(size + 1, dtype=object)
        self.lengths = np.zeros(size + 1, dtype=np.int64)
        self.missing = np.zeros(size + 1, dtype=np.bool_)
        self.values[size] = null
        self._is_made, self._unmade_count = np.zeros(size, dtype=np.bool_), size

    def prepare(self, codes: Ints, make: Callable[[int], Any]) -> None:
        """Make the missing values of some codes."""
        if not self._unmade_count:
            return
        for code in np.unique(codes[~self._is_made[codes]]).tolist():
            self._store(code, make(code))

    def get(self, code: int, make: Callable[[int], Any]) -> Any:
        if not self._is_made[code]:
            self._store(code, make(code))
        return self.values[code]

    def _store(self, code: int, value: Any) -> None:
        self.values[code] = value
        if isinstance(value, bytes):
            self.lengths[code] = len(value)
        self.missing[code] = value is None
        self._is_made[code] = True
        self._unmade_count -= 1


@dataclass(frozen=True, eq=False)
class Batch:
    """Values of a column. `nulls` tells which rows are NULL, or is None if no row is."""

    nulls: Bools | None

    def __len__(self) -> int:
        raise NotImplementedError

    def values(self) -> list[Any]:
        """Return Python values. A row that is NULL has an arbitrary value."""
        raise NotImplementedError

    def select(self, indices: Ints) -> "Batch":
        """Return the rows at some indices, without the NULLs of this batch."""
        raise NotImplementedError

    def take(self, indices: Ints) -> "Batch":
        return replace(self.select(indices), nulls=None if self.nulls is None else self.nulls[indices])

    def tolist(self) -> list[Any]:
        """Return Python values, with None for NULL."""
        if self.nulls is None:
            return self.values()
        return [None if gone else value for value, gone in zip(self.values(), self.nulls.tolist(), strict=True)]

    def with_nulls(self, nulls: Bools) -> "Batch":
        """Return the same batch with further NULLs."""
        if not nulls.any() and self.nulls is None:
            return self
        return replace(self, nulls=nulls if self.nulls is None else self.nulls | nulls)


@dataclass(frozen=True, eq=False)
class Numbers(Batch):
    """Numbers, and values stored as numbers: a numeric in units of its last decimal, a date in days since 1970, a time
    in microseconds.
    """

    data: npt.NDArray[Any]
    column_type: ColumnType

    def __len__(self) -> int:
        return len(self.data)

    def select(self, indices: Ints) -> Batch:
        return Numbers(None, self.data[indices], self.column_type)

    def values(self) -> list[Any]:
        return decode_numbers(self.data, self.column_type)


@dataclass(frozen=True, eq=False)
class Coded(Batch):
    """For each row, the index of an entry of a pool."""

    codes: Ints
    pool: ValuePool

    def __len__(self) -> int:
        return len(self.codes)

    def select(self, indices: Ints) -> Batch:
        return Coded(None, self.codes[indices], self.pool)

    def values(self) -> list[Any]:
        return list(self.pool.entries(self.codes))


@dataclass(frozen=True, eq=False)
class Joined(Batch):
    """Texts joined from parts: words, pool entries and numbers. Negative numbers are left out."""

    size: int
    parts: tuple["str | Coded | Ints", ...]

    def __len__(self) -> int:
        return self.size

    def select(self, indices: Ints) -> Batch:
        parts = [part if isinstance(part, str) else _select_part(part, indices) for part in self.parts]
        return Joined(None, len(indices), tuple(parts))

    def values(self) -> list[Any]:
        columns = [
            [part] * self.size
            if isinstance(part, str)
            else part.values()
            if isinstance(part, Coded)
            else ["" if number < 0 else str(number) for number in part.tolist()]
            for part in self.parts
        ]
        return ["".join(pieces) for pieces in zip(*columns, strict=True)]


@dataclass(frozen=True, eq=False)
class Uuids(Batch):
    """UUIDs as sixteen bytes per row."""

    data: Bytes

    def __len__(self) -> int:
        return len(self.data)

    def select(self, indices: Ints) -> Batch:
        return Uuids(None, self.data[indices])

    def values(self) -> list[Any]:
        return [UUID(bytes=row) for row in self.data.view("V16").ravel().tolist()]


@dataclass(frozen=True, eq=False)
class Objects(Batch):
    """Arbitrary Python values."""

    items: Sequence[Any]

    def __len__(self) -> int:
        return len(self.items)

    def select(self, indices: Ints) -> Batch:
        return Objects(None, [self.items[i] for i in indices.tolist()])

    def values(self) -> list[Any]:
        return list(self.items)


def make_objects(items: Iterable[Any]) -> Objects:
    """Make a batch of Python values. None is NULL."""
    listed = list(items)
    missing = np.fromiter((item is None for item in listed), dtype=np.bool_, count=len(listed))
    return Objects(missing if missing.any() else None, listed)


def repeat(value: Any, size: int) -> Batch:
    """Make a batch with the same value in every row."""
    return make_coded(ValuePool(repr(value), 1, lambda _: value), np.zeros(size, dtype=np.int64))


def make_coded(pool: ValuePool, codes: Ints) -> Coded:
    """Make a batch of pool entries. An entry that is None is NULL."""
    missing = pool.missing(codes)
    return Coded(missing if missing is not None and missing.any() else None, codes, pool)


def make_fixed_pool(name: str, values: Sequence[Any]) -> ValuePool:
    return ValuePool(name, len(values), values.__getitem__)


def to_microseconds(batch: Batch, otherwise: int) -> Ints:
    """Convert dates and times to microseconds since 1970, and NULL to `otherwise`."""
    if isinstance(batch, Numbers) and batch.column_type.name in MOMENTS | {"date"}:
        data = batch.data * (DAY if batch.column_type.name == "date" else 1)
        return np.asarray(data if batch.nulls is None else np.where(batch.nulls, otherwise, data), dtype=np.int64)
    values = [microseconds(value) if hasattr(value, "hour") else otherwise for value in batch.tolist()]
    return np.array(values, dtype=np.int64)


def merge(first: Batch, second: Batch, where: Bools) -> Batch:
    """Take rows from `second` where `where` is true, and from `first` elsewhere."""
    nulls = None
    if first.nulls is not None or second.nulls is not None:
        nulls = np.where(where, _get_nulls(second), _get_nulls(first))
    if isinstance(first, Numbers) and isinstance(second, Numbers):
        return Numbers(nulls, np.where(where, second.data, first.data), first.column_type)
    if isinstance(first, Coded) and isinstance(second, Coded) and first.pool is second.pool:
        return Coded(nulls, np.where(where, second.codes, first.codes), first.pool)
    if isinstance(first, Uuids) and isinstance(second, Uuids):
        return Uuids(nulls, np.where(where[:, None], second.data, first.data))
    pairs = zip(first.values(), second.values(), where.tolist(), strict=True)
    return Objects(nulls, [b if other else a for a, b, other in pairs])


def _select_part(part: "Coded | Ints", indices: Ints) -> "Coded | Ints":
    return Coded(None, part.codes[indices], part.pool) if isinstance(part, Coded) else part[indices]


def _get_nulls(batch: Batch) -> Bools:
    return np.zeros(len(batch), dtype=np.bool_) if batch.nulls is None else batch.nulls
