"""Believable rows in PostgreSQL: Seedbed against COPY of ready-made files, and against what fills tables otherwise."""

import argparse
import gc
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import psycopg2.extensions

from benchmarks.harness import Contender, machine, race, report, table
from benchmarks.keys import server
from benchmarks.rivals import Rival, rivals
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.schema import Schema, load_schema
from seedbed.schema.creation import create_schema
from seedbed.seeding.loading.load import load_seeds
from seedbed.seeding.loading.parallel import process_executor
from seedbed.seeding.planning.lock_file import ENGINE
from seedbed.seeding.planning.seed_plan import SeedPlan, plan
from seedbed.settings import DatabaseUrl, Environment, Origin, Project, find_project
from seedbed.settings.sources import SourceKind
from seedbed.settings.url_parser import parse_url

IN_PLACE, ASIDE = "Seedbed, in place", "Seedbed, set aside"
BINARY, CSV = "COPY of a binary file", "COPY of a csv file"
AFTER, ALIKE = ", constraints after", ", all else as Seedbed"
KEYS = {
    "bigint": "Key | None = Field(default=None, primary_key=True, sa_type=BigInteger)",
    "uuid4": "Key = Field(default_factory=uuid4, primary_key=True)",
    "uuid7": "Key = Field(default_factory=uuid7, primary_key=True)",
}
MODELS = """
from datetime import datetime
from uuid import UUID, uuid4

from pydantic import EmailStr
from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

def uuid7() -> UUID:
    raise NotImplementedError

Key = {type}

class User(SQLModel, table=True):
    id: {key}
    email: str = Field(unique=True, max_length=320)
    full_name: str = Field(max_length=200)
    is_active: bool = True
    created_at: datetime

class Task(SQLModel, table=True):
    id: {key}
    title: str = Field(max_length=200)
    description: str | None = None
    is_completed: bool = False
    user_id: Key = Field(foreign_key="user.id"{big})
    created_at: datetime
    updated_at: datetime
"""
SEEDS = """
import schema
from seedbed.seeding import derive, faker

def plan(seeds):
    seeds.add(schema.User, {users})
    seeds.add(schema.Task, {tasks}, title={title})
"""
TITLE = 'faker("sentence", nb_words=5)'
DERIVED = 'derive(lambda row: f"{row.description or row.id} for {row.user_id}, {row.created_at:%d %B %Y}"[:200])'


@dataclass
class Ground:
    """A project of two tables, and a database that has them."""

    root: Path
    database: Database
    kind: str

    def __post_init__(self) -> None:
        for part in ("schema", "seeds", "migrations/versions"):
            (self.root / part).mkdir(parents=True, exist_ok=True)
        (self.root / "pyproject.toml").write_text('[project]\nname = "bench"\n[tool.seedbed]\nschema = "schema"\n')
        big = ", sa_type=BigInteger" if self.kind == "bigint" else ""
        words = MODELS.format(type="int" if self.kind == "bigint" else "UUID", key=KEYS[self.kind], big=big)
        (self.root / "schema/__init__.py").write_text(words)
        (self.root / "seeds/development.lock").write_text(
            f"engine = {ENGINE}\nseed = 1\nas_of = 2026-11-01T00:00:00+00:00\n"
        )
        for name in [name for name in sys.modules if name == "schema"]:
            sys.modules[name].SQLModel.metadata.clear()
            del sys.modules[name]
        sys.path[:] = [entry for entry in sys.path if Path(entry) != self.root]
        self.project: Project = find_project(self.root)
        self.schema: Schema = load_schema(self.project)
        arguments: dict[str, Any] = dict(self.database.direct.connect_arguments())
        self.connection: psycopg2.extensions.connection = psycopg2.connect(**arguments)
        self.connection.autocommit = True
        self.execute(
            'DROP TABLE IF EXISTS task, "user"; DROP SCHEMA IF EXISTS bare, seedbed CASCADE; CREATE SCHEMA bare'
        )
        with connect(self.database) as connection:
            create_schema(connection, self.schema)
        self.execute('CREATE TABLE bare.user (LIKE "user")', "CREATE TABLE bare.task (LIKE task)")

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def planned(self, users: int, tasks: int, title: str = TITLE) -> SeedPlan:
        (self.root / "seeds/development.py").write_text(SEEDS.format(users=users, tasks=tasks, title=title))
        return plan(self.project, self.schema, Environment.DEVELOPMENT)

    def emptied(self) -> None:
        self.execute('TRUNCATE task, "user", bare.task, bare.user', "DROP TABLE IF EXISTS seedbed.seeds")
        self.execute("ALTER TABLE bare.task DROP CONSTRAINT IF EXISTS task_user_id_fkey")
        self.execute("ALTER TABLE bare.task DROP CONSTRAINT IF EXISTS task_pkey")
        self.execute(
            "ALTER TABLE bare.user DROP CONSTRAINT IF EXISTS user_pkey, DROP CONSTRAINT IF EXISTS user_email_key"
        )
        self.execute("CHECKPOINT")
        gc.collect()


