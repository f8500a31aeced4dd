"""Open psql on the kept database of a failed test."""

import os
import signal
import subprocess
from pathlib import Path

from seedbed.errors import KeptOnExternalServer
from seedbed.postgres.embedded import run_temporary_server
from seedbed.postgres.psql import build_psql_command
from seedbed.settings import find_project
from seedbed.settings.url_parser import parse_url
from seedbed.testing.databases.kept_databases import read_kept
from seedbed.testing.databases.server_access import ServerAccess
from seedbed.testing.server.data_snapshot import ensure_storage_directory, name_owner_role


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
