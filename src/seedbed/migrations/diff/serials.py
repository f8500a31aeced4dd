"""Serial columns: the sequence that an integer primary key makes for itself."""

from dataclasses import replace

from seedbed.migrations.diff.catalog_diff import CatalogDiff
from seedbed.postgres.catalog.model import Constraint, Sequence, Table

_SERIALS = {"smallint": "smallserial", "integer": "serial", "bigint": "bigserial"}


def is_serial(sequence: Sequence, changes: CatalogDiff) -> bool:
    """Whether a new table's lone primary key brings exactly this sequence, so that it need not be spelled out."""
    if sequence.owned_by is None:
        return False
    schema, table_name, column = sequence.owned_by
    table = changes.added.get(("table", schema, table_name))
    if not isinstance(table, Table) or column not in table.column:
        return False
    usual = replace(
        sequence,
        schema=schema,
        name=f"{table_name}_{column}_seq",
        start=1,
        increment=1,
        minimum=1,
        cache=1,
        cycle=False,
    )
    keys = [c for c in changes.added.values() if isinstance(c, Constraint) and c.type == "p"]
    lone = any(c.columns == (column,) and (c.schema, c.table) == (schema, table_name) for c in keys)
    highest = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}[sequence.type]
    same_type = table.column[column].type == sequence.type and sequence.maximum == highest
    return usual == sequence and lone and same_type


def use_serial_types(table: Table, changes: CatalogDiff) -> Table:
    """The table with its serial columns called so, in place of their defaults."""
    serial = {
        found.owned_by[2]
        for found in changes.added.values()
        if isinstance(found, Sequence) and found.owned_by and found.owned_by[:2] == (table.schema, table.name)
        if is_serial(found, changes)
    }
    columns = tuple(
        replace(column, type=_SERIALS[column.type], default=None) if column.name in serial else column
        for column in table.columns
    )
    return replace(table, columns=columns)