def seedbed(ground: Ground, users: int, tasks: int, *, drop_constraints: bool) -> Contender:
    """All of it: the plan, the pools, the trial, the load, sequences, ANALYZE and the commit."""
    return Contender(
        lambda: load_seeds(
            ground.planned(users, tasks), ground.database, revision=None, drop_constraints=drop_constraints
        ),
        ground.emptied,
    )


def ready_made(ground: Ground, folder: Path, form: str, *, after: bool, alike: bool = False) -> Contender:
    """The same rows from files, sent by a client in one transaction; `alike` with all else that Seedbed does around
    them: tables made anew, rows frozen, and ANALYZE.
    """

    def load() -> None:
        arguments: dict[str, Any] = dict(ground.database.direct.connect_arguments())
        connection = psycopg2.connect(**arguments)
        targets = {name: f"bare.{name}" if after else f'"{name}"' for name in ("user", "task")}
        with connection.cursor() as cursor:
            if alike:
                cursor.execute(f"TRUNCATE {', '.join(targets.values())}")
            for name, target in targets.items():
                options = f"FORMAT {form}{', FREEZE' if alike else ''}"
                with (folder / f"{name}.{form}").open("rb") as rows:
                    cursor.copy_expert(f"COPY {target} FROM STDIN ({options})", rows, size=1 << 20)
            if after:
                cursor.execute("ALTER TABLE bare.user ADD CONSTRAINT user_pkey PRIMARY KEY (id)")
                cursor.execute("ALTER TABLE bare.user ADD CONSTRAINT user_email_key UNIQUE (email)")
                cursor.execute("ALTER TABLE bare.task ADD CONSTRAINT task_pkey PRIMARY KEY (id)")
                cursor.execute(
                    "ALTER TABLE bare.task ADD CONSTRAINT task_user_id_fkey FOREIGN KEY (user_id) REFERENCES bare.user"
                )
            if alike:
                cursor.execute(f"ANALYZE {', '.join(targets.values())}")
        connection.commit()
        connection.close()

    return Contender(load, ground.emptied)


def files(ground: Ground, folder: Path, users: int, tasks: int) -> float:
    """Write what Seedbed loads as files, and give the megabytes of the binary ones."""
    ground.emptied()
    load_seeds(ground.planned(users, tasks), ground.database, revision=None)
    for form in ("binary", "csv"):
        for name in ("user", "task"):
            with (folder / f"{name}.{form}").open("wb") as file, ground.connection.cursor() as cursor:
                cursor.copy_expert(f'COPY "{name}" TO STDOUT (FORMAT {form})', file, size=1 << 20)
    return sum((folder / f"{name}.binary").stat().st_size for name in ("user", "task")) / 1e6


