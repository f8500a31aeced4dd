"""What has to be out of the way before a change, and put back after it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Column, Constraint, Index, Key, Table, View

_ALWAYS_REBUILT = frozenset({"view", "policy", "trigger", "rule", "function", "statistics"})


@dataclass
class RebuildSet:
    """The result of clearing: objects to rebuild, columns to compute again, defaults to set again.

    `early` are objects that go for good, and that have to go before what they depend on is changed. `in_the_way` are
    those of the rebuilt that would have to go even if nothing about them changed.
    """

    rebuilt: set[Key] = field(default_factory=set)
    recomputed_columns: set[Key] = field(default_factory=set)
    reset_defaults: set[Key] = field(default_factory=set)
    removed_early: set[Key] = field(default_factory=set)
    blocking: set[Key] = field(default_factory=set)


def find_rebuild_set(
    before: Catalog,
    after: Catalog,
    *,
    rebuilt: Iterable[Key],
    removed_columns: Iterable[Key],
    retyped_columns: Iterable[Key],
    replaced_types: Iterable[Key],
    removed_keys: Iterable[Key],
) -> RebuildSet:
    """Follow what depends on the things that change until nothing new is found.

    `rebuilt` are dropped and made again, `columns` dropped, `retyped` columns that get another type, `types` types that
    are replaced, and `keys` unique constraints and indexes that go for good. PostgreSQL refuses each of these while a
    view, a policy, a trigger's condition, a generated column, a foreign key or the body of a function looks at them;
    indexes and constraints follow a type by themselves, unless an expression in them was written for the old one.
    """
    cleared = RebuildSet(rebuilt=set(rebuilt), recomputed_columns=set())
    replaced, gone = set(replaced_types), set(removed_columns)
    waiting: list[Key] = [*cleared.rebuilt, *gone, *retyped_columns, *replaced, *removed_keys]
    seen: set[Key] = set()
    while waiting:
        source = waiting.pop()
        if source in seen:
            continue
        seen.add(source)
        for dependant in _dependants(before, source):
            found = _add_dependant(before, after, source, dependant, cleared, replaced, set(retyped_columns), gone)
            if found is not None:
                cleared.blocking.add(found)
                waiting.append(found)
    return cleared


def _dependants(before: Catalog, source: Key) -> set[Key]:
    found = set(before.needed_by.get(source, ()))
    view = before.objects.get(source)
    if isinstance(view, View):
        for column in view.columns:
            found |= before.needed_by.get(("column", view.schema, view.name, column), frozenset())
    return {_owner(before, dependant) for dependant in found} - {source}


def _owner(before: Catalog, key: Key) -> Key:
    """A view's column counts as the view."""
    if key[0] == "column" and ("view", *key[1:3]) in before.objects:
        return ("view", *key[1:3])
    return key


def _add_dependant(
    before: Catalog,
    after: Catalog,
    source: Key,
    dependant: Key,
    cleared: RebuildSet,
    replaced: set[Key],
    retyped: set[Key],
    gone: set[Key],
) -> Key | None:
    kind = dependant[0]
    stays = dependant in after.objects
    if kind in _ALWAYS_REBUILT:
        (cleared.rebuilt if stays else cleared.removed_early).add(dependant)
        return dependant
    if kind == "column":
        return _add_dependant_column(before, after, source, dependant, cleared, replaced)
    found = before.objects.get(dependant)
    if isinstance(found, Constraint | Index) and _must_be_dropped(
        before, after, found, source, replaced, retyped, gone | cleared.recomputed_columns
    ):
        (cleared.rebuilt if stays else cleared.removed_early).add(dependant)
        return dependant
    return None


def _add_dependant_column(
    before: Catalog, after: Catalog, source: Key, dependant: Key, cleared: RebuildSet, replaced: set[Key]
) -> Key | None:
    column, kept = find_column(before, dependant), find_column(after, dependant)
    if column is None:
        return None
    if column.generated and source not in replaced and source[0] != "sequence":
        if kept is not None:
            cleared.recomputed_columns.add(dependant)
        return dependant
    if source[0] == "function" and kept is not None:
        cleared.reset_defaults.add(dependant)
    return None


def _must_be_dropped(
    before: Catalog,
    after: Catalog,
    found: Constraint | Index,
    source: Key,
    replaced: set[Key],
    retyped: set[Key],
    gone: set[Key],
) -> bool:
    if source[0] in {"function", "constraint", "index", "collation", "view"} or source in replaced or source in gone:
        return True
    if source[0] != "column":
        return False
    plain = (
        isinstance(found, Index) and "(" not in found.definition.split("(", 1)[1] and " WHERE " not in found.definition
    )
    if isinstance(found, Constraint):
        if found.type == "f":
            return source in retyped and not are_comparable(find_column(before, source), find_column(after, source))
        plain = found.type in {"p", "u"}
    return source in retyped and not plain


def are_comparable(old: Column | None, new: Column | None) -> bool:
    """Whether a foreign key between a column as it was and another one as it will be, or the other way round, holds."""
    integers = {"smallint", "integer", "bigint"}
    return old is not None and new is not None and {old.type, new.type} <= integers


def find_column(catalog: Catalog, key: Key) -> Column | None:
    table = catalog.objects.get(("table", *key[1:3]))
    return table.column.get(key[3]) if isinstance(table, Table) else None
