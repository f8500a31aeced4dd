"""What is dropped while something like it is added: a rename or a loss, with the likeliest new name first."""

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
from seedbed.schema.hints import get_enum, read_hint, find_hints

_SIMILAR_TABLE = 0.5
"""The share of its columns, by name and type, that a new table has in common with one that it looks like."""
_SIMILAR_NAME = 0.7
"""How near two names have to be for columns of different types to look like one column."""


@dataclass(frozen=True)
class _Question:
    """Something that goes, and what it may have become, by likelihood."""

    kind: str
    old: str
    candidates: Sequence[tuple[float, str]]


def find_intended_drops(schema: Schema, words: Decisions) -> set[str]:
    """The names of what a hint or an option says is meant to be dropped."""
    intended = set(words.dropped)
    for table, column, said in find_hints(schema.metadata):
        if column is None:
            intended |= {*said.dropped, *(f"{table_display_name(table)}.{gone}" for gone in said.dropped)}
    return intended


def check_undecided_renames(before: Catalog, after: Catalog, schema: Schema, words: Decisions) -> None:
    """See that nothing is dropped while something like it is added, unless somebody said that it is meant to go.

    Of several such pairs the likeliest is asked about first, so that what is answered narrows the others.

    Raises:
        AmbiguousRename: with the old name and its candidates, and what to say.
    """
    intended = find_intended_drops(schema, words)
    open_questions = [
        question
        for question in (
            *_table_questions(before, after),
            *_column_questions(before, after),
            *_label_questions(before, after, schema),
        )
        if question.candidates and question.old not in intended
    ]
    if open_questions:
        first = max(open_questions, key=lambda question: question.candidates[0][0])
        likeliest, *others = (new for _, new in first.candidates)
        raise AmbiguousRename(first.kind, first.old, likeliest, others)


def _table_questions(before: Catalog, after: Catalog) -> Iterable[_Question]:
    old, new = {t.key: t for t in before.tables()}, {t.key: t for t in after.tables()}
    coming = [table for key, table in new.items() if key not in old]
    for key, gone in old.items():
        if key not in new:
            found = [table for table in coming if _shared_columns(gone, table) > _SIMILAR_TABLE]
            yield _Question("table", _table_name(gone), _rank((_table_score(gone, t), _table_name(t)) for t in found))


def _column_questions(before: Catalog, after: Catalog) -> Iterable[_Question]:
    for old in before.tables():
        new = after.objects.get(old.key)
        if not isinstance(new, Table):
            continue
        full = _table_name(old)
        coming = [column for column in new.columns if column.name not in old.columns_by_name and not column.generated]
        for gone in old.columns:
            if gone.name not in new.columns_by_name and not gone.generated:
                found = [column for column in coming if _may_be_renamed(gone, column)]
                ranked = _rank((_column_score(gone, column), f"{full}.{column.name}") for column in found)
                yield _Question("column", f"{full}.{gone.name}", ranked)


def _label_questions(before: Catalog, after: Catalog, schema: Schema) -> Iterable[_Question]:
    converted = _find_converted_enums(schema)
    for key, old in before.objects.items():
        new = after.objects.get(key)
        if not isinstance(old, Enum) or not isinstance(new, Enum) or key in converted:
            continue
        coming = [label for label in new.labels if label not in old.labels]
        full = display_name(old.schema, old.name)
        for gone in old.labels:
            if gone not in new.labels:
                ranked = _rank((_label_score(old, gone, new, label), f"{full}.{label}") for label in coming)
                yield _Question("label", f"{full}.{gone}", ranked)


def _find_converted_enums(schema: Schema) -> Collection[ObjectKey]:
    """Enums all of whose columns say by `using` what becomes of each value."""
    said: dict[ObjectKey, bool] = {}
    for table in schema.metadata.sorted_tables:
        for column in table.columns:
            kind = get_enum(column)
            if kind is not None and kind.name is not None:
                key = ("type", kind.schema or "public", kind.name)
                said[key] = said.get(key, True) and read_hint(column).using is not None
    return [key for key, every in said.items() if every]


def _rank(scored: Iterable[tuple[float, str]]) -> list[tuple[float, str]]:
    return sorted(scored, key=lambda pair: -pair[0])  # stable: of equals, the first in the models


def _may_be_renamed(gone: Column, coming: Column) -> bool:
    return gone.type == coming.type or _name_similarity(gone.name, coming.name) >= _SIMILAR_NAME


def _column_score(gone: Column, coming: Column) -> float:
    kinds = (
        0.5 if gone.type == coming.type else 0.3 if strip_modifier(gone.type) == strip_modifier(coming.type) else 0.0
    )
    return _name_similarity(gone.name, coming.name) + kinds + (0.25 if gone.not_null == coming.not_null else 0.0)


def _label_score(old: Enum, gone: str, new: Enum, coming: str) -> float:
    return _name_similarity(gone, coming) + (0.1 if old.labels.index(gone) == new.labels.index(coming) else 0.0)


def _table_score(gone: Table, coming: Table) -> float:
    return _name_similarity(gone.name, coming.name) + _shared_columns(gone, coming)


def _shared_columns(one: Table, other: Table) -> float:
    mine = {(column.name, column.type) for column in one.columns}
    theirs = {(column.name, column.type) for column in other.columns}
    return len(mine & theirs) / max(len(mine), len(theirs), 1)


def _name_similarity(one: str, other: str) -> float:
    """From 0 to 1: how much two names have in common, in letters, or by a word of theirs."""
    words = [set(name.lower().split("_")) - {""} for name in (one, other)]
    common = len(words[0] & words[1]) / max(len(words[0]), len(words[1]), 1)
    return max(common, SequenceMatcher(None, one.lower(), other.lower()).ratio())


def _table_name(table: Table) -> str:
    return display_name(table.schema, table.name)
