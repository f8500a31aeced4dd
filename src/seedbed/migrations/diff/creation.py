"""The middle part of a transition: types, tables, columns and what is built on them, in the order of their needs."""

from collections.abc import Iterable
from dataclasses import replace

from seedbed.errors import UnsupportedChange
from seedbed.migrations.diff.catalog_diff import CatalogDiff
from seedbed.migrations.diff.dependency_order import sort_by_dependencies, sort_tables
from seedbed.migrations.diff.objects import (
    column_changes,
    constraints,
    functions,
    indexes,
    other_objects,
    policies,
    sequences,
    tables,
    triggers,
    views,
)
from seedbed.migrations.diff.removal import is_default_dropped_early
from seedbed.migrations.diff.serials import is_serial, use_serial_types
from seedbed.migrations.diff.statement import Statement
from seedbed.migrations.diff.types import replaced_types, user_types
from seedbed.migrations.diff.value_sources import ValueSources
from seedbed.postgres.catalog.model import (
    Column,
    Composite,
    Constraint,
    Domain,
    Enum,
    Extension,
    Function,
    Index,
    Key,
    Object,
    Other,
    Policy,
    Schema,
    Sequence,
    Table,
    Trigger,
    View,
)


def create_types(changes: CatalogDiff) -> Iterable[Statement]:
    """Schemas, extensions, collations, types, sequences, and the functions that tables will use."""
    for kind in (Schema, Extension):
        for found in changes.added.values():
            if isinstance(found, kind):
                yield from other_objects.create(found)
    for found in changes.added.values():
        if isinstance(found, Other) and found.kind == "collation":
            yield from other_objects.create(found)
    new = {key: found for key, found in changes.added.items() if isinstance(found, Enum | Domain | Composite)}
    for key in sort_by_dependencies(new, changes.after):
        yield from user_types.create(new[key])
    yield from _alter_types(changes)
    for one, other in changes.pairs_of(Sequence):
        yield from sequences.alter(one, other)
    for found in changes.added.values():
        if isinstance(found, Sequence) and not is_serial(found, changes):
            yield from sequences.create(found)
    needed = {
        key: found for key, found in _find_changed_functions(changes).items() if _is_needed_by_tables(key, changes)
    }
    for key in sort_by_dependencies(needed, changes.after):
        yield from _create_or_replace(needed[key], changes)


def create_tables(changes: CatalogDiff) -> Iterable[Statement]:
    """New tables, each with the constraints that fit inside it."""
    new = {key: found for key, found in changes.added.items() if isinstance(found, Table)}
    inside = select_inline_constraints(changes)
    for key in sort_tables(new, changes.after):
        table = new[key]
        within = [c for c in inside if (c.schema, c.table) == (table.schema, table.name)]
        within.sort(key=lambda c: ("pucxf".index(c.type), c.name))
        made = tables.create(use_serial_types(table, changes), within)
        if (default := _find_default_partition(table, changes)) is not None:
            made[0] = replace(made[0], row_condition=f"no row of {default.name} belongs to {table.name}")
        yield from made
        yield from (
            column_changes.add_not_valid_not_null(table, c) for c in table.columns if c.unvalidated_not_null is not None
        )
    for found in changes.added.values():
        owned = isinstance(found, Sequence) and found.owned_by and ("table", *found.owned_by[:2]) in new
        if isinstance(found, Sequence) and owned and not is_serial(found, changes):
            yield from sequences.set_owner(found)


def _find_default_partition(table: Table, changes: CatalogDiff) -> Table | None:
    """The partition that has had the rows of a new one so far, where there is such: PostgreSQL does not move them."""
    if table.partition_bound is None or table.partition_bound == "DEFAULT":
        return None
    siblings = (new for _, new in changes.pairs_of(Table) if new.parents == table.parents)
    return next((sibling for sibling in siblings if sibling.partition_bound == "DEFAULT"), None)


