"""What fills tables otherwise, each as its manual has it, on a sample: of the versions in benchmarks/requirements.lock."""

import importlib.util
import io
import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import create_engine, insert
from sqlmodel import Session

from seedbed.postgres.database import Database
from seedbed.schema import Schema

START = datetime(2024, 11, 1, tzinfo=UTC)


class Ground(Protocol):
    """The tables that are filled."""

    database: Database
    schema: Schema


@dataclass(frozen=True)
class Rival:
    """One way to fill the tables with so many rows; a tenth of its tasks is users."""

    name: str
    rows: int
    work: Callable[[], object]


def rivals(ground: Ground, sample: int, stack: ExitStack) -> list[Rival]:
    """Those that this machine has; of the others it is said that they are missing."""
    models = ground.schema.models
    user, task = models["user"], models["task"]
    engine = create_engine("postgresql+psycopg2://", creator=_creator(ground))
    users, rows = sample // 10, sample + sample // 10
    found = [
        Rival("Faker and session.add_all", rows, lambda: _add_all(engine, user, task, users, sample)),
        Rival("Faker and insert()", rows, lambda: _core(engine, user, task, users, sample)),
    ]
    if _there("factory"):
        found.append(Rival("factory_boy", rows, lambda: _factory_boy(engine, user, task, users, sample)))
    if _there("polyfactory"):
        found.append(Rival("polyfactory", rows // 2, lambda: _polyfactory(engine, user, task, users // 2, sample // 2)))
    if _there("mimesis"):
        found.append(Rival("mimesis and COPY", 5 * rows, lambda: _mimesis(engine, 5 * users, 5 * sample)))
    node = _drizzle(ground, 3 * users, 3 * sample, stack)
    if node is not None:
        found.append(Rival("drizzle-seed, with Node's start", 3 * rows, node))
    return found


def _creator(ground: Ground) -> Callable[[], Any]:
    import psycopg2  # noqa: PLC0415 - as SQLAlchemy would

    arguments: dict[str, Any] = dict(ground.database.direct.connect_arguments())
    return lambda: psycopg2.connect(**arguments)


def _there(module: str) -> bool:
    if importlib.util.find_spec(module) is not None:
        return True
    print(f"{module} is not installed, so it takes no part: scripts/bench installs it where there is a network.")
    return False


def _users(fake: Any, count: int) -> Iterator[dict[str, Any]]:
    for i in range(1, count + 1):
        yield {
            "id": i, "email": f"{i}.{fake.email()}", "full_name": fake.name(), "is_active": fake.boolean(90),
            "created_at": fake.date_time_between("-2y", tzinfo=UTC),
        }  # fmt: skip


def _tasks(fake: Any, users: int, count: int) -> Iterator[dict[str, Any]]:
    for i in range(1, count + 1):
        made = fake.date_time_between("-2y", tzinfo=UTC)
        yield {
            "id": i, "title": fake.sentence(5), "description": fake.text(160) if fake.boolean(80) else None,
            "is_completed": fake.boolean(35), "user_id": random.randint(1, users), "created_at": made,
            "updated_at": made + timedelta(days=random.random() * 30),
        }  # fmt: skip


def _add_all(engine: Any, user: Any, task: Any, users: int, tasks: int) -> None:
    from faker import Faker  # noqa: PLC0415

    fake = Faker()
    with Session(engine) as session:
        session.add_all(user(**row) for row in _users(fake, users))
        session.flush()
        session.add_all(task(**row) for row in _tasks(fake, users, tasks))
        session.commit()


def _core(engine: Any, user: Any, task: Any, users: int, tasks: int) -> None:
    from faker import Faker  # noqa: PLC0415

    fake = Faker()
    with engine.begin() as connection:
        connection.execute(insert(user), list(_users(fake, users)))
        connection.execute(insert(task), list(_tasks(fake, users, tasks)))


def _factory_boy(engine: Any, user: Any, task: Any, users: int, tasks: int) -> None:
    import factory  # noqa: PLC0415
    from factory.alchemy import SQLAlchemyModelFactory  # noqa: PLC0415

    with Session(engine) as session:

        class Users(SQLAlchemyModelFactory):  # type: ignore[misc]
            class Meta:
                model = user
                sqlalchemy_session = session

            id = factory.Sequence(lambda n: n + 1)
            email = factory.LazyAttributeSequence(lambda _, n: f"{n}@example.com")
            full_name = factory.Faker("name")
            is_active = factory.Faker("boolean", chance_of_getting_true=90)
            created_at = factory.Faker("date_time_between", start_date="-2y", tzinfo=UTC)

        class Tasks(SQLAlchemyModelFactory):  # type: ignore[misc]
            class Meta:
                model = task
                sqlalchemy_session = session

            id = factory.Sequence(lambda n: n + 1)
            title = factory.Faker("sentence", nb_words=5)
            description = factory.Faker("text", max_nb_chars=160)
            is_completed = factory.Faker("boolean", chance_of_getting_true=35)
            user_id = factory.LazyFunction(lambda: random.randint(1, users))
            created_at = factory.Faker("date_time_between", start_date="-2y", tzinfo=UTC)
            updated_at = factory.LazyAttribute(lambda row: row.created_at + timedelta(days=1))

        Users.reset_sequence()
        Tasks.reset_sequence()
        Users.create_batch(users)
        session.flush()
        Tasks.create_batch(tasks)
        session.commit()


def _polyfactory(engine: Any, user: Any, task: Any, users: int, tasks: int) -> None:
    from polyfactory.factories.pydantic_factory import ModelFactory  # noqa: PLC0415

    class Users(ModelFactory[Any]):  # type: ignore[misc]
        __model__ = user

    class Tasks(ModelFactory[Any]):  # type: ignore[misc]
        __model__ = task

    with Session(engine) as session:
        session.add_all(Users.build(id=i, email=f"{i}@example.com", created_at=START) for i in range(1, users + 1))
        session.flush()
        session.add_all(
            Tasks.build(id=i, user_id=random.randint(1, users), created_at=START, updated_at=START)
            for i in range(1, tasks + 1)
        )
        session.commit()


def _mimesis(engine: Any, users: int, tasks: int) -> None:
    from mimesis import Generic, Locale  # noqa: PLC0415

    made = Generic(Locale.EN)
    lines = io.StringIO()
    for i in range(1, users + 1):
        lines.write(f"{i}\t{i}.{made.person.email()}\t{made.person.full_name()}\tt\t{START}\n")
    others = io.StringIO()
    for i in range(1, tasks + 1):
        when = START + timedelta(seconds=random.random() * 6e7)
        words = f"{made.text.title()[:200]}\t{made.text.sentence()}"
        others.write(f"{i}\t{words}\tf\t{random.randint(1, users)}\t{when}\t{when}\n")
    raw = engine.raw_connection()
    with raw.cursor() as cursor:
        for name, rows in (("user", lines), ("task", others)):
            rows.seek(0)
            cursor.copy_expert(f'COPY "{name}" FROM STDIN', rows)
    raw.commit()
    raw.close()


DRIZZLE = """
import {{ drizzle }} from "drizzle-orm/node-postgres";
import {{ bigint, boolean, pgTable, text, timestamp, varchar }} from "drizzle-orm/pg-core";
import {{ seed }} from "drizzle-seed";

const key = (name) => bigint(name, {{ mode: "number" }});
const user = pgTable("user", {{ id: key("id").primaryKey(), email: varchar("email", {{ length: 320 }}).notNull().unique(),
  full_name: varchar("full_name", {{ length: 200 }}).notNull(), is_active: boolean("is_active").notNull(),
  created_at: timestamp("created_at", {{ withTimezone: true }}).notNull() }});
const task = pgTable("task", {{ id: key("id").primaryKey(), title: varchar("title", {{ length: 200 }}).notNull(),
  description: text("description"), is_completed: boolean("is_completed").notNull(),
  user_id: key("user_id").notNull().references(() => user.id),
  created_at: timestamp("created_at", {{ withTimezone: true }}).notNull(),
  updated_at: timestamp("updated_at", {{ withTimezone: true }}).notNull() }});
const db = drizzle("{url}");
await seed(db, {{ user, task }}).refine((f) => ({{
  user: {{ count: {users}, columns: {{ id: f.intPrimaryKey() }} }},
  task: {{ count: {tasks}, columns: {{ id: f.intPrimaryKey() }} }} }}));
await db.$client.end();
"""


def _drizzle(ground: Ground, users: int, tasks: int, stack: ExitStack) -> Callable[[], object] | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        print("There is no Node.js, so drizzle-seed takes no part.")
        return None
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seedbed-bench-drizzle-")))
    (folder / "package.json").write_text('{"type": "module"}')
    wanted = ["drizzle-orm@0.45.4", "drizzle-seed@0.3.1", "pg@8.23.1"]
    done = subprocess.run(
        [npm, "install", "--silent", *wanted], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        print(f"npm cannot install drizzle-seed, so it takes no part: {(done.stderr or done.stdout)[:300]}")
        return None
    url = ground.database.direct.reveal()
    (folder / "seed.mjs").write_text(DRIZZLE.format(url=url, users=users, tasks=tasks))
    return lambda: subprocess.run([node, "seed.mjs"], cwd=folder, check=True)