def loads(ground: Ground, folder: Path, users: int, tasks: int, rounds: int) -> None:
    """Seedbed against files of its own rows, constraints in place and after."""
    megabytes = files(ground, folder, users, tasks)
    shown = f"{tasks:,} tasks, {users:,} users, {ground.kind} keys, {megabytes:,.0f} MB"
    in_place = {
        BINARY: ready_made(ground, folder, "binary", after=False),
        IN_PLACE: seedbed(ground, users, tasks, drop_constraints=False),
        BINARY + ALIKE: ready_made(ground, folder, "binary", after=False, alike=True),
        CSV: ready_made(ground, folder, "csv", after=False),
    }
    drop_constraints = {
        BINARY + AFTER: ready_made(ground, folder, "binary", after=True),
        ASIDE: seedbed(ground, users, tasks, drop_constraints=True),
        BINARY + AFTER + ALIKE: ready_made(ground, folder, "binary", after=True, alike=True),
        CSV + AFTER: ready_made(ground, folder, "csv", after=True),
    }
    seconds = race(in_place | drop_constraints, rounds=rounds)
    report(shown, {name: seconds[name] for name in in_place}, against=BINARY)
    report(shown, {name: seconds[name] for name in drop_constraints}, against=BINARY + AFTER)
    rows = users + tasks
    speeds = [
        [name, f"{megabytes / statistics.median(t):,.0f}", f"{rows / statistics.median(t):,.0f}"]
        for name, t in seconds.items()
    ]
    table(["speed", "MB/s", "rows/s"], speeds)
    shares = [
        [f"{name}, of {base}", _of(seconds[base], seconds[name])]
        for name, base in (
            (IN_PLACE, BINARY),
            (IN_PLACE, BINARY + ALIKE),
            (ASIDE, BINARY + AFTER),
            (ASIDE, BINARY + AFTER + ALIKE),
        )
    ]
    table(["of a file's speed, median of pairs", ""], shares)


def _of(base: Sequence[float], ours: Sequence[float]) -> str:
    shares = [100 * b / t for b, t in zip(base, ours, strict=True)]
    return f"{statistics.median(shares):.0f} % ({min(shares):.0f}..{max(shares):.0f})"


def against_rivals(ground: Ground, rounds: int, found: Sequence[Rival], users: int, tasks: int) -> None:
    """Rivals on a sample each, by the row, in the same rounds as Seedbed with all rows."""
    contenders = {
        IN_PLACE: seedbed(ground, users, tasks, drop_constraints=False),
        ASIDE: seedbed(ground, users, tasks, drop_constraints=True),
        **{rival.name: Contender(rival.work, ground.emptied) for rival in found},
    }
    seconds = race(contenders, rounds=rounds)
    rows = {IN_PLACE: users + tasks, ASIDE: users + tasks, **{rival.name: rival.rows for rival in found}}
    each = {name: [t / rows[name] for t in times] for name, times in seconds.items()}
    report("one row", each, against=IN_PLACE)
    report("one row", each, against=ASIDE)


