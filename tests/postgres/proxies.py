"""Ways to a server that a test stands in the middle of."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from seedbed.settings import DatabaseUrl

GOODBYE = b"X\0\0\0\4"
"""What a client says last, and waits for nothing."""


@contextmanager
def cutting_proxy(url: DatabaseUrl) -> Iterator[tuple[DatabaseUrl, Callable[[], None]]]:
    """A way to the server that can be cut: both sides are closed without a word."""
    with watched_proxy(url) as (through, cut, _):
        yield through, cut


@dataclass
class Watched:
    """What went through: bytes to the server, and how often the client spoke after the server had."""

    sent: int = 0
    round_trips: int = 0
    client_is_next: bool = True


@contextmanager
def watched_proxy(
    url: DatabaseUrl, on_sent: Callable[[int], None] | None = None
) -> Iterator[tuple[DatabaseUrl, Callable[[], None], Watched]]:
    """The same, which counts; `on_sent` is told of all bytes that the client has sent so far."""
    watched = Watched()
    listening = socket.create_server(("127.0.0.1", 0))
    ends: list[socket.socket] = []

    def pump(source: socket.socket, target: socket.socket, *, to_server: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if to_server:
                    watched.round_trips += watched.client_is_next and data != GOODBYE
                    watched.sent += len(data)
                watched.client_is_next = not to_server
                if to_server and on_sent is not None:
                    on_sent(watched.sent)
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                server = socket.create_connection(("127.0.0.1", int(url.port or 5432)))
                ends.extend((client, server))
                for pair, out in (((client, server), True), ((server, client), False)):
                    threading.Thread(target=pump, args=pair, kwargs={"to_server": out}, daemon=True).start()

    def cut() -> None:
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    threading.Thread(target=accept, daemon=True).start()
    port = str(listening.getsockname()[1])
    try:
        through = DatabaseUrl(url.username, url.password, url.host, port, url.database, parameters=url.parameters)
        yield through, cut, watched
    finally:
        listening.close()
        cut()
        for end in ends:
            end.close()
