"""What a table has computed already, kept for columns that ask for the same again."""

from collections.abc import Callable
from typing import Any

from seedbed.seeding.core.batch import Pool

_ANSWERS = 24
"""Answers that are kept: the columns of a chunk ask for the same again."""


class BatchCache:
    """Pools stay; answers make room for later ones, and come out the same when they are computed again."""

    def __init__(self) -> None:
        self.pools: dict[Any, Pool] = {}
        self._answers: dict[Any, Any] = {}

    def answer(self, key: Any, make: Callable[[], Any]) -> Any:
        """What was computed last under this key."""
        if key not in self._answers:
            self._answers[key] = make()
            while len(self._answers) > _ANSWERS:
                del self._answers[next(iter(self._answers))]
        return self._answers[key]

    def pool(self, key: str, source: Pool, transform: Callable[[Any], Any]) -> Pool:
        """A pool made of another, one for all who ask by the same name."""
        if key not in self.pools:
            self.pools[key] = Pool(key, source.size, lambda j: transform(source.entry(j)))
        return self.pools[key]
