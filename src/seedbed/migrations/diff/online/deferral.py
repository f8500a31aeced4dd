"""Changes to tables in use that a draft defers to a second revision, where they block nobody."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from seedbed.migrations.diff.backfill_expressions import VOLATILE_CALL, ValueSources
from seedbed.migrations.diff.catalog_diff import CatalogDiff
from seedbed.migrations.diff.online.steps import can_attach_index
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import CatalogObject, Column, Constraint, Index, ObjectKey, Table
from seedbed.postgres.quoting import ColumnName


@dataclass(frozen=True)
class IntermediateSchema:
    """The catalog between the two revisions of a change: the final one without what is deferred.

    `backfills` are the values of columns that are new or must not be NULL, in existing rows.
    """

    catalog: Catalog
    backfills: Mapping[ColumnName, str]


def defer(before: Catalog, after: Catalog, sources: ValueSources) -> IntermediateSchema:
    """Find the catalog of a change's first revision; it equals `after` where nothing is deferred.

    Deferred, on kept tables, are indexes that are added, changed or removed; unique constraints, checks and foreign
    keys that are added or changed; NOT NULL; and values of new columns that are not one constant. New tables have no
    rows that anybody waits for. Partitioned tables and partitions are left out, since CREATE INDEX CONCURRENTLY does
    not work on them.
    """
    diff = CatalogDiff(before, after)
    columns = _DeferredColumns(diff, sources)
    objects: dict[ObjectKey, CatalogObject] = dict(after.objects)
    kept_objects: dict[ObjectKey, CatalogObject] = {}
    for key in sorted(_find_deferred_objects(diff)):
        objects.pop(key, None)
        if key in before.objects and (key in diff.rebuilt or key in diff.removed):
            kept_objects[key] = before.objects[key]
    objects |= kept_objects
    for key, new in list(objects.items()):
        if isinstance(new, Table) and key in before.objects:
            objects[key] = replace(new, columns=tuple(columns.before_backfill(new, column) for column in new.columns))
    return IntermediateSchema(
        Catalog(objects, _find_direct_dependents(before, after, objects, kept_objects), after.version),
        columns.backfills,
    )


def _find_direct_dependents(
    before: Catalog,
    after: Catalog,
    objects: Mapping[ObjectKey, CatalogObject],
    kept_objects: Mapping[ObjectKey, CatalogObject],
) -> dict[ObjectKey, frozenset[ObjectKey]]:
    """The dependents of each object in between: as in the end, and for kept objects as in the beginning."""
    missing = after.objects.keys() - objects.keys()
    needed_by = {key: dependents - missing for key, dependents in after.direct_dependents.items() if key not in missing}
    for key, dependents in before.direct_dependents.items():
        if kept_dependents := dependents & kept_objects.keys():
            needed_by[key] = needed_by.get(key, frozenset()) | kept_dependents
    return needed_by


def _find_deferred_objects(diff: CatalogDiff) -> set[ObjectKey]:
    online_tables = diff.online_tables()
    replaced = diff.rebuilt - diff.rebuild_set.blocking
    deferred = {
        key
        for key, obj in diff.objects_to_create.items()
        if isinstance(obj, Constraint | Index)
        and ("table", obj.schema, obj.table) in online_tables
        and (key in diff.added or key in replaced)
        and _has_online_form(obj, diff)
    }
    deferred -= _find_objects_in_use(deferred, diff) | _find_replacing_keys(deferred, diff)
    names = {key[1:2] + key[3:] for key in deferred if key[0] == "constraint"}
    for key, obj in diff.removed.items():
        table = ("table", obj.schema, obj.table) if isinstance(obj, Index) else None
        if table in online_tables and key not in diff.rebuild_set.removed_early and key[1:2] + key[3:] not in names:
            deferred.add(key)
    return deferred | _find_dependent_foreign_keys(deferred, diff)


def _has_online_form(obj: Constraint | Index, diff: CatalogDiff) -> bool:
    if isinstance(obj, Index):
        return True
    if obj.type == "u":
        is_name_taken = any(
            isinstance(removed_names, Index) and removed_names.name == obj.name
            for removed_names in diff.removed.values()
        )
        return obj.key in diff.added and not is_name_taken and can_attach_index(obj)
    return obj.type in {"f", "c"} and " NO INHERIT" not in obj.definition


def _find_objects_in_use(deferred: set[ObjectKey], diff: CatalogDiff) -> set[ObjectKey]:
    """Objects that something other than a foreign key needs, such as a view that groups by a unique key."""
    after = diff.after
    return {key for key in deferred if not all(map(after.is_foreign_key, after.find_dependents(key)))}


def _find_replacing_keys(deferred: set[ObjectKey], diff: CatalogDiff) -> set[ObjectKey]:
    """Keys that replace a removed one, so that foreign keys to the same columns need them at once."""
    return {
        key
        for key in deferred
        for dependent in diff.after.direct_dependents.get(key, ())
        if dependent in diff.rebuild_set.blocking and diff.after.is_foreign_key(dependent)
    }


def _find_dependent_foreign_keys(deferred: set[ObjectKey], diff: CatalogDiff) -> set[ObjectKey]:
    """Foreign keys to deferred unique columns, which are deferred as well, also those of new tables."""
    return {
        dependent
        for key in deferred
        for dependent in diff.after.direct_dependents.get(key, ())
        if dependent in diff.objects_to_create and diff.after.is_foreign_key(dependent)
    }


class _DeferredColumns:
    """The columns of kept tables that are filled later, with their values, and those that become NOT NULL later."""

    def __init__(self, diff: CatalogDiff, sources: ValueSources) -> None:
        self.backfills: dict[ColumnName, str] = {}
        self._nullable: set[ColumnName] = set()
        self._unvalidated: dict[ColumnName, str] = {}
        key_columns = _find_key_columns(diff.after)
        for table in diff.online_tables().values():
            old_table = diff.before.objects[table.key]
            for column in table.columns:
                path = (table.schema, table.name, column.name)
                if column.generated or column.identity or path in key_columns or column.unvalidated_not_null:
                    continue
                old = old_table.columns_by_name.get(column.name) if isinstance(old_table, Table) else None
                if old is None:
                    self._defer_added(path, column, diff, sources)
                elif column.not_null and not old.not_null and ("column", *path) not in diff.retyped_columns:
                    self._defer_not_null(path, column, diff, sources)
                elif column.not_null and old.unvalidated_not_null and ("column", *path) not in diff.retyped_columns:
                    self._defer_validation(path, old.unvalidated_not_null, diff, sources)

    def before_backfill(self, table: Table, column: Column) -> Column:
        """The column before it is filled."""
        path = (table.schema, table.name, column.name)
        if path in self._unvalidated:
            return replace(column, unvalidated_not_null=self._unvalidated[path])
        return replace(column, not_null=False) if path in self._nullable else column

    def _defer_added(self, path: ColumnName, column: Column, diff: CatalogDiff, sources: ValueSources) -> None:
        backfill = sources.backfills.get(path)
        is_constant = path in sources.constant_backfills
        if backfill is None:
            if column.default is None or not VOLATILE_CALL.search(column.default):
                return
            backfill = column.default
        elif is_constant and (column.default is None or not column.not_null):
            return
        if not _reads_removed_objects(path, backfill, diff):
            self.backfills[path] = backfill
            self._nullable.add(path)

    def _defer_not_null(self, path: ColumnName, column: Column, diff: CatalogDiff, sources: ValueSources) -> None:
        backfill = sources.backfills.get(path, column.default)
        if backfill is not None:
            if _reads_removed_objects(path, backfill, diff):
                return
            self.backfills[path] = backfill
        self._nullable.add(path)

    def _defer_validation(self, path: ColumnName, constraint: str, diff: CatalogDiff, sources: ValueSources) -> None:
        backfill = sources.backfills.get(path)
        if backfill is not None:
            if _reads_removed_objects(path, backfill, diff):
                return
            self.backfills[path] = backfill
        self._unvalidated[path] = constraint


def _reads_removed_objects(path: ColumnName, backfill: str, diff: CatalogDiff) -> bool:
    """Whether an expression reads something that the first revision drops, so that it must run before that."""
    old = diff.before.objects.get(("table", *path[:2]))
    new = diff.after.objects.get(("table", *path[:2]))
    removed_names = [obj.name for obj in diff.removed.values() if isinstance(obj, Table)]
    if isinstance(old, Table) and isinstance(new, Table):
        removed_names += [name for name in old.columns_by_name if name not in new.columns_by_name]
        removed_names += [key[3] for key in diff.retyped_columns | diff.recomputed_columns if key[1:3] == path[:2]]
    for old_table, new_table in diff.pairs_of(Table):
        if _mentions(old_table.name, backfill):
            removed_names += [name for name in old_table.columns_by_name if name not in new_table.columns_by_name]
    return any(_mentions(name, backfill) for name in removed_names)


def _mentions(name: str, backfill: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", backfill) is not None


def _find_key_columns(catalog: Catalog) -> set[ColumnName]:
    return {
        (obj.schema, obj.table, column)
        for obj in catalog.objects.values()
        if isinstance(obj, Constraint) and obj.type in "px"
        for column in obj.columns
    }
