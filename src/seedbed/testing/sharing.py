"""One server for a run of tests, started when a test first wants one, and shared by the run's workers."""

import secrets
import threading
from contextlib import ExitStack, nullcontext, suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from seedbed.errors import SeedbedError, ServerNotShared
from seedbed.postgres.embedded import ThrowawayServer, throwaway_server
from seedbed.testing.keeping import Kept, keep_data
from seedbed.testing.snapshots import being_copied


class RunServer:
    """The server of a run. It belongs to the thread that starts it, and so goes with the process however that ends."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._server: ThrowawayServer | None = None
        self._kept: list[Kept] = []
        self._base: Path | None = None

    def start(self, snapshot: Path | None) -> ThrowawayServer:
        """Start it on a copy of a snapshot, or empty; one that runs already is given as it is."""
        if self._server is None:
            with nullcontext() if snapshot is None else being_copied(snapshot):
                self._server = self._stack.enter_context(throwaway_server(kept=snapshot))
        return self._server

    def keep(self, base: Path, kept: Kept) -> None:
        """Have a database outlive the run."""
        self._base = base
        self._kept.append(kept)

    def close(self) -> None:
        with self._stack:
            if self._server is not None and self._base is not None:
                keep_data(self._server, self._base, self._kept)


class Sharing:
    """The first process of a run with workers: it listens for what they ask, in a thread that owns the server."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._listener = Listener(authkey=self._key)
        self._thread = threading.Thread(target=self._listen, name="seedbed-server", daemon=True)
        self._thread.start()

    @property
    def way(self) -> tuple[Any, bytes]:
        """What a worker needs to ask."""
        return self._listener.address, self._key

    def close(self) -> None:
        _ask(self.way, "close", None)
        self._thread.join()

    def _listen(self) -> None:
        server = RunServer()
        with self._listener:
            open_for_more = True
            while open_for_more:
                with suppress(OSError, EOFError, AuthenticationError), self._listener.accept() as asking:
                    open_for_more = self._answer(server, asking)

    def _answer(self, server: RunServer, asking: "Connection[Any, Any]") -> bool:
        wish, subject = asking.recv()
        answer: object = None
        try:
            if wish == "server":
                answer = server.start(subject)
            elif wish == "keep":
                server.keep(*subject)
            else:
                server.close()
        except SeedbedError as error:
            answer = (error.code, error.message, error.remedy)
        except Exception as error:
            answer = ("", f"{type(error).__name__}: {error}", "")
        asking.send(answer)
        return bool(wish != "close")


class SharedServer:
    """A worker's way to the run's server."""

    def __init__(self, way: tuple[Any, bytes]) -> None:
        self._way = way

    def start(self, snapshot: Path | None) -> ThrowawayServer:
        """As `RunServer.start`.

        Raises:
            ServerNotShared: the first process cannot be reached, or has no server.
        """
        answer = _ask(self._way, "server", snapshot)
        if isinstance(answer, ThrowawayServer):
            return answer
        code, message, remedy = answer
        raise ServerNotShared(f"{code} {message} {remedy}".strip().removesuffix("."))

    def keep(self, base: Path, kept: Kept) -> None:
        _ask(self._way, "keep", (base, kept))

    def close(self) -> None:
        """It is the first process's to end."""


def _ask(way: tuple[Any, bytes], wish: str, subject: object) -> Any:
    address, key = way
    try:
        with Client(address, authkey=key) as asked:
            asked.send((wish, subject))
            return asked.recv()
    except (OSError, EOFError) as error:
        raise ServerNotShared(str(error) or type(error).__name__) from error
