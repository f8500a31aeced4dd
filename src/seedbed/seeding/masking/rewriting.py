"""A database's personal columns rewritten, so that no old value is left in its tables, indexes or statistics."""

import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from psycopg2 import sql
from sqlalchemy import Column, Connection, Table
from sqlalchemy.exc import DBAPIError

from seedbed.errors import ColumnNotMaskable, MaskRefused, NothingMasked, PersonalUnmarked
from seedbed.modelling import Schema
from seedbed.modelling.personal import personal, unmarked
from seedbed.postgres.connecting import connect, sentence
from seedbed.postgres.databases import Database, refuse_pooler
from seedbed.postgres.marks import Destructive, refuse_protected
from seedbed.postgres.quoting import DIALECT
from seedbed.seeding.masking.replacements import Replacements
from seedbed.seeding.pools import Pools

_EMPTYING = "null"
"""The kind whose values become NULL, or an empty text where there must be one."""

_FOREIGN_KEYS = """
SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'f' AND conparentid = 0 AND EXISTS (
  SELECT FROM pg_attribute a WHERE (a.attrelid = conrelid AND a.attnum = ANY (conkey) OR
    a.attrelid = confrelid AND a.attnum = ANY (confkey)) AND (a.attrelid::regclass::text, a.attname::text) IN %s)
"""
_TRIGGERS = "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgenabled = 'O'"
_UNIQUE = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('u', 'x')
  AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey) AND attname = ANY (%s))
"""
_UNIQUE_INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index i WHERE indrelid = %s::regclass
  AND indisunique AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
"""
_VIEWS = """
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND c.relispopulated ORDER BY c.oid
"""


@dataclass(frozen=True)
class Masked:
    """How many different values each column had that were replaced, by `user.email`; and tables whose columns something
    looks at, which were updated and then written anew.
    """

    database: str
    columns: Mapping[str, int]
    updated: tuple[str, ...]


@dataclass
class _Part:
    """A marked column."""

    table: Table
    column: Column[Any]
    kind: str
    quoted: sql.Composable = field(init=False)

    def __post_init__(self) -> None:
        self.quoted = sql.Identifier(self.column.name)

    @property
    def place(self) -> sql.Composable:
        return _name(self.table)

    @property
    def type(self) -> str:
        return str(self.column.type.compile(DIALECT))


def mask(schema: Schema, database: Database, pools: Pools, *, seed: int) -> Masked:
    """Replace every marked value, the same one by the same everywhere, so that joins hold and what was unique is so.

    One transaction: after a failure or a kill the old values are all there. Tables are written anew, since an UPDATE
    leaves the old rows in their files and the old values in their indexes; where a view, a policy or a generated column
    looks at a marked column, PostgreSQL does not let that be done at once, so the table is updated, and written anew by
    VACUUM FULL after the commit. Materialized views are refreshed, and statistics taken again. What is in the server's
    log, in backups and in Neon's history stays, and so do dead rows of pg_statistic until the server vacuums it.

    Which value stands for which follows from `seed` and from the values of the column together, so it is the same each
    time, and nobody finds an old value by trying a single one.

    Raises:
        NothingMasked: no column is marked.
        PersonalUnmarked: columns look personal, and nothing is said of them.
        ColumnNotMaskable: a mark is of no known kind.
        ProtectedEnvironment, MarkedOtherwise, UnmarkedWithRows: the database's mark, or the want of one, forbids it.
        MaskRefused: the new values break a rule of a table.
    """
    replacements = Replacements(pools)
    parts = [_Part(table, column, kind) for table, column, kind in personal(schema)]
    _refuse(schema, parts, replacements)
    refuse_pooler(database, taken_at_its_word=database.url != database.direct)
    with connect(database, application="seedbed mask") as connection:
        refuse_protected(connection, database, Destructive.MASK)
        connection.rollback()
        cursor: Any = connection.connection.cursor()
        try:
            counts = _make_maps(cursor, parts, replacements, seed)
            updated = _rewrite(cursor, parts)
            cursor.execute(_VIEWS)
            views = [view for (view,) in cursor.fetchall()]
            for view in views:
                cursor.execute(f"REFRESH MATERIALIZED VIEW {view}")
            connection.connection.commit()
        except psycopg2.Error as error:
            connection.connection.rollback()
            raise MaskRefused(database.name, sentence(error)) from error
        _settle(connection, parts, updated, views)
    return Masked(database.name, counts, tuple(table.key for table in updated))


