"""Stored results of functions whose bodies change: generated columns, indexes and constraints to compute again."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from seedbed.errors import UnsupportedChange
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import CatalogObject, Constraint, Function, Index, ObjectKey, Table

_PROPERTIES_WITHOUT_EFFECT = re.compile(
    r" (COST|ROWS) [\d.]+| PARALLEL \w+| LEAKPROOF| SECURITY DEFINER| (IMMUTABLE|STABLE)\b"
)
"""Properties in a function's header without effect on its results."""


@dataclass(frozen=True)
class StaleValues:
    """Generated columns, indexes and constraints with results of old function bodies, and those functions."""

    functions: frozenset[ObjectKey]
    columns: frozenset[ObjectKey]
    indexes_and_constraints: frozenset[ObjectKey]


def find_stale_values(before: Catalog, after: Catalog) -> StaleValues:
    """Find what stores results of functions whose bodies change, directly or through functions that call them.

    PostgreSQL does not look for it, since it trusts IMMUTABLE. A CHECK is validated again, so rows that violate it stop
    the revision.

    Raises:
        UnsupportedChange: a table is partitioned by a function's results, and rows would be in wrong partitions.
    """
    callers = _find_changed_functions(before, after)
    columns, indexes_and_constraints, functions = set[ObjectKey](), set[ObjectKey](), set[ObjectKey]()
    for function in callers:
        stored_results = list(_find_stored_results(function, before, after))
        columns |= {key for key in stored_results if key[0] == "column"}
        indexes_and_constraints |= {key for key in stored_results if key[0] in {"constraint", "index"}}
        functions |= {function} if stored_results else set()
    while callees := {key for key, callees in callers.items() if key not in functions and callees & functions}:
        functions |= callees
    return StaleValues(frozenset(functions), frozenset(columns), frozenset(indexes_and_constraints))


def _find_stored_results(source: ObjectKey, before: Catalog, after: Catalog) -> Iterator[ObjectKey]:
    """The objects that store results of a function, or of a virtual column that a function computes."""
    for dependent in before.direct_dependents.get(source, ()):
        obj, new_obj = before.objects.get(dependent), after.objects.get(dependent)
        if dependent[0] == "column":
            generated = _generation_kind(before, dependent) if _generation_kind(after, dependent) else None
            if generated == "stored":
                yield dependent
            elif generated == "virtual":
                yield from _find_stored_results(dependent, before, after)
        elif isinstance(obj, Constraint | Index) and new_obj is not None:
            yield dependent
        elif isinstance(obj, Table) and isinstance(new_obj, Table) and source[0] == "function":
            raise UnsupportedChange(
                f"function {source[-1]}",
                f"table {obj.name} is partitioned by its results, and rows would be in the wrong partitions",
            )


def _find_changed_functions(before: Catalog, after: Catalog) -> dict[ObjectKey, frozenset[ObjectKey]]:
    """The functions whose results may change, each with its callers, which are among them."""
    kept_functions = {
        key: function
        for key, function in before.objects.items()
        if isinstance(function, Function) and isinstance(after.objects.get(key), Function)
    }
    pending = [key for key, old in kept_functions.items() if _body(old) != _body(after.objects[key])]
    callers: dict[ObjectKey, frozenset[ObjectKey]] = {}
    while pending:
        key = pending.pop()
        if key not in callers:
            callers[key] = frozenset(_find_callers(key, before, kept_functions))
            pending += callers[key]
    return callers


def _find_callers(key: ObjectKey, before: Catalog, functions: Mapping[ObjectKey, Function]) -> Iterator[ObjectKey]:
    """The functions that call one. PostgreSQL records no dependencies for a body that is a string, so its text is
    searched.
    """
    name_pattern = re.escape(key[2].partition("(")[0].strip('"'))
    dependents = before.direct_dependents.get(key, frozenset())
    for caller_key, function in functions.items():
        if caller_key != key and (
            caller_key in dependents or re.search(rf'\b{name_pattern}"?\s*\(', function.definition)
        ):
            yield caller_key


def _body(function: CatalogObject) -> str:
    if not isinstance(function, Function):
        raise TypeError(f"{function.key} is no function")
    header, separator, rest = function.definition.partition("\nAS ")
    return _PROPERTIES_WITHOUT_EFFECT.sub("", header) + separator + rest


def _generation_kind(catalog: Catalog, key: ObjectKey) -> str | None:
    table = catalog.objects.get(("table", *key[1:3]))
    column = table.columns_by_name.get(key[3]) if isinstance(table, Table) else None
    return column.generated if column is not None else None
