"""The objects of a database together, each with those that need it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from seedbed.postgres.catalog.model import CatalogObject, Constraint, ObjectKey, Table


@dataclass(frozen=True)
class Catalog:
    """`direct_dependents` has for each key the keys of those that need it."""

    objects: Mapping[ObjectKey, CatalogObject]
    direct_dependents: Mapping[ObjectKey, frozenset[ObjectKey]]
    version: int

    def find_dependents(self, key: ObjectKey) -> frozenset[ObjectKey]:
        """Everything that needs an object, directly or through others."""
        found: set[ObjectKey] = set()
        waiting = [key]
        while waiting:
            for dependant in self.direct_dependents.get(waiting.pop(), ()):
                if dependant not in found:
                    found.add(dependant)
                    waiting.append(dependant)
        return frozenset(found)

    def find_direct_dependencies(self, key: ObjectKey) -> frozenset[ObjectKey]:
        """What an object needs directly."""
        return frozenset(needed for needed, dependants in self.direct_dependents.items() if key in dependants)

    def is_foreign_key(self, key: ObjectKey) -> bool:
        found = self.objects.get(key)
        return isinstance(found, Constraint) and found.type == "f"

    def tables(self) -> Iterator[Table]:
        return (found for found in self.objects.values() if isinstance(found, Table))
