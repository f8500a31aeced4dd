"""The order of changes: objects after what they need, and renames where each new name is free."""

import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import CatalogObject, Constraint, ObjectKey, Table, View
from seedbed.postgres.quoting import truncate_identifier

Name = TypeVar("Name", bound=Hashable)


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


@dataclass(frozen=True)
class RenameGroup(Generic[Name]):
    """Renames that are done together: a single one, or a cycle of names.

    `pairs` are (new, old) names. `moves` are the steps as (from, to); a cycle goes through a temporary name.
    """

    pairs: tuple[tuple[Name, Name], ...]
    moves: tuple[tuple[Name, Name], ...]

    @property
    def reverse_moves(self) -> tuple[tuple[Name, Name], ...]:
        return tuple((new, old) for old, new in reversed(self.moves))


def select_possible_renames(requested: Mapping[Name, Name], existing: Iterable[Name]) -> dict[Name, Name]:
    """The requested renames that can be done, as new names with their old ones.

    Left out are renames whose old name does not exist, and those whose new name exists and stays.
    """
    existing_names = set(existing)
    remaining = {new: old for new, old in requested.items() if old in existing_names and new != old}
    while blocked := [new for new in remaining if new in existing_names and new not in remaining.values()]:
        for new in blocked:
            del remaining[new]
    return remaining


def find_cycles(renames: Mapping[Name, Name]) -> list[tuple[Name, ...]]:
    """The cycles among renames: in each, the old name of one is the next new name, and the last one's is the first."""
    cycles, seen = [], set[Name]()
    for start in renames:
        path = [start]
        while path[-1] not in seen and renames.get(path[-1]) not in (None, *path):
            path.append(renames[path[-1]])
        if start not in seen and renames.get(path[-1]) == start:
            cycles.append(tuple(path))
            seen.update(path)
    return cycles


def group_renames(
    requested: Mapping[Name, Name], existing: Iterable[Name], make_temporary: Callable[[Name], Name]
) -> Iterator[RenameGroup[Name]]:
    """The possible renames in an order in which each new name is free when it is needed."""
    current_names = set(existing)
    remaining = select_possible_renames(requested, current_names)
    cycles = find_cycles(remaining)
    for cycle in cycles:
        temporary = make_temporary(cycle[0])
        moves = [(cycle[0], temporary), *((remaining[new], new) for new in cycle[:-1]), (temporary, cycle[-1])]
        yield RenameGroup(tuple((new, remaining.pop(new)) for new in cycle), tuple(moves))
    while ready := [(new, old) for new, old in remaining.items() if old in current_names and new not in current_names]:
        new, old = ready[0]
        current_names = current_names - {old} | {new}
        del remaining[new]
        yield RenameGroup(((new, old),), ((old, new),))


def pick_temporary_name(name: str, taken: Iterable[str]) -> str:
    """An unused name for an object that makes room for another one of its name."""
    taken_names = set(taken)
    candidates = (truncate_identifier(name, f"__moving{number or ''}") for number in itertools.count())
    return next(candidate for candidate in candidates if candidate not in taken_names)
