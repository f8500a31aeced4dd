"""The server of a run of tests, and whoever runs it."""

from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path

from psycopg2 import Error as DriverError

from seedbed.errors import SeedbedError
from seedbed.postgres.embedded import Binaries, ThrowawayServer, throwaway_server
from seedbed.testing.databases.kept_databases import KeptDatabase, keep_data
from seedbed.testing.server.data_snapshot import snapshot_lock


class RunServer:
    """The server of a run. It belongs to the thread that starts it, and so goes with the process however that ends."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._server: ThrowawayServer | None = None
        self._kept: list[KeptDatabase] = []
        self._base: Path | None = None

    def start(self, binaries: Binaries, snapshot: Path | None) -> ThrowawayServer:
        """Start it on a copy of a snapshot that the same programs made, or empty; one that runs is given as it is."""
        if self._server is None:
            with nullcontext() if snapshot is None else snapshot_lock(snapshot):
                self._server = self._stack.enter_context(throwaway_server(binaries, kept=snapshot))
        return self._server

    def keep(self, base: Path, kept: KeptDatabase) -> None:
        """Have a database outlive the run."""
        self._base = base
        self._kept.append(kept)

    def close(self) -> None:
        """Stop it, with what failed tests keep put aside; of a server that was killed, nothing is."""
        with self._stack:
            if self._server is not None and self._base is not None:
                with suppress(SeedbedError, DriverError, OSError):
                    keep_data(self._server, self._base, self._kept)
