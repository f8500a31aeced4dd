"""Objects sorted by their dependencies."""

from collections.abc import Callable, Mapping, Sequence

from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import CatalogObject, Constraint, ObjectKey, Table, View


def sort_by_dependencies(objects: Mapping[ObjectKey, CatalogObject], catalog: Catalog) -> list[ObjectKey]:
    """Sort objects so that each comes after what it needs. A function whose body is a string has no recorded
    dependencies, and comes early.
    """
    needs: dict[ObjectKey, set[ObjectKey]] = {key: set() for key in objects}
    for key, obj in objects.items():
        sources = [key]
        if isinstance(obj, View):
            sources += [("column", obj.schema, obj.name, column) for column in obj.columns]
        for source in sources:
            for dependent in catalog.find_dependents(source):
                owner = ("view", *dependent[1:3]) if dependent[0] == "column" else dependent
                if owner in needs and owner != key:
                    needs[owner].add(key)
    return _sort(list(objects), lambda key: needs[key])


def sort_tables(tables: Mapping[ObjectKey, Table], catalog: Catalog) -> list[ObjectKey]:
    """Sort tables: referenced tables before those that reference them, parents before partitions and children."""
    needs: dict[ObjectKey, set[ObjectKey]] = {key: set() for key in tables}
    for obj in catalog.objects.values():
        if isinstance(obj, Constraint) and obj.referenced_table is not None:
            owner = ("table", obj.schema, obj.table)
            if owner in needs:
                needs[owner].add(("table", *obj.referenced_table))
    keys_by_name = {f"{table.schema}.{table.name}": key for key, table in tables.items()}
    for key, table in tables.items():
        needs[key] |= {keys_by_name[parent] for parent in table.parents if parent in keys_by_name}
    return _sort(list(tables), lambda key: needs[key])


def _sort(keys: Sequence[ObjectKey], needs: Callable[[ObjectKey], set[ObjectKey]]) -> list[ObjectKey]:
    """A topological order that keeps the given order where possible; a cycle is cut at its first member."""
    remaining = list(keys)
    ordered: list[ObjectKey] = []
    while remaining:
        remaining_keys = set(remaining)
        ready = next((key for key in remaining if not (needs(key) & remaining_keys - {key})), remaining[0])
        remaining.remove(ready)
        ordered.append(ready)
    return ordered
