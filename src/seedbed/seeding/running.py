"""A plan loaded into a database: one transaction, one connection, COPY."""

import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from psycopg2 import Error as DriverError
from sqlalchemy import Column, Connection, text
from sqlalchemy.exc import DBAPIError

from seedbed.errors import RowsRefused, TablesNotEmpty
from seedbed.postgres.connecting import connect, sentence
from seedbed.postgres.databases import Database, refuse_pooler
from seedbed.postgres.marks import Destructive, agree, ensure_records, refuse_protected
from seedbed.postgres.quoting import DIALECT, column_name, table_name
from seedbed.seeding.plan import SeedPlan, TablePlan, ordered_rows

_CHUNK = 10_000
_KEY = 0x5EED4
"""The advisory lock of a run: CREATE TABLE IF NOT EXISTS looks first and makes after, so two at once both make."""
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True)
class Seeded:
    """What a run did; `loaded` is false where the same rows were there already."""

    database: str
    content: str
    loaded: bool
    rows: dict[str, int]


def run(
    plan: SeedPlan,
    database: Database,
    *,
    revision: str | None,
    replace: bool = False,
    progress: Callable[[str, int], None] = lambda _table, _rows: None,
) -> Seeded:
    """Load a plan, unless the same rows are there already.

    All of it is one transaction: after a failure, or a kill, the database is as it was. `revision` is what the
    database is at, and is written down beside the rows. `replace` first empties the tables of the plan, and those
    that refer to them are a refusal.

    Raises:
        ProtectedEnvironment, MarkedOtherwise, UnmarkedWithRows: its own mark, or the want of one, forbids it.
        TablesNotEmpty: there are other rows, and `replace` was not asked for.
        RowsRefused: a row breaks a rule of the schema.
    """
    refuse_pooler(database, taken_at_its_word=database.url != database.direct)
    counts = {table.name: table.count for table in plan.tables}
    with connect(database, application="seedbed seed") as connection:
        refuse_protected(connection, database, Destructive.SEED)
        agree(connection, database, "seed")
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _KEY})
        _ensure_table(connection)
        occupied = _occupied(connection, plan)
        if occupied and not replace and _recorded(connection) == plan.content:
            connection.commit()
            return Seeded(database.name, plan.content, loaded=False, rows=counts)
        if occupied and not replace:
            raise TablesNotEmpty(database.name, occupied)
        if occupied:
            _truncate(connection, plan)
        for table in plan.tables:
            _copy(connection, table)
            _advance_identities(connection, table)
            progress(table.name, table.count)
        _record(connection, plan, revision, counts)
        connection.commit()
    return Seeded(database.name, plan.content, loaded=True, rows=counts)


def _copy(connection: Connection, table: TablePlan) -> None:
    names = ", ".join(column_name(column.name) for column in table.columns)
    statement = f"COPY {table_name(table.sql)} ({names}) FROM STDIN"
    driver: Any = connection.connection.cursor()
    try:
        driver.copy_expert(statement, _Reader(_lines(table)))
    except DriverError as error:
        raise RowsRefused(table.name, sentence(error)) from error
    finally:
        driver.close()


def _lines(table: TablePlan) -> Iterator[bytes]:
    encoders = [_encoder(table.sql.columns[column.name]) for column in table.columns]
    for start in range(0, table.count, _CHUNK):
        rows = ordered_rows(table, range(start, min(start + _CHUNK, table.count)))
        yield "".join(_line(encoders, row) for row in rows).encode()


def _line(encoders: Sequence[Callable[[Any], str]], row: Iterable[Any]) -> str:
    return "\t".join([encode(value) for encode, value in zip(encoders, row, strict=True)]) + "\n"


def _encoder(column: Column[Any]) -> Callable[[Any], str]:
    """COPY goes past SQLAlchemy, so a column type's own processing is applied here."""
    process = column.type.bind_processor(DIALECT)

    def encode(value: Any) -> str:
        stored = process(value) if process is not None else value
        return r"\N" if stored is None else _written(stored)

    return encode


def _written(value: Any) -> str:
    match value:
        case bool():
            return "t" if value else "f"
        case datetime() | date() | time():
            return value.isoformat()
        case dict() | list():
            return json.dumps(value).translate(_ESCAPES)
        case _:
            return str(value).translate(_ESCAPES)


class _Reader(io.RawIOBase):
    """Chunks as the file that psycopg2's COPY reads from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        while len(self._left) < size or size < 0:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._left += chunk
        taken, self._left = (self._left, b"") if size < 0 else (self._left[:size], self._left[size:])
        return taken


def _advance_identities(connection: Connection, table: TablePlan) -> None:
    """COPY gives identity columns their values and leaves their sequences behind; the next insert would collide."""
    quoted = table_name(table.sql)
    for column in table.sql.columns:
        sequence = connection.execute(
            text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": quoted, "column": column.name}
        ).scalar()
        if sequence is not None and table.count:
            connection.execute(text("SELECT setval(:sequence, :last)"), {"sequence": sequence, "last": table.count})


def _truncate(connection: Connection, plan: SeedPlan) -> None:
    names = ", ".join(table_name(table.sql) for table in plan.tables)
    try:
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
    except DBAPIError as error:
        raise RowsRefused(names, sentence(error)) from error


def _occupied(connection: Connection, plan: SeedPlan) -> list[str]:
    return [
        table.name
        for table in plan.tables
        if connection.execute(text(f"SELECT EXISTS (SELECT FROM {table_name(table.sql)})")).scalar()
    ]


def _ensure_table(connection: Connection) -> None:
    ensure_records(connection)
    connection.execute(
        text(
            "CREATE TABLE IF NOT EXISTS seedbed.seeds ("
            " singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton), content text NOT NULL, engine int NOT NULL,"
            " seed bigint NOT NULL, as_of timestamptz NOT NULL, revision text, rows jsonb NOT NULL,"
            " seeded_at timestamptz NOT NULL DEFAULT now())"
        )
    )


def _recorded(connection: Connection) -> str | None:
    return connection.execute(text("SELECT content FROM seedbed.seeds")).scalar()


def _record(connection: Connection, plan: SeedPlan, revision: str | None, counts: dict[str, int]) -> None:
    connection.execute(text("DELETE FROM seedbed.seeds"))
    connection.execute(
        text(
            "INSERT INTO seedbed.seeds (content, engine, seed, as_of, revision, rows)"
            " VALUES (:content, :engine, :seed, :as_of, :revision, CAST(:rows AS jsonb))"
        ),
        {
            "content": plan.content,
            "engine": plan.lock.engine,
            "seed": plan.lock.seed,
            "as_of": plan.lock.as_of,
            "revision": revision,
            "rows": json.dumps(counts),
        },
    )
