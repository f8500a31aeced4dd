"""Numbers that are a pure function of (seed, table, column, row), the same on every machine and in every version.

NumPy promises the raw output of a bit generator and nothing of the distributions made from it (NEP 19), so all that is
above `random_raw` is written here: multiply-shift for ranges, 53 bits for fractions, a Feistel network for orders.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

_WORDS_PER_STEP = 4
"""Philox makes four words for each step of its counter, so word i is in step i // 4."""
_ROUNDS = 4
_LIMIT_32_BITS, _LIMIT_63_BITS = 1 << 32, (1 << 63) - 1


@dataclass(frozen=True)
class Stream:
    """Random numbers for a column. The number of row i does not depend on which rows are requested."""

    seed: int
    name: str

    def words(self, rows: range) -> Words:
        """Return 64 random bits per row."""
        key = int.from_bytes(blake2b(f"{self.seed}/{self.name}".encode(), digest_size=16).digest(), "little")
        first = rows.start // _WORDS_PER_STEP
        skipped = rows.start - first * _WORDS_PER_STEP
        bits = np.random.Philox(key=key, counter=first)
        return np.asarray(bits.random_raw(skipped + len(rows)), dtype=np.uint64)[skipped:]

    def below(self, limit: int, rows: range) -> Ints:
        """Return a number from 0 to `limit` - 1 per row. `limit` is at most 2**32; the bias is below one in 2**32."""
        return scale_words(self.words(rows), limit)

    def below_any(self, limit: int, rows: range) -> npt.NDArray[Any]:
        """Return a number from 0 to `limit` - 1 per row, for a limit of any size, as Python integers beyond 64 bits."""
        if limit <= _LIMIT_32_BITS:
            return self.below(limit, rows)
        words = self.words(rows)
        if limit <= _LIMIT_63_BITS:
            return _upper_half(words, limit)
        more = (
            self.substream("more").words(rows).astype(object)
        )  # enough for the digits of the widest numeric to differ
        return np.asarray((words.astype(object) * (1 << 64) + more) * limit >> 128)

    def fractions(self, rows: range) -> Floats:
        """Return a number from 0 up to but not including 1 per row."""
        return (self.words(rows) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def substream(self, name: str) -> "Stream":
        """Return an independent stream, for a value that needs several draws."""
        return Stream(self.seed, f"{self.name}/{name}")

    def permutation(self, size: int, rows: Ints) -> Ints:
        """Where each of `rows`, all below `size`, goes in a random order of `size` things: no two to the same place.

        A balanced Feistel network permutes the next power of four; what falls outside is sent through again.
        """
        half = max(1, (max(size - 1, 1).bit_length() + 1) // 2)
        keys = [int(word) for word in self.substream("order").words(range(_ROUNDS))]
        places = _feistel(rows.astype(np.uint64), half, keys)
        while (outside := places >= np.uint64(size)).any():
            places[outside] = _feistel(places[outside], half, keys)
        return places.astype(np.int64)


def _upper_half(words: Words, limit: int) -> Ints:
    """The upper 64 bits of each word's product with a limit below 2**63."""
    low, high, mask = np.uint64(limit & 0xFFFFFFFF), np.uint64(limit >> 32), np.uint64(0xFFFFFFFF)
    first, second = words & mask, words >> np.uint64(32)
    carried = (first * low >> np.uint64(32)) + second * low
    middle = (carried & mask) + first * high
    product: Words = second * high + (carried >> np.uint64(32)) + (middle >> np.uint64(32))
    return product.astype(np.int64)


def make_indices(rows: range) -> Ints:
    """The numbers of some rows."""
    return np.arange(rows.start, rows.stop, dtype=np.int64)


def scale_words(words: Words, limit: int) -> Ints:
    """Multiply-shift: the upper 32 bits of each word, as a fraction of `limit`."""
    return (((words >> np.uint64(32)) * np.uint64(limit)) >> np.uint64(32)).astype(np.int64)


def _feistel(places: Words, half: int, keys: list[int]) -> Words:
    mask = np.uint64((1 << half) - 1)
    left, right = places >> np.uint64(half), places & mask
    for key in keys:
        mixed = _mixed(right ^ np.uint64(key))
        left, right = right, left ^ (mixed & mask)
    return (left << np.uint64(half)) | right


def _mixed(words: Words) -> Words:
    """The finalizer of SplitMix64 (Steele, Lea and Flood, 2014); arithmetic is modulo 2**64 as it is there."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


class Dice:
    """Sequential random draws, for values made in Python. Their order is the only state."""

    def __init__(self, seed: int, name: str) -> None:
        self._stream, self._drawn = Stream(seed, name), 0
        self._words: list[int] = []

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1, for limits up to 2**32 or so."""
        if not self._words:
            self._words = self._stream.words(range(self._drawn, self._drawn + 16)).tolist()
            self._drawn += 16
        return (self._words.pop(0) >> 32) * limit >> 32

    def pick(self, items: Sequence[Any]) -> Any:
        return items[self.below(len(items))]
