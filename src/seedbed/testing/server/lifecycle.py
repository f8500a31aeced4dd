"""Start and stop the PostgreSQL server of a test run."""

from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path

from psycopg2 import Error as DriverError

from seedbed.errors import SeedbedError
from seedbed.postgres.embedded import Binaries, TemporaryServer, run_temporary_server
from seedbed.testing.server.data_snapshot import snapshot_lock
from seedbed.testing.server.kept_databases import KeptDatabase, keep_data


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
