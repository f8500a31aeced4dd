"""The objects of a database together, each with those that need it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from seedbed.postgres.catalog.model import Constraint, Key, Object, Table


@dataclass(frozen=True)
class Catalog:
    """`needed_by` has for each key the keys of those that need it."""

    objects: Mapping[Key, Object]
    needed_by: Mapping[Key, frozenset[Key]]
    version: int

    def dependants(self, key: Key) -> frozenset[Key]:
        """Everything that needs an object, directly or through others."""
        found: set[Key] = set()
        waiting = [key]
        while waiting:
            for dependant in self.needed_by.get(waiting.pop(), ()):
                if dependant not in found:
                    found.add(dependant)
                    waiting.append(dependant)
        return frozenset(found)

    def needs(self, key: Key) -> frozenset[Key]:
        """What an object needs directly."""
        return frozenset(needed for needed, dependants in self.needed_by.items() if key in dependants)

    def is_foreign_key(self, key: Key) -> bool:
        found = self.objects.get(key)
        return isinstance(found, Constraint) and found.type == "f"

    def tables(self) -> Iterator[Table]:
        return (found for found in self.objects.values() if isinstance(found, Table))
