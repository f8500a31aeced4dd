"""The new names that hints and the command line ask for, and whether a change of places is still to be made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Table

from seedbed.errors import AmbiguousSwap, InvalidHint
from seedbed.migrations.diff.dependency_order import find_cycles, select_possible_renames
from seedbed.migrations.draft.decisions import Decisions
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Column, Enum, ObjectKey
from seedbed.postgres.catalog.model import Table as FoundTable
from seedbed.postgres.quoting import display_name, table_display_name
from seedbed.schema import Schema
from seedbed.schema.hints import get_enum, read_hint

Name = TypeVar("Name", str, tuple[str, str])

_COMPARED_PROPERTIES = ("type", "not_null", "default", "generated", "identity", "collation", "comment")


@dataclass(frozen=True)
class RenameRequests(Generic[Name]):
    """New names with their old ones; `said` are those of the command line, which needs no second opinion."""

    requested: Mapping[Name, Name]
    explicit: frozenset[Name]


def find_table_requests(
    schema: Schema, before: Catalog, after: Catalog, words: Decisions
) -> dict[tuple[str, str], tuple[str, str]]:
    """The tables' new names, by schema and name.

    Raises:
        InvalidHint: a hint is about a table that is not there, or that is still in the models.
        AmbiguousSwap: hints let tables change places, and nothing tells whether they have done so.
    """
    said = {new: old for old, new in words.renames.items()}
    existing = {(table.schema, table.name) for table in before.tables()}
    kept = {(table.schema or "public", table.name) for table in schema.metadata.sorted_tables}
    asked: dict[tuple[str, str], tuple[str, str]] = {}
    explicit: set[tuple[str, str]] = set()
    for table in schema.metadata.sorted_tables:
        shown, place = table_display_name(table), (table.schema or "public", table.name)
        told = said.get(shown, read_hint(table).renamed_from)
        if told is None:
            continue
        old_schema, _, old_name = told.rpartition(".")
        asked[place] = (old_schema or ("public" if shown in said else place[0]), old_name)
        if shown in said:
            explicit.add(place)
        elif place not in existing and asked[place] not in existing and existing:
            raise InvalidHint(shown, "renamed_from", f"no table is called {told} in the migrations")
    requests = RenameRequests(asked, frozenset(explicit))
    _check_contradictions(requests, existing, kept, lambda place: display_name(*place))

    def differences(new: tuple[str, str], old: tuple[str, str]) -> int:
        found, wanted = before.objects.get(("table", *old)), after.objects.get(("table", *new))
        if not isinstance(found, FoundTable) or not isinstance(wanted, FoundTable):
            return 0
        return len({*map(_column_facts, found.columns)} ^ {*map(_column_facts, wanted.columns)})

    return _remove_finished_swaps(requests, existing, differences, lambda place: display_name(*place))


def find_column_requests(
    table: Table, found: FoundTable, wanted: FoundTable, old_name: str, words: Decisions
) -> dict[str, str]:
    """The new names of a table's columns; `old_name` is what the table was called before.

    Raises:
        InvalidHint, AmbiguousSwap: as `table_requests` does, of columns.
    """
    said = {new: old for old, new in words.renames.items()}
    shown = table_display_name(table)
    asked: dict[str, str] = {}
    explicit: set[str] = set()
    for column in table.columns:
        told = said.get(f"{shown}.{column.name}")
        if told is not None:
            asked[column.name] = strip_owner(told, shown, old_name)
            explicit.add(column.name)
        elif (old := read_hint(column).renamed_from) is not None:
            asked[column.name] = strip_owner(old, shown, old_name) if "." in old and old not in found.columns_by_name else old
            if column.name not in found.columns_by_name and asked[column.name] not in found.columns_by_name:
                why = f"{old_name} has no column {old} in the migrations"
                raise InvalidHint(f"{shown}.{column.name}", "renamed_from", why)
    requests = RenameRequests(asked, frozenset(explicit))
    kept = {column.name for column in table.columns}
    _check_contradictions(requests, set(found.columns_by_name), kept, lambda name: f"{shown}.{name}")

    def differences(new: str, old: str) -> int:
        return _count_differences(found.columns_by_name[old], wanted.columns_by_name.get(new))

    return _remove_finished_swaps(requests, set(found.columns_by_name), differences, lambda name: f"{shown}.{name}")


def find_label_requests(schema: Schema, before: Catalog, after: Catalog, words: Decisions) -> dict[ObjectKey, dict[str, str]]:
    """The new labels of enums, each with its old one, by the type's key.

    Raises:
        InvalidHint: a hint is about a label that neither the migrations nor the models have.
    """
    asked: dict[ObjectKey, dict[str, str]] = {}
    for table in schema.metadata.sorted_tables:
        for column in table.columns:
            kind = get_enum(column)
            if kind is None or kind.name is None:
                continue
            key = ("type", kind.schema or "public", kind.name)
            full, place = display_name(key[1], key[2]), f"{table_display_name(table)}.{column.name}"
            found, wanted = before.objects.get(key), after.objects.get(key)
            for old, new in read_hint(column).renamed_values.items():
                if isinstance(found, Enum) and isinstance(wanted, Enum):
                    if new not in wanted.labels:
                        raise InvalidHint(place, "renamed_values", f"{full} has no label {new} in the models")
                    if old not in found.labels and new not in found.labels:
                        raise InvalidHint(place, "renamed_values", f"{full} has no label {old} in the migrations")
                asked.setdefault(key, {})[new] = old
            for old, new in words.renames.items():
                if old.startswith(f"{full}.") and new.startswith(f"{full}."):
                    asked.setdefault(key, {})[strip_owner(new, full)] = strip_owner(old, full)
    return {key: _remove_finished_label_swaps(key, labels, before, after) for key, labels in asked.items()}


def strip_owner(said: str, *owners: str) -> str:
    """The last part of a name as it was said: what follows its owner's, dots in it included."""
    for owner in owners:
        if said.startswith(f"{owner}."):
            return said[len(owner) + 1 :]
    return said.rpartition(".")[2]


