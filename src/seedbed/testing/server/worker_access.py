"""Share one server among the workers of pytest-xdist, started when a test first needs it."""

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
    from seedbed.postgres.embedded import Binaries, TemporaryServer
    from seedbed.testing.server.lifecycle import KeptDatabase, RunServer


_BACKLOG = 128
"""How many workers may wait to connect at the same moment."""


class ServerController:
    """Serves the workers' requests in the controller process of xdist, in a thread that owns the server."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._listener = Listener(_address(), backlog=_BACKLOG, authkey=self._key)
        self._thread = threading.Thread(target=self._listen, name="seedbed-server", daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> tuple[Any, bytes]:
        """The address and the key with which a worker connects."""
        return self._listener.address, self._key

    def close(self) -> None:
        _request(self.endpoint, "close", None)
        self._thread.join()

    def _listen(self) -> None:
        with self._listener:
            keeps_listening = True
            while keeps_listening:
                with suppress(OSError, EOFError, AuthenticationError), self._listener.accept() as connection:
                    keeps_listening = self._reply(connection)

    @cached_property
    def _server(self) -> "RunServer":
        """Imported late: a run without databases does not wait for it."""
        from seedbed.testing.server.lifecycle import RunServer  # noqa: PLC0415

        return RunServer()

    def _reply(self, connection: "Connection[Any, Any]") -> bool:
        command, arguments = connection.recv()
        reply: object = None
        try:
            if command == "server":
                reply = self._server.start(*arguments)
            elif command == "keep":
                self._server.keep(*arguments)
            elif "_server" in vars(self):
                self._server.close()
        except SeedbedError as error:
            reply = (type(error), error.message, error.remedy)
        except Exception as error:
            reply = (None, f"{type(error).__name__}: {error}", "")
        connection.send(reply)
        return bool(command != "close")


class ServerClient:
    """A worker's connection to the controller, with the interface of `RunServer`."""

    def __init__(self, endpoint: tuple[Any, bytes]) -> None:
        self._endpoint = endpoint

    def start(self, binaries: "Binaries", snapshot: Path | None) -> "TemporaryServer":
        """Start the server, as `RunServer.start` does.

        Raises:
            WorkerWithoutServer: the controller cannot be reached.
            SeedbedError: the error that prevented the start, as raised in the controller.
        """
        reply = _request(self._endpoint, "server", (binaries, snapshot))
        if isinstance(reply, tuple):
            error_class, message, remedy = reply
            if error_class is None:
                raise WorkerWithoutServer(message)
            error = error_class.__new__(error_class)  # skips __init__, which would build the message from facts
            SeedbedError.__init__(error, message, remedy=remedy)
            raise error
        server: TemporaryServer = reply
        return server

    def keep(self, base: Path, kept: "KeptDatabase") -> None:
        _request(self._endpoint, "keep", (base, kept))

    def close(self) -> None:
        """Do nothing: the controller stops the server."""


def _address() -> str | None:
    """Return an abstract socket on Linux, so that a killed run leaves no socket file."""
    return f"\0seedbed-{secrets.token_hex(8)}" if sys.platform == "linux" else None


def _request(endpoint: tuple[Any, bytes], command: str, arguments: object) -> Any:
    address, key = endpoint
    try:
        with Client(address, authkey=key) as connection:
            connection.send((command, arguments))
            return connection.recv()
    except (OSError, EOFError) as error:
        raise WorkerWithoutServer(str(error) or type(error).__name__) from error
