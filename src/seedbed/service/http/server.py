"""The service under uvicorn: in the foreground, or beside the rest of a program for the length of a block."""

import errno
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from seedbed.errors import ListenFailure, PortInUse, MalformedRequest
from seedbed.service.http.access_control import URL_BYTES
from seedbed.service.http.problems import problem_for
from seedbed.service.log_format import LOG, LOGGER, JsonLines, PlainLines

_TRIES = 20
_DRAIN_SECONDS = 10


def listen(host: str, port: int, *, or_next: bool = False) -> socket.socket:
    """Bind the service's port now, so that nobody takes it before the service is ready.

    Raises:
        PortInUse: with `or_next`, only after the following twenty are taken too.
        ListenFailure: the address is not this machine's, or the port is not for this user.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + (_TRIES if or_next else 1), 65536)):
        try:
            return _known_as_tcp(socket.create_server((host, candidate), family=family))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                reason = (error.strerror or str(error)).partition(" (while ")[0]
                raise ListenFailure(host, candidate, reason) from error
    raise PortInUse(host, port)


def _known_as_tcp(listening: socket.socket) -> socket.socket:
    """The same socket, with its protocol said. asyncio turns Nagle's algorithm off for what says that it is TCP alone;
    with it, each answer on a connection that is kept waits 40 ms for the client's delayed acknowledgement.
    """
    return socket.socket(listening.family, listening.type, socket.IPPROTO_TCP, listening.detach())


def url_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def serve(app: FastAPI, listening: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are then finished first. The log goes to standard error."""
    with _logged():
        LOG.info(f"Serving at {url_of(listening)}, documented at {url_of(listening)}/docs")
        _server(app).run(sockets=[listening])
        LOG.info("Stopped")


def serve_app(app: ASGIApp, listening: socket.socket) -> None:
    """Serve anything until SIGINT or SIGTERM, and log nothing of it."""
    _server(app).run(sockets=[listening])


@contextmanager
def served(app: ASGIApp, listening: socket.socket) -> Iterator[str]:
    """Serve in a thread for the length of a block; gives the URL."""
    server = _server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="seedbed-serve")
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        yield url_of(listening)
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def _logged() -> Iterator[None]:
    """Our own log on standard error, and of uvicorn's what matters; where someone set up logging, it stays theirs.

    A person at a terminal reads lines, and a program that collects them JSON.
    """
    own = logging.getLogger(LOGGER)
    if logging.getLogger().handlers or own.handlers:
        yield
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainLines() if sys.stderr.isatty() else JsonLines())
    levels = {own: logging.INFO, logging.getLogger("uvicorn"): logging.WARNING}
    before = {logger: logger.level for logger in levels}
    for logger, level in levels.items():
        logger.addHandler(handler)
        logger.setLevel(level)
    try:
        yield
    finally:
        for logger, level in before.items():
            logger.removeHandler(handler)
            logger.setLevel(level)


def _server(app: ASGIApp) -> uvicorn.Server:
    """The journal logs requests, so uvicorn does not. psycopg cannot use the event loop that Windows has by default."""
    loop = "asyncio:SelectorEventLoop" if sys.platform == "win32" else "auto"
    return _Server(
        uvicorn.Config(
            app, loop=loop, http=_Protocol, log_config=None, log_level="warning", access_log=False,
            server_header=False, timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
    )  # fmt: skip


class _Protocol(HttpToolsProtocol):
    """uvicorn's, whose refusal of what is no request is a problem like all others."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own words, which it logs
        answer = problem_for(MalformedRequest(URL_BYTES))
        headers = [name + b": " + value for name, value in [*answer.raw_headers, (b"connection", b"close")]]
        self.transport.write(b"\r\n".join([b"HTTP/1.1 400 Bad Request", *headers, b"", bytes(answer.body)]))
        self.transport.close()


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
