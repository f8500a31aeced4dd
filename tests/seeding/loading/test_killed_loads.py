"""Loads that are killed, cut off or without disk space: they leave nothing, and the next load is complete."""

import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seedbed.errors import DatabaseUnreachable, LoadFailure
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded.os_account import get_server_account
from seedbed.postgres.embedded.temporary_server import _choose_parent
from seedbed.postgres.environment_mark import change_mark
from seedbed.schema.creation import create_schema
from seedbed.seeding.loading.load import load_seeds
from seedbed.seeding.planning.seed_plan import SeedPlan, plan
from seedbed.settings import Environment
from tests.seeding.loading.test_dropped_constraints import STATE
from tests.support.effort import repetitions
from tests.support.patience import PATIENCE
from tests.support.postgres.proxies import watched_proxy
from tests.support.projects import Project, execute, little_project

pytestmark = pytest.mark.chaos

KILLS = repetitions("SEED_KILLS", usual=3, thorough=50)
TABLES = """
class Hero(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(unique=True)
    rank: int = Field(index=True, ge=0, le=50)
    created_at: datetime
    __table_args__ = (CheckConstraint("rank >= 0", name="rank_is_positive"),)

class Power(Table, table=True):
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    hero_id: int = Field(foreign_key="hero.id", index=True)
    name: str
    price: Decimal = Field(max_digits=8, decimal_places=2)

class Friend(Table, table=True):
    one_id: int = Field(primary_key=True, foreign_key="hero.id")
    other_id: int = Field(primary_key=True, foreign_key="hero.id")
"""
SEEDS = """
seeds.add(tables.Hero, 20_000)
seeds.add(tables.Power, per(tables.Hero, 0, 5))
seeds.add(tables.Friend, per(tables.Hero, 0, 2))
"""
LOAD = """
from pathlib import Path
from seedbed.schema import load_schema
from seedbed.postgres.database import resolve_database
from seedbed.seeding.planning.seed_plan import plan
from seedbed.seeding.loading.load import load_seeds
from seedbed.settings import Environment, find_project, load_configuration

project = find_project(Path.cwd())
made = plan(project, load_schema(project), Environment.DEVELOPMENT)
database = resolve_database(load_configuration(project))
print("ready", flush=True)
load_seeds(made, database, revision=None)
"""
ROWS = """
    SELECT md5(coalesce((SELECT string_agg(h::text, '|' ORDER BY id) FROM hero h), '')
        || coalesce((SELECT string_agg(p::text, '|' ORDER BY id) FROM power p), '')
        || coalesce((SELECT string_agg(f::text, '|' ORDER BY one_id, other_id) FROM friend f), ''))
"""
COUNTS = "SELECT (SELECT count(*) FROM hero), (SELECT count(*) FROM power), (SELECT count(*) FROM friend)"


@pytest.fixture
def project(tmp_path: Path, database: Database) -> Iterator[Project]:
    with little_project(tmp_path, TABLES, SEEDS) as made:
        with connect(database) as connection:
            create_schema(connection, made.load_schema())
        yield made


def planned(project: Project) -> SeedPlan:
    return plan(project.settled, project.load_schema(), Environment.DEVELOPMENT)


def rows(database: Database, statement: str) -> list[tuple[Any, ...]]:
    return execute(database.direct, statement)


def begun(project: Project, database: Database) -> "subprocess.Popen[str]":
    """A load in a process of its own, which says when it begins."""
    project.write("load.py", LOAD)
    return project.start("load", DATABASE_URL=database.direct.reveal())


def await_end_of_sessions(database: Database) -> None:
    until = time.monotonic() + PATIENCE
    others = (
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND application_name = 'seedbed seed'"
    )
    while rows(database, others):
        assert time.monotonic() < until
        time.sleep(0.01)


class TestKilledLoad:
    def test_leaves_nothing_and_the_next_one_is_whole(self, project: Project, database: Database) -> None:
        state = rows(database, STATE)
        load_seeds(planned(project), database, revision=None)
        started = time.monotonic()
        load_seeds(planned(project), database, revision=None, fresh=True)
        whole, lasted = rows(database, ROWS), time.monotonic() - started
        assert rows(database, STATE) == state
        chance, before_the_end = random.Random(1), 0

        for _ in range(KILLS):
            rows(database, "TRUNCATE hero, power, friend RESTART IDENTITY; DROP TABLE IF EXISTS seedbed.seeds")
            process = begun(project, database)
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(chance.uniform(0, lasted))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            await_end_of_sessions(database)

            assert rows(database, STATE) == state
            if rows(database, "SELECT to_regclass('seedbed.seeds')") == [(None,)]:
                before_the_end += 1
                assert rows(database, COUNTS) == [(0, 0, 0)]
            else:
                assert rows(database, ROWS) == whole

        assert before_the_end >= KILLS // 3
        rows(database, "TRUNCATE hero, power, friend RESTART IDENTITY; DROP TABLE IF EXISTS seedbed.seeds")
        assert load_seeds(planned(project), database, revision=None).loaded
        assert (rows(database, ROWS), rows(database, STATE)) == (whole, state)


