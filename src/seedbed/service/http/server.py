"""Run the service under uvicorn: in the foreground, or in a thread for the length of a block."""

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

from seedbed.errors import ListenFailure, MalformedRequest, PortInUse
from seedbed.service.http.access_control import MAX_URL_BYTES
from seedbed.service.http.problems import create_error_problem
from seedbed.service.log_format import LOG, LOGGER_NAME, ConsoleFormatter, JsonFormatter

_NEXT_PORTS = 20
_DRAIN_SECONDS = 10


def listen(host: str, port: int, *, try_next_ports: bool = False) -> socket.socket:
    """Bind the service's port early, so that no other program takes it before the service is ready.

    Raises:
        PortInUse: the port is in use. With `try_next_ports`, the next 19 ports are in use too.
        ListenFailure: the address does not belong to this machine, or the user may not bind the port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + (_NEXT_PORTS if try_next_ports else 1), 65536)):
        try:
            return _set_tcp_protocol(socket.create_server((host, candidate), family=family))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                reason = (error.strerror or str(error)).partition(" (while ")[0]
                raise ListenFailure(host, candidate, reason) from error
    raise PortInUse(host, port)


def _set_tcp_protocol(listening: socket.socket) -> socket.socket:
    """Return the same socket with its protocol set. asyncio disables Nagle's algorithm only for explicit TCP sockets.

    With Nagle's algorithm, each response on a persistent connection waits 40 ms for the client's delayed
    acknowledgement.
    """
    return socket.socket(listening.family, listening.type, socket.IPPROTO_TCP, listening.detach())


def format_url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def serve(app: FastAPI, listening: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM, then finish the running requests. The log goes to standard error."""
    with _log_to_stderr():
        LOG.info(f"Serving at {format_url(listening)}, documented at {format_url(listening)}/docs")
        _create_server(app).run(sockets=[listening])
        LOG.info("Stopped")


def serve_app(app: ASGIApp, listening: socket.socket) -> None:
    """Serve any ASGI application until SIGINT or SIGTERM, without a log."""
    _create_server(app).run(sockets=[listening])


@contextmanager
def serve_in_thread(app: ASGIApp, listening: socket.socket) -> Iterator[str]:
    """Serve in a thread for the length of a block. Yields the URL."""
    server = _create_server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="seedbed-serve")
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        yield format_url(listening)
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def _log_to_stderr() -> Iterator[None]:
    """Log the service and uvicorn's warnings to standard error, unless the program has configured logging.

    A terminal gets plain lines, anything else JSON.
    """
    service_logger = logging.getLogger(LOGGER_NAME)
    if logging.getLogger().handlers or service_logger.handlers:
        yield
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(ConsoleFormatter() if sys.stderr.isatty() else JsonFormatter())
    levels = {service_logger: logging.INFO, logging.getLogger("uvicorn"): logging.WARNING}
    previous = {logger: logger.level for logger in levels}
    for logger, level in levels.items():
        logger.addHandler(handler)
        logger.setLevel(level)
    try:
        yield
    finally:
        for logger, level in previous.items():
            logger.removeHandler(handler)
            logger.setLevel(level)


def _create_server(app: ASGIApp) -> uvicorn.Server:
    """Create a uvicorn server without its own access log. psycopg cannot use the default event loop of Windows."""
    loop = "asyncio:SelectorEventLoop" if sys.platform == "win32" else "auto"
    return _Server(
        uvicorn.Config(
            app, loop=loop, http=_Protocol, log_config=None, log_level="warning", access_log=False,
            server_header=False, timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
    )  # fmt: skip


class _Protocol(HttpToolsProtocol):
    """Answers a malformed request with problem+json, like every other error."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn logs the message itself
        response = create_error_problem(MalformedRequest(MAX_URL_BYTES))
        headers = [name + b": " + value for name, value in [*response.raw_headers, (b"connection", b"close")]]
        self.transport.write(b"\r\n".join([b"HTTP/1.1 400 Bad Request", *headers, b"", bytes(response.body)]))
        self.transport.close()


class _Server(uvicorn.Server):
    """Returns normally after a signal, because the caller has a database to release."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle SIGINT and SIGTERM while serving. uvicorn would raise them again afterwards; this does not."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
