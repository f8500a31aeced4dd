"""The statements that create and alter types, tables, columns and their dependents, in the order of dependencies."""

from collections.abc import Iterable
from dataclasses import replace

from seedbed.errors import UnsupportedChange
from seedbed.migrations.diff.backfill_expressions import ValueSources
from seedbed.migrations.diff.catalog_diff import CatalogDiff
from seedbed.migrations.diff.change_order import sort_by_dependencies, sort_tables
from seedbed.migrations.diff.objects import (
    column_additions,
    column_changes,
    constraints,
    functions,
    indexes,
    other_objects,
    sequences,
    tables,
)
from seedbed.migrations.diff.removal import is_default_dropped_early
from seedbed.migrations.diff.serial_columns import is_serial, use_serial_types
from seedbed.migrations.diff.statement import Statement
from seedbed.migrations.diff.types import user_types
from seedbed.postgres.catalog.model import (
    CatalogObject,
    Column,
    Composite,
    Constraint,
    Domain,
    Enum,
    Extension,
    Function,
    Index,
    ObjectKey,
    OtherObject,
    Policy,
    Schema,
    Sequence,
    Table,
    Trigger,
    View,
)


def create_types(diff: CatalogDiff) -> Iterable[Statement]:
    """Create schemas, extensions, collations, types, sequences, and the functions that tables need."""
    for object_type in (Schema, Extension):
        for obj in diff.added.values():
            if isinstance(obj, object_type):
                yield from other_objects.create(obj)
    for obj in diff.added.values():
        if isinstance(obj, OtherObject) and obj.kind == "collation":
            yield from other_objects.create(obj)
    new_types = {key: obj for key, obj in diff.added.items() if isinstance(obj, Enum | Domain | Composite)}
    for key in sort_by_dependencies(new_types, diff.after):
        yield from user_types.create(new_types[key])
    yield from _alter_types(diff)
    for old, new in diff.pairs_of(Sequence):
        yield from sequences.alter(old, new)
    for obj in diff.added.values():
        if isinstance(obj, Sequence) and not is_serial(obj, diff):
            yield from sequences.create(obj)
    needed = {key: obj for key, obj in _find_changed_functions(diff).items() if _is_used_by_tables(key, diff)}
    for key in sort_by_dependencies(needed, diff.after):
        yield from _create_or_replace(needed[key], diff)


def create_tables(diff: CatalogDiff) -> Iterable[Statement]:
    """Create tables, each with the constraints that can be part of CREATE TABLE."""
    new = {key: obj for key, obj in diff.added.items() if isinstance(obj, Table)}
    inside = select_inline_constraints(diff)
    for key in sort_tables(new, diff.after):
        table = new[key]
        table_constraints = [c for c in inside if (c.schema, c.table) == (table.schema, table.name)]
        table_constraints.sort(key=lambda c: ("pucxf".index(c.type), c.name))
        statements = tables.create(use_serial_types(table, diff), table_constraints)
        if (default := _find_default_partition(table, diff)) is not None:
            statements[0] = replace(statements[0], row_condition=f"no row of {default.name} belongs to {table.name}")
        yield from statements
        yield from (
            column_changes.add_not_valid_not_null(table, c) for c in table.columns if c.unvalidated_not_null is not None
        )
    for obj in diff.added.values():
        owned = isinstance(obj, Sequence) and obj.owned_by and ("table", *obj.owned_by[:2]) in new
        if isinstance(obj, Sequence) and owned and not is_serial(obj, diff):
            yield from sequences.set_owner(obj)


def _find_default_partition(table: Table, diff: CatalogDiff) -> Table | None:
    """The default partition, which may hold rows of a new partition: PostgreSQL does not move them."""
    if table.partition_bound is None or table.partition_bound == "DEFAULT":
        return None
    siblings = (new for _, new in diff.pairs_of(Table) if new.parents == table.parents)
    return next((sibling for sibling in siblings if sibling.partition_bound == "DEFAULT"), None)


