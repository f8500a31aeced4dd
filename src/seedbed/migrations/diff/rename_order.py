"""Renames in an order in which each new name is free, with temporary names where names are swapped."""

import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from seedbed.postgres.quoting import truncate_identifier

Name = TypeVar("Name", bound=Hashable)


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
