"""User-defined types: created, altered and dropped, or replaced by a new type to which columns are converted."""

import re

from seedbed.migrations.diff.statement import Loss, Statement
from seedbed.migrations.diff.types.conversion_rules import find_lossy_part, is_text
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import (
    Column,
    Composite,
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

UserType = Enum | Domain | Composite


def create(user_type: UserType, *, name: str | None = None) -> list[Statement]:
    type_name = quote_qualified(user_type.schema, name or user_type.name)
    match user_type:
        case Enum():
            return [Statement(f"CREATE TYPE {type_name} AS ENUM ({', '.join(map(quote_literal, user_type.labels))})")]
        case Composite():
            return [Statement(f"CREATE TYPE {type_name} AS {user_type.definition}")]
        case Domain():
            parts = [f"CREATE DOMAIN {type_name} AS {user_type.type}"]
            parts += [f"COLLATE {user_type.collation}"] if user_type.collation else []
            parts += [f"DEFAULT {user_type.default}"] if user_type.default is not None else []
            parts += ["NOT NULL"] if user_type.not_null else []
            parts += [
                f"CONSTRAINT {quote_identifier(check_name)} {definition}" for check_name, definition in user_type.checks
            ]
            return [Statement(" ".join(parts))]


def drop(user_type: UserType) -> list[Statement]:
    type_keyword = "DOMAIN" if isinstance(user_type, Domain) else "TYPE"
    return [Statement(f"DROP {type_keyword} {quote_qualified(user_type.schema, user_type.name)}")]


def alter_domain(old: Domain, new: Domain) -> list[Statement] | None:
    """Alter a domain, or None where its base type changes, so that it must be replaced."""
    if (old.type, old.collation) != (new.type, new.collation):
        return None
    head = f"ALTER DOMAIN {quote_qualified(new.schema, new.name)}"
    before, after = dict(old.checks), dict(new.checks)
    statements = [f"{head} DROP CONSTRAINT {quote_identifier(t)}" for t, d in old.checks if after.get(t) != d]
    if old.default != new.default:
        statements.append(f"{head} SET DEFAULT {new.default}" if new.default is not None else f"{head} DROP DEFAULT")
    if old.not_null != new.not_null:
        statements.append(f"{head} {'SET' if new.not_null else 'DROP'} NOT NULL")
    statements += [f"{head} ADD CONSTRAINT {quote_identifier(t)} {d}" for t, d in new.checks if before.get(t) != d]
    return [Statement(sql) for sql in statements]


def add_labels(old: Enum, new: Enum) -> list[Statement] | None:
    """Add labels to an enum, or None where labels were removed or reordered."""
    kept_labels = [label for label in new.labels if label in old.labels]
    if kept_labels != list(old.labels):
        return None
    statements = []
    for position, label in enumerate(new.labels):
        if label in old.labels:
            continue
        if position:
            position_clause = f" AFTER {quote_literal(new.labels[position - 1])}"
        else:
            position_clause = f" BEFORE {quote_literal(old.labels[0])}" if old.labels else ""
        statements.append(
            f"ALTER TYPE {quote_qualified(new.schema, new.name)} ADD VALUE {quote_literal(label)}{position_clause}"
        )
    return [Statement(sql) for sql in statements]


def uses_new_labels(old: Enum, new: Enum, after: Catalog) -> bool:
    """Whether an object of the new schema uses a label that the old enum lacks.

    A new label cannot be used in the transaction that adds it, so such an enum is replaced.
    """
    new_labels = [quote_literal(label) for label in new.labels if label not in old.labels]
    texts: list[str] = []
    for obj in after.objects.values():
        match obj:
            case Table():
                texts += [column.default or "" for column in obj.columns]
            case Constraint() | Index() | View() | Trigger() | Function():
                texts.append(obj.definition)
            case Policy():
                texts += [obj.using or "", obj.check or ""]
            case Domain():
                texts += [obj.default or "", *(definition for _, definition in obj.checks)]
    return any(label in text for label in new_labels for text in texts)


def rename_replaced_type(old_type: UserType) -> list[Statement]:
    """Rename the old type, so that the new one can have its name."""
    type_keyword = "DOMAIN" if isinstance(old_type, Domain) else "TYPE"
    type_name, new_name = quote_qualified(old_type.schema, old_type.name), quote_identifier(_replaced_name(old_type))
    return [Statement(f"ALTER {type_keyword} {type_name} RENAME TO {new_name}")]


def drop_replaced_type(old_type: UserType) -> list[Statement]:
    type_keyword = "DOMAIN" if isinstance(old_type, Domain) else "TYPE"
    return [Statement(f"DROP {type_keyword} {quote_qualified(old_type.schema, _replaced_name(old_type))}")]


def _replaced_name(old_type: UserType) -> str:
    return truncate_identifier(old_type.name, "__replaced")


def convert_column(table: Table, column: Column, old: object, new: object, using: str | None) -> list[Statement]:
    """Convert a column to the new type of the same name. Values with removed labels become another one, which is a
    loss.

    `using` is a hint's expression of the old value: it gives a value of either type, or a text.
    """
    head = f"ALTER TABLE {quote_qualified(table.schema, table.name)} ALTER COLUMN {quote_identifier(column.name)} "
    if using is not None:
        description = f"what {table.name}.{column.name} was, where {using} makes another value of it"
        hint_loss = Loss(table.schema, table.name, column.name, description)
        value = f"({using})::text::{column.type}" if isinstance(new, Enum) else f"({using})"
        return [Statement(f"{head}TYPE {column.type} USING {value}", loss=hint_loss)]
    removed_labels: list[str] = []
    fallback: str | None = None
    if isinstance(old, Enum) and isinstance(new, Enum):
        removed_labels = [label for label in old.labels if label not in new.labels]
        fallback = _pick_fallback_label(column, new)
    using = _map_labels(column, removed_labels, fallback)
    if isinstance(new, Domain) and is_text(new.type) and not column.type.endswith("[]"):
        using = f"{quote_identifier(column.name)}::text"  # a cast to the domain would truncate longer values
    loss: Loss | None = None
    if removed_labels:
        replacement = "NULL" if fallback is None else fallback
        labels = " or ".join(map(quote_literal, removed_labels))
        description = f"{table.name}.{column.name} becomes {replacement} where it is {labels}"
        loss = Loss(table.schema, table.name, column.name, description)
    if (
        isinstance(old, Domain)
        and isinstance(new, Domain)
        and (lost_part := find_lossy_part(old.type, new.type)) is not None
    ):
        loss = Loss(table.schema, table.name, column.name, lost_part.format(f"{table.name}.{column.name}"))
    return [Statement(f"{head}TYPE {column.type} USING {using}", loss=loss)]


def _map_labels(column: Column, removed_labels: list[str], fallback: str | None) -> str:
    column_name = quote_identifier(column.name)
    replacement = fallback if fallback is not None else "NULL"
    if column.type.endswith("[]"):
        text = f"{column_name}::text[]"
        for label in removed_labels:
            text = f"array_replace({text}, {quote_literal(label)}, {replacement})"
        return f"{text}::{column.type}"
    if not removed_labels:
        return f"{column_name}::text::{column.type}"
    cases = " ".join(f"WHEN {quote_literal(label)} THEN {replacement}" for label in removed_labels)
    return f"(CASE {column_name}::text {cases} ELSE {column_name}::text END)::{column.type}"


def _pick_fallback_label(column: Column, new: Enum) -> str | None:
    default = re.match(r"'((?:[^']|'')*)'::", column.default or "")
    if default is not None and default[1].replace("''", "'") in new.labels:
        return f"'{default[1]}'"
    if not column.not_null and not column.type.endswith("[]"):
        return None
    return quote_literal(new.labels[0])