def memory(ground: Ground, tasks: int) -> None:
    """A load in a process of its own: its greatest resident set, and rows a second."""
    results = []
    for rows in (tasks // 10, tasks):
        ground.emptied()
        ground.planned(rows // 10, rows)
        child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.seeding", "--load", str(ground.root), ground.database.direct.reveal()],
            stdout=subprocess.PIPE,
            text=True,
        )
        watched, most = psutil.Process(child.pid), 0
        while child.poll() is None:
            try:
                most = max(most, watched.memory_info().rss)
            except psutil.Error:
                break
            time.sleep(0.05)
        out = json.loads(child.communicate()[0])
        results.append(
            [f"{rows:,} tasks", f"{out['rows'] / out['seconds']:,.0f}", f"{out['rss'] / 1e6:.0f}", f"{most / 1e6:.0f}"]
        )
    table(["one process", "rows/s", "RSS before, MB", "RSS at most, MB"], results)


def load(root: Path, address: str) -> None:
    """What the process of `memory` does."""
    project = find_project(root)
    schema = load_schema(project)
    database = bench_database(parse_url(address))
    before = psutil.Process().memory_info().rss
    started = time.perf_counter()
    seeded = load_seeds(plan(project, schema, Environment.DEVELOPMENT), database, revision=None)
    seconds = time.perf_counter() - started
    print(json.dumps({"rows": sum(seeded.rows.values()), "seconds": seconds, "rss": before}))


def workers(ground: Ground, tasks: int, rounds: int) -> None:
    """A `derive` in every row, by one process and by two more; these are started before the clock. One spends most of
    its time in making rows.
    """

    def by(count: int) -> Contender:
        stack = ExitStack()

        def prepare() -> None:
            ground.emptied()
            made = ground.planned(tasks // 10, tasks, DERIVED)
            executor = stack.enter_context(process_executor(count))
            if executor is not None:  # imports are not what is measured
                list(executor.map(_nothing, range(2 * count)))
            works.append((made, executor))

        works: list[Any] = []
        return Contender(
            lambda: load_seeds(works[-1][0], ground.database, revision=None, executor=works[-1][1]),
            prepare,
            stack.close,
        )

    report(f"{tasks:,} tasks with a derive()", race({"1": by(1), "2 workers": by(2)}, rounds=rounds), against="1")


def _nothing(_: int) -> None:
    import seedbed.seeding.loading.parallel  # noqa: F401, PLC0415

    time.sleep(0.05)


def bench_database(url: DatabaseUrl) -> Database:
    return Database(url, url, Environment.DEVELOPMENT, Origin(SourceKind.PROCESS, "the benchmark"))


def little(folder: Path, database: Database, connection: Callable[..., Any]) -> None:
    """1,000 rows over 20 tables: process time beyond imports, with no pools of an earlier run."""
    import faker  # noqa: F401, PLC0415 - an import

    tables = "".join(
        f"class T{n}(SQLModel, table=True):\n"
        "    id: int | None = Field(default=None, primary_key=True)\n"
        "    name: str\n    email: str = Field(unique=True)\n    description: str | None = None\n    price: float\n"
        "    created_at: datetime\n    updated_at: datetime\n"
        + (f"    other_id: int = Field(foreign_key='t{n - 1}.id')\n" if n else "")
        for n in range(20)
    )
    times = []
    connection('DROP TABLE IF EXISTS task, "user"; DROP SCHEMA IF EXISTS seedbed CASCADE')
    for part in ("little", "seeds", "migrations/versions"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text('[project]\nname = "little"\n[tool.seedbed]\nschema = "little"\n')
    (folder / "little/__init__.py").write_text(
        "from datetime import datetime\nfrom sqlalchemy import MetaData\nfrom sqlmodel import Field, SQLModel as Base\n"
        "class SQLModel(Base):\n    metadata = MetaData()\nmetadata = SQLModel.metadata\n" + tables
    )
    (folder / "seeds/testing.py").write_text("def plan(seeds):\n    seeds.rest(50)\n")
    project = find_project(folder)
    schema, testing = load_schema(project), replace(database, environment=Environment.TESTING)
    with connect(database) as connected:
        create_schema(connected, schema)
    for _ in range(5):
        shutil.rmtree(folder / ".seedbed", ignore_errors=True)
        connection(f"TRUNCATE {', '.join(f't{n}' for n in range(20))}", "DROP TABLE IF EXISTS seedbed.seeds")
        started = time.process_time()
        load_seeds(plan(project, schema, Environment.TESTING), testing, revision=None)
        times.append(time.process_time() - started)
    report("1,000 rows over 20 tables, process time", {"Seedbed": times})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="tasks; there is a user for every ten of them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keys", default="bigint", help="bigint, uuid4, uuid7, or several with commas between")
    parser.add_argument("--sample", type=int, default=10_000, help="tasks that slow rivals make")
    parser.add_argument(
        "--parts", default="loads,rivals,little,workers,memory", help="which of these; each takes some minutes at most"
    )
    parser.add_argument("--memory", type=int, default=10_000_000, help="tasks of the part that measures memory")
    parser.add_argument("--durable", action="store_true", help="on disk, with fsync and full-page writes on")
    parser.add_argument("--load", nargs=2, metavar=("FOLDER", "URL"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.load:
        load(Path(chosen.load[0]), chosen.load[1])
        return
    parts = chosen.parts.split(",")
    users, tasks = chosen.rows // 10, chosen.rows
    with ExitStack() as stack:
        database = bench_database(stack.enter_context(server(None, durable=chosen.durable)))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seedbed-bench-rows-", dir="/dev/shm")))
        print(machine())
        for kind in chosen.keys.split(","):
            root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seedbed-bench-")))
            ground = Ground(root, database, kind)
            settings = ("server_version", "shared_buffers", "fsync", "wal_level", "maintenance_work_mem")
            print(", ".join(f"{name} {ground.execute(f'SHOW {name}')[0][0]}" for name in settings), "\n")
            if "loads" in parts:
                loads(ground, folder, users, tasks, chosen.rounds)
            if "rivals" in parts and kind == "bigint":
                against_rivals(ground, min(3, chosen.rounds), rivals(ground, chosen.sample, stack), users, tasks)
            if "workers" in parts and kind == "bigint":
                workers(ground, tasks // 5, chosen.rounds)
            if "memory" in parts and kind == "bigint":
                memory(ground, chosen.memory)
            if "little" in parts and kind == "bigint":
                little(root / "little", database, ground.execute)
            ground.connection.close()


if __name__ == "__main__":
    main()
