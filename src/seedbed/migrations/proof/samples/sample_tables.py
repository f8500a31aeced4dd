"""The tables that get sample rows: what each column accepts, which must differ, and the rows to try."""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from psycopg2 import sql
from sqlalchemy import Connection, text

from seedbed.migrations.proof.row_snapshot import render_project_tables
from seedbed.migrations.proof.samples.sample_values import VALUES_PER_COLUMN, Rows, list_values, longest_text
from seedbed.postgres.quoting import TableName, display_name
from seedbed.postgres.version_table import VERSION_TABLE

_COLUMNS = """
SELECT n.nspname, c.relname, c.relkind = 'p', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       a.attgenerated <> '' OR a.attidentity = 'a', a.atthasdef OR a.attidentity <> '',
       coalesce(base.typname, t.typname),
       coalesce(base.typcategory, t.typcategory), a.atttypmod,
       (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_enum e
         WHERE e.enumtypid = coalesce(base.oid, t.oid)),
       (SELECT string_agg(pg_get_constraintdef(k.oid), ' ') FROM pg_constraint k
         WHERE (k.conrelid = c.oid AND k.contype = 'c' AND a.attnum = ANY (k.conkey)) OR k.contypid = t.oid)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_type base ON base.oid = nullif(t.typbasetype, 0)
WHERE {own_tables}
ORDER BY n.nspname, c.relname, a.attnum
"""

_KEYS = """
SELECT n.nspname, c.relname, pn.nspname, pc.relname,
       (SELECT array_agg(a.attname::text ORDER BY u.i) FROM unnest(k.conkey) WITH ORDINALITY u(n, i)
          JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n),
       (SELECT array_agg(a.attname::text ORDER BY u.i) FROM unnest(k.confkey) WITH ORDINALITY u(n, i)
          JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n)
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class pc ON pc.oid = k.confrelid JOIN pg_namespace pn ON pn.oid = pc.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0
"""

_UNIQUE = """
SELECT n.nspname, c.relname,
       (SELECT array_agg(a.attname::text ORDER BY u.i) FROM unnest(i.indkey::int2[]) WITH ORDINALITY u(n, i)
          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.n)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE i.indisunique AND NOT 0 = ANY (i.indkey::int2[])
"""

TAME_ROWS = 2
"""The number of values of a boolean, so that two rows can differ in every column."""
_HALF = VALUES_PER_COLUMN // 2
"""The first value of a unique column in the second set of rows; a set needs four of the 16 values."""
_NULLS = 0.2


@dataclass(frozen=True)
class SampleColumn:
    name: str
    type: str
    not_null: bool
    is_generated: bool
    has_default: bool
    values: list[str]
    longest_value: str | None
    is_checked: bool
    is_unique: bool = False

    @property
    def is_unconstrained(self) -> bool:
        """Whether no constraint of the table restricts the column."""
        return not (self.is_checked or self.is_unique)


@dataclass
class SampleTable:
    schema: str
    name: str
    partitioned: bool
    columns: list[SampleColumn] = field(default_factory=list)
    foreign_keys: list[tuple[TableName, list[str], list[str]]] = field(default_factory=list)
    model_rows: Rows = ()

    def mark_distinct(self, columns: Sequence[str]) -> None:
        """Make rows differ in one of these columns: the one with the most values that is in no foreign key."""
        referring = {name for _, own_columns, _ in self.foreign_keys for name in own_columns}
        candidates = [c for c in self.columns if c.name in columns and c.name not in referring]
        if candidates and not any(column.is_unique for column in candidates):
            distinct_column = max(candidates, key=lambda column: len(column.values))
            self.columns[self.columns.index(distinct_column)] = replace(distinct_column, is_unique=True)

    @property
    def is_checked(self) -> bool:
        return any(column.is_checked for column in self.columns)

    def model_row(self, number: int) -> dict[str, str | None]:
        """A row that the models generate, without the columns that this database generates or references."""
        if not self.model_rows:
            return {}
        row = self.model_rows[number % len(self.model_rows)]
        referring = {name for _, own_columns, _ in self.foreign_keys for name in own_columns}
        not_null_by_name = {c.name: c.not_null for c in self.columns if not c.is_generated and c.name not in referring}
        return {n: v for n, v in row.items() if n in not_null_by_name and not (v is None and not_null_by_name[n])}

    @property
    def key(self) -> TableName:
        return (self.schema, self.name)

    @property
    def display_name(self) -> str:
        return display_name(self.schema, self.name)

    @property
    def identifier(self) -> sql.Composable:
        return sql.Identifier(self.schema, self.name)


