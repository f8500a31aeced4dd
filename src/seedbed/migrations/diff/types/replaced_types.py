"""Enums, and other types that are replaced: columns are taken through text from the old type to the new."""

import re

from seedbed.migrations.diff.statement import Loss, Statement
from seedbed.migrations.diff.types.conversion_rules import find_lossy_part, is_text
from seedbed.migrations.diff.types.user_types import UserType
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import (
    Column,
    Constraint,
    Domain,
    Enum,
    Function,
    Index,
    Policy,
    Table,
    Trigger,
    View,
)
from seedbed.postgres.quoting import quote_identifier, quote_literal, quote_qualified, truncate_identifier


def uses_new_labels(old: Enum, new: Enum, after: Catalog) -> bool:
    """Whether something in the new schema says a label that the old enum lacks.

    PostgreSQL lets nobody use a label in the transaction that added it, so such an enum is replaced instead.
    """
    fresh = [quote_literal(label) for label in new.labels if label not in old.labels]
    texts: list[str] = []
    for found in after.objects.values():
        match found:
            case Table():
                texts += [column.default or "" for column in found.columns]
            case Constraint() | Index() | View() | Trigger() | Function():
                texts.append(found.definition)
            case Policy():
                texts += [found.using or "", found.check or ""]
            case Domain():
                texts += [found.default or "", *(definition for _, definition in found.checks)]
    return any(label in text for label in fresh for text in texts)


def rename_replaced_type(found: UserType) -> list[Statement]:
    """The old type under another name, so that the new one can have its own."""
    kind = "DOMAIN" if isinstance(found, Domain) else "TYPE"
    return [
        Statement(
            f"ALTER {kind} {quote_qualified(found.schema, found.name)} RENAME TO {quote_identifier(_replaced_name(found))}"
        )
    ]


def drop_replaced_type(found: UserType) -> list[Statement]:
    kind = "DOMAIN" if isinstance(found, Domain) else "TYPE"
    return [Statement(f"DROP {kind} {quote_qualified(found.schema, _replaced_name(found))}")]


def _replaced_name(found: UserType) -> str:
    return truncate_identifier(found.name, "__replaced")


def convert_column(table: Table, column: Column, old: object, new: object, using: str | None) -> list[Statement]:
    """A column taken to the new type of the same name; labels that are gone become another, which is a loss.

    `using` is what a hint makes of the old value: a value of either type, or a text.
    """
    head = f"ALTER TABLE {quote_qualified(table.schema, table.name)} ALTER COLUMN {quote_identifier(column.name)} "
    if using is not None:
        words = f"what {table.name}.{column.name} was, where {using} makes another value of it"
        lost_by_hint = Loss(table.schema, table.name, column.name, words)
        value = f"({using})::text::{column.type}" if isinstance(new, Enum) else f"({using})"
        return [Statement(f"{head}TYPE {column.type} USING {value}", loss=lost_by_hint)]
    lost: list[str] = []
    fallback: str | None = None
    if isinstance(old, Enum) and isinstance(new, Enum):
        lost = [label for label in old.labels if label not in new.labels]
        fallback = _pick_fallback_label(column, new)
    using = _map_labels(column, lost, fallback)
    if isinstance(new, Domain) and is_text(new.type) and not column.type.endswith("[]"):
        using = f"{quote_identifier(column.name)}::text"  # whole: a cast to the domain would cut off what is too long for it
    said = None
    if lost:
        shown = "NULL" if fallback is None else fallback
        words = f"{table.name}.{column.name} becomes {shown} where it is {' or '.join(map(quote_literal, lost))}"
        said = Loss(table.schema, table.name, column.name, words)
    if (
        isinstance(old, Domain)
        and isinstance(new, Domain)
        and (what := find_lossy_part(old.type, new.type)) is not None
    ):
        said = Loss(table.schema, table.name, column.name, what.format(f"{table.name}.{column.name}"))
    return [Statement(f"{head}TYPE {column.type} USING {using}", loss=said)]


def _map_labels(column: Column, lost: list[str], fallback: str | None) -> str:
    own = quote_identifier(column.name)
    instead = fallback if fallback is not None else "NULL"
    if column.type.endswith("[]"):
        text = f"{own}::text[]"
        for label in lost:
            text = f"array_replace({text}, {quote_literal(label)}, {instead})"
        return f"{text}::{column.type}"
    if not lost:
        return f"{own}::text::{column.type}"
    cases = " ".join(f"WHEN {quote_literal(label)} THEN {instead}" for label in lost)
    return f"(CASE {own}::text {cases} ELSE {own}::text END)::{column.type}"


def _pick_fallback_label(column: Column, new: Enum) -> str | None:
    default = re.match(r"'((?:[^']|'')*)'::", column.default or "")
    if default is not None and default[1].replace("''", "'") in new.labels:
        return f"'{default[1]}'"
    if not column.not_null and not column.type.endswith("[]"):
        return None
    return quote_literal(new.labels[0])
