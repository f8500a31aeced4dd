"""The columns that the models mark as personal."""

from dataclasses import dataclass
from typing import Any

from psycopg2 import sql
from sqlalchemy import Column, Table

from seedbed.errors import NoPersonalColumns, UnknownPersonalDataKind, UnmarkedPersonalColumns
from seedbed.schema import Schema
from seedbed.schema.declarations import find_personal_columns, find_unmarked_columns
from seedbed.seeding.core.faker_pool import FakerPools
from seedbed.seeding.masking.replacements import Replacements

NULL_KIND = "null"
"""The kind whose values become NULL, or an empty text in a NOT NULL column."""

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
        cursor.execute(_COLUMN, (build_identifier(table).as_string(cursor), column.name))
        return cls(table, column, kind, *(cursor.fetchone() or ("text", None)))

    @property
    def key(self) -> str:
        return f"{self.table.key}.{self.column.name}"


def find_marked_columns(schema: Schema, pools: FakerPools) -> list[tuple[Table, Column[Any], str]]:
    """Find the columns that the models mark as personal, each with its kind.

    Raises:
        NoPersonalColumns: no column is marked.
        UnmarkedPersonalColumns: columns look personal and are not marked.
        UnknownPersonalDataKind: a kind is unknown.
    """
    marked = list(find_personal_columns(schema))
    known = {*Replacements(pools).kinds, NULL_KIND}
    for table, column, kind in marked:
        if kind not in known:
            raise UnknownPersonalDataKind(f"{table.key}.{column.name}", kind, sorted(known))
    if not marked:
        raise NoPersonalColumns
    if unmarked := find_unmarked_columns(schema):
        raise UnmarkedPersonalColumns(unmarked)
    return marked


def build_identifier(table: Table) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name) if table.schema else sql.Identifier(table.name)
