"""Sequences, standalone or of serial columns, created, altered and dropped."""

import re

from seedbed.migrations.diff.statement import Loss, Statement
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Column, Sequence, Table
from seedbed.postgres.quoting import quote_identifier, quote_literal, quote_qualified


def create(sequence: Sequence) -> list[Statement]:
    """Create a sequence without its owner, since the column may not exist yet."""
    return [
        Statement(
            f"CREATE SEQUENCE {quote_qualified(sequence.schema, sequence.name)} AS {sequence.type} {_options(sequence)}"
        )
    ]


def drop(sequence: Sequence, *, is_value_saved: bool = False) -> list[Statement]:
    """Drop a sequence, and with it its last value, unless that `is_value_saved` for another sequence."""
    loss = Loss(sequence.schema, sequence.name, None, f"where {sequence.name} has counted to")
    sql = f"DROP SEQUENCE {quote_qualified(sequence.schema, sequence.name)}"
    return [Statement(sql, loss=None if is_value_saved else loss)]


def alter(old: Sequence, new: Sequence) -> list[Statement]:
    sequence_name = quote_qualified(new.schema, new.name)
    statements = []
    type_clause = f" AS {new.type}" if old.type != new.type else ""
    if type_clause or _options(old) != _options(new):
        statements.append(f"ALTER SEQUENCE {sequence_name}{type_clause} {_options(new)}")
    return [Statement(sql) for sql in statements]


def rename(old: Sequence, new: Sequence) -> Statement:
    return Statement(f"ALTER SEQUENCE {quote_qualified(old.schema, old.name)} RENAME TO {quote_identifier(new.name)}")


def set_owner(sequence: Sequence) -> list[Statement]:
    """Set the column that owns a sequence, so that both are dropped together."""
    sequence_name = quote_qualified(sequence.schema, sequence.name)
    if sequence.owned_by is None:
        return [Statement(f"ALTER SEQUENCE {sequence_name} OWNED BY NONE")]
    schema, table, column = sequence.owned_by
    return [
        Statement(
            f"ALTER SEQUENCE {sequence_name} OWNED BY {quote_qualified(schema, table)}.{quote_identifier(column)}"
        )
    ]


def has_own_sequence(catalog: Catalog, table: Table, column: Column) -> bool:
    """Whether a column owns a sequence that is not an identity's."""
    path = (table.schema, table.name, column.name)
    return any(isinstance(obj, Sequence) and obj.owned_by == path for obj in catalog.objects.values())


def save_last_value(table: Table, column: Column) -> Statement:
    """Save the last value of a column's sequence until the end of the transaction."""
    last_value = f"pg_sequence_last_value({_column_sequence(table, column)}::regclass)::text"
    return Statement(f"SELECT set_config({_setting_name(table, column)}, {last_value}, true)")


def continue_numbering(
    table: Table, column: Column, sequence: Sequence | None = None, *, is_value_saved: bool
) -> Statement:
    """Continue a sequence after the largest value of the rows, and after the saved last value if `is_value_saved`.

    Without `sequence` it is the column's own one.
    """
    sequence_sql = (
        quote_literal(quote_qualified(sequence.schema, sequence.name)) if sequence else _column_sequence(table, column)
    )
    greatest = f"max({quote_identifier(column.name)})"
    if is_value_saved:
        greatest = f"greatest({greatest}, nullif(current_setting({_setting_name(table, column)}), '')::bigint)"
    rows = f"SELECT {greatest} AS last FROM {quote_qualified(table.schema, table.name)}"
    return Statement(f"SELECT setval({sequence_sql}, coalesce(last, 1), last IS NOT NULL) FROM ({rows}) AS counted")


def _column_sequence(table: Table, column: Column) -> str:
    table_name = quote_literal(quote_qualified(table.schema, table.name))
    return f"pg_get_serial_sequence({table_name}, {quote_literal(column.name)})"


def _setting_name(table: Table, column: Column) -> str:
    return quote_literal("seedbed.last_" + re.sub(r"[^a-z0-9]", "_", f"{table.name}_{column.name}".lower()))


def _options(sequence: Sequence) -> str:
    return (
        f"INCREMENT {sequence.increment} MINVALUE {sequence.minimum} MAXVALUE {sequence.maximum}"
        f" START {sequence.start} CACHE {sequence.cache} {'CYCLE' if sequence.cycle else 'NO CYCLE'}"
    )
