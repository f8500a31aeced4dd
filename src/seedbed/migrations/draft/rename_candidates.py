"""Removed objects with a similar added one: renames or losses, with the likeliest new name first."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from seedbed.errors import AmbiguousRename
from seedbed.migrations.diff.types.conversion_rules import strip_modifier
from seedbed.migrations.draft.decisions import Decisions
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Column, Enum, ObjectKey, Table
from seedbed.postgres.quoting import display_name, table_display_name
from seedbed.schema import Schema
from seedbed.schema.declarations import find_hints, get_enum, read_hint

_SIMILAR_TABLE = 0.5
"""The share of columns, equal in name and type, above which two tables are similar."""
_SIMILAR_NAME = 0.7
"""The similarity of names from which columns of different types are similar."""


@dataclass(frozen=True)
class _Question:
    """A removed object, and the new names that it may have, with their scores."""

    object_kind: str
    old: str
    candidates: Sequence[tuple[float, str]]


def find_intended_drops(schema: Schema, decisions: Decisions) -> set[str]:
    """The names that a hint or an option allows to drop."""
    drops = set(decisions.dropped)
    for table, column, hint in find_hints(schema.metadata):
        if column is None:
            drops |= {*hint.dropped, *(f"{table_display_name(table)}.{name}" for name in hint.dropped)}
    return drops


def check_undecided_renames(before: Catalog, after: Catalog, schema: Schema, decisions: Decisions) -> None:
    """Check that nothing is dropped while something similar is added, unless the drop is intended.

    The likeliest pair is asked about first, so that its answer narrows down the others.

    Raises:
        AmbiguousRename: with the old name, its candidates, and the options to choose from.
    """
    drops = find_intended_drops(schema, decisions)
    open_questions = [
        question
        for question in (
            *_table_questions(before, after),
            *_column_questions(before, after),
            *_label_questions(before, after, schema),
        )
        if question.candidates and question.old not in drops
    ]
    if open_questions:
        first = max(open_questions, key=lambda question: question.candidates[0][0])
        likeliest, *other_names = (new for _, new in first.candidates)
        raise AmbiguousRename(first.object_kind, first.old, likeliest, other_names)


def _table_questions(before: Catalog, after: Catalog) -> Iterable[_Question]:
    old, new = {t.key: t for t in before.tables()}, {t.key: t for t in after.tables()}
    added = [table for key, table in new.items() if key not in old]
    for key, removed in old.items():
        if key not in new:
            similar = [table for table in added if _shared_columns(removed, table) > _SIMILAR_TABLE]
            yield _Question(
                "table", _table_name(removed), _rank((_table_score(removed, t), _table_name(t)) for t in similar)
            )


def _column_questions(before: Catalog, after: Catalog) -> Iterable[_Question]:
    for old in before.tables():
        new = after.objects.get(old.key)
        if not isinstance(new, Table):
            continue
        name = _table_name(old)
        added = [column for column in new.columns if column.name not in old.columns_by_name and not column.generated]
        for removed in old.columns:
            if removed.name not in new.columns_by_name and not removed.generated:
                similar = [column for column in added if _may_be_renamed(removed, column)]
                ranked = _rank((_column_score(removed, column), f"{name}.{column.name}") for column in similar)
                yield _Question("column", f"{name}.{removed.name}", ranked)


def _label_questions(before: Catalog, after: Catalog, schema: Schema) -> Iterable[_Question]:
    converted = _find_converted_enums(schema)
    for key, old in before.objects.items():
        new = after.objects.get(key)
        if not isinstance(old, Enum) or not isinstance(new, Enum) or key in converted:
            continue
        added = [label for label in new.labels if label not in old.labels]
        name = display_name(old.schema, old.name)
        for removed in old.labels:
            if removed not in new.labels:
                ranked = _rank((_label_score(old, removed, new, label), f"{name}.{label}") for label in added)
                yield _Question("label", f"{name}.{removed}", ranked)


def _find_converted_enums(schema: Schema) -> Collection[ObjectKey]:
    """Enums for which all columns convert their values by `using`."""
    is_converted: dict[ObjectKey, bool] = {}
    for table in schema.metadata.sorted_tables:
        for column in table.columns:
            enum = get_enum(column)
            if enum is not None and enum.name is not None:
                key = ("type", enum.schema or "public", enum.name)
                is_converted[key] = is_converted.get(key, True) and read_hint(column).using is not None
    return [key for key, are_all_converted in is_converted.items() if are_all_converted]


def _rank(scored: Iterable[tuple[float, str]]) -> list[tuple[float, str]]:
    return sorted(scored, key=lambda pair: -pair[0])  # stable: equal scores keep the order of the models


def _may_be_renamed(removed: Column, added: Column) -> bool:
    return removed.type == added.type or _name_similarity(removed.name, added.name) >= _SIMILAR_NAME


def _column_score(removed: Column, added: Column) -> float:
    type_score = (
        0.5
        if removed.type == added.type
        else 0.3
        if strip_modifier(removed.type) == strip_modifier(added.type)
        else 0.0
    )
    return (
        _name_similarity(removed.name, added.name) + type_score + (0.25 if removed.not_null == added.not_null else 0.0)
    )


def _label_score(old: Enum, removed: str, new: Enum, added: str) -> float:
    return _name_similarity(removed, added) + (0.1 if old.labels.index(removed) == new.labels.index(added) else 0.0)


def _table_score(removed: Table, added: Table) -> float:
    return _name_similarity(removed.name, added.name) + _shared_columns(removed, added)


def _shared_columns(old: Table, new: Table) -> float:
    old_columns = {(column.name, column.type) for column in old.columns}
    new_columns = {(column.name, column.type) for column in new.columns}
    return len(old_columns & new_columns) / max(len(old_columns), len(new_columns), 1)


def _name_similarity(old: str, new: str) -> float:
    """From 0 to 1: how similar two names are, by their letters or by a shared word."""
    decisions = [set(name.lower().split("_")) - {""} for name in (old, new)]
    shared_words = len(decisions[0] & decisions[1]) / max(len(decisions[0]), len(decisions[1]), 1)
    return max(shared_words, SequenceMatcher(None, old.lower(), new.lower()).ratio())


def _table_name(table: Table) -> str:
    return display_name(table.schema, table.name)
