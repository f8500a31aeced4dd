"""What tables store of a function's results, and has to be made again when the function's body changes."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seedbed.errors import CannotDraft
from seedbed.postgres.catalogue import Catalogue
from seedbed.postgres.catalogue.model import Constraint, Function, Index, Key, Table

_UNSTORED = re.compile(r" (COST|ROWS) [\d.]+| PARALLEL \w+| LEAKPROOF| SECURITY DEFINER| (IMMUTABLE|STABLE)\b")
"""Properties in a function's header that change none of its results."""


@dataclass(frozen=True)
class StaleValues:
    """The functions whose results change, and what holds results of before: stored columns, indexes, constraints."""

    functions: frozenset[Key]
    columns: frozenset[Key]
    built: frozenset[Key]


def find_stale_values(before: Catalogue, after: Catalogue) -> StaleValues:
    """Follow what depends on functions whose bodies change, directly or through functions that call them.

    PostgreSQL does not: it takes the word of IMMUTABLE. A check is looked at again, so rows that break it stop the
    revision.

    Raises:
        CannotDraft: a table is partitioned by a function's results, and its rows would be in the wrong partitions.
    """
    functions = _changed_functions(before, after)
    columns, built = set[Key](), set[Key]()
    waiting = list(functions)
    while waiting:
        source = waiting.pop()
        for dependant in before.needed_by.get(source, ()):
            found, kept = before.objects.get(dependant), after.objects.get(dependant)
            if dependant[0] == "column":
                generated = _generated(before, dependant) if _generated(after, dependant) else None
                if generated == "stored":
                    columns.add(dependant)
                elif generated == "virtual":
                    waiting.append(dependant)
            elif isinstance(found, Constraint | Index) and kept is not None:
                built.add(dependant)
            elif isinstance(found, Table) and isinstance(kept, Table) and source in functions:
                raise CannotDraft(
                    f"function {source[-1]}",
                    f"table {found.name} is partitioned by its results, and rows would be in the wrong partitions",
                )
    return StaleValues(frozenset(functions), frozenset(columns), frozenset(built))


def _changed_functions(before: Catalogue, after: Catalogue) -> set[Key]:
    kept = {
        key: (found, after.objects[key])
        for key, found in before.objects.items()
        if isinstance(found, Function) and key in after.objects
    }
    changed = {key for key, (old, new) in kept.items() if isinstance(new, Function) and _body(old) != _body(new)}
    waiting = list(changed)
    while waiting:
        callers = set(_callers(waiting.pop(), before, {key: old for key, (old, _) in kept.items()})) - changed
        changed |= callers
        waiting += callers
    return changed


def _callers(key: Key, before: Catalogue, functions: Mapping[Key, Function]) -> Iterable[Key]:
    """Functions that call one: of a body that is a string, PostgreSQL records nothing, so its text is read."""
    bare = re.escape(key[2].partition("(")[0].strip('"'))
    recorded = before.needed_by.get(key, frozenset())
    for other, function in functions.items():
        if other != key and (other in recorded or re.search(rf'\b{bare}"?\s*\(', function.definition)):
            yield other


def _body(function: Function) -> str:
    header, separator, rest = function.definition.partition("\nAS ")
    return _UNSTORED.sub("", header) + separator + rest


def _generated(catalogue: Catalogue, key: Key) -> str | None:
    table = catalogue.objects.get(("table", *key[1:3]))
    column = table.column.get(key[3]) if isinstance(table, Table) else None
    return column.generated if column is not None else None
