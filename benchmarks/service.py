"""The read service against raw Starlette and asyncpg, and against FastAPI and SQLModel as they are taught."""

import argparse
import logging
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import asyncpg  # type: ignore[import-untyped]
import psutil
import psycopg2
import psycopg2.extensions
import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Session, SQLModel, create_engine, select
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.harness import machine, table
from schema import Task, User
from seedbed.postgres.embedded import run_temporary_server
from seedbed.schema import load_schema
from seedbed.service import create_app
from seedbed.service.http.app import DispatchMiddleware
from seedbed.service.http.server import listen, serve
from seedbed.service.http.table_routes import TableRouter
from seedbed.service.pool.query_runner import QueryRunner
from seedbed.service.queries.list_query import CursorSigner
from seedbed.service.queries.resources import build_resources
from seedbed.settings import DatabaseUrl, find_project, load_configuration, parse_url

ROOT = Path(__file__).parents[1]
OURS, BARE, RAW = "ours, as shipped", "ours, bare", "Starlette + asyncpg, JSON by PostgreSQL"
ASYNC, SYNC = "FastAPI + SQLModel, asynchronous", "FastAPI + SQLModel, synchronous"
GET, FILTERED, PAGE, DEEP = "get by key", "filtered list", "page of 50", "page of 50 at 900k"
KEY = "a key for the benchmark"
CONNECTIONS = 16
POOL = 5


class TaskRead(SQLModel):
    """A model of its own for answers, as SQLModel's documentation advises."""

    id: int
    title: str
    description: str | None
    is_completed: bool
    user_id: int
    created_at: Any
    updated_at: Any


class UserRead(SQLModel):
    id: int
    email: str
    is_active: bool
    created_at: Any


@dataclass
class Took:
    """What a second of load cost."""

    rate: float
    cpu: float
    server_cpu: float


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--users", type=int, default=100_000)
    arguments.add_argument("--tasks", type=int, default=1_000_000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=int, default=2)
    arguments.add_argument("--serve", nargs=3, metavar=("NAME", "URL", "PORT"), help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.serve:
        name, url, port = chosen.serve
        run(name, parse_url(url), int(port))
        return
    wrk = shutil.which("wrk")
    if wrk is None:
        sys.exit("wrk makes the load: apt-get install wrk, or brew install wrk")
    with run_temporary_server() as server, ExitStack() as stack:
        url = server.url("postgres")
        fill(url, chosen.users, chosen.tasks)
        print(f"{machine()}, {chosen.users:,} users, {chosen.tasks:,} tasks, {CONNECTIONS} connections\n")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        running = {name: stack.enter_context(started(name, url)) for name in (OURS, BARE, RAW, ASYNC, SYNC)}
        postmaster = _postmaster(server.port)
        for what in (GET, FILTERED, PAGE, DEEP):
            took: dict[str, list[Took]] = {name: [] for name in running}
            for turn in range(chosen.rounds + 1):
                for name in _turned(list(running), turn):
                    script = folder / "load.lua"
                    script.write_text(lua(name, what, chosen.users, chosen.tasks))
                    process, port = running[name]
                    one = loaded(wrk, script, port, process, postmaster, chosen.seconds if turn else 1)
                    if turn:  # the first round warms up
                        took[name].append(one)
            report(what, took)


def report(what: str, took: dict[str, list[Took]]) -> None:
    def median(name: str, of: str) -> float:
        return float(statistics.median(getattr(one, of) for one in took[name]))

    rows = []
    for name, times in took.items():
        cpu = median(name, "cpu")
        to_raw = statistics.median(a.cpu / b.cpu for a, b in zip(times, took[RAW], strict=True))
        to_taught = statistics.median(b.cpu / a.cpu for a, b in zip(times, took[ASYNC], strict=True))
        rows.append([name, f"{median(name, 'rate'):,.0f}", f"{cpu:.0f} us", f"{to_raw:.2f}", f"{to_taught:.2f}",
                     f"{median(name, 'server_cpu'):.0f} us"])  # fmt: skip
    table([what, "requests/s", "CPU each", "of raw", "taught / this", "PostgreSQL's CPU"], rows)


def loaded(
    wrk: str, script: Path, port: int, process: psutil.Process, postmaster: psutil.Process, seconds: int
) -> Took:
    before, server_before, began = cpu_of(process), cpu_of_tree(postmaster), time.monotonic()
    command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), f"http://127.0.0.1:{port}"]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    elapsed, after, server_after = time.monotonic() - began, cpu_of(process), cpu_of_tree(postmaster)
    if "Non-2xx" in out:
        raise AssertionError(out)
    found = re.search(r"(\d+) requests in", out)
    assert found is not None, out
    count = int(found[1])
    return Took(count / elapsed, (after - before) / count * 1e6, (server_after - server_before) / count * 1e6)


