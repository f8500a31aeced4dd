"""A plan loaded into a database: one transaction, one connection, COPY."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from psycopg2 import Error as DriverError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from seedbed.errors import RowsRefused, SeedbedError, TablesNotEmpty
from seedbed.postgres.connecting import connect, sentence
from seedbed.postgres.databases import Database, refuse_pooler
from seedbed.postgres.marks import Destructive, agree, refuse_protected
from seedbed.postgres.quoting import column_name, table_name
from seedbed.seeding.clearing import clear, occupied, see_that_tables_exist
from seedbed.seeding.encoding import lines
from seedbed.seeding.plan import SeedPlan, TablePlan
from seedbed.seeding.records import record, recorded, seeding_alone

_READ_BYTES = 1 << 20
_REFUSALS = ("22", "23", "27", "44", "P0")
"""Classes of SQLSTATE that blame a row: bad data, broken constraints, and what triggers and views say no to."""


@dataclass(frozen=True)
class Seeded:
    """What a run did; `loaded` is false where the same rows were there already."""

    database: str
    content: str
    loaded: bool
    rows: dict[str, int]


def run(plan: SeedPlan, database: Database, *, revision: str | None, replace: bool = False) -> Seeded:
    """Load a plan, unless the same rows are there already.

    All of it is one transaction: after a failure, or a kill, the database is as it was. Of several runs at once the
    first loads and the others find its rows. `revision` is what the database is at, and is written down beside the
    rows. `replace` first empties the tables of the plan.

    Raises:
        ProtectedEnvironment, MarkedOtherwise, UnmarkedWithRows: its own mark, or the want of one, forbids it.
        TablesMissing: the database lacks a table or a column of the plan.
        TablesNotEmpty: there are other rows, and `replace` was not asked for.
        RowsReferredTo: they cannot go, since rows of other tables need them.
        RowsRefused: a row breaks a rule of the schema.
        SeedsNotUsable: a value in the seeds cannot be made, or does not fit its column.
    """
    refuse_pooler(database, taken_at_its_word=database.url != database.direct)
    counts = {table.name: table.count for table in plan.tables}
    with connect(database, application="seedbed seed") as connection:
        refuse_protected(connection, database, Destructive.SEED)
        seeding_alone(connection)
        agree(connection, database, "seed")
        see_that_tables_exist(connection, database, plan)
        found = occupied(connection, plan)
        if found and not replace:
            if recorded(connection) != plan.content:
                raise TablesNotEmpty(database.name, found)
            connection.commit()
            return Seeded(database.name, plan.content, loaded=False, rows=counts)
        if found:
            clear(connection, plan)
        for table in plan.tables:
            _copy(connection, table)
            _advance_sequences(connection, table)
        record(connection, plan, revision)
        _check_deferred(connection)
        connection.commit()
    return Seeded(database.name, plan.content, loaded=True, rows=counts)


def _copy(connection: Connection, table: TablePlan) -> None:
    names = ", ".join(column_name(name) for name in table.fillings)
    statement = f"COPY {table_name(table.sql)} ({names}) FROM STDIN (ENCODING 'UTF8')"
    driver: Any = connection.connection.cursor()
    reader = _Reader(lines(table))
    try:
        driver.copy_expert(statement, reader, size=_READ_BYTES)
    except DriverError as error:
        if reader.failure is not None:
            raise reader.failure from error
        if _blames_a_row(error):
            raise RowsRefused(table.name, sentence(error)) from error
        raise
    finally:
        driver.close()


class _Reader(io.RawIOBase):
    """Chunks as the file that psycopg2's COPY reads from.

    What goes wrong in the making of a chunk reaches PostgreSQL as an aborted COPY, and comes back as its error;
    `failure` keeps what it was.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = memoryview(b"")
        self.failure: SeedbedError | None = None

    def read(self, size: int = -1) -> bytes:
        if not self._left:
            try:
                self._left = memoryview(next(self._chunks, b""))
            except SeedbedError as error:
                self.failure = error
                raise
        taken, self._left = (self._left, memoryview(b"")) if size < 0 else (self._left[:size], self._left[size:])
        return bytes(taken)


def _advance_sequences(connection: Connection, table: TablePlan) -> None:
    """COPY gives columns their values and leaves their sequences behind; the next insert would collide."""
    quoted = table_name(table.sql)
    for name in table.fillings if table.count else ():
        sequence = connection.execute(
            text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": quoted, "column": name}
        ).scalar()
        if sequence is not None:
            connection.execute(
                text(
                    f"SELECT setval(:sequence, last) FROM (SELECT max({column_name(name)}) AS last FROM {quoted}) AS f"
                    " WHERE last >= (SELECT seqmin FROM pg_sequence WHERE seqrelid = CAST(:sequence AS regclass))"
                ),
                {"sequence": sequence},
            )


def _check_deferred(connection: Connection) -> None:
    """Have constraints that wait for the commit say now what they would say then."""
    try:
        connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    except DBAPIError as error:
        if not isinstance(error.orig, DriverError) or not _blames_a_row(error.orig):
            raise
        raise RowsRefused(str(error.orig.diag.table_name), sentence(error)) from error


def _blames_a_row(error: DriverError) -> bool:
    return (error.pgcode or "").startswith(_REFUSALS)
