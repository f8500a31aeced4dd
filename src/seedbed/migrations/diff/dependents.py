"""The dependents of changes: objects to drop and create again, and stored results of functions to compute again."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from seedbed.errors import UnsupportedChange
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import CatalogObject, Column, Constraint, Function, Index, ObjectKey, Table, View

_ALWAYS_REBUILT = frozenset({"view", "policy", "trigger", "rule", "function", "statistics"})

_PROPERTIES_WITHOUT_EFFECT = re.compile(
    r" (COST|ROWS) [\d.]+| PARALLEL \w+| LEAKPROOF| SECURITY DEFINER| (IMMUTABLE|STABLE)\b"
)
"""Properties in a function's header without effect on its results."""


@dataclass
class RebuildSet:
    """Objects to rebuild, columns to compute again, and defaults to set again.

    `removed_early` are objects that are removed, and must be dropped before what they depend on changes. `blocking` are
    those rebuilt objects that had to be dropped even if they do not change.
    """

    rebuilt: set[ObjectKey] = field(default_factory=set)
    recomputed_columns: set[ObjectKey] = field(default_factory=set)
    reset_defaults: set[ObjectKey] = field(default_factory=set)
    removed_early: set[ObjectKey] = field(default_factory=set)
    blocking: set[ObjectKey] = field(default_factory=set)


def find_rebuild_set(
    before: Catalog,
    after: Catalog,
    *,
    rebuilt: Iterable[ObjectKey],
    removed_columns: Iterable[ObjectKey],
    retyped_columns: Iterable[ObjectKey],
    replaced_types: Iterable[ObjectKey],
    removed_keys: Iterable[ObjectKey],
) -> RebuildSet:
    """Follow the dependents of everything that changes until no new one is found.

    `rebuilt` objects are dropped and created again; `removed_keys` are unique constraints and indexes. PostgreSQL
    refuses to change an object while a view, a policy, a trigger's condition, a generated column, a foreign key or a
    function body depends on it. Indexes and constraints follow a type by themselves, unless they contain an expression.
    """
    rebuild_set = RebuildSet(rebuilt=set(rebuilt), recomputed_columns=set())
    type_keys, column_keys = set(replaced_types), set(removed_columns)
    pending: list[ObjectKey] = [*rebuild_set.rebuilt, *column_keys, *retyped_columns, *type_keys, *removed_keys]
    seen: set[ObjectKey] = set()
    while pending:
        source = pending.pop()
        if source in seen:
            continue
        seen.add(source)
        for dependent in _find_dependents(before, source):
            blocking_key = _add_dependent(
                before, after, source, dependent, rebuild_set, type_keys, set(retyped_columns), column_keys
            )
            if blocking_key is not None:
                rebuild_set.blocking.add(blocking_key)
                pending.append(blocking_key)
    return rebuild_set


def _find_dependents(before: Catalog, source: ObjectKey) -> set[ObjectKey]:
    dependents = set(before.direct_dependents.get(source, ()))
    view = before.objects.get(source)
    if isinstance(view, View):
        for column in view.columns:
            dependents |= before.direct_dependents.get(("column", view.schema, view.name, column), frozenset())
    return {_owner(before, dependent) for dependent in dependents} - {source}


def _owner(before: Catalog, key: ObjectKey) -> ObjectKey:
    """The object itself, or the view of a view's column."""
    if key[0] == "column" and ("view", *key[1:3]) in before.objects:
        return ("view", *key[1:3])
    return key


def _add_dependent(
    before: Catalog,
    after: Catalog,
    source: ObjectKey,
    dependent: ObjectKey,
    rebuild_set: RebuildSet,
    replaced_types: set[ObjectKey],
    retyped_columns: set[ObjectKey],
    removed_columns: set[ObjectKey],
) -> ObjectKey | None:
    object_kind = dependent[0]
    is_kept = dependent in after.objects
    if object_kind in _ALWAYS_REBUILT:
        (rebuild_set.rebuilt if is_kept else rebuild_set.removed_early).add(dependent)
        return dependent
    if object_kind == "column":
        return _add_dependent_column(before, after, source, dependent, rebuild_set, replaced_types)
    obj = before.objects.get(dependent)
    if isinstance(obj, Constraint | Index) and _must_be_dropped(
        before, after, obj, source, replaced_types, retyped_columns, removed_columns | rebuild_set.recomputed_columns
    ):
        (rebuild_set.rebuilt if is_kept else rebuild_set.removed_early).add(dependent)
        return dependent
    return None


def _add_dependent_column(
    before: Catalog,
    after: Catalog,
    source: ObjectKey,
    dependent: ObjectKey,
    rebuild_set: RebuildSet,
    replaced_types: set[ObjectKey],
) -> ObjectKey | None:
    column, new_column = find_column(before, dependent), find_column(after, dependent)
    if column is None:
        return None
    if column.generated and source not in replaced_types and source[0] != "sequence":
        if new_column is not None:
            rebuild_set.recomputed_columns.add(dependent)
        return dependent
    if source[0] == "function" and new_column is not None:
        rebuild_set.reset_defaults.add(dependent)
    return None


def _must_be_dropped(
    before: Catalog,
    after: Catalog,
    obj: Constraint | Index,
    source: ObjectKey,
    replaced_types: set[ObjectKey],
    retyped_columns: set[ObjectKey],
    removed_columns: set[ObjectKey],
) -> bool:
    if (
        source[0] in {"function", "constraint", "index", "collation", "view"}
        or source in replaced_types
        or source in removed_columns
    ):
        return True
    if source[0] != "column":
        return False
    has_plain_columns = (
        isinstance(obj, Index) and "(" not in obj.definition.split("(", 1)[1] and " WHERE " not in obj.definition
    )
    if isinstance(obj, Constraint):
        if obj.type == "f":
            return source in retyped_columns and not are_comparable(
                find_column(before, source), find_column(after, source)
            )
        has_plain_columns = obj.type in {"p", "u"}
    return source in retyped_columns and not has_plain_columns


def are_comparable(old: Column | None, new: Column | None) -> bool:
    """Whether a foreign key between an old and a new form of a column still works."""
    integer_types = {"smallint", "integer", "bigint"}
    return old is not None and new is not None and {old.type, new.type} <= integer_types


def find_column(catalog: Catalog, key: ObjectKey) -> Column | None:
    table = catalog.objects.get(("table", *key[1:3]))
    return table.columns_by_name.get(key[3]) if isinstance(table, Table) else None


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