def _check_contradictions(
    requests: RenameRequests[Name], existing: set[Name], kept: set[Name], show: Callable[[Name], str]
) -> None:
    """See that no two hints claim one thing, and that none claims what keeps its name in the models."""
    possible = select_possible_renames(requests.requested, existing)
    claimed: dict[Name, Name] = {}
    for new, old in possible.items():
        first = claimed.setdefault(old, new)
        if first != new:
            raise InvalidHint(show(new), "renamed_from", f"{show(first)} is said to have been {show(old)} as well")
        if new not in requests.explicit and old in kept and old not in requests.requested:
            why = f"{show(old)} is still in the models"
            raise InvalidHint(show(new), "renamed_from", why, option=f"--rename {show(old)}={show(new)}")


def _remove_finished_swaps(
    requests: RenameRequests[Name],
    existing: set[Name],
    differences: Callable[[Name, Name], int],
    show: Callable[[Name], str],
) -> dict[Name, Name]:
    """Leave out the hints of names that change places where they have done so already.

    Before and after, the names are the same, so what they name is compared with the models: where it is like them as it
    is, it has been done.
    """
    left = dict(requests.requested)
    for cycle in find_cycles(select_possible_renames(requests.requested, existing)):
        if requests.explicit.intersection(cycle):
            continue
        as_it_is = sum(differences(name, name) for name in cycle)
        moved = sum(differences(name, requests.requested[name]) for name in cycle)
        if as_it_is == moved:
            raise AmbiguousSwap([f"{show(requests.requested[name])}={show(name)}" for name in cycle])
        if as_it_is < moved:
            for name in cycle:
                del left[name]
    return left


def _remove_finished_label_swaps(key: ObjectKey, asked: dict[str, str], before: Catalog, after: Catalog) -> dict[str, str]:
    """The same for labels, whose order in the type tells what has been done."""
    found, wanted = before.objects.get(key), after.objects.get(key)
    if not isinstance(found, Enum) or not isinstance(wanted, Enum):
        return asked
    left = dict(asked)
    for cycle in find_cycles(select_possible_renames(asked, found.labels)):
        order = [label for label in found.labels if label in cycle]
        if order == [label for label in wanted.labels if label in cycle]:
            for name in cycle:
                del left[name]
    return left


def _count_differences(found: Column, wanted: Column | None) -> int:
    return sum(getattr(found, fact) != getattr(wanted, fact, None) for fact in _COMPARED_PROPERTIES)


def _column_facts(column: Column) -> tuple[str, str, bool, str | None]:
    return column.name, column.type, column.not_null, column.generated
