"""The order in which objects can be made, so that what is needed is there before what needs it."""

import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Constraint, Key, Object, Table, View
from seedbed.postgres.quoting import truncate_identifier

Name = TypeVar("Name", bound=Hashable)


def sort_by_dependencies(chosen: Mapping[Key, Object], catalog: Catalog) -> list[Key]:
    """What is needed before what needs it. A function whose body is a string has no recorded needs, and comes early."""
    needs: dict[Key, set[Key]] = {key: set() for key in chosen}
    for key, found in chosen.items():
        sources = [key]
        if isinstance(found, View):
            sources += [("column", found.schema, found.name, column) for column in found.columns]
        for source in sources:
            for dependant in catalog.dependants(source):
                owner = ("view", *dependant[1:3]) if dependant[0] == "column" else dependant
                if owner in needs and owner != key:
                    needs[owner].add(key)
    return _sort(list(chosen), lambda key: needs[key])


def sort_tables(chosen: Mapping[Key, Table], catalog: Catalog) -> list[Key]:
    """Referenced tables before those that refer to them, parents before partitions and children."""
    needs: dict[Key, set[Key]] = {key: set() for key in chosen}
    for found in catalog.objects.values():
        if isinstance(found, Constraint) and found.references is not None:
            owner = ("table", found.schema, found.table)
            if owner in needs:
                needs[owner].add(("table", *found.references))
    named = {f"{table.schema}.{table.name}": key for key, table in chosen.items()}
    for key, table in chosen.items():
        needs[key] |= {named[parent] for parent in table.parents if parent in named}
    return _sort(list(chosen), lambda key: needs[key])


def _sort(keys: Sequence[Key], needs: Callable[[Key], set[Key]]) -> list[Key]:
    """A topological order that keeps the given one where it may; a cycle is cut at its first member."""
    left = list(keys)
    done: list[Key] = []
    while left:
        waiting = set(left)
        ready = next((key for key in left if not (needs(key) & waiting - {key})), left[0])
        left.remove(ready)
        done.append(ready)
    return done


@dataclass(frozen=True)
class RenameGroup(Generic[Name]):
    """Renames that are done together: one alone, or a cycle of names that change places.

    `pairs` are the new names with their old ones, and `moves` the steps, each from a name to a name, in their order. A
    cycle goes through a temporary name.
    """

    pairs: tuple[tuple[Name, Name], ...]
    moves: tuple[tuple[Name, Name], ...]

    @property
    def reverse_moves(self) -> tuple[tuple[Name, Name], ...]:
        return tuple((new, old) for old, new in reversed(self.moves))


def select_possible_renames(requested: Mapping[Name, Name], existing: Iterable[Name]) -> dict[Name, Name]:
    """New names with their old ones.

    Left out are those whose old name is not there, and those whose new name is there and stays.
    """
    there = set(existing)
    left = {new: old for new, old in requested.items() if old in there and new != old}
    while blocked := [new for new in left if new in there and new not in left.values()]:
        for new in blocked:
            del left[new]
    return left


def find_cycles(renames: Mapping[Name, Name]) -> list[tuple[Name, ...]]:
    """The new names that change places: each one's old name is the next one, and the last one's is the first."""
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
    """The possible renames in an order in which each new name is free when its turn comes."""
    now = set(existing)
    left = select_possible_renames(requested, now)
    cycles = find_cycles(left)
    for cycle in cycles:
        held = make_temporary(cycle[0])
        moves = [(cycle[0], held), *((left[new], new) for new in cycle[:-1]), (held, cycle[-1])]
        yield RenameGroup(tuple((new, left.pop(new)) for new in cycle), tuple(moves))
    while ready := [(new, old) for new, old in left.items() if old in now and new not in now]:
        new, old = ready[0]
        now = now - {old} | {new}
        del left[new]
        yield RenameGroup(((new, old),), ((old, new),))


def pick_temporary_name(name: str, taken: Iterable[str]) -> str:
    """A name that nothing has, for something that makes room for another thing of its name."""
    used = set(taken)
    candidates = (truncate_identifier(name, f"__moving{number or ''}") for number in itertools.count())
    return next(candidate for candidate in candidates if candidate not in used)