class TestCutConnection:
    @pytest.mark.parametrize("at", [300_000, 1_500_000])
    def test_is_tried_again_whole(self, project: Project, database: Database, at: int) -> None:
        state, cuts = rows(database, STATE), [at]

        def cut_once(sent: int) -> None:
            if cuts and sent > cuts[0]:
                cuts.pop()
                cut()

        with watched_proxy(database.direct, cut_once) as (url, cut, _):
            seeded = load_seeds(planned(project), replace(database, url=url, direct=url), revision=None)

        assert (seeded.loaded, cuts) == (True, [])
        assert rows(database, STATE) == state
        assert rows(database, COUNTS) == [tuple(seeded.rows[name] for name in ("hero", "power", "friend"))]

    def test_is_said_after_three_times(self, project: Project, database: Database) -> None:
        cuts: list[int] = []

        def cut_always(sent: int) -> None:
            if sent > (len(cuts) + 1) * 400_000:
                cuts.append(sent)
                cut()

        with watched_proxy(database.direct, cut_always) as (url, cut, _), pytest.raises(DatabaseUnreachable):
            load_seeds(planned(project), replace(database, url=url, direct=url), revision=None)

        await_end_of_sessions(database)
        assert len(cuts) == 3
        assert rows(database, COUNTS) == [(0, 0, 0)]


class TestSlowNetwork:
    @pytest.mark.parametrize("drop_constraints", [False, True], ids=["in place", "constraints dropped"])
    def test_needs_few_round_trips(self, tmp_path: Path, database: Database, drop_constraints: bool) -> None:
        head = "class T0(Table, table=True):\n    id: int | None = Field(default=None, primary_key=True)\n"
        others = "".join(
            f"class T{n}(Table, table=True):\n"
            "    id: int | None = Field(default=None, primary_key=True)\n"
            "    code: str = Field(unique=True)\n"
            "    amount: int = Field(sa_column=Column(BigInteger, CheckConstraint('amount > 0'), nullable=False))\n"
            f"    other_id: int = Field(foreign_key='t{n - 1}.id', index=True)\n"
            for n in range(1, 20)
        )
        with little_project(tmp_path, head + others, "seeds.rest(250)") as project:
            with connect(database) as connection:
                create_schema(connection, project.load_schema())

            change_mark(database, Environment.DEVELOPMENT)

            with watched_proxy(database.direct) as (url, _, watched):
                load_seeds(
                    planned(project),
                    replace(database, url=url, direct=url),
                    revision=None,
                    drop_constraints=drop_constraints,
                )

        assert watched.round_trips <= 3 * 20 + 17


@contextmanager
def little_disk() -> Iterator[Path]:
    """A file system in memory of 12 MB, which the server may write to."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    account = get_server_account()
    folder = Path(tempfile.mkdtemp(prefix="seedbed-little-", dir=_choose_parent(account)))
    folder.chmod(0o755)
    owner = f"uid={account.uid},gid={account.gid}" if account.uid is not None else "mode=0777"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size=12m,{owner},mode=0700", "tmpfs", folder], capture_output=True, check=False
    )
    try:
        if mounted.returncode != 0:
            pytest.skip("this machine lets nobody mount a file system")
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], capture_output=True, check=False)
        folder.rmdir()


class TestFullDisk:
    @pytest.mark.parametrize("drop_constraints", [False, True], ids=["in place", "constraints dropped"])
    def test_leaves_nothing(self, project: Project, database: Database, drop_constraints: bool) -> None:
        project.write_seeds(SEEDS.replace("20_000", "200_000"))
        state = rows(database, STATE)
        space = f"little_{os.getpid()}_{int(drop_constraints)}"
        with little_disk() as disk:
            rows(database, f"CREATE TABLESPACE {space} LOCATION '{disk}'")
            try:
                rows(database, f"ALTER TABLE power SET TABLESPACE {space}")

                with pytest.raises(LoadFailure) as failed:
                    load_seeds(planned(project), database, revision=None, drop_constraints=drop_constraints)

                assert failed.value.message.startswith(
                    "Loading power failed, and no row was kept: could not extend file"
                )
                assert (rows(database, COUNTS), rows(database, STATE)) == ([(0, 0, 0)], state)
            finally:
                rows(database, "ALTER TABLE power SET TABLESPACE pg_default")
                rows(database, "CHECKPOINT")
                rows(database, f"DROP TABLESPACE {space}")
