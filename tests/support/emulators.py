"""Neon's API emulated for a test, and a project that is branched on it."""

import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg2
from starlette.types import ASGIApp, Receive, Scope, Send

from seedbed.branching.neon import NeonBranches
from seedbed.branching.neon.emulator.server import Emulator, run_emulator
from seedbed.postgres.connection import autocommit_cursor
from seedbed.service.http.server import listen, serve_in_thread
from seedbed.settings import Configuration, find_project, load_configuration

ROOT = Path(__file__).parents[2]
MARK = (
    "CREATE SCHEMA IF NOT EXISTS seedbed;"
    " CREATE TABLE IF NOT EXISTS seedbed.environment (singleton boolean PRIMARY KEY DEFAULT true, name text NOT NULL,"
    " marked_at timestamptz NOT NULL DEFAULT now(), marked_by text NOT NULL);"
    " DELETE FROM seedbed.environment; INSERT INTO seedbed.environment (name, marked_by) VALUES ('{}', 'a test')"
)


@dataclass(frozen=True)
class Neon:
    """A running emulator, spoken to by its own address, and by libpq through the process's variables."""

    run: Emulator
    address: str
    requests: list[str]
    """The paths of all requests so far."""

    @property
    def variables(self) -> dict[str, str]:
        return self.run.get_variables(self.address)

    def configuration(self, **changed: str) -> Configuration:
        given = {name: value for name, value in self.variables.items() if not name.startswith("PG")}
        return load_configuration(find_project(ROOT), "development", environ={**given, **changed})

    def branches(self, **changed: str) -> NeonBranches:
        return NeonBranches.from_configuration(self.configuration(**changed))

    def call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.address}{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Bearer {self.run.key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"{}")

    def faults(self, **faults: Any) -> None:
        self.call("POST", "/emulator/faults", {name.lstrip("_"): value for name, value in faults.items()})

    def names(self) -> list[str]:
        return sorted(branch.name for branch in self.run.cloud.branches.values())

    def main(self, *statements: str) -> list[tuple[Any, ...]]:
        return ask(self.run.database_url(), *statements)


def ask(url: str, *statements: str) -> list[tuple[Any, ...]]:
    with autocommit_cursor(psycopg2.connect(url)) as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def emulated(**options: Any) -> Iterator[Neon]:
    """A default branch marked development, with one row."""
    requests: list[str] = []
    with (
        run_emulator(**{"step": 0.005, **options}) as run,
        listen("127.0.0.1", 0) as listening,
        serve_in_thread(_noting(run.app, requests), listening) as address,
    ):
        neon = Neon(run, address, requests)
        leading = {name: value for name, value in neon.variables.items() if name.startswith("PG")}
        with patch.dict(os.environ, leading):
            neon.main("CREATE TABLE note (body text); INSERT INTO note VALUES ('hello')", MARK.format("development"))
            yield neon


def _noting(app: ASGIApp, requests: list[str]) -> ASGIApp:
    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        requests.append(scope.get("path", ""))
        await app(scope, receive, send)

    return noting
