"""The first part of a transition: what is in the way goes, dependants before what they depend on."""

from collections.abc import Callable, Iterable

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
    triggers,
    views,
)
from seedbed.migrations.diff.rebuild_set import find_column
from seedbed.migrations.diff.statement import Statement
from seedbed.postgres.catalog.model import (
    Column,
    Constraint,
    Function,
    Index,
    Key,
    Object,
    Other,
    Policy,
    Sequence,
    Table,
    Trigger,
    View,
)


def drop_dependents(changes: CatalogDiff) -> Iterable[Statement]:
    """Everything that goes, or is rebuilt, and that a table can be without."""
    going = {key: changes.before.objects[key] for key in _find_dropped_keys(changes)}
    ranks: tuple[Callable[[Object], bool], ...] = (
        lambda o: isinstance(o, Policy | Trigger) or (isinstance(o, Other) and o.kind != "collation"),
        lambda o: isinstance(o, View) or (isinstance(o, Function) and _reads_views(o, changes)),
        lambda o: isinstance(o, Constraint) and o.type == "f",
        lambda o: isinstance(o, Index) and ("view", o.schema, o.table) not in going,
        lambda o: isinstance(o, Constraint) and o.type != "f",
    )
    for rank in ranks:
        chosen = {key: found for key, found in going.items() if rank(found)}
        for key in reversed(sort_by_dependencies(chosen, changes.before)):
            yield from _drop(chosen[key])
    yield from _drop_defaults_and_identities(changes)
    left = {key: found for key, found in going.items() if isinstance(found, Function) and not ranks[1](found)}
    for key in reversed(sort_by_dependencies(left, changes.before)):
        yield from _drop(left[key])


def is_default_dropped_early(changes: CatalogDiff, key: Key, old: Column) -> bool:
    """Whether a column's default is taken off before its function, its type or its sequence goes."""
    if old.default is None or old.generated:
        return False
    if key in changes.rebuild_set.reset_defaults:
        return True
    if key in changes.retyped_columns and changes.find_replaced_type(key) is not None:
        return True
    return any(key == ("column", *found.owned_by) for found in _find_replaced_sequences(changes) if found.owned_by)


def _find_dropped_keys(changes: CatalogDiff) -> set[Key]:
    going = changes.rebuild_set.removed_early | changes.rebuilt
    in_a_cycle = _find_foreign_keys_in_cycles(changes)
    for key, found in changes.removed.items():
        owner = _owner(found, changes)
        watches = isinstance(found, Policy | Trigger | View | Constraint | Index | Other)
        if watches and (owner is None or owner not in changes.removed or key in in_a_cycle):
            going.add(key)
    return {key for key in going if key in changes.before.objects}


def _owner(found: Object, changes: CatalogDiff) -> Key | None:
    """The table or view that takes an object with it when it goes."""
    if isinstance(found, Constraint | Index | Trigger | Policy):
        view = ("view", found.schema, found.table)
        return view if view in changes.before.objects else ("table", found.schema, found.table)
    if isinstance(found, Other) and found.kind == "rule":
        return ("table", found.schema, found.name.partition(".")[0])
    return None


def _find_foreign_keys_in_cycles(changes: CatalogDiff) -> set[Key]:
    """Foreign keys to tables that go before the one that has the key: no order of tables does without dropping them."""
    tables = {key: found for key, found in changes.removed.items() if isinstance(found, Table)}
    order = {key: position for position, key in enumerate(reversed(sort_tables(tables, changes.before)))}
    found = set()
    for key, constraint in changes.removed.items():
        if isinstance(constraint, Constraint) and constraint.references is not None:
            mine, other = ("table", constraint.schema, constraint.table), ("table", *constraint.references)
            if mine in order and other in order and order[other] < order[mine]:
                found.add(key)
    return found


def _reads_views(function: Function, changes: CatalogDiff) -> bool:
    return any(needed[0] in {"view", "column"} for needed in changes.before.needs(function.key))


def _drop_defaults_and_identities(changes: CatalogDiff) -> Iterable[Statement]:
    for key, old, new in changes.column_pairs():
        table = changes.table_of_column(key)
        if old.identity and not new.identity:
            kept = sequences.has_own_sequence(changes.after, table, new)
            if kept:
                yield sequences.save_last_value(table, new)
            yield column_changes.drop_identity(table, new, is_value_saved=kept)
        if new.identity and sequences.has_own_sequence(changes.before, table, old):
            yield sequences.save_last_value(table, new)
        if is_default_dropped_early(changes, key, old):
            yield from column_changes.change_default(table, new)
    for found in _find_replaced_sequences(changes):
        yield from sequences.drop(found, is_value_saved=True)


def _find_replaced_sequences(changes: CatalogDiff) -> list[Sequence]:
    """Sequences of serial columns that become identity columns, and bring their own."""
    found = []
    for sequence in changes.removed.values():
        if isinstance(sequence, Sequence) and sequence.owned_by is not None:
            kept = find_column(changes.after, ("column", *sequence.owned_by))
            if kept is not None and kept.identity:
                found.append(sequence)
    return found


def _drop(found: Object) -> list[Statement]:
    match found:
        case Policy():
            return policies.drop(found)
        case Trigger():
            return triggers.drop(found)
        case View():
            return views.drop(found)
        case Constraint():
            return constraints.drop(found)
        case Index():
            return indexes.drop(found)
        case Function():
            return functions.drop(found)
        case Other():
            return other_objects.drop(found)
    return []
