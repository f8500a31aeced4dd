"""What a database of its own costs a test, by every way to give it one: 20 tables, 5,000 rows."""

import argparse
import io
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import psycopg
from alembic import command
from alembic.config import Config
from pytest_postgresql.janitor import DatabaseJanitor
from sqlalchemy import Engine, MetaData, create_engine, func
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlmodel import Field, Session, SQLModel, select

from benchmarks.harness import Contender, machine, race, report, table
from seedbed.postgres.embedded import TemporaryServer, find_binaries, run_temporary_server
from seedbed.starter.project_writer import create_project
from seedbed.testing.databases.clones import ClonePool
from seedbed.testing.databases.server_access import ServerAccess
from seedbed.testing.databases.shared_database import SharedDatabase

HELD = "a held session, no isolation"
TRANSACTION, OWN = "ours: transaction", "ours: own database, 30 ms between"
JANITOR = "pytest-postgresql's fixture"
CREATE, ALEMBIC, TRUNCATE = "create_all, no rows", "10 revisions by Alembic, COPY", "TRUNCATE, COPY"
TABLES, ROWS, PAUSE = 20, 5_000, 0.03
ENV = """
from alembic import context
context.configure(connection=context.config.attributes["connection"], target_metadata=None)
with context.begin_transaction():
    context.run_migrations()
"""
SUITE = """
import pytest
from schema import User

@pytest.mark.parametrize("turn", range({0}))
def test_in_turn(db, turn):
    db.add(User(email="ada@example.com"))
    db.commit()

@pytest.mark.parametrize("turn", range({1}))
def test_own(db_engine, db, turn):
    db.add(User(email="ada@example.com"))
    db.commit()
"""


class Table(SQLModel):
    metadata = MetaData()


def _model(number: int) -> Any:
    annotations: dict[str, Any] = {"id": int | None, "name": str, "code": str, "rank": int, "parent_id": int | None}
    parent = f"table_{max(0, number - 1):02}.id"
    fields = {
        "id": Field(default=None, primary_key=True),
        "name": Field(index=True),
        "code": Field(index=True),
        "rank": Field(index=True),
        "parent_id": Field(default=None, foreign_key=parent),
    }
    body = {"__annotations__": annotations, "__tablename__": f"table_{number:02}", "__module__": __name__, **fields}
    made: Any = type(SQLModel)
    return made(f"Table{number}", (Table,), body, table=True)


MODELS = [_model(number) for number in range(TABLES)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--tests", type=int, default=500, help="of the suite that four workers run")
    options = parser.parse_args()
    with run_temporary_server() as server:
        print(f"{machine()}\nPostgreSQL {server.binaries.version}, {server.directory.parent}\n")
        compare(server, options.rounds)
    suite(options.tests)


def compare(server: TemporaryServer, rounds: int) -> None:
    """Set-up, the same body, and what is to be done after it."""
    host = ServerAccess.from_embedded(server, "tests_owner")
    numbers = count(1)
    with host.open_admin_cursor() as cursor:
        host.ensure_owner_role(cursor)
        for name in ("template", "held", "recreated", "migrated", "truncated"):
            host.create_empty_database(cursor, name)
    for name in ("template", "held", "truncated"):
        with _engine(host, name) as engine:
            Table.metadata.create_all(engine)
            copy(engine)
    with host.open_admin_cursor() as cursor:
        cursor.execute("ALTER DATABASE template WITH IS_TEMPLATE true ALLOW_CONNECTIONS false")
    clones = ClonePool(host, "template", lambda: f"clone_{next(numbers)}", lambda *_: None, server_outlives_run=False)
    shared = SharedDatabase(clones.acquire())
    clones.release(clones.acquire(), "")
    with (
        _engine(host, "held") as held,
        _engine(host, "recreated") as recreated,
        _engine(host, "migrated") as migrated,
        _engine(host, "truncated") as truncated,
        _alembic() as config,
        held.connect() as connection,
        Session(connection) as session,
    ):
        seconds = race(
            {
                HELD: Contender(lambda: body(session)),
                TRANSACTION: Contender(lambda: in_transaction(shared)),
                OWN: Contender(lambda: on_its_own(clones), prepare=lambda: time.sleep(PAUSE)),
                JANITOR: Contender(lambda: by_the_janitor(host), prepare=lambda: time.sleep(PAUSE)),
                CREATE: Contender(lambda: created(recreated)),
                ALEMBIC: Contender(lambda: upgraded(migrated, config)),
                TRUNCATE: Contender(lambda: emptied(truncated)),
            },
            rounds=rounds,
        )
    shared.close()
    clones.close()
    report("set-up, body and tear-down", seconds, against=JANITOR)


def body(session: Session) -> None:
    session.add(MODELS[3](name="Ada", code="a", rank=1))
    session.commit()
    session.exec(select(func.count()).select_from(MODELS[3])).one()


def in_transaction(shared: SharedDatabase) -> None:
    session = shared.begin()
    body(session)
    shared.end(session)


def on_its_own(clones: ClonePool) -> None:
    clone = clones.acquire()
    with Session(clone.engine) as session:
        body(session)
    clones.release(clone, "")


def by_the_janitor(host: ServerAccess) -> None:
    """As `pytest_postgresql.factories.postgresql` does, with an engine on its connection."""
    at = host.admin
    place: dict[str, Any] = {"user": at.username, "host": at.host, "port": at.port, "password": at.password}
    janitor = DatabaseJanitor(dbname="tests", template_dbname="template", **place)
    with janitor, psycopg.connect(dbname="tests", **place) as connection:
        engine = create_engine("postgresql+psycopg://", creator=lambda: connection)
        with Session(engine) as session:
            body(session)
        engine.dispose()


def created(engine: Engine) -> None:
    Table.metadata.create_all(engine)
    with Session(engine) as session:
        body(session)
    Table.metadata.drop_all(engine)


def upgraded(engine: Engine, config: Config) -> None:
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    copy(engine)
    with Session(engine) as session:
        body(session)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


def emptied(engine: Engine) -> None:
    names = ", ".join(model.__tablename__ for model in MODELS)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
    copy(engine)
    with Session(engine) as session:
        body(session)


def copy(engine: Engine) -> None:
    """Load the rows, which are ready-made."""
    each = ROWS // TABLES
    rows = "".join(f"{i}\tName {i}\tc{i}\t{i % 7}\t{i}\n" for i in range(1, each + 1))
    with engine.begin() as connection:
        driver: Any = connection.connection.driver_connection
        for number, model in enumerate(MODELS):
            columns = "id, name, code, rank, parent_id"
            with driver.cursor().copy(f"COPY {model.__tablename__} ({columns}) FROM STDIN") as into:
                into.write(rows)
            connection.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('table_{number:02}', 'id'), {each})")