def _refuse(schema: Schema, parts: Sequence[_Part], replacements: Replacements) -> None:
    for part in parts:
        if part.kind not in {*replacements.kinds, _EMPTYING}:
            known = sorted([*replacements.kinds, _EMPTYING])
            raise ColumnNotMaskable(f"{part.table.key}.{part.column.name}", part.kind, known)
    if not parts:
        raise NothingMasked
    if left := unmarked(schema):
        raise PersonalUnmarked(left)


def _make_maps(cursor: Any, parts: Sequence[_Part], replacements: Replacements, seed: int) -> dict[str, int]:
    """A table for each kind, from an old value to the new one; the old ones never leave the server."""
    by_kind: dict[str, list[_Part]] = defaultdict(list)
    for part in parts:
        by_kind[part.kind].append(part)
    for table in dict.fromkeys(part.table for part in parts):
        cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(_name(table)))
    counts: dict[str, int] = {}
    for kind, mine in by_kind.items():
        for part in mine:
            cursor.execute(sql.SQL("SELECT count(DISTINCT {}::text) FROM {}").format(part.quoted, part.place))
            counts[f"{part.table.key}.{part.column.name}"] = cursor.fetchone()[0]
        if kind != _EMPTYING:
            _make_map(cursor, kind, mine, replacements, seed)
    return counts


def _make_map(cursor: Any, kind: str, parts: Sequence[_Part], replacements: Replacements, seed: int) -> None:
    every = sql.SQL(" UNION ").join(
        sql.SQL("SELECT DISTINCT {}::text AS value FROM {}").format(part.quoted, part.place) for part in parts
    )
    numbered, mapped = (sql.Identifier("pg_temp", f"seedbed_{name}_{kind}") for name in ("old", "new"))
    cursor.execute(
        sql.SQL(
            "CREATE TEMP TABLE {} ON COMMIT DROP AS"
            " SELECT value, row_number() OVER (ORDER BY md5({} || value)) - 1 AS n FROM ({}) AS every"
            " WHERE value IS NOT NULL"
        ).format(sql.Identifier(f"seedbed_old_{kind}"), sql.Literal(f"{seed}/{kind}/"), every)
    )
    cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(numbered))
    lengths = [length for part in parts if isinstance(length := getattr(part.column.type, "length", None), int)]
    longest = min(lengths, default=None)
    made = "".join(f"{n}\t{replacements.value(kind, n, longest)}\n" for n in range(cursor.fetchone()[0]))
    cursor.execute(
        sql.SQL("CREATE TEMP TABLE {} (n bigint, value text) ON COMMIT DROP").format(
            sql.Identifier(f"seedbed_made_{kind}")
        )
    )
    cursor.copy_expert(f"COPY pg_temp.seedbed_made_{kind} FROM STDIN", io.StringIO(made))
    cursor.execute(
        sql.SQL(
            "CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT old.value AS old, made.value AS new FROM {} AS old"
            " JOIN {} AS made USING (n)"
        ).format(sql.Identifier(f"seedbed_new_{kind}"), numbered, sql.Identifier("pg_temp", f"seedbed_made_{kind}"))
    )
    cursor.execute(sql.SQL("CREATE UNIQUE INDEX ON {} (old)").format(mapped))
    cursor.execute(sql.SQL("ANALYZE {}").format(mapped))
    cursor.execute(
        sql.SQL(
            "CREATE FUNCTION {}(text) RETURNS text LANGUAGE plpgsql STABLE AS $$"
            " BEGIN RETURN (SELECT new FROM {} WHERE old = $1); END $$"
        ).format(sql.Identifier("pg_temp", f"seedbed_mask_{kind}"), mapped)
    )


