"""The service under uvicorn: in the foreground, or beside the rest of a program for the length of a block."""

import errno
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from seedbed.errors import PortTaken

_TRIES = 20
_DRAIN_SECONDS = 10


def listen(host: str, port: int, *, or_next: bool = False) -> socket.socket:
    """Bind the service's port now, so that nobody takes it before the service is ready.

    Raises:
        PortTaken: with `or_next`, only after the following twenty are taken too.
    """
    for candidate in range(port, port + (_TRIES if or_next else 1)):
        try:
            return socket.create_server((host, candidate))
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise
    raise PortTaken(host, port)


def url_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{host}:{port}"


def serve(app: FastAPI, listening: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are then finished first."""
    _server(app, access_log=True).run(sockets=[listening])


@contextmanager
def served(app: FastAPI, listening: socket.socket) -> Iterator[str]:
    """Serve in a thread for the length of a block; gives the URL."""
    server = _server(app, access_log=False)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="seedbed-serve")
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        yield url_of(listening)
    finally:
        server.should_exit = True
        thread.join()


def _server(app: FastAPI, *, access_log: bool) -> uvicorn.Server:
    level = "info" if access_log else "warning"
    return _Server(
        uvicorn.Config(app, log_level=level, access_log=access_log, timeout_graceful_shutdown=_DRAIN_SECONDS)
    )


class _Server(uvicorn.Server):
    """uvicorn's server, which returns when it was asked to end: whoever started it has a database to let go of."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM while serving, and not raise them again afterwards, as uvicorn itself does."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
