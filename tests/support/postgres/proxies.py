"""Ways to a server that a test stands in the middle of."""

import asyncio
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


class Link:
    """A way to a server that can fall silent: what is sent is taken, and goes nowhere."""

    def __init__(self, to: DatabaseUrl) -> None:
        self.port = _free_port()
        self.url = to._with(port=str(self.port))
        self.connections = 0
        self._to = int(to.port or 0)
        self._open = asyncio.Event()
        self._epoch = 0
        self._silenced = -1
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def silence(self, *, for_good: bool = False) -> None:
        """Forward nothing any more; `for_good`, the connections there are stay silent, and new ones do not begin so."""
        self._on_loop(self._open.clear if not for_good else self._strand)

    def speak(self) -> None:
        self._on_loop(self._open.set)

    @contextmanager
    def up(self) -> Iterator["Link"]:
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", self.port), self._loop
        ).result()
        self.speak()
        try:
            yield self
        finally:
            self._on_loop(server.close)
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _on_loop(self, act: Callable[[], None]) -> None:
        async def acting() -> None:
            act()

        asyncio.run_coroutine_threadsafe(acting(), self._loop).result()

    def _strand(self) -> None:
        self._silenced = self._epoch
        self._epoch += 1

    async def _end(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        epoch = self._epoch
        with suppress(asyncio.CancelledError):  # at the end of the test
            await self._join(reader, writer, epoch)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, epoch: int) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        try:
            await asyncio.wait(
                [
                    asyncio.ensure_future(self._forward(reader, back, epoch)),
                    asyncio.ensure_future(self._forward(there, writer, epoch)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            writer.close()
            back.close()

    async def _forward(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, epoch: int) -> None:
        with suppress(ConnectionError):
            while piece := await source.read(65536):
                await self._open.wait()
                while epoch <= self._silenced:
                    await asyncio.sleep(3600)
                target.write(piece)
                await target.drain()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
