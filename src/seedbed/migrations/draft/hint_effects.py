"""The effect of hints and options on a draft: those that cannot be followed are errors, unused ones are listed."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Table

from seedbed.errors import InvalidHint, UnusedDraftOption
from seedbed.migrations.diff.catalog_diff import CatalogDiff
from seedbed.migrations.diff.dependents import find_column
from seedbed.migrations.diff.objects.column_changes import becomes_ordinary
from seedbed.migrations.draft.decisions import Decisions, RolloutStrategy
from seedbed.migrations.draft.renames import Rename
from seedbed.postgres.catalog.model import Enum, ObjectKey
from seedbed.postgres.catalog.model import Table as FoundTable
from seedbed.postgres.quoting import display_name, table_display_name
from seedbed.schema import Schema
from seedbed.schema.declarations import Hint, find_hints, get_enum

_OF_COLUMNS = ("using", "back", "backfill", "renamed_values")


def check_hints(schema: Schema, diff: CatalogDiff, decisions: Decisions, renames: Sequence[Rename]) -> None:
    """Check that every hint can be followed where it stands, and that every option names something that changes.

    Raises:
        InvalidHint: a hint cannot be followed.
        UnusedDraftOption: an option has no effect.
    """
    renamed = {rename.column for rename in renames}
    for table, column, hint in find_hints(schema.metadata):
        for argument, reason in _find_contradictions(table, column, hint, diff, renamed):
            raise InvalidHint(_display_place(table, column), argument, reason)
    removed_names = set(_list_removed_names(diff))
    for dropped in sorted(decisions.dropped):
        if dropped not in removed_names:
            raise UnusedDraftOption("--drop", dropped, "the migrations have nothing of that name that the models lack")
    columns = {
        _display_place(table, column): (table, column)
        for table in schema.metadata.sorted_tables
        for column in table.columns
    }
    for path in decisions.backfills:
        if path not in columns:
            raise UnusedDraftOption("--backfill", path, "the models have no column of that name")
        if not _is_filled(*columns[path], diff):
            raise UnusedDraftOption(
                "--backfill", path, "the column is neither new in an existing table nor does it become NOT NULL"
            )


def find_unused_hints(
    schema: Schema, diff: CatalogDiff, decisions: Decisions, renames: Sequence[Rename]
) -> tuple[str, ...]:
    """The hints and options without effect on this draft, as `task.title: renamed_from`."""
    unused = [
        f"{_display_place(table, column)}: {argument}"
        for table, column, hint in find_hints(schema.metadata)
        for argument in list_hint_arguments(hint)
        if not _is_used(argument, table, column, hint, diff, renames)
    ]
    if decisions.strategy is RolloutStrategy.GRADUAL and not any(rename.column for rename in renames):
        unused.append("--gradual: no column has another name")
    return tuple(unused)


def list_hints(schema: Schema) -> list[str]:
    """Every hint of the models, as `task.title: renamed_from`. When there is nothing to draft, none has an effect."""
    return [
        f"{_display_place(table, column)}: {argument}"
        for table, column, hint in find_hints(schema.metadata)
        for argument in list_hint_arguments(hint)
    ]


def list_hint_arguments(hint: Hint) -> Iterator[str]:
    """The arguments that a hint has."""
    for argument in ("renamed_from", *_OF_COLUMNS, "dropped"):
        if getattr(hint, argument):
            yield argument


def _find_contradictions(
    table: Table, column: Column[Any] | None, hint: Hint, diff: CatalogDiff, renamed: Iterable[Any]
) -> Iterator[tuple[str, str]]:
    """The arguments of a hint that cannot be followed, each with the reason."""
    if column is None:
        yield from (
            (argument, "it applies to a column, and is set on a table")
            for argument in _OF_COLUMNS
            if getattr(hint, argument)
        )
        old = diff.before.objects.get(("table", table.schema or "public", table.name))
        tables = {table_display_name(other) for other in table.metadata.sorted_tables}
        model_names = {
            *table.columns.keys(),
            *(tables - {*(old.columns_by_name if isinstance(old, FoundTable) else ())}),
        }
        yield from (("dropped", f"{name} is still in the models") for name in hint.dropped if name in model_names)
        return
    if hint.dropped:
        yield "dropped", "it names columns or tables to drop, and is set on a column: put it into the table's info"
    enum = get_enum(column)
    if hint.renamed_values and (enum is None or enum.name is None or not enum.native_enum):
        yield "renamed_values", "the column's type is not a database enum"
    key = _column_key(table, column)
    is_new = key[:3] in _find_kept_tables(diff) and find_column(diff.before, key) is None
    if is_new and not any(path is not None and (*path[0][:2], path[1]) == key[1:] for path in renamed):
        reason = "the column is new, so there is no old value; hint(backfill=...) fills it"
        yield from ((argument, reason) for argument in ("using", "back") if getattr(hint, argument))


def _is_used(
    argument: str, table: Table, column: Column[Any] | None, hint: Hint, diff: CatalogDiff, renames: Sequence[Rename]
) -> bool:
    path = _display_place(table, column)
    if argument == "renamed_from":
        return any(rename.new == path and rename.enum is None for rename in renames)
    if argument == "dropped":
        names = {*hint.dropped, *(f"{path}.{name}" for name in hint.dropped)}
        return not names.isdisjoint(_list_removed_names(diff))
    if column is None:
        return False
    if argument == "renamed_values":
        enum = get_enum(column)
        return enum is not None and any(
            rename.enum == ("type", enum.schema or "public", enum.name) for rename in renames
        )
    if argument == "backfill":
        return _is_filled(table, column, diff)
    return _is_converted(table, column, diff, renames)


def _is_converted(table: Table, column: Column[Any], diff: CatalogDiff, renames: Sequence[Rename]) -> bool:
    """Whether a column's values are converted from one type to another."""
    key = _column_key(table, column)
    old_names = [
        rename.column[0][2]
        for rename in renames
        if rename.column and (*rename.column[0][:2], rename.column[1]) == key[1:]
    ]
    new = find_column(diff.after, key)
    old = next(
        (found for name in (column.name, *old_names) if (found := find_column(diff.before, (*key[:3], name)))), None
    )
    if old is None or new is None:
        return False
    return key in diff.retyped_columns or old.type != new.type or becomes_ordinary(old, new)


