"""The way to the emulator's computes: the host that a client asks for says which branch it gets, as at Neon's proxy."""

import asyncio
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from seedbed.branching.neon.emulator.scram import BOUND, PLAIN, ScramFailure, ScramClient, ScramServer
from seedbed.branching.neon.emulator.tls_certificate import Tls

_SSL, _GSS, _CANCEL = 80877103, 80877104, 80877102
_OK, _SASL, _CONTINUE, _FINAL = 0, 10, 11, 12
_HEAD, _LENGTH = 8, 4
_CHUNK = 1 << 16
_LONGEST = 1 << 20
_END = (
    ConnectionError,
    asyncio.IncompleteReadError,
    ssl.SSLError,
    OSError,
    ScramFailure,
    ValueError,
    KeyError,
    struct.error,
)


@dataclass(frozen=True)
class Route:
    """Where a client is let through to: the role's password on the branch, and the database and password behind it."""

    password: str = field(repr=False)
    database: str
    inner_password: str = field(repr=False)
    read_only: bool = False


class RouteRejected(Exception):
    """A client is turned away, with what it is told."""

    def __init__(self, state: str, message: str) -> None:
        super().__init__(message)
        self.state = state


Find = Callable[[str, str, str], Route]
"""The compute's id, the database and the role to a way; it may wait while the compute wakes, and may raise RouteRejected."""


@dataclass(frozen=True)
class Proxy:
    tls: Tls
    inner_port: int
    find: Find

    @contextmanager
    def running(self) -> Iterator[int]:
        """Listen on a free port of 127.0.0.1 for the length of a block."""
        loop = asyncio.new_event_loop()
        self.tls.context.sni_callback = _note_name
        server = loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        thread = threading.Thread(target=loop.run_forever, name="seedbed-emulator-proxy")
        thread.start()
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            loop.call_soon_threadsafe(server.close)
            asyncio.run_coroutine_threadsafe(_end_all(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._client(reader, writer)
        except RouteRejected as refused:
            with suppress(*_END):
                writer.write(_error(refused.state, str(refused)))
                await writer.drain()
        except _END:
            pass
        finally:
            writer.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        code, body = await _startup(reader)
        while code in {_SSL, _GSS}:
            writer.write(b"S" if code == _SSL else b"N")
            if code == _SSL:
                await writer.start_tls(self.tls.context)
            code, body = await _startup(reader)
        if code == _CANCEL:
            _, inner = await asyncio.open_connection("127.0.0.1", self.inner_port)
            inner.write(struct.pack("!II", 8 + len(body), code) + body)
            await inner.drain()
            inner.close()
            return
        outer = writer.get_extra_info("ssl_object")
        if outer is None:
            raise RouteRejected("28000", "connection is insecure (try using `sslmode=require`)")
        given = _parameters(body)
        compute = _compute(given, getattr(outer, "asked_for", None) or "")
        user = given.get("user", "")
        way = await asyncio.to_thread(self.find, compute, given.get("database", user), user)
        await self._let_in(reader, writer, way, user)
        given["database"] = way.database
        if way.read_only:
            given["options"] = f"{given.get('options', '')} -c default_transaction_read_only=on".strip()
        await self._through(reader, writer, given, way)

    async def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Route, user: str) -> None:
        mechanisms = "".join(f"{name}\0" for name in (BOUND, PLAIN)) + "\0"
        writer.write(_auth(_SASL, mechanisms.encode()))
        name, _, rest = (await _message(reader, b"p")).partition(b"\0")
        try:
            side = ScramServer(way.password, name.decode(), self.tls.binding)
            writer.write(_auth(_CONTINUE, side.challenge(rest[4:].decode()).encode()))
            verdict = side.verdict((await _message(reader, b"p")).decode())
        except (ScramFailure, ValueError, KeyError):
            raise RouteRejected("28P01", f"password authentication failed for user '{user}'") from None
        writer.write(_auth(_FINAL, verdict.encode()) + _auth(_OK))

    async def _through(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, given: dict[str, str], way: Route
    ) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self.inner_port)
        try:
            to_server.write(_opening(given))
            while True:
                kind, body = await _any_message(from_server)
                if kind != b"R":  # an error, such as a database that is gone: the client's to read
                    writer.write(kind + struct.pack("!I", len(body) + 4) + body)
                    break
                (step,) = struct.unpack("!I", body[:4])
                if step == _SASL:
                    side = ScramClient(way.inner_password)
                    first = side.first().encode()
                    to_server.write(_packet(b"p", PLAIN.encode() + b"\0" + struct.pack("!I", len(first)) + first))
                elif step == _CONTINUE:
                    to_server.write(_packet(b"p", side.last(body[4:].decode()).encode()))
                elif step == _OK:
                    break
            await asyncio.wait(
                [
                    asyncio.ensure_future(_pump(reader, to_server)),
                    asyncio.ensure_future(_pump(from_server, writer)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            to_server.close()


def _note_name(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
    connection.asked_for = name  # type: ignore[union-attr]


def _compute(given: dict[str, str], host: str) -> str:
    """By the host of TLS; or, as for clients that do not say it there, by `endpoint=` among the options."""
    options = given.pop("options", "").split()
    named = [option.removeprefix("endpoint=") for option in options if option.startswith("endpoint=")]
    rest = " ".join(option for option in options if not option.startswith("endpoint="))
    if rest:
        given["options"] = rest
    return (named[0] if named else host.partition(".")[0]).removesuffix("-pooler")


async def _startup(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    length, code = struct.unpack("!II", await reader.readexactly(8))
    if not _HEAD <= length <= _LONGEST:
        raise ValueError(length)
    return code, await reader.readexactly(length - _HEAD)


async def _any_message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind = await reader.readexactly(1)
    (length,) = struct.unpack("!I", await reader.readexactly(4))
    if not _LENGTH <= length <= _LONGEST:
        raise ValueError(length)
    return kind, await reader.readexactly(length - _LENGTH)


async def _message(reader: asyncio.StreamReader, wanted: bytes) -> bytes:
    kind, body = await _any_message(reader)
    if kind != wanted:
        raise ValueError(kind)
    return body


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(*_END):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()


async def _end_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _parameters(body: bytes) -> dict[str, str]:
    parts = body.rstrip(b"\0").split(b"\0")
    return {key.decode(): value.decode() for key, value in zip(parts[::2], parts[1::2], strict=False)}


def _opening(given: dict[str, str]) -> bytes:
    body = struct.pack("!I", 196608) + b"".join(f"{k}\0{v}\0".encode() for k, v in given.items()) + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def _packet(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def _auth(step: int, body: bytes = b"") -> bytes:
    return _packet(b"R", struct.pack("!I", step) + body)


def _error(state: str, message: str) -> bytes:
    fields = (("S", "FATAL"), ("V", "FATAL"), ("C", state), ("M", message))
    return _packet(b"E", b"".join(f"{k}{v}\0".encode() for k, v in fields) + b"\0")