def select_inline_constraints(diff: CatalogDiff) -> list[Constraint]:
    """The constraints that are created with their table: Alembic can express them, and what they reference exists by
    then.
    """
    new = {key: obj for key, obj in diff.added.items() if isinstance(obj, Table)}
    candidates = [obj for obj in diff.objects_to_create.values() if isinstance(obj, Constraint)]
    unique_constraints = [c for c in candidates if c.type in "pu"]
    unique_index_keys = [key for key, obj in diff.objects_to_create.items() if isinstance(obj, Index) and obj.unique]
    inside: list[Constraint] = []
    existing_tables = {new_table.key for _, new_table in diff.pairs_of(Table)}
    for key in sort_tables(new, diff.after):
        existing_tables.add(key)
        own_constraints = sorted(
            (c for c in candidates if ("table", c.schema, c.table) == key), key=lambda c: "pucxf".index(c.type)
        )
        for constraint in own_constraints:
            if constraints.render_inline(constraint) is None:
                continue
            if constraint.referenced_table is not None:
                target = ("table", *constraint.referenced_table)
                target_key_is_missing = any(
                    k not in inside for k in unique_constraints if (k.schema, k.table) == constraint.referenced_table
                )
                target_key_is_missing = target_key_is_missing or any(
                    constraint.key in diff.after.direct_dependents.get(key, ()) for key in unique_index_keys
                )
                if target not in existing_tables or target_key_is_missing:
                    continue
            inside.append(constraint)
    return inside


def alter_tables(diff: CatalogDiff, sources: ValueSources) -> Iterable[Statement]:
    """Alter kept tables, then their columns, and drop the types that were replaced."""
    for old, new in diff.pairs_of(Table):
        if (old.kind, old.partition_key) != (new.kind, new.partition_key):
            raise UnsupportedChange(
                f"table {new.name}", f"{_describe_kind(old)} does not become {_describe_kind(new)} in place"
            )
        yield from tables.alter(old, new)
        yield from _alter_columns(diff, old, new, sources)
    for key in diff.replaced_types:
        obj = diff.before.objects[key]
        if isinstance(obj, Enum | Domain | Composite):
            yield from user_types.drop_replaced_type(obj)
    yield from _assign_sequences(diff)


def _describe_kind(table: Table) -> str:
    if table.partition_key is not None:
        return f"a table partitioned by {table.partition_key}"
    return "a plain table" if table.kind == "table" else f"a {table.kind} table"


def create_dependents(diff: CatalogDiff) -> Iterable[Statement]:
    """Create constraints, indexes, views, functions, triggers and policies, each after everything that it needs."""
    inside = set(select_inline_constraints(diff))
    objects = diff.objects_to_create
    remaining = [obj for obj in objects.values() if isinstance(obj, Constraint) and obj not in inside]
    for constraint in sorted((c for c in remaining if c.type != "f"), key=lambda c: ("puxc".index(c.type), c.key)):
        yield from constraints.create(constraint)
    yield from _create_indexes(objects, diff, of_views=False)
    for constraint in (c for c in remaining if c.type == "f"):
        yield from constraints.create(constraint)
    later: dict[ObjectKey, CatalogObject] = {key: obj for key, obj in objects.items() if isinstance(obj, View)}
    later |= {key: obj for key, obj in _find_changed_functions(diff).items() if not _is_used_by_tables(key, diff)}
    for key in sort_by_dependencies(later, diff.after):
        obj = later[key]
        if isinstance(obj, View):
            yield from other_objects.create(obj)
        elif isinstance(obj, Function):
            yield from _create_or_replace(obj, diff)
    yield from _create_indexes(objects, diff, of_views=True)
    yield from _create_triggers_and_policies(objects, diff)


def _alter_types(diff: CatalogDiff) -> Iterable[Statement]:
    for object_type in (Enum, Domain, Composite):
        for old, new in diff.pairs_of(object_type):
            if not isinstance(old, Enum | Domain | Composite) or not isinstance(new, Enum | Domain | Composite):
                continue
            if new.key in diff.replaced_types:
                yield from user_types.rename_replaced_type(new)
                yield from user_types.create(new)
            elif isinstance(old, Enum) and isinstance(new, Enum) and old.labels != new.labels:
                yield from user_types.add_labels(old, new) or ()
            elif isinstance(old, Domain) and isinstance(new, Domain):
                yield from user_types.alter_domain(old, new) or ()


