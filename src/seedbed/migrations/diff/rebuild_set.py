"""What has to be out of the way before a change, and put back after it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Column, Constraint, Index, Key, Table, View

_PUT_BACK = frozenset({"view", "policy", "trigger", "rule", "function", "statistics"})


@dataclass
class Cleared:
    """The result of clearing: objects to rebuild, columns to compute again, defaults to set again.

    `early` are objects that go for good, and that have to go before what they depend on is changed. `in_the_way` are
    those of the rebuilt that would have to go even if nothing about them changed.
    """

    rebuilt: set[Key] = field(default_factory=set)
    columns: set[Key] = field(default_factory=set)
    defaults: set[Key] = field(default_factory=set)
    early: set[Key] = field(default_factory=set)
    in_the_way: set[Key] = field(default_factory=set)


def clear(
    before: Catalog,
    after: Catalog,
    *,
    rebuilt: Iterable[Key],
    columns: Iterable[Key],
    retyped: Iterable[Key],
    types: Iterable[Key],
    keys: Iterable[Key],
) -> Cleared:
    """Follow what depends on the things that change until nothing new is found.

    `rebuilt` are dropped and made again, `columns` dropped, `retyped` columns that get another type, `types` types that
    are replaced, and `keys` unique constraints and indexes that go for good. PostgreSQL refuses each of these while a
    view, a policy, a trigger's condition, a generated column, a foreign key or the body of a function looks at them;
    indexes and constraints follow a type by themselves, unless an expression in them was written for the old one.
    """
    cleared = Cleared(rebuilt=set(rebuilt), columns=set())
    replaced, gone = set(types), set(columns)
    waiting: list[Key] = [*cleared.rebuilt, *gone, *retyped, *replaced, *keys]
    seen: set[Key] = set()
    while waiting:
        source = waiting.pop()
        if source in seen:
            continue
        seen.add(source)
        for dependant in _dependants(before, source):
            found = _blocked(before, after, source, dependant, cleared, replaced, set(retyped), gone)
            if found is not None:
                cleared.in_the_way.add(found)
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


def _blocked(
    before: Catalog,
    after: Catalog,
    source: Key,
    dependant: Key,
    cleared: Cleared,
    replaced: set[Key],
    retyped: set[Key],
    gone: set[Key],
) -> Key | None:
    kind = dependant[0]
    stays = dependant in after.objects
    if kind in _PUT_BACK:
        (cleared.rebuilt if stays else cleared.early).add(dependant)
        return dependant
    if kind == "column":
        return _blocked_column(before, after, source, dependant, cleared, replaced)
    found = before.objects.get(dependant)
    if isinstance(found, Constraint | Index) and _has_to_go(
        before, after, found, source, replaced, retyped, gone | cleared.columns
    ):
        (cleared.rebuilt if stays else cleared.early).add(dependant)
        return dependant
    return None


def _blocked_column(
    before: Catalog, after: Catalog, source: Key, dependant: Key, cleared: Cleared, replaced: set[Key]
) -> Key | None:
    column, kept = column_of(before, dependant), column_of(after, dependant)
    if column is None:
        return None
    if column.generated and source not in replaced and source[0] != "sequence":
        if kept is not None:
            cleared.columns.add(dependant)
        return dependant
    if source[0] == "function" and kept is not None:
        cleared.defaults.add(dependant)
    return None


def _has_to_go(
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
            return source in retyped and not stay_comparable(column_of(before, source), column_of(after, source))
        plain = found.type in {"p", "u"}
    return source in retyped and not plain


def stay_comparable(old: Column | None, new: Column | None) -> bool:
    """Whether a foreign key between a column as it was and another one as it will be, or the other way round, holds."""
    integers = {"smallint", "integer", "bigint"}
    return old is not None and new is not None and {old.type, new.type} <= integers


def column_of(catalog: Catalog, key: Key) -> Column | None:
    table = catalog.objects.get(("table", *key[1:3]))
    return table.column.get(key[3]) if isinstance(table, Table) else None