def read_tables(connection: Connection, version_table: str = VERSION_TABLE) -> list[SampleTable]:
    """Read the project's own tables; rows of a partition belong to the whole table."""
    tables: dict[TableName, SampleTable] = {}
    for (
        schema,
        name,
        partitioned,
        column,
        type_name,
        not_null,
        is_generated,
        has_default,
        base,
        category,
        modifier,
        labels,
        checks,
    ) in connection.execute(text(_COLUMNS.format(own_tables=render_project_tables(version_table)))).all():
        table = tables.setdefault((schema, name), SampleTable(schema, name, partitioned))
        values = list_values(type_name, base, category, modifier, labels=labels or (), checks=checks or "")
        longest_value = longest_text(type_name, category)
        table.columns.append(
            SampleColumn(
                column, type_name, not_null, is_generated, has_default, values, longest_value, checks is not None
            )
        )
    for schema, name, parent_schema, parent, own_columns, parent_columns in connection.execute(text(_KEYS)).all():
        if (schema, name) in tables:
            tables[schema, name].foreign_keys.append(((parent_schema, parent), own_columns, parent_columns))
    for schema, name, columns in connection.execute(text(_UNIQUE)).all():
        if (schema, name) in tables:
            tables[schema, name].mark_distinct(columns)
    return list(tables.values())


def sort_by_foreign_keys(tables: list[SampleTable]) -> list[SampleTable]:
    """Sort tables so that parents come first; within a cycle, by name."""
    remaining = {table.key: table for table in tables}
    ordered: list[SampleTable] = []
    while remaining:
        ready = [t for t in remaining.values() if not any(p in remaining and p != t.key for p, _, _ in t.foreign_keys)]
        ordered += [remaining.pop(table.key) for table in ready or [next(iter(remaining.values()))]]
    return ordered


def list_attempts(table: SampleTable, seed: int, random_source: random.Random) -> Iterator[dict[str, str | None]]:
    """A row of plain values, one with every possible NULL, one of unusual values and one of the longest; then mixtures,
    every second one a model row, if there are models.
    """
    writable_columns = [column for column in table.columns if not column.is_generated]
    first = seed * _HALF

    def row(number: int, turns_by_column: Mapping[str, int | None]) -> dict[str, str | None]:
        column_turns = ((c, number if c.is_unique else turns_by_column[c.name]) for c in writable_columns)
        return {
            c.name: None if turns_by_column[c.name] is None or turn is None else _pick(c, turn)
            for c, turn in column_turns
        }

    def constrained_values(number: int) -> dict[str, str | None]:
        unconstrained = {column.name for column in writable_columns if column.is_unconstrained}
        return {name: value for name, value in table.model_row(number).items() if name not in unconstrained}

    yield row(first, {column.name: 0 for column in writable_columns}) | table.model_row(first)
    nulls: dict[str, str | None] = {column.name: None for column in writable_columns if not column.not_null}
    yield row(first + 1, {column.name: 1 for column in writable_columns}) | constrained_values(first + 1) | nulls
    yield (
        row(first + 2, {column.name: 1 for column in writable_columns})
        | constrained_values(first + 2)
        | _pick_unmodelled_values(table, writable_columns)
    )
    for number in itertools.count(first + 3):
        turns_by_column = {column.name: number - first - 1 + random_source.randrange(9) for column in writable_columns}
        null_columns = {
            column.name for column in writable_columns if not column.not_null and random_source.random() < _NULLS
        }
        mixed = row(number, {name: None if name in null_columns else turn for name, turn in turns_by_column.items()})
        if number == first + 3:
            yield (
                mixed
                | constrained_values(number)
                | {
                    c.name: c.longest_value
                    for c in writable_columns
                    if c.is_unconstrained and c.longest_value is not None
                }
            )
        else:
            yield mixed | table.model_row(number) if number % 2 else mixed


def _pick_unmodelled_values(table: SampleTable, writable_columns: list[SampleColumn]) -> dict[str, str | None]:
    """Values that a CHECK names and the models no longer generate, to try a check that becomes narrower."""
    values: dict[str, str | None] = {}
    for column in writable_columns if table.model_rows else []:
        modelled_values = {model_row.get(column.name) for model_row in table.model_rows}
        unmodelled_values = [
            value
            for value in column.values
            if column.is_checked and not column.is_unique and value not in modelled_values
        ]
        if unmodelled_values:
            values[column.name] = unmodelled_values[0]
    return values


def list_tame_attempts(table: SampleTable, seed: int) -> Iterator[dict[str, str | None]]:
    """Rows without NULLs, with different values as long as there are any: model rows, and where these fail, others."""
    writable_columns = [column for column in table.columns if not column.is_generated]
    first = seed * TAME_ROWS

    def row(turn: int) -> dict[str, str | None]:
        return {column.name: _pick(column, turn) for column in writable_columns}

    for turn in itertools.count(first):
        yield row(turn) | table.model_row(turn)
        if table.model_rows and turn > first:
            yield row(turn - 1)


def _pick(column: SampleColumn, turn: int) -> str | None:
    return column.values[turn % len(column.values)] if column.values else None
