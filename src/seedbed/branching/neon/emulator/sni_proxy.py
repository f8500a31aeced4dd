"""A proxy in front of the emulator's server that selects the branch by the host name in TLS, as Neon's does."""

import asyncio
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from seedbed.branching.neon.emulator.proxy_authentication import (
    BOUND,
    PLAIN,
    ScramClient,
    ScramFailure,
    ScramServer,
    Tls,
)

_SSL, _GSS, _CANCEL = 80877103, 80877104, 80877102
_OK, _SASL, _CONTINUE, _FINAL = 0, 10, 11, 12
_HEAD, _LENGTH = 8, 4
_CHUNK = 1 << 16
_MAX_LENGTH = 1 << 20
_CONNECTION_ERRORS = (
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
    """The target of a connection: the role's password on the branch, and the database and password on the server."""

    password: str = field(repr=False)
    database: str
    inner_password: str = field(repr=False)
    read_only: bool = False


class RouteRejected(Exception):
    """A connection is refused with an error for the client."""

    def __init__(self, state: str, message: str) -> None:
        super().__init__(message)
        self.state = state


Find = Callable[[str, str, str], Route]
"""Resolves a compute's id, a database and a role to a route; it may wait for the compute, or raise RouteRejected."""


@dataclass(frozen=True)
class Proxy:
    tls: Tls
    inner_port: int
    find: Find

    @contextmanager
    def running(self) -> Iterator[int]:
        """Listen on a free port of 127.0.0.1 for the length of a block."""
        loop = asyncio.new_event_loop()
        self.tls.context.sni_callback = _record_server_name
        server = loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        thread = threading.Thread(target=loop.run_forever, name="seedbed-emulator-proxy")
        thread.start()
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            loop.call_soon_threadsafe(server.close)
            asyncio.run_coroutine_threadsafe(_cancel_tasks(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve_client(reader, writer)
        except RouteRejected as refused:
            with suppress(*_CONNECTION_ERRORS):
                writer.write(_error(refused.state, str(refused)))
                await writer.drain()
        except _CONNECTION_ERRORS:
            pass
        finally:
            writer.close()

    async def _serve_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
        parameters = _parse_parameters(body)
        compute = _parse_compute_id(parameters, getattr(outer, "asked_for", None) or "")
        user = parameters.get("user", "")
        route = await asyncio.to_thread(self.find, compute, parameters.get("database", user), user)
        await self._authenticate_serve_client(reader, writer, route, user)
        parameters["database"] = route.database
        if route.read_only:
            parameters["options"] = f"{parameters.get('options', '')} -c default_transaction_read_only=on".strip()
        await self._forward(reader, writer, parameters, route)

    async def _authenticate_serve_client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, route: Route, user: str
    ) -> None:
        mechanisms = "".join(f"{name}\0" for name in (BOUND, PLAIN)) + "\0"
        writer.write(_auth(_SASL, mechanisms.encode()))
        name, _, rest = (await _message(reader, b"p")).partition(b"\0")
        try:
            side = ScramServer(route.password, name.decode(), self.tls.binding)
            writer.write(_auth(_CONTINUE, side.challenge(rest[4:].decode()).encode()))
            verdict = side.verdict((await _message(reader, b"p")).decode())
        except (ScramFailure, ValueError, KeyError):
            raise RouteRejected("28P01", f"password authentication failed for user '{user}'") from None
        writer.write(_auth(_FINAL, verdict.encode()) + _auth(_OK))

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, parameters: dict[str, str], route: Route
    ) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self.inner_port)
        try:
            to_server.write(_build_startup_packet(parameters))
            while True:
                kind, body = await _any_message(from_server)
                if kind != b"R":  # an error, such as a missing database, which goes to the client
                    writer.write(kind + struct.pack("!I", len(body) + 4) + body)
                    break
                (step,) = struct.unpack("!I", body[:4])
                if step == _SASL:
                    side = ScramClient(route.inner_password)
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


def _record_server_name(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
    connection.asked_for = name  # type: ignore[union-attr]


def _parse_compute_id(parameters: dict[str, str], host: str) -> str:
    """The compute's id, from the host name of TLS or, for clients without SNI, from `endpoint=` in the options."""
    options = parameters.pop("options", "").split()
    endpoint_ids = [option.removeprefix("endpoint=") for option in options if option.startswith("endpoint=")]
    rest = " ".join(option for option in options if not option.startswith("endpoint="))
    if rest:
        parameters["options"] = rest
    return (endpoint_ids[0] if endpoint_ids else host.partition(".")[0]).removesuffix("-pooler")


async def _startup(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    length, code = struct.unpack("!II", await reader.readexactly(8))
    if not _HEAD <= length <= _MAX_LENGTH:
        raise ValueError(length)
    return code, await reader.readexactly(length - _HEAD)


async def _any_message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind = await reader.readexactly(1)
    (length,) = struct.unpack("!I", await reader.readexactly(4))
    if not _LENGTH <= length <= _MAX_LENGTH:
        raise ValueError(length)
    return kind, await reader.readexactly(length - _LENGTH)


async def _message(reader: asyncio.StreamReader, wanted: bytes) -> bytes:
    kind, body = await _any_message(reader)
    if kind != wanted:
        raise ValueError(kind)
    return body


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(*_CONNECTION_ERRORS):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()


async def _cancel_tasks() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _parse_parameters(body: bytes) -> dict[str, str]:
    parts = body.rstrip(b"\0").split(b"\0")
    return {key.decode(): value.decode() for key, value in zip(parts[::2], parts[1::2], strict=False)}


def _build_startup_packet(parameters: dict[str, str]) -> bytes:
    body = struct.pack("!I", 196608) + b"".join(f"{k}\0{v}\0".encode() for k, v in parameters.items()) + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def _packet(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def _auth(step: int, body: bytes = b"") -> bytes:
    return _packet(b"R", struct.pack("!I", step) + body)


def _error(state: str, message: str) -> bytes:
    fields = (("S", "FATAL"), ("V", "FATAL"), ("C", state), ("M", message))
    return _packet(b"E", b"".join(f"{k}{v}\0".encode() for k, v in fields) + b"\0")
