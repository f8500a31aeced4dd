"""Kill a running apply at many moments: the next apply completes it."""

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import psutil
import pytest

from seedbed.migrations.apply.upgrade import apply
from seedbed.migrations.history.revisions import read_history
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import EmbeddedServer, TemporaryServer
from seedbed.settings import Environment
from tests.conftest import GIVEN
from tests.support.effort import repetitions
from tests.support.patience import PATIENCE
from tests.support.postgres.proxies import cutting_proxy
from tests.support.projects import Project, execute, fresh_database, little_project

pytestmark = pytest.mark.chaos

KILLS = repetitions("KILLS", usual=24, thorough=200)
"""In turn of each kind."""

FIRST = """
class Person(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)


class Task(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(max_length=50)
    points: int | None = None
"""
IMPORTS = """
from uuid import UUID
from sqlalchemy import CheckConstraint, Index, text
from seedbed.schema import hint
"""
SECOND = """
class Person(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)


class Task(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(max_length=50, index=True)
    points: int | None = None
    slug: str = Field(unique=True, sa_column_kwargs={"info": hint(backfill="'task-' || id")})
    person_id: int | None = Field(default=None, foreign_key="person.id", index=True)
"""
THIRD = """
class Person(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)


class Task(Table, table=True):
    __table_args__ = (CheckConstraint("points >= 0", name="points"), Index("ix_task_title", text("lower(title)")))

    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(max_length=50)
    points: int = Field(sa_column_kwargs={"info": hint(backfill="1")})
    slug: str = Field(unique=True)
    person_id: int | None = Field(default=None, foreign_key="person.id")
    token: UUID = Field(sa_column_kwargs={"server_default": text("gen_random_uuid()")})
"""
ROWS = """
op.execute(
    "INSERT INTO task (id, title, points) SELECT n, 'title ' || n, nullif(n % 3, 0) FROM generate_series(1, 3000) n"
)
"""
BY_HAND = (
    "op.execute('CREATE TABLE note (id int PRIMARY KEY, said text)')",
    "op.execute('INSERT INTO note SELECT n FROM generate_series(1, 1000) n')",
    """
with op.get_context().autocommit_block():
    while op.get_bind().exec_driver_sql(
        "UPDATE note SET said = 'note ' || id"
        " WHERE id IN (SELECT id FROM note WHERE said IS NULL ORDER BY id LIMIT 100)"
    ).rowcount:
        pass
""",
    """
with op.get_context().autocommit_block():
    op.execute("CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_note_said ON note (said)")
""",
)
STATE = """
SELECT (SELECT count(*) || md5(string_agg((to_jsonb(t) - 'token')::text, ',' ORDER BY id)) FROM task t),
       (SELECT count(DISTINCT token) FROM task),
       (SELECT count(*) || md5(string_agg(n::text, ',' ORDER BY id)) FROM note n),
       (SELECT string_agg(pg_get_indexdef(indexrelid) || indisvalid, ',' ORDER BY indexrelid::regclass::text)
          FROM pg_index WHERE indrelid IN ('task'::regclass, 'note'::regclass)),
       (SELECT string_agg(conname || pg_get_constraintdef(oid), ',' ORDER BY conname) FROM pg_constraint
         WHERE conrelid = 'task'::regclass AND contype <> 'n'),
       (SELECT string_agg(revision, ',' ORDER BY revision) FROM seedbed.revisions),
       (SELECT version_num FROM alembic_version)
"""
Kill = Callable[[Project, Database, float], None]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, seedbed_server: TemporaryServer) -> Iterator[Project]:
    """A project with ten revisions: drafts of three versions of the models, row changes, and handwritten revisions."""
    with little_project(tmp_path_factory.mktemp("chaos"), FIRST) as created:
        _draft(created, seedbed_server)
        created.write_revision("rows", ROWS, follows=head(created))
        for tables in (SECOND, THIRD):
            created.write_tables(IMPORTS + tables)
            _draft(created, seedbed_server)
        for i, body in enumerate(BY_HAND):
            created.write_revision(f"r{i}", body, follows=head(created))
        assert len(read_history(created.settled).revisions) == 10
        yield created


