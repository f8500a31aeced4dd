"""The statements that drop removed and blocking objects, dependents before what they depend on."""

from collections.abc import Callable, Iterable

from seedbed.migrations.diff.catalog_diff import CatalogDiff
from seedbed.migrations.diff.change_order import sort_by_dependencies, sort_tables
from seedbed.migrations.diff.dependents import find_column
from seedbed.migrations.diff.objects import (
    column_changes,
    constraints,
    functions,
    indexes,
    other_objects,
    sequences,
    tables,
)
from seedbed.migrations.diff.statement import Statement
from seedbed.postgres.catalog.model import (
    CatalogObject,
    Column,
    Constraint,
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


def drop_dependents(diff: CatalogDiff) -> Iterable[Statement]:
    """Drop everything that is removed or rebuilt and that a table can exist without."""
    dropped = {key: diff.before.objects[key] for key in _find_dropped_keys(diff)}
    ranks: tuple[Callable[[CatalogObject], bool], ...] = (
        lambda o: isinstance(o, Policy | Trigger) or (isinstance(o, OtherObject) and o.kind != "collation"),
        lambda o: isinstance(o, View) or (isinstance(o, Function) and _reads_views(o, diff)),
        lambda o: isinstance(o, Constraint) and o.type == "f",
        lambda o: isinstance(o, Index) and ("view", o.schema, o.table) not in dropped,
        lambda o: isinstance(o, Constraint) and o.type != "f",
    )
    for rank in ranks:
        selected = {key: obj for key, obj in dropped.items() if rank(obj)}
        for key in reversed(sort_by_dependencies(selected, diff.before)):
            yield from _drop(selected[key])
    yield from _drop_defaults_and_identities(diff)
    remaining_functions = {key: obj for key, obj in dropped.items() if isinstance(obj, Function) and not ranks[1](obj)}
    for key in reversed(sort_by_dependencies(remaining_functions, diff.before)):
        yield from _drop(remaining_functions[key])


def is_default_dropped_early(diff: CatalogDiff, key: ObjectKey, old: Column) -> bool:
    """Whether a column's default is dropped before its function, type or sequence is."""
    if old.default is None or old.generated:
        return False
    if key in diff.rebuild_set.reset_defaults:
        return True
    if key in diff.retyped_columns and diff.find_replaced_type(key) is not None:
        return True
    return any(
        key == ("column", *sequence.owned_by) for sequence in _find_replaced_sequences(diff) if sequence.owned_by
    )


def _find_dropped_keys(diff: CatalogDiff) -> list[ObjectKey]:
    """The keys of what is dropped, in the order of the catalog, so that every draft of a change is the same file."""
    dropped = diff.rebuild_set.removed_early | diff.rebuilt
    in_a_cycle = _find_foreign_keys_in_cycles(diff)
    for key, obj in diff.removed.items():
        owner = _owner(obj, diff)
        can_be_dropped = isinstance(obj, Policy | Trigger | View | Constraint | Index | OtherObject)
        if can_be_dropped and (owner is None or owner not in diff.removed or key in in_a_cycle):
            dropped.add(key)
    return [key for key in diff.before.objects if key in dropped]


def _owner(obj: CatalogObject, diff: CatalogDiff) -> ObjectKey | None:
    """The table or view whose removal also drops an object."""
    if isinstance(obj, Constraint | Index | Trigger | Policy):
        view = ("view", obj.schema, obj.table)
        return view if view in diff.before.objects else ("table", obj.schema, obj.table)
    if isinstance(obj, OtherObject) and obj.kind == "rule":
        return ("table", obj.schema, obj.name.partition(".")[0])
    return None


def _find_foreign_keys_in_cycles(diff: CatalogDiff) -> set[ObjectKey]:
    """Foreign keys to tables that are dropped before the referencing table: no order of tables avoids dropping these
    first.
    """
    tables = {key: table for key, table in diff.removed.items() if isinstance(table, Table)}
    order = {key: position for position, key in enumerate(reversed(sort_tables(tables, diff.before)))}
    keys_in_cycles = set()
    for key, constraint in diff.removed.items():
        if isinstance(constraint, Constraint) and constraint.referenced_table is not None:
            own_table, referenced_table = (
                ("table", constraint.schema, constraint.table),
                ("table", *constraint.referenced_table),
            )
            if own_table in order and referenced_table in order and order[referenced_table] < order[own_table]:
                keys_in_cycles.add(key)
    return keys_in_cycles


def _reads_views(function: Function, diff: CatalogDiff) -> bool:
    return any(dependency[0] in {"view", "column"} for dependency in diff.before.find_direct_dependencies(function.key))


def _drop_defaults_and_identities(diff: CatalogDiff) -> Iterable[Statement]:
    for key, old, new in diff.column_pairs():
        table = diff.table_of_column(key)
        if old.identity and not new.identity:
            is_value_saved = sequences.has_own_sequence(diff.after, table, new)
            if is_value_saved:
                yield sequences.save_last_value(table, new)
            yield column_changes.drop_identity(table, new, is_value_saved=is_value_saved)
        if new.identity and sequences.has_own_sequence(diff.before, table, old):
            yield sequences.save_last_value(table, new)
        if is_default_dropped_early(diff, key, old):
            yield from column_changes.change_default(table, new)
    for sequence in _find_replaced_sequences(diff):
        yield from sequences.drop(sequence, is_value_saved=True)


def _find_replaced_sequences(diff: CatalogDiff) -> list[Sequence]:
    """The sequences of serial columns that become identity columns, which have their own."""
    replaced = []
    for sequence in diff.removed.values():
        if isinstance(sequence, Sequence) and sequence.owned_by is not None:
            column = find_column(diff.after, ("column", *sequence.owned_by))
            if column is not None and column.identity:
                replaced.append(sequence)
    return replaced


def _drop(obj: CatalogObject) -> list[Statement]:
    match obj:
        case Policy():
            return tables.drop_policy(obj)
        case Constraint():
            return constraints.drop(obj)
        case Index():
            return indexes.drop(obj)
        case Function():
            return functions.drop(obj)
        case View() | Trigger() | OtherObject():
            return other_objects.drop(obj)
    return []
