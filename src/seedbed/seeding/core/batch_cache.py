"""What a table has computed already, kept for columns that ask for the same again."""

from collections.abc import Callable
from typing import Any

from seedbed.seeding.core.batch import ValuePool

_MAX_RESULTS = 24
"""Answers that are kept: the columns of a chunk ask for the same again."""


class BatchCache:
    """Pools stay; answers make room for later ones, and come out the same when they are computed again."""

    def __init__(self) -> None:
        self.pools: dict[Any, ValuePool] = {}
        self._results: dict[Any, Any] = {}

    def get_or_compute(self, key: Any, make: Callable[[], Any]) -> Any:
        """What was computed last under this key."""
        if key not in self._results:
            self._results[key] = make()
            while len(self._results) > _MAX_RESULTS:
                del self._results[next(iter(self._results))]
        return self._results[key]

    def get_transformed_pool(self, key: str, source: ValuePool, transform: Callable[[Any], Any]) -> ValuePool:
        """A pool made of another, one for all who ask by the same name."""
        if key not in self.pools:
            self.pools[key] = ValuePool(key, source.size, lambda j: transform(source.entry(j)))
        return self.pools[key]