def _alter_columns(diff: CatalogDiff, old: Table, new: Table, sources: ValueSources) -> Iterable[Statement]:
    table_key = ("column", new.schema, new.name)
    materialized = set()
    for name, column in old.columns_by_name.items():
        if (*table_key, name) in diff.recomputed_columns:
            if name in new.columns_by_name and column_changes.becomes_ordinary(column, new.columns_by_name[name]):
                materialized.add(name)
                yield from column_changes.materialize_virtual_column(
                    new, column, new.columns_by_name[name], diff.before, diff.after, sources
                )
            else:
                yield column_changes.drop_column(new, column)
    recreated = {name for name in new.columns_by_name if (*table_key, name) in diff.recomputed_columns} - materialized
    added = [c for name, c in new.columns_by_name.items() if name not in old.columns_by_name or name in recreated]
    for column in added:
        if not column.generated:
            yield from column_additions.add_column(new, column, diff.after, sources)
    for name, column in new.columns_by_name.items():
        if name in old.columns_by_name and (*table_key, name) not in diff.recomputed_columns:
            yield from _alter_column(diff, (*table_key, name), old.columns_by_name[name], column, sources)
    for column in added:
        if column.generated:
            yield from column_additions.add_column(new, column, diff.after, sources)


def _alter_column(
    diff: CatalogDiff, key: ObjectKey, old: Column, new: Column, sources: ValueSources
) -> Iterable[Statement]:
    table = diff.table_of_column(key)
    if is_default_dropped_early(diff, key, old):
        old = replace(old, default=None)
    if old.identity and not new.identity:
        old = replace(old, identity=None, identity_options=None)
    replaced = diff.find_replaced_type(key)
    if replaced is not None and old.type == new.type:
        using = sources.using_expressions.get((table.schema, table.name, new.name))
        yield from user_types.convert_column(
            table, new, diff.before.objects[replaced], diff.after.objects[replaced], using
        )
    yield from column_changes.alter_column(table, old, new, diff.before, diff.after, sources)


def _assign_sequences(diff: CatalogDiff) -> Iterable[Statement]:
    """Assign new sequences to existing columns, and continue after the largest value of the rows."""
    for obj in diff.added.values():
        if not isinstance(obj, Sequence) or obj.owned_by is None:
            continue
        owner = ("column", *obj.owned_by)
        if ("table", *obj.owned_by[:2]) in diff.added:
            continue
        table = diff.table_of_column(owner)
        yield from sequences.set_owner(obj)
        before = diff.before.objects.get(table.key)
        is_value_saved = (
            isinstance(before, Table)
            and owner[3] in before.columns_by_name
            and bool(before.columns_by_name[owner[3]].identity)
        )
        yield sequences.continue_numbering(table, table.columns_by_name[owner[3]], obj, is_value_saved=is_value_saved)
    for old, new in diff.pairs_of(Sequence):
        if old.owned_by != new.owned_by:
            yield from sequences.set_owner(new)


def _find_changed_functions(diff: CatalogDiff) -> dict[ObjectKey, Function]:
    """Functions that are new, rebuilt or replaced."""
    obj = {key: function for key, function in diff.objects_to_create.items() if isinstance(function, Function)}
    for old, new in diff.pairs_of(Function):
        if old.definition != new.definition:
            obj[new.key] = new
    return obj


def _create_or_replace(obj: Function, diff: CatalogDiff) -> list[Statement]:
    old = diff.before.objects.get(obj.key)
    if isinstance(old, Function) and obj.key not in diff.rebuilt:
        return functions.replace_function(old, obj) or []
    return functions.create(obj)


def _is_used_by_tables(key: ObjectKey, diff: CatalogDiff) -> bool:
    kinds = {"column", "constraint", "index", "table", "type"}
    return key in diff.stale_values.functions or any(
        dependent[0] in kinds and ("view", *dependent[1:3]) not in diff.after.objects
        for dependent in diff.after.find_dependents(key)
    )


def _create_indexes(
    objects: dict[ObjectKey, CatalogObject], diff: CatalogDiff, *, of_views: bool
) -> Iterable[Statement]:
    for obj in objects.values():
        if isinstance(obj, Index) and (("view", obj.schema, obj.table) in diff.after.objects) is of_views:
            yield from indexes.create(obj)


def _create_triggers_and_policies(objects: dict[ObjectKey, CatalogObject], diff: CatalogDiff) -> Iterable[Statement]:
    """Create what acts when a table is used: triggers, policies and rules; then enable row security."""
    for obj in objects.values():
        if isinstance(obj, Trigger):
            yield from other_objects.create(obj)
        elif isinstance(obj, Policy):
            yield from tables.create_policy(obj)
        elif isinstance(obj, OtherObject) and obj.kind != "collation":
            yield from other_objects.create(obj)
    for old, new in diff.pairs_of(Trigger):
        if old.enabled != new.enabled and old.key not in diff.rebuilt:
            yield from other_objects.set_firing_mode(new)
    for obj in diff.added.values():
        if isinstance(obj, Table):
            yield from (Statement(sql) for sql in tables.alter_row_security(False, False, obj))