def select_inline_constraints(changes: CatalogDiff) -> list[Constraint]:
    """The constraints that a new table is made with: Alembic has words for them, and what they refer to is there."""
    new = {key: found for key, found in changes.added.items() if isinstance(found, Table)}
    found_constraints = [found for found in changes.objects_to_create.values() if isinstance(found, Constraint)]
    keys = [c for c in found_constraints if c.type in "pu"]
    indexed = [key for key, found in changes.objects_to_create.items() if isinstance(found, Index) and found.unique]
    inside: list[Constraint] = []
    standing = {new_table.key for _, new_table in changes.pairs_of(Table)}
    for key in sort_tables(new, changes.after):
        standing.add(key)
        own = sorted(
            (c for c in found_constraints if ("table", c.schema, c.table) == key), key=lambda c: "pucxf".index(c.type)
        )
        for constraint in own:
            if constraints.render_inline(constraint) is None:
                continue
            if constraint.references is not None:
                target = ("table", *constraint.references)
                waits = any(k not in inside for k in keys if (k.schema, k.table) == constraint.references)
                waits = waits or any(constraint.key in changes.after.needed_by.get(key, ()) for key in indexed)
                if target not in standing or waits:
                    continue
            inside.append(constraint)
    return inside


def alter_tables(changes: CatalogDiff, knowledge: ValueSources) -> Iterable[Statement]:
    """Tables that stay: their properties, then their columns; at last the types that columns were taken from."""
    for old, new in changes.pairs_of(Table):
        if (old.kind, old.partition_key) != (new.kind, new.partition_key):
            raise UnsupportedChange(
                f"table {new.name}", f"{_describe_kind(old)} does not become {_describe_kind(new)} in place"
            )
        yield from tables.alter(old, new)
        yield from _alter_columns(changes, old, new, knowledge)
    for key in changes.replaced_types:
        found = changes.before.objects[key]
        if isinstance(found, Enum | Domain | Composite):
            yield from replaced_types.drop_replaced_type(found)
    yield from _assign_sequences(changes)


def _describe_kind(table: Table) -> str:
    if table.partition_key is not None:
        return f"a table partitioned by {table.partition_key}"
    return "a plain table" if table.kind == "table" else f"a {table.kind} table"


def create_dependents(changes: CatalogDiff) -> Iterable[Statement]:
    """Constraints, indexes, views, functions, triggers, policies and the rest, each once all it needs is there."""
    inside = set(select_inline_constraints(changes))
    coming = changes.objects_to_create
    rest = [found for found in coming.values() if isinstance(found, Constraint) and found not in inside]
    for constraint in sorted((c for c in rest if c.type != "f"), key=lambda c: ("puxc".index(c.type), c.key)):
        yield from constraints.create(constraint)
    yield from _create_indexes(coming, changes, of_views=False)
    for constraint in (c for c in rest if c.type == "f"):
        yield from constraints.create(constraint)
    later: dict[Key, Object] = {key: found for key, found in coming.items() if isinstance(found, View)}
    later |= {
        key: found for key, found in _find_changed_functions(changes).items() if not _is_needed_by_tables(key, changes)
    }
    for key in sort_by_dependencies(later, changes.after):
        found = later[key]
        if isinstance(found, View):
            yield from views.create(found)
        elif isinstance(found, Function):
            yield from _create_or_replace(found, changes)
    yield from _create_indexes(coming, changes, of_views=True)
    yield from _create_triggers_and_policies(coming, changes)


def _alter_types(changes: CatalogDiff) -> Iterable[Statement]:
    for kind in (Enum, Domain, Composite):
        for old, new in changes.pairs_of(kind):
            if not isinstance(old, Enum | Domain | Composite) or not isinstance(new, Enum | Domain | Composite):
                continue
            if new.key in changes.replaced_types:
                yield from replaced_types.rename_replaced_type(new)
                yield from user_types.create(new)
            elif isinstance(old, Enum) and isinstance(new, Enum) and old.labels != new.labels:
                yield from user_types.add_labels(old, new) or ()
            elif isinstance(old, Domain) and isinstance(new, Domain):
                yield from user_types.alter_domain(old, new) or ()


