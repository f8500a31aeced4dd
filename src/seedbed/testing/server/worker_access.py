"""One server for a run of tests, started when a test first wants one, and shared by the run's workers."""

import secrets
import sys
import threading
from contextlib import suppress
from functools import cached_property
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedbed.errors import SeedbedError, WorkerWithoutServer

if TYPE_CHECKING:
    from seedbed.postgres.embedded import Binaries, ThrowawayServer
    from seedbed.testing.databases.kept_databases import KeptDatabase
    from seedbed.testing.server.lifecycle import RunServer


_WORKERS = 128
"""Workers that may ask at the same moment."""


class ServerController:
    """The first process of a run with workers: it listens for what they ask, in a thread that owns the server."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._listener = Listener(_address(), backlog=_WORKERS, authkey=self._key)
        self._thread = threading.Thread(target=self._listen, name="seedbed-server", daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> tuple[Any, bytes]:
        """What a worker needs to ask."""
        return self._listener.address, self._key

    def close(self) -> None:
        _ask(self.endpoint, "close", None)
        self._thread.join()

    def _listen(self) -> None:
        with self._listener:
            open_for_more = True
            while open_for_more:
                with suppress(OSError, EOFError, AuthenticationError), self._listener.accept() as asking:
                    open_for_more = self._answer(asking)

    @cached_property
    def _server(self) -> "RunServer":
        """Whoever tests without a database does not wait for what only this needs."""
        from seedbed.testing.server.lifecycle import RunServer  # noqa: PLC0415

        return RunServer()

    def _answer(self, asking: "Connection[Any, Any]") -> bool:
        wish, subject = asking.recv()
        answer: object = None
        try:
            if wish == "server":
                answer = self._server.start(*subject)
            elif wish == "keep":
                self._server.keep(*subject)
            elif "_server" in vars(self):
                self._server.close()
        except SeedbedError as error:
            answer = (type(error), error.message, error.remedy)
        except Exception as error:
            answer = (None, f"{type(error).__name__}: {error}", "")
        asking.send(answer)
        return bool(wish != "close")


class ServerClient:
    """A worker's way to the run's server."""

    def __init__(self, way: tuple[Any, bytes]) -> None:
        self._way = way

    def start(self, binaries: "Binaries", snapshot: Path | None) -> "ThrowawayServer":
        """As `RunServer.start`.

        Raises:
            WorkerWithoutServer: the first process cannot be reached.
            SeedbedError: whatever kept it from starting one, as it was said there.
        """
        answer = _ask(self._way, "server", (binaries, snapshot))
        if isinstance(answer, tuple):
            kind, message, remedy = answer
            if kind is None:
                raise WorkerWithoutServer(message)
            error = kind.__new__(kind)  # it would make its sentence of facts, and has it already
            SeedbedError.__init__(error, message, remedy=remedy)
            raise error
        server: ThrowawayServer = answer
        return server

    def keep(self, base: Path, kept: "KeptDatabase") -> None:
        _ask(self._way, "keep", (base, kept))

    def close(self) -> None:
        """It is the first process's to end."""


def _address() -> str | None:
    """Where Linux needs no file for a socket, a killed run leaves none."""
    return f"\0seedbed-{secrets.token_hex(8)}" if sys.platform == "linux" else None


def _ask(way: tuple[Any, bytes], wish: str, subject: object) -> Any:
    address, key = way
    try:
        with Client(address, authkey=key) as asked:
            asked.send((wish, subject))
            return asked.recv()
    except (OSError, EOFError) as error:
        raise WorkerWithoutServer(str(error) or type(error).__name__) from error
