"""Start and stop the PostgreSQL server of a test run, and keep the databases of failed tests."""

import json
import os
import shutil
import signal
import subprocess
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from psycopg2 import Error as DriverError

from seedbed.errors import KeptOnExternalServer, NoKeptDatabase, SeedbedError
from seedbed.postgres.embedded import Binaries, TemporaryServer, run_temporary_server
from seedbed.postgres.psql import build_psql_command
from seedbed.settings import find_project
from seedbed.settings.url_parser import parse_url
from seedbed.testing.databases.server_access import ServerAccess, drop_database
from seedbed.testing.server.data_snapshot import ensure_storage_directory, name_owner_role, snapshot_lock


@dataclass(frozen=True)
class KeptDatabase:
    """The database of a failed test. `on_given_server` says that it is on the server of `--seedbed-url`."""

    name: str
    test: str
    on_given_server: bool


def write_kept(base: Path, kept: list[KeptDatabase]) -> None:
    document = [{"name": each.name, "test": each.test, "given": each.on_given_server} for each in kept]
    (base / "kept.json").write_text(json.dumps(document), encoding="utf-8")


def add_kept(base: Path, kept: KeptDatabase) -> None:
    """Record one more database on a given server."""
    write_kept(base, [*(each for each in _read(base) if each.on_given_server), kept])


def read_kept(base: Path, name_or_test: str = "") -> KeptDatabase:
    """Read the record of a kept database, by its name or its test's. Without a name, read the last one.

    Raises:
        NoKeptDatabase: no kept database matches.
    """
    known = _read(base)
    for each in reversed(known):
        if name_or_test in {"", each.name, each.test}:
            return each
    raise NoKeptDatabase(name_or_test or None, [each.name for each in known])


def keep_data(server: TemporaryServer, base: Path, kept: list[KeptDatabase]) -> None:
    """Stop a run's server and keep its data with only the kept databases, replacing those of an earlier run."""
    with ServerAccess.from_embedded(server, "").open_admin_cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')")
        for (name,) in cursor.fetchall():
            if name not in {each.name for each in kept}:
                cursor.execute("UPDATE pg_database SET datistemplate = false WHERE datname = %s", (name,))
                drop_database(cursor, name)
    new_directory = base / "kept.new"
    shutil.rmtree(new_directory, ignore_errors=True)
    server.save(new_directory)
    shutil.rmtree(base / "kept", ignore_errors=True)
    new_directory.rename(base / "kept")
    write_kept(base, kept)


def _read(base: Path) -> list[KeptDatabase]:
    try:
        document = json.loads((base / "kept.json").read_text(encoding="utf-8"))
        return [KeptDatabase(each["name"], each["test"], each["given"]) for each in document]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def open_psql(start: Path, name_or_test: str, server_url: str | None) -> int:
    """Open psql on a kept database and return psql's exit code.

    A database of the run's own server is opened on a copy of that server, so changes are lost afterwards.

    Raises:
        NoKeptDatabase: no kept database matches.
        KeptOnExternalServer: the database is on a given server, and `server_url` is None.
        PsqlNotFound: psql is not installed.
    """
    project = find_project(start)
    base = ensure_storage_directory(project)
    kept_database = read_kept(base, name_or_test)
    if kept_database.on_given_server:
        if server_url is None:
            raise KeptOnExternalServer(kept_database.name)
        return _run_psql(ServerAccess.from_url(parse_url(server_url)), kept_database.name)
    with run_temporary_server(saved=base / "kept") as server:
        return _run_psql(ServerAccess.from_embedded(server, name_owner_role(project)), kept_database.name)


def _run_psql(host: ServerAccess, name: str) -> int:
    command, variables = build_psql_command(host.database(name))
    signal.signal(signal.SIGINT, lambda *_: None)  # psql handles Ctrl-C, to cancel a query
    return subprocess.run(command, env=os.environ | variables, check=False).returncode


class RunServer:
    """The server of a test run. The kernel ends it with the thread that starts it, so no exit leaves it behind."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._server: TemporaryServer | None = None
        self._kept_databases: list[KeptDatabase] = []
        self._kept_folder: Path | None = None

    def start(self, binaries: Binaries, snapshot: Path | None) -> TemporaryServer:
        """Start the server on a copy of a snapshot of the same binaries, or empty, unless it is running."""
        if self._server is None:
            with nullcontext() if snapshot is None else snapshot_lock(snapshot):
                self._server = self._stack.enter_context(run_temporary_server(binaries, saved=snapshot))
        return self._server

    def keep(self, base: Path, kept: KeptDatabase) -> None:
        """Record a database that outlives the run."""
        self._kept_folder = base
        self._kept_databases.append(kept)

    def close(self) -> None:
        """Stop the server and save the kept databases. They are lost if the server was killed."""
        with self._stack:
            if self._server is not None and self._kept_folder is not None:
                with suppress(SeedbedError, DriverError, OSError):
                    keep_data(self._server, self._kept_folder, self._kept_databases)