def suite(tests: int) -> None:
    """Runs of pytest in a project as it is begun: the first set-up, and what four workers leave."""
    root = Path(tempfile.mkdtemp(prefix="seedbed isolation "))
    try:
        create_project(root)
        shutil.rmtree(root / "tests")
        (root / "tests").mkdir()
        (root / "tests/test_suite.py").write_text(SUITE.format(1, 0))
        first = [_setup(root) for _ in range(6)]
        made = sorted(first[1:])
        rows = [
            ["with the template to make", f"{first[0]:.2f} s"],
            ["with it made", f"{made[0]:.2f}..{made[-1]:.2f} s"],
        ]
        table(["first set-up of a run", ""], rows)
        (root / "tests/test_suite.py").write_text(SUITE.format(tests - tests // 5, tests // 5))
        before = _left()
        began = time.perf_counter()
        said = _pytest(root, "-n4")
        seconds = time.perf_counter() - began
        more = sorted(_left() - before)
        print(f"{said.splitlines()[-1]}; {seconds:.1f} s with the start of pytest and its workers")
        print(f"left behind: {', '.join(more) or 'no database, server or shared memory'}\n")
    finally:
        shutil.rmtree(root)


def _setup(root: Path) -> float:
    found = re.search(r"([\d.]+)s setup", _pytest(root, "--durations=0", "-vv"))
    return float(found[1]) if found else 0.0


def _pytest(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def _left() -> set[str]:
    """Servers by their folder, and throw-away folders that nobody else's server is at work in."""
    commands = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    servers = {command for command in commands if "seedbed-throwaway-" in command and " -D " in command}
    own = {command for command in servers if command.startswith(str(find_binaries().directory))}
    places = [Path("/dev/shm"), Path(tempfile.gettempdir())]
    folders = {str(path) for place in places for path in place.glob("seedbed-throwaway-*")}
    others = servers - own
    return own | {folder for folder in folders if not any(folder in command for command in others)}


@contextmanager
def _engine(host: ServerAccess, name: str) -> Iterator[Engine]:
    engine = create_engine(host.owner.with_database(name).reveal())
    yield engine
    engine.dispose()


@contextmanager
def _alembic() -> Iterator[Config]:
    """Ten revisions that make two tables each."""
    folder = Path(tempfile.mkdtemp())
    (folder / "versions").mkdir()
    (folder / "env.py").write_text(ENV)
    engine = create_engine("postgresql+psycopg://")
    tables = Table.metadata.sorted_tables
    for number in range(10):
        sql: list[str] = []
        for made in tables[2 * number : 2 * number + 2]:
            sql.append(str(CreateTable(made).compile(engine)))
            sql += [str(CreateIndex(index).compile(engine)) for index in made.indexes]
        follows = repr(f"r{number - 1}") if number else "None"
        lines = "".join(f"    op.execute({statement!r})\n" for statement in sql)
        (folder / f"versions/r{number}.py").write_text(
            f"from alembic import op\nrevision = 'r{number}'\ndown_revision = {follows}\n\n"
            f"def upgrade():\n{lines}\ndef downgrade():\n    pass\n"
        )
    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", str(folder))
    yield config
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
