"""The catalog of a database: its objects, their dependencies, and those that a project ignores."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from seedbed.postgres.catalog.model import (
    CatalogObject,
    Constraint,
    Function,
    Index,
    ObjectKey,
    Policy,
    Schema,
    Table,
    Trigger,
)
from seedbed.postgres.catalog.model import Sequence as SequenceObject
from seedbed.postgres.version_table import VERSION_TABLE, get_version_table_schema


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


def exclude_objects(catalog: Catalog, patterns: Sequence[str]) -> Catalog:
    """Leave out the schemas that a pattern matches, and the objects whose `schema.name` a pattern matches.

    The indexes, constraints, triggers, policies and owned sequences of a matching table are left out too.
    """
    kept = {key: obj for key, obj in catalog.objects.items() if not _matches(obj, patterns)}
    return Catalog(kept, catalog.direct_dependents, catalog.version)


def copy_ignored_objects(
    catalog: Catalog, found: Catalog, patterns: Sequence[str], version_table: str = VERSION_TABLE
) -> Catalog:
    """Replace a catalog's ignored objects by those of `found`, so that they never differ.

    A schema that `found` has only for the version table is copied too.
    """
    ignored = {key: obj for key, obj in found.objects.items() if _matches(obj, patterns)}
    key = ("schema", get_version_table_schema(version_table) or "")
    if key in found.objects and key not in catalog.objects:
        ignored[key] = found.objects[key]
    return Catalog(
        {**exclude_objects(catalog, patterns).objects, **ignored}, catalog.direct_dependents, catalog.version
    )


def _matches(obj: CatalogObject, patterns: Sequence[str]) -> bool:
    if isinstance(obj, Schema):
        return any(fnmatchcase(obj.name, pattern) for pattern in patterns)
    names = [obj.schema, f"{obj.schema}.{_find_relation_name(obj)}"]
    if isinstance(obj, SequenceObject) and obj.owned_by is not None:
        names.append(".".join(obj.owned_by[:2]))
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _find_relation_name(obj: CatalogObject) -> str:
    """The name of an object, or of the table that it belongs to; empty for functions, which patterns never match."""
    match obj:
        case Constraint() | Index() | Trigger() | Policy():
            return obj.table
        case Function():
            return ""
    return obj.name
