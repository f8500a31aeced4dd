"""The differences between two catalogs, and the other objects that each difference affects."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from seedbed.errors import UnsupportedChange
from seedbed.migrations.diff.change_order import group_renames, pick_temporary_name
from seedbed.migrations.diff.dependents import RebuildSet, find_column, find_rebuild_set, find_stale_values
from seedbed.migrations.diff.objects import (
    column_changes,
    constraints,
    functions,
    indexes,
    other_objects,
    privileges,
    sequences,
)
from seedbed.migrations.diff.statement import Statement
from seedbed.migrations.diff.types import user_types
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import (
    CatalogObject,
    Column,
    Composite,
    Constraint,
    Domain,
    Enum,
    Function,
    Index,
    ObjectKey,
    OtherObject,
    Policy,
    Sequence,
    Table,
    Trigger,
    View,
)

ObjectType = TypeVar("ObjectType", bound=CatalogObject)


class CatalogDiff:
    """The differences between two catalogs.

    `removed` and `added` are objects that only one catalog has; `pairs_of` lists those of both. `renames` rename
    constraints, indexes and columns' own sequences, which keep their values. `replaced_types` are types that cannot be
    altered, `retyped_columns` get another type, `recomputed_columns` are generated columns that are dropped and added.
    `stale_values` hold results of functions whose bodies change. `rebuilt` objects are dropped and created again,
    because they changed or block another change.
    """

    def __init__(self, before: Catalog, after: Catalog) -> None:
        self.before, self.after = before, after
        self.removed = {key: obj for key, obj in before.objects.items() if key not in after.objects}
        self.added = {key: obj for key, obj in after.objects.items() if key not in before.objects}
        self._pairs = [(obj, after.objects[key]) for key, obj in before.objects.items() if key in after.objects]
        self.renames = self._find_renames()
        self.replaced_types = self._find_replaced_types()
        self.retyped_columns = self._find_retyped_columns()
        self.stale_values = find_stale_values(before, after)
        self.recomputed_columns = {
            key for key, old, new in self.column_pairs() if column_changes.needs_rebuild(old, new)
        }
        self.recomputed_columns |= self.stale_values.columns
        self.rebuild_set: RebuildSet = find_rebuild_set(
            before,
            after,
            rebuilt=self.stale_values.indexes_and_constraints
            | {old.key for old, new in self._pairs if old != new and not _is_alterable(old, new)},
            removed_columns=self._find_removed_columns() | self.recomputed_columns,
            retyped_columns=self.retyped_columns,
            replaced_types=self.replaced_types,
            removed_keys=self._find_removed_keys(),
        )
        self.rebuild_set.blocking |= self.stale_values.indexes_and_constraints
        self.recomputed_columns |= self.rebuild_set.recomputed_columns

    @property
    def rebuilt(self) -> set[ObjectKey]:
        return self.rebuild_set.rebuilt

    @property
    def objects_to_create(self) -> dict[ObjectKey, CatalogObject]:
        """Every object that is created, whether it is new or rebuilt."""
        recreated = {key: obj for key, obj in self.after.objects.items() if key in self.rebuilt}
        return {**self.added, **recreated}

    def pairs_of(self, object_type: type[ObjectType]) -> list[tuple[ObjectType, ObjectType]]:
        """The objects of a type that both catalogs have, as (old, new)."""
        return [(old, new) for old, new in self._pairs if isinstance(old, object_type) and isinstance(new, object_type)]

    def online_tables(self) -> dict[ObjectKey, Table]:
        """The kept tables on which every online form of a change works, by key.

        Partitioned tables are left out, and so are tables whose owner cannot see all rows: no backfill reaches those.
        """
        return {
            new.key: new
            for old, new in self.pairs_of(Table)
            if old.kind == new.kind == "table"
            and not (new.parents or old.parents or new.partition_bound or old.partition_bound)
            and not (new.forced_row_security or old.forced_row_security)
        }

    def column_pairs(self) -> list[tuple[ObjectKey, Column, Column]]:
        """The columns that both catalogs have, as (key, old, new)."""
        return [
            (("column", new.schema, new.name, name), column, new.columns_by_name[name])
            for old, new in self.pairs_of(Table)
            for name, column in old.columns_by_name.items()
            if name in new.columns_by_name
        ]

    def table_of_column(self, column: ObjectKey) -> Table:
        table = self.after.objects["table", column[1], column[2]]
        if not isinstance(table, Table):
            raise TypeError(f"{column} is no table's column")
        return table

    def find_replaced_type(self, column: ObjectKey) -> ObjectKey | None:
        """The replaced type that a column uses, if any."""
        return next((key for key in self.replaced_types if column in self.before.direct_dependents.get(key, ())), None)

    def _find_removed_columns(self) -> set[ObjectKey]:
        return {
            ("column", old.schema, old.name, name)
            for old, new in self.pairs_of(Table)
            for name in old.columns_by_name
            if name not in new.columns_by_name
        }

    def _find_removed_keys(self) -> set[ObjectKey]:
        """Unique constraints and indexes that are removed from kept tables: foreign keys may need them."""
        return {
            key
            for key, obj in self.removed.items()
            if (isinstance(obj, Constraint) and obj.type in "pu") or (isinstance(obj, Index) and obj.unique)
            if ("table", obj.schema, obj.table) not in self.removed
        }

    def _find_renames(self) -> list[Statement]:
        renamed: dict[ObjectKey, tuple[CatalogObject, CatalogObject]] = {}
        for key, new in list(self.added.items()):
            for old_key, old in list(self.removed.items()):
                if key[:-1] == old_key[:-1] and self._render_rename(old, new) is not None:
                    renamed[_namespace_key(new)] = (old, new)
                    del self.added[key], self.removed[old_key]
                    break
        existing = {_namespace_key(obj) for obj in self.before.objects.values()}
        names = {key[-1] for key in existing}

        def make_temporary(key: ObjectKey) -> ObjectKey:
            return (*key[:-1], pick_temporary_name(key[-1], names))

        groups = group_renames(
            {key: _namespace_key(old) for key, (old, _) in renamed.items()}, existing, make_temporary
        )
        moves = [move for group in groups for move in group.moves]
        without_cycles = {key: pair for key, pair in renamed.items() if key not in {to for _, to in moves}}
        moves += [(_namespace_key(old), key) for key, (old, _) in without_cycles.items()]
        old_objects = {_namespace_key(old): old for old, _ in renamed.values()}
        return [step for start, end in moves for step in self._render_move(start, end, old_objects, renamed)]

    def _render_move(
        self,
        start: ObjectKey,
        end: ObjectKey,
        old_objects: Mapping[ObjectKey, CatalogObject],
        renamed: Mapping[ObjectKey, tuple[CatalogObject, CatalogObject]],
    ) -> list[Statement]:
        """The steps from one name to another, either of which may be temporary."""
        if end not in renamed:
            return [_rename(old_objects[start], end[-1])]
        old, new = renamed[end]
        _, *rest = self._render_rename(old, new) or []
        return [_rename(old, end[-1], start[-1]), *rest, *privileges.change_comments(old, new)]

    def _render_rename(self, old: CatalogObject, new: CatalogObject) -> list[Statement] | None:
        match old, new:
            case Constraint(), Constraint() if (old.type, old.definition) == (new.type, new.definition):
                return [constraints.rename(old, new)]
            case Index(), Index() if indexes.strip_name(old) == indexes.strip_name(new):
                return [indexes.rename(old, new)]
            case Sequence(), Sequence() if self._serve_same_columns(old, new):
                return [sequences.rename(old, new), *sequences.alter(old, new), *privileges.change_privileges(old, new)]
        return None

    def _serve_same_columns(self, old: Sequence, new: Sequence) -> bool:
        """Whether two sequences belong to the same column, or are the default of the same columns."""
        old_dependents, new_dependents = (
            self.before.direct_dependents.get(old.key),
            self.after.direct_dependents.get(new.key),
        )
        return old.owned_by == new.owned_by and (
            old.owned_by is not None or bool(old_dependents and old_dependents == new_dependents)
        )

    def _find_replaced_types(self) -> list[ObjectKey]:
        replaced = []
        for old, new in self._pairs:
            if old.key[0] == "type" and type(old) is not type(new):
                raise UnsupportedChange(f"type {old.key[-1]}", "it becomes another kind of type")
            match old, new:
                case Enum(), Enum() if old.labels != new.labels:
                    if user_types.add_labels(old, new) is None or user_types.uses_new_labels(old, new, self.after):
                        replaced.append(old.key)
                case Domain(), Domain() if user_types.alter_domain(old, new) is None:
                    replaced.append(old.key)
                case Composite(), Composite() if old.definition != new.definition:
                    if any(dependent[0] == "column" for dependent in self.before.direct_dependents.get(old.key, ())):
                        raise UnsupportedChange(
                            f"type {old.name}", "columns have it, and a composite's values do not convert"
                        )
                    replaced.append(old.key)
        return replaced

    def _find_retyped_columns(self) -> set[ObjectKey]:
        changed_columns = {
            key for key, old, new in self.column_pairs() if (old.type, old.collation) != (new.type, new.collation)
        }
        columns_of_replaced_types = {
            dependent
            for key in self.replaced_types
            for dependent in self.before.direct_dependents.get(key, ())
            if dependent[0] == "column"
        }
        return changed_columns | {
            dependent for dependent in columns_of_replaced_types if find_column(self.after, dependent) is not None
        }


def _rename(old: CatalogObject, name: str, current_name: str | None = None) -> Statement:
    """Rename an object from `current_name`, or from its own name."""
    match old:
        case Constraint():
            return constraints.rename(replace(old, name=current_name or old.name), replace(old, name=name))
        case Index():
            return indexes.rename(replace(old, name=current_name or old.name), replace(old, name=name))
        case Sequence():
            return sequences.rename(replace(old, name=current_name or old.name), replace(old, name=name))
    raise TypeError(f"{old.key} is not renamed")


def _namespace_key(obj: CatalogObject) -> ObjectKey:
    """An object's name with the namespace in which it must be unique: its table for foreign keys and checks, its schema
    for everything that has rows.
    """
    has_table_namespace = isinstance(obj, Constraint) and obj.type in "fc"
    has_relation_namespace = isinstance(obj, Constraint | Index | Sequence | Table | View) and not has_table_namespace
    return (obj.key[1], obj.key[-1]) if has_relation_namespace else obj.key


def _is_alterable(old: CatalogObject, new: CatalogObject) -> bool:
    """Whether a kept object is changed in place, without any effect on its dependents."""
    match old, new:
        case (Constraint(definition=before), Constraint(definition=after)) | (
            Index(definition=before),
            Index(definition=after),
        ):
            return before == after
        case View(), View():
            is_same_query = (old.definition, old.options, old.columns) == (new.definition, new.options, new.columns)
            return is_same_query and old.materialized == new.materialized
        case Function(), Function():
            return functions.replace_function(old, new) is not None
        case Trigger(), Trigger():
            return other_objects.alter_trigger(old, new) is not None
        case Policy(), Policy():
            return replace(old, comment=None) == replace(new, comment=None)
        case OtherObject(), OtherObject():
            return False
    return True
