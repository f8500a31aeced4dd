"""A database's personal columns rewritten, so that no old value is left in its tables, indexes or statistics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from seedbed.seeding.masking.numbering import EMPTYING, Numbers, Part, name_of, number
from seedbed.seeding.masking.replacements import Replacements
from seedbed.seeding.pools import Pools

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


def mask(schema: Schema, database: Database, pools: Pools, *, seed: int) -> Masked:
    """Replace every marked value, the same one by the same everywhere, so that joins hold and what was unique is so.

    One transaction: after a failure or a kill the old values are all there. Tables are written anew, since an UPDATE
    leaves the old rows in their files and the old values in their indexes; where a view, a policy or a generated column
    looks at a marked column, PostgreSQL does not let that be done at once, so the table is updated, and written anew by
    VACUUM FULL after the commit. Materialized views are refreshed, and statistics taken again. What is in the server's
    log, in backups and in Neon's history stays, and so do dead rows of pg_statistic until the server vacuums it.

    Which value stands for which follows from `seed` and from all the values of a kind together, so it is the same each
    time, and nobody finds an old value by trying a single one.

    Raises:
        NothingMasked: no column is marked.
        PersonalUnmarked: columns look personal, and nothing is said of them.
        ColumnNotMaskable: a mark is of no known kind.
        ProtectedEnvironment, MarkedOtherwise, UnmarkedWithRows: the database's mark, or the want of one, forbids it.
        MaskRefused: the new values break a rule of a table.
    """
    replacements = Replacements(pools)
    marked = see_marks(schema, pools)
    refuse_pooler(database, taken_at_its_word=database.url != database.direct)
    with connect(database, application="seedbed mask") as connection:
        refuse_protected(connection, database, Destructive.MASK)
        connection.rollback()
        cursor: Any = connection.connection.cursor()
        try:
            cursor.execute("SET LOCAL row_security = off")  # rows that a policy hides are an error, and not left out
            cursor.execute("SET LOCAL work_mem = '128MB'; SET LOCAL maintenance_work_mem = '256MB'")
            for table in dict.fromkeys(table for table, _, _ in marked):
                cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(name_of(table)))
            parts = [Part.of(cursor, *one) for one in marked]
            numbers, counts = number(cursor, parts, seed)
            updated = _rewrite(cursor, {part: _new_value(cursor, part, numbers, replacements) for part in parts})
            cursor.execute(_VIEWS)
            views = [view for (view,) in cursor.fetchall()]
            for view in views:
                cursor.execute(f"REFRESH MATERIALIZED VIEW {view}")
            connection.connection.commit()
        except psycopg2.Error as error:
            connection.connection.rollback()
            raise MaskRefused(database.name, sentence(error)) from error
        _settle(connection, parts, updated, views)
    pools.keep()
    return Masked(database.name, counts, tuple(table.key for table in updated))


def see_marks(schema: Schema, pools: Pools) -> list[tuple[Table, Column[Any], str]]:
    """The columns that are marked, of a schema that may be masked at all.

    Raises:
        NothingMasked, PersonalUnmarked, ColumnNotMaskable: as for `mask`.
    """
    marked = list(personal(schema))
    known = {*Replacements(pools).kinds, EMPTYING}
    for table, column, kind in marked:
        if kind not in known:
            raise ColumnNotMaskable(f"{table.key}.{column.name}", kind, sorted(known))
    if not marked:
        raise NothingMasked
    if left := unmarked(schema):
        raise PersonalUnmarked(left)
    return marked


def _rewrite(cursor: Any, values: Mapping[Part, sql.Composable]) -> list[Table]:
    """Put the new values in; the tables that could only be updated. Foreign keys over marked columns go meanwhile."""
    names = tuple((_regclass(cursor, part.table), part.column.name) for part in values)
    cursor.execute(_FOREIGN_KEYS, (names,))
    keys = cursor.fetchall()
    for table, name, _ in keys:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    updated = []
    for table in dict.fromkeys(part.table for part in values):
        mine = {part: value for part, value in values.items() if part.table is table}
        cursor.execute("SAVEPOINT rewriting")
        try:
            changes = (
                sql.SQL("ALTER COLUMN {} TYPE {} USING {}").format(part.quoted, sql.SQL(part.type), value)
                for part, value in mine.items()
            )
            cursor.execute(sql.SQL("ALTER TABLE {} {}").format(name_of(table), sql.SQL(", ").join(changes)))
        except psycopg2.errors.FeatureNotSupported:
            cursor.execute("ROLLBACK TO SAVEPOINT rewriting")
            _update(cursor, table, mine)
            updated.append(table)
        cursor.execute("RELEASE SAVEPOINT rewriting")
    for table, name, definition in keys:
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    return updated


def _update(cursor: Any, table: Table, values: Mapping[Part, sql.Composable]) -> None:
    """The same by UPDATE, with no trigger run: nothing about the rows is new. What keeps values apart is made again
    afterwards, since a new value of one row may be an old one of a row that has yet to be updated.
    """
    name, regclass = name_of(table), _regclass(cursor, table)
    cursor.execute(_TRIGGERS, (regclass,))
    triggers = [sql.Identifier(trigger) for (trigger,) in cursor.fetchall()]
    cursor.execute(_UNIQUE, (regclass, [part.column.name for part in values]))
    constraints = cursor.fetchall()
    cursor.execute(_UNIQUE_INDEXES, (regclass,))
    indexes = cursor.fetchall()
    for trigger in triggers:
        cursor.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER {}").format(name, trigger))
    for constraint, _ in constraints:
        cursor.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(name, sql.Identifier(constraint)))
    for index, _ in indexes:
        cursor.execute(f"DROP INDEX {index}")
    changes = (sql.SQL("{} = {}").format(part.quoted, value) for part, value in values.items())
    cursor.execute(sql.SQL("UPDATE {} SET {}").format(name, sql.SQL(", ").join(changes)))
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


def _new_value(cursor: Any, part: Part, numbers: Mapping[str, Numbers], replacements: Replacements) -> sql.Composable:
    if part.kind == EMPTYING:
        return sql.SQL(f"NULL::{part.type}" if part.column.nullable else f"''::{part.type}")
    known = numbers[part.kind]
    number = known.of(part).as_string(cursor)
    value = replacements.value(part.kind, number, count=known.count, longest=known.longest)
    return sql.SQL(f"({value})::{part.type}")


def _settle(connection: Connection, parts: Sequence[Part], updated: Sequence[Table], views: Sequence[str]) -> None:
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


def _regclass(cursor: Any, table: Table) -> str:
    cursor.execute("SELECT %s::regclass::text", (name_of(table).as_string(cursor),))
    name: str = cursor.fetchone()[0]
    return name


def _written(connection: Connection, table: Table) -> str:
    driver: Any = connection.connection.cursor()
    try:
        return name_of(table).as_string(driver)
    finally:
        driver.close()
