"""psql on the database of a test that failed."""

import os
import signal
import subprocess
from pathlib import Path

from seedbed.errors import KeptOnExternalServer
from seedbed.postgres.embedded import throwaway_server
from seedbed.postgres.psql import psql_command
from seedbed.settings import find_project
from seedbed.settings.url_parser import parse_url
from seedbed.testing.databases.kept_databases import read_kept
from seedbed.testing.databases.server_access import ServerAccess
from seedbed.testing.server.data_snapshot import owner_role_name, ensure_storage_directory


def open_psql(start: Path, name_or_test: str, server_url: str | None) -> int:
    """Open psql on what a failed test kept, and give its exit code.

    One that was on the run's own server is on a copy of that: whatever is done to it is gone afterwards.

    Raises:
        NoKeptDatabase: there is no such database.
        KeptOnExternalServer: it is on a server that is not given.
        PsqlNotFound: there is no psql.
    """
    project = find_project(start)
    base = ensure_storage_directory(project)
    kept = read_kept(base, name_or_test)
    if kept.on_given_server:
        if server_url is None:
            raise KeptOnExternalServer(kept.name)
        return _psql(ServerAccess.from_url(parse_url(server_url)), kept.name)
    with throwaway_server(kept=base / "kept") as server:
        return _psql(ServerAccess.from_embedded(server, owner_role_name(project)), kept.name)


def _psql(host: ServerAccess, name: str) -> int:
    command, variables = psql_command(host.database(name))
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is psql's, to cancel a query
    return subprocess.run(command, env=os.environ | variables, check=False).returncode
