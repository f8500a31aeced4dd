"""What tables store of a function's results, and has to be made again when the function's body changes."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from seedbed.errors import UnsupportedChange
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Constraint, Function, Index, Key, Object, Table

_PROPERTIES_WITHOUT_EFFECT = re.compile(
    r" (COST|ROWS) [\d.]+| PARALLEL \w+| LEAKPROOF| SECURITY DEFINER| (IMMUTABLE|STABLE)\b"
)
"""Properties in a function's header that change none of its results."""


@dataclass(frozen=True)
class StaleValues:
    """What holds results of before: stored columns, indexes and constraints; and the functions they come from."""

    functions: frozenset[Key]
    columns: frozenset[Key]
    indexes_and_constraints: frozenset[Key]


def find_stale_values(before: Catalog, after: Catalog) -> StaleValues:
    """Follow what depends on functions whose bodies change, directly or through functions that call them.

    PostgreSQL does not: it takes the word of IMMUTABLE. A check is looked at again, so rows that break it stop the
    revision.

    Raises:
        UnsupportedChange: a table is partitioned by a function's results, and its rows would be in the wrong partitions.
    """
    callers = _find_changed_functions(before, after)
    columns, built, functions = set[Key](), set[Key](), set[Key]()
    for function in callers:
        held = list(_find_stored_results(function, before, after))
        columns |= {key for key in held if key[0] == "column"}
        built |= {key for key in held if key[0] in {"constraint", "index"}}
        functions |= {function} if held else set()
    while called := {key for key, found in callers.items() if key not in functions and found & functions}:
        functions |= called
    return StaleValues(frozenset(functions), frozenset(columns), frozenset(built))


def _find_stored_results(source: Key, before: Catalog, after: Catalog) -> Iterator[Key]:
    """What tables store of the results of a function, or of a virtual column that is computed by one."""
    for dependant in before.needed_by.get(source, ()):
        found, kept = before.objects.get(dependant), after.objects.get(dependant)
        if dependant[0] == "column":
            generated = _generation_kind(before, dependant) if _generation_kind(after, dependant) else None
            if generated == "stored":
                yield dependant
            elif generated == "virtual":
                yield from _find_stored_results(dependant, before, after)
        elif isinstance(found, Constraint | Index) and kept is not None:
            yield dependant
        elif isinstance(found, Table) and isinstance(kept, Table) and source[0] == "function":
            raise UnsupportedChange(
                f"function {source[-1]}",
                f"table {found.name} is partitioned by its results, and rows would be in the wrong partitions",
            )


def _find_changed_functions(before: Catalog, after: Catalog) -> dict[Key, frozenset[Key]]:
    """The functions whose results may change, each with those that call it, which are among them."""
    kept = {
        key: found
        for key, found in before.objects.items()
        if isinstance(found, Function) and isinstance(after.objects.get(key), Function)
    }
    waiting = [key for key, old in kept.items() if _body(old) != _body(after.objects[key])]
    found: dict[Key, frozenset[Key]] = {}
    while waiting:
        key = waiting.pop()
        if key not in found:
            found[key] = frozenset(_find_callers(key, before, kept))
            waiting += found[key]
    return found


def _find_callers(key: Key, before: Catalog, functions: Mapping[Key, Function]) -> Iterator[Key]:
    """Functions that call one: of a body that is a string, PostgreSQL records nothing, so its text is read."""
    bare = re.escape(key[2].partition("(")[0].strip('"'))
    recorded = before.needed_by.get(key, frozenset())
    for other, function in functions.items():
        if other != key and (other in recorded or re.search(rf'\b{bare}"?\s*\(', function.definition)):
            yield other


def _body(function: Object) -> str:
    if not isinstance(function, Function):
        raise TypeError(f"{function.key} is no function")
    header, separator, rest = function.definition.partition("\nAS ")
    return _PROPERTIES_WITHOUT_EFFECT.sub("", header) + separator + rest


def _generation_kind(catalog: Catalog, key: Key) -> str | None:
    table = catalog.objects.get(("table", *key[1:3]))
    column = table.column.get(key[3]) if isinstance(table, Table) else None
    return column.generated if column is not None else None
