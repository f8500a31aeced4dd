"""Serial columns: an integer primary key with the sequence that PostgreSQL creates for it."""

from dataclasses import replace

from seedbed.migrations.diff.catalog_diff import CatalogDiff
from seedbed.postgres.catalog.model import Constraint, Sequence, Table

_SERIALS = {"smallint": "smallserial", "integer": "serial", "bigint": "bigserial"}


def is_serial(sequence: Sequence, diff: CatalogDiff) -> bool:
    """Whether a new table's sole primary key creates exactly this sequence, so that no statement needs to."""
    if sequence.owned_by is None:
        return False
    schema, table_name, column = sequence.owned_by
    table = diff.added.get(("table", schema, table_name))
    if not isinstance(table, Table) or column not in table.columns_by_name:
        return False
    default_sequence = replace(
        sequence,
        schema=schema,
        name=f"{table_name}_{column}_seq",
        start=1,
        increment=1,
        minimum=1,
        cache=1,
        cycle=False,
    )
    keys = [c for c in diff.added.values() if isinstance(c, Constraint) and c.type == "p"]
    is_sole_key = any(c.columns == (column,) and (c.schema, c.table) == (schema, table_name) for c in keys)
    highest = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}[sequence.type]
    has_type_range = table.columns_by_name[column].type == sequence.type and sequence.maximum == highest
    return default_sequence == sequence and is_sole_key and has_type_range


def use_serial_types(table: Table, diff: CatalogDiff) -> Table:
    """The table with serial types in place of its columns' sequence defaults."""
    serial_columns = {
        obj.owned_by[2]
        for obj in diff.added.values()
        if isinstance(obj, Sequence) and obj.owned_by and obj.owned_by[:2] == (table.schema, table.name)
        if is_serial(obj, diff)
    }
    columns = tuple(
        replace(column, type=_SERIALS[column.type], default=None) if column.name in serial_columns else column
        for column in table.columns
    )
    return replace(table, columns=columns)
