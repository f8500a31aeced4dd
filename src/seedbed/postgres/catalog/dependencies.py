"""The catalog of a database: its objects and the dependencies between them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from seedbed.postgres.catalog.model import CatalogObject, Constraint, ObjectKey, Table


@dataclass(frozen=True)
class Catalog:
    """`direct_dependents` maps the key of an object to the keys of the objects that depend on it."""

    objects: Mapping[ObjectKey, CatalogObject]
    direct_dependents: Mapping[ObjectKey, frozenset[ObjectKey]]
    version: int

    def find_dependents(self, key: ObjectKey) -> frozenset[ObjectKey]:
        """The objects that depend on an object, directly or through others."""
        dependents: set[ObjectKey] = set()
        pending = [key]
        while pending:
            for dependent in self.direct_dependents.get(pending.pop(), ()):
                if dependent not in dependents:
                    dependents.add(dependent)
                    pending.append(dependent)
        return frozenset(dependents)

    def find_direct_dependencies(self, key: ObjectKey) -> frozenset[ObjectKey]:
        """The objects that an object depends on directly."""
        return frozenset(dependency for dependency, dependents in self.direct_dependents.items() if key in dependents)

    def is_foreign_key(self, key: ObjectKey) -> bool:
        constraint = self.objects.get(key)
        return isinstance(constraint, Constraint) and constraint.type == "f"

    def tables(self) -> Iterator[Table]:
        return (table for table in self.objects.values() if isinstance(table, Table))
