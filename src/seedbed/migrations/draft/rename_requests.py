"""The renames that hints and the command line request, without swaps that are done already."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Table

from seedbed.errors import AmbiguousSwap, InvalidHint
from seedbed.migrations.diff.change_order import find_cycles, select_possible_renames
from seedbed.migrations.draft.decisions import Decisions
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Column, Enum, ObjectKey
from seedbed.postgres.catalog.model import Table as FoundTable
from seedbed.postgres.quoting import TableName, display_name, table_display_name
from seedbed.schema import Schema
from seedbed.schema.declarations import get_enum, read_hint

Name = TypeVar("Name", str, TableName)

_COMPARED_PROPERTIES = ("type", "not_null", "default", "generated", "identity", "collation", "comment")


@dataclass(frozen=True)
class RenameRequests(Generic[Name]):
    """Requested new names with their old ones. `explicit` are those of the command line, which are always followed."""

    requested: Mapping[Name, Name]
    explicit: frozenset[Name]


def find_table_requests(
    schema: Schema, before: Catalog, after: Catalog, decisions: Decisions
) -> dict[TableName, TableName]:
    """The requested names of tables, by schema and name.

    Raises:
        InvalidHint: a hint names a table that does not exist, or that is still in the models.
        AmbiguousSwap: hints swap tables, and nothing tells whether they are swapped already.
    """
    explicit_names = {new: old for old, new in decisions.renames.items()}
    existing = {(table.schema, table.name) for table in before.tables()}
    model_names = {(table.schema or "public", table.name) for table in schema.metadata.sorted_tables}
    requested: dict[TableName, TableName] = {}
    explicit: set[TableName] = set()
    for table in schema.metadata.sorted_tables:
        table_name, path = table_display_name(table), (table.schema or "public", table.name)
        requested_name = explicit_names.get(table_name, read_hint(table).renamed_from)
        if requested_name is None:
            continue
        old_schema, _, old_name = requested_name.rpartition(".")
        requested[path] = (old_schema or ("public" if table_name in explicit_names else path[0]), old_name)
        if table_name in explicit_names:
            explicit.add(path)
        elif path not in existing and requested[path] not in existing and existing:
            raise InvalidHint(table_name, "renamed_from", f"no table is called {requested_name} in the migrations")
    requests = RenameRequests(requested, frozenset(explicit))
    _check_contradictions(requests, existing, model_names, lambda path: display_name(*path))

    def count_differences(new: TableName, old: TableName) -> int:
        old_table, new_table = before.objects.get(("table", *old)), after.objects.get(("table", *new))
        if not isinstance(old_table, FoundTable) or not isinstance(new_table, FoundTable):
            return 0
        return len({*map(_column_facts, old_table.columns)} ^ {*map(_column_facts, new_table.columns)})

    return _remove_finished_swaps(requests, existing, count_differences, lambda path: display_name(*path))


def find_column_requests(
    table: Table, old_table: FoundTable, new_table: FoundTable, old_name: str, decisions: Decisions
) -> dict[str, str]:
    """The requested names of a table's columns. `old_name` is the old name of the table.

    Raises:
        InvalidHint, AmbiguousSwap: as in `find_table_requests`.
    """
    explicit_names = {new: old for old, new in decisions.renames.items()}
    old_columns = old_table.columns_by_name
    table_name = table_display_name(table)
    requested: dict[str, str] = {}
    explicit: set[str] = set()
    for column in table.columns:
        old_column_name = explicit_names.get(f"{table_name}.{column.name}")
        if old_column_name is not None:
            requested[column.name] = strip_owner(old_column_name, table_name, old_name)
            explicit.add(column.name)
        elif (hinted_name := read_hint(column).renamed_from) is not None:
            is_qualified = "." in hinted_name and hinted_name not in old_columns
            requested[column.name] = strip_owner(hinted_name, table_name, old_name) if is_qualified else hinted_name
            if column.name not in old_columns and requested[column.name] not in old_columns:
                reason = f"{old_name} has no column {hinted_name} in the migrations"
                raise InvalidHint(f"{table_name}.{column.name}", "renamed_from", reason)
    requests = RenameRequests(requested, frozenset(explicit))
    model_names = {column.name for column in table.columns}
    _check_contradictions(requests, set(old_columns), model_names, lambda name: f"{table_name}.{name}")

    def count_differences(new: str, old: str) -> int:
        return _count_differences(old_columns[old], new_table.columns_by_name.get(new))

    return _remove_finished_swaps(requests, set(old_columns), count_differences, lambda name: f"{table_name}.{name}")


def find_label_requests(
    schema: Schema, before: Catalog, after: Catalog, decisions: Decisions
) -> dict[ObjectKey, dict[str, str]]:
    """The requested names of enum labels, by the type's key.

    Raises:
        InvalidHint: a hint names a label that neither the migrations nor the models have.
    """
    requested: dict[ObjectKey, dict[str, str]] = {}
    for table in schema.metadata.sorted_tables:
        for column in table.columns:
            enum_type = get_enum(column)
            if enum_type is None or enum_type.name is None:
                continue
            key = ("type", enum_type.schema or "public", enum_type.name)
            enum_name, path = display_name(key[1], key[2]), f"{table_display_name(table)}.{column.name}"
            old_enum, new_enum = before.objects.get(key), after.objects.get(key)
            for old, new in read_hint(column).renamed_values.items():
                if isinstance(old_enum, Enum) and isinstance(new_enum, Enum):
                    if new not in new_enum.labels:
                        raise InvalidHint(path, "renamed_values", f"{enum_name} has no label {new} in the models")
                    if old not in old_enum.labels and new not in old_enum.labels:
                        raise InvalidHint(path, "renamed_values", f"{enum_name} has no label {old} in the migrations")
                requested.setdefault(key, {})[new] = old
            for old, new in decisions.renames.items():
                if old.startswith(f"{enum_name}.") and new.startswith(f"{enum_name}."):
                    requested.setdefault(key, {})[strip_owner(new, enum_name)] = strip_owner(old, enum_name)
    return {key: _remove_finished_label_swaps(key, labels, before, after) for key, labels in requested.items()}


def strip_owner(name: str, *owners: str) -> str:
    """The last part of a name: what follows its owner's name, including dots."""
    for owner in owners:
        if name.startswith(f"{owner}."):
            return name[len(owner) + 1 :]
    return name.rpartition(".")[2]