def _rewrite(cursor: Any, parts: Sequence[_Part]) -> list[Table]:
    """Put the new values in; the tables that could only be updated. Foreign keys over marked columns go meanwhile."""
    names = tuple((_regclass(cursor, part.table), part.column.name) for part in parts)
    cursor.execute(_FOREIGN_KEYS, (names,))
    keys = cursor.fetchall()
    for table, name, _ in keys:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    updated = []
    for table in dict.fromkeys(part.table for part in parts):
        mine = [part for part in parts if part.table is table]
        cursor.execute("SAVEPOINT rewriting")
        try:
            changes = (
                sql.SQL("ALTER COLUMN {} TYPE {} USING {}").format(part.quoted, sql.SQL(part.type), _new_value(part))
                for part in mine
            )
            cursor.execute(sql.SQL("ALTER TABLE {} {}").format(_name(table), sql.SQL(", ").join(changes)))
        except psycopg2.errors.FeatureNotSupported:
            cursor.execute("ROLLBACK TO SAVEPOINT rewriting")
            _update(cursor, table, mine)
            updated.append(table)
        cursor.execute("RELEASE SAVEPOINT rewriting")
    for table, name, definition in keys:
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    return updated


def _update(cursor: Any, table: Table, parts: Sequence[_Part]) -> None:
    """The same by UPDATE, with no trigger run: nothing about the rows is new. What keeps values apart is made again
    afterwards, since a new value of one row may be an old one of a row that has yet to be updated.
    """
    name, regclass = _name(table), _regclass(cursor, table)
    cursor.execute(_TRIGGERS, (regclass,))
    triggers = [sql.Identifier(trigger) for (trigger,) in cursor.fetchall()]
    cursor.execute(_UNIQUE, (regclass, [part.column.name for part in parts]))
    constraints = cursor.fetchall()
    cursor.execute(_UNIQUE_INDEXES, (regclass,))
    indexes = cursor.fetchall()
    for trigger in triggers:
        cursor.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER {}").format(name, trigger))
    for constraint, _ in constraints:
        cursor.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(name, sql.Identifier(constraint)))
    for index, _ in indexes:
        cursor.execute(f"DROP INDEX {index}")
    values = (sql.SQL("{} = {}").format(part.quoted, _new_value(part)) for part in parts)
    cursor.execute(sql.SQL("UPDATE {} SET {}").format(name, sql.SQL(", ").join(values)))
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for constraint, definition in constraints:
        added = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(
            name, sql.Identifier(constraint), sql.SQL(definition)
        )
        cursor.execute(added)
    for _, definition in indexes:
        cursor.execute(definition)
    for trigger in triggers:
        cursor.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER {}").format(name, trigger))


def _new_value(part: _Part) -> sql.Composable:
    kind = sql.SQL(part.type)
    if part.kind == _EMPTYING:
        return sql.SQL("NULL::{}" if part.column.nullable else "''::{}").format(kind)
    function = sql.Identifier("pg_temp", f"seedbed_mask_{part.kind}")
    return sql.SQL("{}({}::text)::{}").format(function, part.quoted, kind)


def _settle(connection: Connection, parts: Sequence[_Part], updated: Sequence[Table], views: Sequence[str]) -> None:
    """Write anew what was updated, and take statistics: the old ones hold old values."""
    alone = connection.execution_options(isolation_level="AUTOCOMMIT")
    try:
        for table in updated:
            alone.exec_driver_sql(f"VACUUM (FULL) {_written(alone, table)}")
        for table in dict.fromkeys(part.table for part in parts):
            alone.exec_driver_sql(f"ANALYZE {_written(alone, table)}")
        for view in views:
            alone.exec_driver_sql(f"ANALYZE {view}")
    except DBAPIError as error:
        raise MaskRefused(connection.engine.url.database or "the database", sentence(error)) from error


def _name(table: Table) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name) if table.schema else sql.Identifier(table.name)


def _regclass(cursor: Any, table: Table) -> str:
    cursor.execute("SELECT %s::regclass::text", (_name(table).as_string(cursor),))
    name: str = cursor.fetchone()[0]
    return name


def _written(connection: Connection, table: Table) -> str:
    driver: Any = connection.connection.cursor()
    try:
        return _name(table).as_string(driver)
    finally:
        driver.close()