def _draft(project: Project, server: TemporaryServer) -> None:
    project.run("seedbed", "migrate", "draft", "-m", "Draft", SHADOW_DATABASE_URL=server.url().reveal())


def head(project: Project) -> str | None:
    return read_history(project.settled).head


@pytest.fixture(scope="module")
def uninterrupted_run(project: Project, seedbed_server: TemporaryServer) -> tuple[object, float]:
    """The schema that the history creates, and the seconds that this takes."""
    with fresh_database(seedbed_server) as database:
        started = time.monotonic()
        apply(project.settled, database)
        return execute(database.direct, STATE), time.monotonic() - started


def client_killed(project: Project, database: Database, after: float) -> None:
    process = multiprocessing.get_context("fork").Process(target=apply, args=(project.settled, database))
    process.start()
    process.join(after)
    if process.pid is not None and process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    process.join()


def backend_terminated(project: Project, database: Database, after: float) -> None:
    def end() -> None:
        time.sleep(after)
        execute(
            database.direct,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'seedbed'",
        )

    _apply_during(end, project, database)


def connection_cut(project: Project, database: Database, after: float) -> None:
    with cutting_proxy(database.direct) as (url, cut):

        def end() -> None:
            time.sleep(after)
            cut()

        _apply_during(end, project, replace(database, url=url, direct=url))


def _apply_during(end: Callable[[], None], project: Project, database: Database) -> None:
    ending = threading.Thread(target=end)
    ending.start()
    with suppress(Exception):
        apply(project.settled, database)
    ending.join()


KINDS: tuple[Kill, ...] = (client_killed, backend_terminated, connection_cut)


class TestApply:
    @pytest.mark.parametrize("turn", range(KILLS), ids=lambda turn: f"{KINDS[turn % 3].__name__}-{turn // 3}")
    def test_completes_a_run_that_was_killed(
        self, project: Project, seedbed_server: TemporaryServer, uninterrupted_run: tuple[object, float], turn: int
    ) -> None:
        state, seconds = uninterrupted_run
        moment = random.Random(turn).uniform(0, seconds)

        with fresh_database(seedbed_server) as database:
            KINDS[turn % 3](project, database, moment)
            applied = apply(project.settled, database, lock_wait=timedelta(seconds=30))

            assert applied.head == "r3"
            assert execute(database.direct, STATE) == state

    @pytest.mark.parametrize("turn", range(max(1, KILLS // 6)))
    def test_completes_a_run_after_an_immediate_server_shutdown(
        self, project: Project, server: EmbeddedServer, uninterrupted_run: tuple[object, float], turn: int
    ) -> None:
        state, seconds = uninterrupted_run
        url = server.ensure_database("chaos")
        database = Database(url, url, Environment.DEVELOPMENT, GIVEN)
        pid = server.read_status().pid
        assert pid is not None

        def stop() -> None:
            time.sleep(random.Random(turn).uniform(0, seconds))
            os.kill(pid, signal.SIGQUIT)  # what pg_ctl stop -m immediate sends

        _apply_during(stop, project, database)
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).wait(timeout=PATIENCE)
        server.ensure_running()
        applied = apply(project.settled, database, lock_wait=timedelta(seconds=30))

        assert applied.head == "r3"
        assert execute(url, STATE) == state

    def test_applies_each_revision_once_when_eight_runs_start_together(
        self, project: Project, seedbed_server: TemporaryServer
    ) -> None:
        with fresh_database(seedbed_server) as database:
            fork = multiprocessing.get_context("fork")
            processes = [fork.Process(target=apply, args=(project.settled, database)) for _ in range(8)]
            for process in processes:
                process.start()
            for process in processes:
                process.join(PATIENCE)

            assert [process.exitcode for process in processes] == [0] * 8
            with connect(database) as connection:
                assert connection.exec_driver_sql("SELECT count(*) FROM seedbed.revisions").scalar() == 10