def _is_filled(table: Table, column: Column[Any], diff: CatalogDiff) -> bool:
    """Whether there are rows in which a column has to be filled."""
    key = _column_key(table, column)
    old, new = find_column(diff.before, key), find_column(diff.after, key)
    if key[:3] not in _find_kept_tables(diff) or new is None:
        return False
    was_required = old is not None and old.not_null and old.unvalidated_not_null is None
    return old is None or (new.not_null and not was_required)


def _find_kept_tables(diff: CatalogDiff) -> set[ObjectKey]:
    return {("column", old.schema, old.name) for old, _ in diff.pairs_of(FoundTable)}


def _list_removed_names(diff: CatalogDiff) -> Iterator[str]:
    """The display names of what the migrations have and the models lack."""
    for table in diff.removed.values():
        if isinstance(table, FoundTable):
            yield display_name(table.schema, table.name)
    for old, new in diff.pairs_of(FoundTable):
        yield from (
            f"{display_name(old.schema, old.name)}.{name}"
            for name in old.columns_by_name
            if name not in new.columns_by_name
        )
    for before, after in diff.pairs_of(Enum):
        enum_name = display_name(before.schema, before.name)
        yield from (f"{enum_name}.{label}" for label in before.labels if label not in after.labels)


def _display_place(table: Table, column: Column[Any] | None) -> str:
    return table_display_name(table) if column is None else f"{table_display_name(table)}.{column.name}"


def _column_key(table: Table, column: Column[Any]) -> ObjectKey:
    return ("column", table.schema or "public", table.name, column.name)