def _check_contradictions(
    requests: RenameRequests[Name], existing: set[Name], model_names: set[Name], display: Callable[[Name], str]
) -> None:
    """Check that no two hints claim one object, and that none claims an object that keeps its name in the models."""
    possible = select_possible_renames(requests.requested, existing)
    claimed: dict[Name, Name] = {}
    for new, old in possible.items():
        claimant = claimed.setdefault(old, new)
        if claimant != new:
            raise InvalidHint(
                display(new), "renamed_from", f"{display(claimant)} is also said to have been {display(old)}"
            )
        if new not in requests.explicit and old in model_names and old not in requests.requested:
            reason = f"{display(old)} is still in the models"
            raise InvalidHint(display(new), "renamed_from", reason, option=f"--rename {display(old)}={display(new)}")


def _remove_finished_swaps(
    requests: RenameRequests[Name],
    existing: set[Name],
    count_differences: Callable[[Name, Name], int],
    display: Callable[[Name], str],
) -> dict[Name, Name]:
    """Leave out the hints of swaps that are done already.

    The names are the same before and after, so the objects are compared with the models: if they are more alike as they
    are, the swap is done.
    """
    remaining = dict(requests.requested)
    for cycle in find_cycles(select_possible_renames(requests.requested, existing)):
        if requests.explicit.intersection(cycle):
            continue
        differences_as_is = sum(count_differences(name, name) for name in cycle)
        differences_after_swap = sum(count_differences(name, requests.requested[name]) for name in cycle)
        if differences_as_is == differences_after_swap:
            raise AmbiguousSwap([f"{display(requests.requested[name])}={display(name)}" for name in cycle])
        if differences_as_is < differences_after_swap:
            for name in cycle:
                del remaining[name]
    return remaining


def _remove_finished_label_swaps(
    key: ObjectKey, requested: dict[str, str], before: Catalog, after: Catalog
) -> dict[str, str]:
    """Leave out the swaps of labels that are done already, which the order of the labels tells."""
    old_enum, new_enum = before.objects.get(key), after.objects.get(key)
    if not isinstance(old_enum, Enum) or not isinstance(new_enum, Enum):
        return requested
    remaining = dict(requested)
    for cycle in find_cycles(select_possible_renames(requested, old_enum.labels)):
        old_order = [label for label in old_enum.labels if label in cycle]
        if old_order == [label for label in new_enum.labels if label in cycle]:
            for name in cycle:
                del remaining[name]
    return remaining


def _count_differences(old_enum: Column, new_enum: Column | None) -> int:
    return sum(getattr(old_enum, fact) != getattr(new_enum, fact, None) for fact in _COMPARED_PROPERTIES)


def _column_facts(column: Column) -> tuple[str, str, bool, str | None]:
    return column.name, column.type, column.not_null, column.generated
