"""Which hints and options a draft follows: one that cannot be followed is an error, one that is not needed is named."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Table

from seedbed.errors import InvalidHint, UnusedDraftOption
from seedbed.migrations.diff.catalog_diff import CatalogDiff
from seedbed.migrations.diff.objects.column_changes import becomes_ordinary
from seedbed.migrations.diff.rebuild_set import find_column
from seedbed.migrations.draft.decisions import Decisions, RolloutStrategy
from seedbed.migrations.draft.renames import Rename
from seedbed.postgres.catalog.model import Enum, ObjectKey
from seedbed.postgres.catalog.model import Table as FoundTable
from seedbed.postgres.quoting import display_name, table_display_name
from seedbed.schema import Schema
from seedbed.schema.hints import Hint, get_enum, find_hints

_OF_COLUMNS = ("using", "back", "backfill", "renamed_values")


def check_hints(schema: Schema, changes: CatalogDiff, words: Decisions, renames: Sequence[Rename]) -> None:
    """See that no hint stands where it can never be followed, and that every option is about something that changes.

    Raises:
        InvalidHint: with the hint and why.
        UnusedDraftOption: with the option and why.
    """
    renamed = {rename.column for rename in renames}
    for table, column, said in find_hints(schema.metadata):
        for word, why in _find_contradictions(table, column, said, changes, renamed):
            raise InvalidHint(_display_place(table, column), word, why)
    going = set(_list_removed_names(changes))
    for dropped in sorted(words.dropped):
        if dropped not in going:
            raise UnusedDraftOption(
                "--drop", dropped, "nothing of that name is in the migrations and not in the models"
            )
    columns = {
        _display_place(table, column): (table, column)
        for table in schema.metadata.sorted_tables
        for column in table.columns
    }
    for place in words.backfills:
        if place not in columns:
            raise UnusedDraftOption("--backfill", place, "the models have no column of that name")
        if not _is_filled(*columns[place], changes):
            raise UnusedDraftOption(
                "--backfill", place, "it is neither new in a table that exists nor becomes NOT NULL"
            )


def find_unused_hints(
    schema: Schema, changes: CatalogDiff, words: Decisions, renames: Sequence[Rename]
) -> tuple[str, ...]:
    """The hints and options that this draft did not need, as `task.title: renamed_from`."""
    found = [
        f"{_display_place(table, column)}: {word}"
        for table, column, said in find_hints(schema.metadata)
        for word in list_hint_arguments(said)
        if not _is_used(word, table, column, said, changes, renames)
    ]
    if words.strategy is RolloutStrategy.GRADUAL and not any(rename.column for rename in renames):
        found.append("--gradual: no column has another name")
    return tuple(found)


def list_hints(schema: Schema) -> list[str]:
    """Every hint of the models, as `task.title: renamed_from`; where nothing is left to draft, none has an effect."""
    return [
        f"{_display_place(table, column)}: {word}"
        for table, column, said in find_hints(schema.metadata)
        for word in list_hint_arguments(said)
    ]


def list_hint_arguments(said: Hint) -> Iterator[str]:
    """The arguments of a hint."""
    for word in ("renamed_from", *_OF_COLUMNS, "dropped"):
        if getattr(said, word):
            yield word


def _find_contradictions(
    table: Table, column: Column[Any] | None, said: Hint, changes: CatalogDiff, renamed: Iterable[Any]
) -> Iterator[tuple[str, str]]:
    """The words of a hint that cannot be followed, each with the reason."""
    if column is None:
        yield from (
            (word, "it is about a column, and stands at a table") for word in _OF_COLUMNS if getattr(said, word)
        )
        old = changes.before.objects.get(("table", table.schema or "public", table.name))
        tables = {table_display_name(other) for other in table.metadata.sorted_tables}
        kept = {*table.columns.keys(), *(tables - {*(old.columns_by_name if isinstance(old, FoundTable) else ())})}
        yield from (("dropped", f"{name} is still in the models") for name in said.dropped if name in kept)
        return
    if said.dropped:
        yield "dropped", "it names columns or tables that go, and stands at a column: put it into the table's info"
    kind = get_enum(column)
    if said.renamed_values and (kind is None or kind.name is None or not kind.native_enum):
        yield "renamed_values", "the column has no enum type of the database"
    where = _column_key(table, column)
    is_new = where[:3] in _find_kept_tables(changes) and find_column(changes.before, where) is None
    if is_new and not any(place is not None and (*place[0][:2], place[1]) == where[1:] for place in renamed):
        why = "the column is new, so that there is no old value; hint(backfill=...) fills it"
        yield from ((word, why) for word in ("using", "back") if getattr(said, word))


def _is_used(
    word: str, table: Table, column: Column[Any] | None, said: Hint, changes: CatalogDiff, renames: Sequence[Rename]
) -> bool:
    place = _display_place(table, column)
    if word == "renamed_from":
        return any(rename.new == place and rename.enum is None for rename in renames)
    if word == "dropped":
        names = {*said.dropped, *(f"{place}.{name}" for name in said.dropped)}
        return not names.isdisjoint(_list_removed_names(changes))
    if column is None:
        return False
    if word == "renamed_values":
        kind = get_enum(column)
        return kind is not None and any(
            rename.enum == ("type", kind.schema or "public", kind.name) for rename in renames
        )
    if word == "backfill":
        return _is_filled(table, column, changes)
    return _is_converted(table, column, changes, renames)


def _is_converted(table: Table, column: Column[Any], changes: CatalogDiff, renames: Sequence[Rename]) -> bool:
    """Whether a column's values are taken from one type to another."""
    where = _column_key(table, column)
    apart = [
        rename.column[0][2]
        for rename in renames
        if rename.column and (*rename.column[0][:2], rename.column[1]) == where[1:]
    ]
    new = find_column(changes.after, where)
    old = next(
        (found for name in (column.name, *apart) if (found := find_column(changes.before, (*where[:3], name)))), None
    )
    if old is None or new is None:
        return False
    return where in changes.retyped_columns or old.type != new.type or becomes_ordinary(old, new)


def _is_filled(table: Table, column: Column[Any], changes: CatalogDiff) -> bool:
    """Whether rows exist in which a column is to be filled."""
    where = _column_key(table, column)
    old, new = find_column(changes.before, where), find_column(changes.after, where)
    if where[:3] not in _find_kept_tables(changes) or new is None:
        return False
    required_already = old is not None and old.not_null and old.unvalidated_not_null is None
    return old is None or (new.not_null and not required_already)


def _find_kept_tables(changes: CatalogDiff) -> set[ObjectKey]:
    return {("column", old.schema, old.name) for old, _ in changes.pairs_of(FoundTable)}


def _list_removed_names(changes: CatalogDiff) -> Iterator[str]:
    """What is in the migrations and not in the models, as a person says it."""
    for found in changes.removed.values():
        if isinstance(found, FoundTable):
            yield display_name(found.schema, found.name)
    for old, new in changes.pairs_of(FoundTable):
        yield from (f"{display_name(old.schema, old.name)}.{name}" for name in old.columns_by_name if name not in new.columns_by_name)
    for before, after in changes.pairs_of(Enum):
        full = display_name(before.schema, before.name)
        yield from (f"{full}.{label}" for label in before.labels if label not in after.labels)


def _display_place(table: Table, column: Column[Any] | None) -> str:
    return table_display_name(table) if column is None else f"{table_display_name(table)}.{column.name}"


def _column_key(table: Table, column: Column[Any]) -> ObjectKey:
    return ("column", table.schema or "public", table.name, column.name)
