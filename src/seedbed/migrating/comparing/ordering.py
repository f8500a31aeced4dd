"""The order in which objects can be made, so that what is needed is there before what needs it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from seedbed.postgres.catalogue import Catalogue
from seedbed.postgres.catalogue.model import Constraint, Key, Object, Table, View

Name = TypeVar("Name")


def in_order(chosen: Mapping[Key, Object], catalogue: Catalogue) -> list[Key]:
    """What is needed before what needs it. A function whose body is a string has no recorded needs, and comes early."""
    needs: dict[Key, set[Key]] = {key: set() for key in chosen}
    for key, found in chosen.items():
        sources = [key]
        if isinstance(found, View):
            sources += [("column", found.schema, found.name, column) for column in found.columns]
        for source in sources:
            for dependant in catalogue.dependants(source):
                owner = ("view", *dependant[1:3]) if dependant[0] == "column" else dependant
                if owner in needs and owner != key:
                    needs[owner].add(key)
    return _sorted(list(chosen), lambda key: needs[key])


def tables_in_order(chosen: Mapping[Key, Table], catalogue: Catalogue) -> list[Key]:
    """Referenced tables before those that refer to them, parents before partitions and children."""
    needs: dict[Key, set[Key]] = {key: set() for key in chosen}
    for found in catalogue.objects.values():
        if isinstance(found, Constraint) and found.references is not None:
            owner = ("table", found.schema, found.table)
            if owner in needs:
                needs[owner].add(("table", *found.references))
    named = {f"{table.schema}.{table.name}": key for key, table in chosen.items()}
    for key, table in chosen.items():
        needs[key] |= {named[parent] for parent in table.parents if parent in named}
    return _sorted(list(chosen), lambda key: needs[key])


def _sorted(keys: Sequence[Key], needs: Callable[[Key], set[Key]]) -> list[Key]:
    """A topological order that keeps the given one where it may; a cycle is cut at its first member."""
    left = list(keys)
    done: list[Key] = []
    while left:
        waiting = set(left)
        ready = next((key for key in left if not (needs(key) & waiting - {key})), left[0])
        left.remove(ready)
        done.append(ready)
    return done


def in_turn(asked: Mapping[Name, Name], there: Iterable[Name]) -> Iterator[tuple[Name, Name]]:
    """New names with their old ones, each once its new name is free: one that goes may make room for another.

    Left out are those whose old name is not there, and those whose new name is there and stays.
    """
    now, left = set(there), dict(asked)
    while ready := [(new, old) for new, old in left.items() if old in now and new not in now]:
        new, old = ready[0]
        now = now - {old} | {new}
        del left[new]
        yield new, old