def cpu_of(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def cpu_of_tree(postmaster: psutil.Process) -> float:
    """Of a server and its processes, those that have ended among them."""
    own = postmaster.cpu_times()
    total = float(own.user + own.system + own.children_user + own.children_system)
    for child in postmaster.children():
        with suppress(psutil.NoSuchProcess):
            total += cpu_of(child)
    return total


def _postmaster(port: int) -> psutil.Process:
    for process in psutil.process_iter(["name"]):
        if process.info["name"] == "postgres" and any(
            found.laddr.port == port and found.status == "LISTEN" for found in process.net_connections("tcp")
        ):
            return process
    raise AssertionError("the server has no process")


def _turned(names: list[str], turn: int) -> list[str]:
    first = turn % len(names)
    return names[first:] + names[:first]


def lua(name: str, what: str, users: int, tasks: int) -> str:
    chance = random.Random(what)
    if what == GET:
        paths = [f"/users/{chance.randint(1, users)}" for _ in range(500)]
    elif what == FILTERED:
        paths = [f"/tasks?user_id={chance.randint(1, users)}&limit=50" for _ in range(500)]
    else:
        places = [chance.randint(1, 1000) + (int(tasks * 0.9) if what == DEEP else 0) for _ in range(500)]
        paths = [f"/tasks?limit=50&{_after(name, place)}" for place in places]
    listed = ",".join(f'"{path}"' for path in paths)
    return (
        f"local paths = {{{listed}}}\nlocal i = 0\n"
        "request = function()\n  i = i % #paths + 1\n  return wrk.format('GET', paths[i])\nend\n"
    )


def _after(name: str, place: int) -> str:
    if name in {OURS, BARE}:
        return f"cursor={CursorSigner(KEY.encode()).encode('/tasks id', [str(place)])}"
    return f"after={place}"


def fill(url: DatabaseUrl, users: int, tasks: int) -> None:
    arguments: dict[str, Any] = {**url.connect_arguments()}
    connection = psycopg2.connect(**arguments)
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in (
            'CREATE TABLE "user" (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, email varchar(320) NOT NULL '
            "UNIQUE, hashed_password varchar(255), is_active boolean NOT NULL DEFAULT true, "
            "created_at timestamptz NOT NULL DEFAULT now())",
            "CREATE TABLE task (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, title varchar(200) NOT NULL, "
            "description text, is_completed boolean NOT NULL DEFAULT false, user_id bigint NOT NULL, "
            "created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now())",
            f"INSERT INTO \"user\" (email) SELECT 'user' || n || '@example.com' FROM generate_series(1, {users}) n",
            "INSERT INTO task (title, description, user_id) SELECT 'Task number ' || n, repeat('word ', 10), "
            f"n % {users} + 1 FROM generate_series(1, {tasks}) n",
            "CREATE INDEX ON task (user_id)",
            "VACUUM ANALYZE",
        ):
            cursor.execute(statement)
    connection.close()


@contextmanager
def started(name: str, url: DatabaseUrl) -> Iterator[tuple[psutil.Process, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "benchmarks.service", "--serve", name, url.reveal(), str(port)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=ROOT, stderr=log, stdout=log)
        try:
            for _ in range(600):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/users/1", timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield psutil.Process(process.pid), port
        finally:
            process.terminate()
            process.wait()


def run(name: str, url: DatabaseUrl, port: int) -> None:
    made: dict[str, Any] = {BARE: bare, RAW: raw, ASYNC: taught_async, SYNC: taught_sync}
    if name == OURS:
        configuration = load_configuration(
            find_project(ROOT), environ={"DATABASE_URL": url.reveal(), "SEEDBED_CURSOR_KEY": KEY}
        )
        schema = load_schema(configuration.project)
        serve(create_app(configuration, schema, url), listen("127.0.0.1", port))
        return
    logging.disable(logging.INFO)
    uvicorn.run(made[name](url), host="127.0.0.1", port=port, log_level="warning", access_log=False)


def bare(url: DatabaseUrl) -> ASGIApp:
    """The tables and their pool, without log, metrics, request ids and tokens."""
    reader = QueryRunner(url, pool_size=POOL, deadline=5)
    schema = load_schema(find_project(ROOT))
    tables = TableRouter(build_resources(schema), reader.fetch, CursorSigner(KEY.encode()), deadline=5)

    async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await reader.close()
            await send({"type": "lifespan.shutdown.complete"})

    return DispatchMiddleware(nothing, table_router=tables, custom_routes=[], query_runner=reader, deadline=5)


def raw(url: DatabaseUrl) -> ASGIApp:
    pool: Any = None
    user = 'SELECT row_to_json(r)::text FROM (SELECT id, email, is_active, created_at FROM "user" WHERE id = $1) r'
    columns = "id, title, description, is_completed, user_id, created_at, updated_at"
    listed = "SELECT coalesce(json_agg(r), '[]')::text FROM (SELECT {} FROM task WHERE {} ORDER BY id LIMIT $2) r"
    of_user, after = listed.format(columns, "user_id = $1"), listed.format(columns, "id > $1")

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        nonlocal pool
        arguments = {"user": url.username, "password": url.password, "host": url.host, "port": int(url.port or 5432)}
        async with asyncpg.create_pool(**arguments, database=url.database, min_size=POOL, max_size=POOL) as pool:
            yield

    async def get_user(request: Request) -> Response:
        found = await pool.fetchval(user, int(request.path_params["id"]))
        return Response(found, media_type="application/json") if found else Response(status_code=404)

    async def list_tasks(request: Request) -> Response:
        asked = request.query_params
        limit = int(asked.get("limit", 50))
        if "user_id" in asked:
            found = await pool.fetchval(of_user, int(asked["user_id"]), limit)
        else:
            found = await pool.fetchval(after, int(asked.get("after", 0)), limit)
        return Response(found, media_type="application/json")

    return Starlette(routes=[Route("/users/{id}", get_user), Route("/tasks", list_tasks)], lifespan=lifespan)


def taught_async(url: DatabaseUrl) -> ASGIApp:
    engine = create_async_engine(url.reveal().replace("postgresql:", "postgresql+psycopg:"), pool_size=POOL)

    async def session() -> AsyncIterator[AsyncSession]:
        async with AsyncSession(engine) as made:
            yield made

    app, given = FastAPI(), Annotated[AsyncSession, Depends(session)]

    async def get_user(id: int, session: given) -> Any:  # type: ignore[valid-type]  # noqa: A002
        found = await session.get(User, id)  # type: ignore[attr-defined]
        if found is None:
            raise HTTPException(404)
        return found

    async def list_tasks(session: given, user_id: int | None = None, after: int = 0, limit: int = 50) -> Any:  # type: ignore[valid-type]
        return (await session.exec(_asked(user_id, after, limit))).all()  # type: ignore[attr-defined]

    app.get("/users/{id}", response_model=UserRead)(get_user)
    app.get("/tasks", response_model=list[TaskRead])(list_tasks)
    return app


def taught_sync(url: DatabaseUrl) -> ASGIApp:
    engine = create_engine(url.reveal().replace("postgresql:", "postgresql+psycopg2:"), pool_size=POOL)

    def session() -> Iterator[Session]:
        with Session(engine) as made:
            yield made

    app, given = FastAPI(), Annotated[Session, Depends(session)]

    def get_user(id: int, session: given) -> Any:  # type: ignore[valid-type]  # noqa: A002
        found = session.get(User, id)  # type: ignore[attr-defined]
        if found is None:
            raise HTTPException(404)
        return found

    def list_tasks(session: given, user_id: int | None = None, after: int = 0, limit: int = 50) -> Any:  # type: ignore[valid-type]
        return session.exec(_asked(user_id, after, limit)).all()  # type: ignore[attr-defined]

    app.get("/users/{id}", response_model=UserRead)(get_user)
    app.get("/tasks", response_model=list[TaskRead])(list_tasks)
    return app


def _asked(user_id: int | None, after: int, limit: int) -> Any:
    column: Any = Task.id
    statement = select(Task).order_by(column).limit(limit)
    return statement.where(Task.user_id == user_id) if user_id is not None else statement.where(column > after)


if __name__ == "__main__":
    main()
