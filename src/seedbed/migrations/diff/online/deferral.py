"""What a draft puts off on tables that may be in use, so that it can be made there while nobody waits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from seedbed.migrations.diff.catalog_diff import CatalogDiff
from seedbed.migrations.diff.online.steps import can_attach_index
from seedbed.migrations.diff.value_sources import VOLATILE_CALL, ColumnName, ValueSources
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Column, Constraint, Index, ObjectKey, CatalogObject, Table


@dataclass(frozen=True)
class IntermediateSchema:
    """The catalog between the two revisions of a change: everything is as it will be but for what is put off.

    `fills` say what is written into columns that are new or must not be NULL, in rows that exist.
    """

    catalog: Catalog
    backfills: Mapping[ColumnName, str]


def defer(before: Catalog, after: Catalog, sources: ValueSources) -> IntermediateSchema:
    """The catalog of a change's first revision. It equals `after` where nothing has to be put off.

    Put off are, on tables that stay: indexes that come, change or go; unique constraints, checks and foreign keys that
    come or change; NOT NULL; and the values of new columns that are not the same constant in every row. New tables have
    no rows that anybody waits for. Partitioned tables and their partitions are left out: PostgreSQL has no
    CREATE INDEX CONCURRENTLY for them.
    """
    diff = CatalogDiff(before, after)
    columns = _DeferredColumns(diff, sources)
    objects: dict[ObjectKey, CatalogObject] = dict(after.objects)
    held: dict[ObjectKey, CatalogObject] = {}
    for key in _find_deferred_objects(diff):
        objects.pop(key, None)
        if key in before.objects and (key in diff.rebuilt or key in diff.removed):
            held[key] = before.objects[key]
    objects |= held
    for key, new in list(objects.items()):
        if isinstance(new, Table) and key in before.objects:
            objects[key] = replace(new, columns=tuple(columns.now(new, column) for column in new.columns))
    return IntermediateSchema(
        Catalog(objects, _needed_by(before, after, objects, held), after.version), columns.backfills
    )


def _needed_by(
    before: Catalog, after: Catalog, objects: Mapping[ObjectKey, CatalogObject], held: Mapping[ObjectKey, CatalogObject]
) -> dict[ObjectKey, frozenset[ObjectKey]]:
    """What needs what in between: as in the end, and what was held back as in the beginning."""
    missing = after.objects.keys() - objects.keys()
    needed = {key: users - missing for key, users in after.direct_dependents.items() if key not in missing}
    for key, users in before.direct_dependents.items():
        if kept := users & held.keys():
            needed[key] = needed.get(key, frozenset()) | kept
    return needed


def _find_deferred_objects(diff: CatalogDiff) -> set[ObjectKey]:
    standing = diff.online_tables()
    moving = diff.rebuilt - diff.rebuild_set.blocking
    found = {
        key
        for key, one in diff.objects_to_create.items()
        if isinstance(one, Constraint | Index)
        and ("table", one.schema, one.table) in standing
        and (key in diff.added or key in moving)
        and _has_online_form(one, diff)
    }
    found -= _find_objects_in_use(found, diff) | _find_replacing_keys(found, diff)
    names = {key[1:2] + key[3:] for key in found if key[0] == "constraint"}
    for key, one in diff.removed.items():
        table = ("table", one.schema, one.table) if isinstance(one, Index) else None
        if table in standing and key not in diff.rebuild_set.removed_early and key[1:2] + key[3:] not in names:
            found.add(key)
    return found | _find_dependent_foreign_keys(found, diff)


def _has_online_form(one: Constraint | Index, diff: CatalogDiff) -> bool:
    if isinstance(one, Index):
        return True
    if one.type == "u":
        taken = any(isinstance(gone, Index) and gone.name == one.name for gone in diff.removed.values())
        return one.key in diff.added and not taken and can_attach_index(one)
    return one.type in {"f", "c"} and " NO INHERIT" not in one.definition


def _find_objects_in_use(chosen: set[ObjectKey], diff: CatalogDiff) -> set[ObjectKey]:
    """Those that something else than a foreign key needs, such as a view that groups by a unique key."""
    after = diff.after
    return {key for key in chosen if not all(map(after.is_foreign_key, after.find_dependents(key)))}


def _find_replacing_keys(chosen: set[ObjectKey], diff: CatalogDiff) -> set[ObjectKey]:
    """Those that take the place of a key which goes, so that foreign keys to the same columns need them at once."""
    return {
        key
        for key in chosen
        for user in diff.after.direct_dependents.get(key, ())
        if user in diff.rebuild_set.blocking and diff.after.is_foreign_key(user)
    }


def _find_dependent_foreign_keys(chosen: set[ObjectKey], diff: CatalogDiff) -> set[ObjectKey]:
    """Foreign keys to unique columns that are put off wait as well, those of new tables too."""
    return {
        user
        for key in chosen
        for user in diff.after.direct_dependents.get(key, ())
        if user in diff.objects_to_create and diff.after.is_foreign_key(user)
    }


class _DeferredColumns:
    """The columns of tables that stay: which are filled later, with what, and which are NOT NULL only then."""

    def __init__(self, diff: CatalogDiff, sources: ValueSources) -> None:
        self.backfills: dict[ColumnName, str] = {}
        self._nullable: set[ColumnName] = set()
        self._unvalidated: dict[ColumnName, str] = {}
        keys = _find_key_columns(diff.after)
        for table in diff.online_tables().values():
            old_table = diff.before.objects[table.key]
            for column in table.columns:
                place = (table.schema, table.name, column.name)
                if column.generated or column.identity or place in keys or column.unvalidated_not_null:
                    continue
                old = old_table.columns_by_name.get(column.name) if isinstance(old_table, Table) else None
                if old is None:
                    self._added(place, column, diff, sources)
                elif column.not_null and not old.not_null and ("column", *place) not in diff.retyped_columns:
                    self._required(place, column, diff, sources)
                elif column.not_null and old.unvalidated_not_null and ("column", *place) not in diff.retyped_columns:
                    self._validated(place, old.unvalidated_not_null, diff, sources)

    def now(self, table: Table, column: Column) -> Column:
        """The column as it is before it is filled."""
        place = (table.schema, table.name, column.name)
        if place in self._unvalidated:
            return replace(column, unvalidated_not_null=self._unvalidated[place])
        return replace(column, not_null=False) if place in self._nullable else column

    def _added(self, place: ColumnName, column: Column, diff: CatalogDiff, sources: ValueSources) -> None:
        fill = sources.backfills.get(place)
        constant = place in sources.constant_backfills
        if fill is None:
            if column.default is None or not VOLATILE_CALL.search(column.default):
                return
            fill = column.default
        elif constant and (column.default is None or not column.not_null):
            return
        if not _reads_removed_objects(place, fill, diff):
            self.backfills[place] = fill
            self._nullable.add(place)

    def _required(self, place: ColumnName, column: Column, diff: CatalogDiff, sources: ValueSources) -> None:
        fill = sources.backfills.get(place, column.default)
        if fill is not None:
            if _reads_removed_objects(place, fill, diff):
                return
            self.backfills[place] = fill
        self._nullable.add(place)

    def _validated(self, place: ColumnName, constraint: str, diff: CatalogDiff, sources: ValueSources) -> None:
        fill = sources.backfills.get(place)
        if fill is not None:
            if _reads_removed_objects(place, fill, diff):
                return
            self.backfills[place] = fill
        self._unvalidated[place] = constraint


def _reads_removed_objects(place: ColumnName, fill: str, diff: CatalogDiff) -> bool:
    """Whether an expression names something that the first revision drops, so that it has to run before that."""
    old = diff.before.objects.get(("table", *place[:2]))
    new = diff.after.objects.get(("table", *place[:2]))
    gone = [found.name for found in diff.removed.values() if isinstance(found, Table)]
    if isinstance(old, Table) and isinstance(new, Table):
        gone += [name for name in old.columns_by_name if name not in new.columns_by_name]
        gone += [key[3] for key in diff.retyped_columns | diff.recomputed_columns if key[1:3] == place[:2]]
    for other, kept in diff.pairs_of(Table):
        if _mentions(other.name, fill):
            gone += [name for name in other.columns_by_name if name not in kept.columns_by_name]
    return any(_mentions(name, fill) for name in gone)


def _mentions(name: str, fill: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", fill) is not None


def _find_key_columns(catalog: Catalog) -> set[ColumnName]:
    return {
        (found.schema, found.table, column)
        for found in catalog.objects.values()
        if isinstance(found, Constraint) and found.type in "px"
        for column in found.columns
    }
