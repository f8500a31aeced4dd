"""The dependents that block a change, and so are dropped before it and created again after it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Column, Constraint, Index, ObjectKey, Table, View

_ALWAYS_REBUILT = frozenset({"view", "policy", "trigger", "rule", "function", "statistics"})


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
