"""What a table has made already, kept for columns that ask for the same again."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from seedbed.errors import CyclicReference
from seedbed.seeding.core.batch import Batch, Pool

if TYPE_CHECKING:
    from seedbed.seeding.planning.table_plan import TablePlan

_ANSWERS = 24
"""Answers of keys that are kept: the columns of a chunk ask for the same again."""


class Memory:
    """Pools and whole columns stay; answers make room for later ones, and come out the same when made again."""

    def __init__(self, table: "TablePlan") -> None:
        self._table = table
        self.pools: dict[Any, Pool] = {}
        self._answers: dict[Any, Any] = {}
        self._columns: dict[str, Batch] = {}
        self._busy: set[str] = set()

    def answer(self, key: Any, make: Callable[[], Any]) -> Any:
        """What was made last under this key."""
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

    def column(self, name: str) -> Batch:
        """A column's values of all rows: rows that refer to them anywhere need them.

        Raises:
            CyclicReference: they cannot be made without themselves.
        """
        if name not in self._columns:
            if name in self._busy:
                raise CyclicReference(self._table.name, name, self._table.name, nullable=False)
            self._busy.add(name)
            try:
                self._columns[name] = self._table.batch(name, range(self._table.count))
            finally:
                self._busy.discard(name)
        return self._columns[name]