def _alter_columns(changes: CatalogDiff, old: Table, new: Table, knowledge: ValueSources) -> Iterable[Statement]:
    place = ("column", new.schema, new.name)
    stored = set()
    for name, column in old.column.items():
        if (*place, name) in changes.recomputed_columns:
            if name in new.column and column_changes.becomes_ordinary(column, new.column[name]):
                stored.add(name)
                yield from column_changes.materialize_virtual_column(
                    new, column, new.column[name], changes.before, changes.after, knowledge
                )
            else:
                yield column_changes.drop_column(new, column)
    again = {name for name in new.column if (*place, name) in changes.recomputed_columns} - stored
    added = [c for name, c in new.column.items() if name not in old.column or name in again]
    for column in added:
        if not column.generated:
            yield from column_changes.add_column(new, column, changes.after, knowledge)
    for name, column in new.column.items():
        if name in old.column and (*place, name) not in changes.recomputed_columns:
            yield from _alter_column(changes, (*place, name), old.column[name], column, knowledge)
    for column in added:
        if column.generated:
            yield from column_changes.add_column(new, column, changes.after, knowledge)


def _alter_column(
    changes: CatalogDiff, key: Key, old: Column, new: Column, knowledge: ValueSources
) -> Iterable[Statement]:
    table = changes.table_of_column(key)
    if is_default_dropped_early(changes, key, old):
        old = replace(old, default=None)
    if old.identity and not new.identity:
        old = replace(old, identity=None, identity_options=None)
    replaced = changes.find_replaced_type(key)
    if replaced is not None and old.type == new.type:
        using = knowledge.using_expressions.get((table.schema, table.name, new.name))
        yield from replaced_types.convert_column(
            table, new, changes.before.objects[replaced], changes.after.objects[replaced], using
        )
    yield from column_changes.alter_column(table, old, new, changes.before, changes.after, knowledge)


def _assign_sequences(changes: CatalogDiff) -> Iterable[Statement]:
    """Sequences that columns which were there before own from now on, set to go on where the rows end."""
    for found in changes.added.values():
        if not isinstance(found, Sequence) or found.owned_by is None:
            continue
        owner = ("column", *found.owned_by)
        if ("table", *found.owned_by[:2]) in changes.added:
            continue
        table = changes.table_of_column(owner)
        yield from sequences.set_owner(found)
        before = changes.before.objects.get(table.key)
        counted = isinstance(before, Table) and owner[3] in before.column and bool(before.column[owner[3]].identity)
        yield sequences.continue_numbering(table, table.column[owner[3]], found, is_value_saved=counted)
    for one, other in changes.pairs_of(Sequence):
        if one.owned_by != other.owned_by:
            yield from sequences.set_owner(other)


def _find_changed_functions(changes: CatalogDiff) -> dict[Key, Function]:
    """Functions that are new, rebuilt or replaced."""
    found = {key: one for key, one in changes.objects_to_create.items() if isinstance(one, Function)}
    for old, new in changes.pairs_of(Function):
        if old.definition != new.definition:
            found[new.key] = new
    return found


def _create_or_replace(found: Function, changes: CatalogDiff) -> list[Statement]:
    old = changes.before.objects.get(found.key)
    if isinstance(old, Function) and found.key not in changes.rebuilt:
        return functions.replace_function(old, found) or []
    return functions.create(found)


def _is_needed_by_tables(key: Key, changes: CatalogDiff) -> bool:
    kinds = {"column", "constraint", "index", "table", "type"}
    return key in changes.stale_values.functions or any(
        dependant[0] in kinds and ("view", *dependant[1:3]) not in changes.after.objects
        for dependant in changes.after.dependants(key)
    )


def _create_indexes(coming: dict[Key, Object], changes: CatalogDiff, *, of_views: bool) -> Iterable[Statement]:
    for found in coming.values():
        if isinstance(found, Index) and (("view", found.schema, found.table) in changes.after.objects) is of_views:
            yield from indexes.create(found)


def _create_triggers_and_policies(coming: dict[Key, Object], changes: CatalogDiff) -> Iterable[Statement]:
    """What acts when a table is used: triggers, policies, rules; and row security, once its policies are there."""
    for found in coming.values():
        if isinstance(found, Trigger):
            yield from triggers.create(found)
        elif isinstance(found, Policy):
            yield from policies.create(found)
        elif isinstance(found, Other) and found.kind != "collation":
            yield from other_objects.create(found)
    for old, new in changes.pairs_of(Trigger):
        if old.enabled != new.enabled and old.key not in changes.rebuilt:
            yield from triggers.set_firing_mode(new)
    for found in changes.added.values():
        if isinstance(found, Table):
            yield from (Statement(sql) for sql in tables.alter_row_security(False, False, found))
