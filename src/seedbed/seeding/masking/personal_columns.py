"""The personal columns to mask, as the models mark them and as the database has them."""

from dataclasses import dataclass
from typing import Any

from psycopg2 import sql
from sqlalchemy import Column, Table

from seedbed.errors import NoPersonalColumns, UnknownPersonalDataKind, UnmarkedPersonalColumns
from seedbed.schema import Schema
from seedbed.schema.personal_data import find_personal_columns, find_unmarked_columns
from seedbed.seeding.core.faker_pool import FakerPools
from seedbed.seeding.masking.replacements import Replacements

EMPTYING = "null"
"""The kind whose values become NULL, or an empty text in a column that is NOT NULL."""

_COLUMN = """
SELECT format_type(a.atttypid, a.atttypmod) || coalesce(' COLLATE ' || (SELECT c.oid::regcollation::text
    FROM pg_collation c WHERE c.oid = a.attcollation AND a.attcollation <> t.typcollation), ''),
  CASE WHEN t.oid IN ('varchar'::regtype, 'bpchar'::regtype) AND a.atttypmod > 4 THEN a.atttypmod - 4 END
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid = %s::regclass AND a.attname = %s
"""


@dataclass(frozen=True)
class MarkedColumn:
    """A marked column, with its type and its maximum length in the database."""

    table: Table
    column: Column[Any]
    kind: str
    type: str
    max_length: int | None

    @classmethod
    def read(cls, cursor: Any, table: Table, column: Column[Any], kind: str) -> "MarkedColumn":
        cursor.execute(_COLUMN, (name_of(table).as_string(cursor), column.name))
        return cls(table, column, kind, *(cursor.fetchone() or ("text", None)))

    @property
    def key(self) -> str:
        return f"{self.table.key}.{self.column.name}"


def marked_columns(schema: Schema, pools: FakerPools) -> list[tuple[Table, Column[Any], str]]:
    """The columns that the models mark as personal, and the kind of each.

    Raises:
        NoPersonalColumns: no column is marked.
        UnmarkedPersonalColumns: columns look personal and the models do not say whether they are.
        UnknownPersonalDataKind: a kind is unknown.
    """
    marked = list(find_personal_columns(schema))
    known = {*Replacements(pools).kinds, EMPTYING}
    for table, column, kind in marked:
        if kind not in known:
            raise UnknownPersonalDataKind(f"{table.key}.{column.name}", kind, sorted(known))
    if not marked:
        raise NoPersonalColumns
    if left := find_unmarked_columns(schema):
        raise UnmarkedPersonalColumns(left)
    return marked


def name_of(table: Table) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name) if table.schema else sql.Identifier(table.name)
