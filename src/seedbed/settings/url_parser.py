"""A database's URL read as libpq reads it, with nothing of its text in what is said when it cannot be."""

import difflib
import re
from contextlib import suppress
from urllib.parse import unquote_to_bytes

from seedbed.settings.database_url import DatabaseUrl

_SCHEME = re.compile(r"(postgres|postgresql)(\+[a-z0-9_]+)?://", re.IGNORECASE)
_PLACE = re.compile(r"(\[[0-9a-fA-F:.]+(?:%25[A-Za-z0-9._~-]+)?\]|[^:\[\]\s]*)(?::([0-9]*))?")
_PORT = re.compile(r"0*[0-9]{1,5}")
_LAST_PORT = 65535

_OWN = {"user": "username", "password": "password", "host": "host", "port": "port", "dbname": "database"}
"""Parameters by which libpq lets a URL say again what stands before the question mark."""

_KNOWN = frozenset(
    {
        "application_name", "channel_binding", "client_encoding", "connect_timeout", "fallback_application_name",
        "gssdelegation", "gssencmode", "gsslib", "hostaddr", "keepalives", "keepalives_count", "keepalives_idle",
        "keepalives_interval", "krbsrvname", "load_balance_hosts", "options", "passfile", "require_auth", "requirepeer",
        "service", "ssl_max_protocol_version", "ssl_min_protocol_version", "sslcert", "sslcertmode", "sslcompression",
        "sslcrl", "sslcrldir", "sslkey", "sslmode", "sslnegotiation", "sslpassword", "sslrootcert", "sslsni",
        "target_session_attrs", "tcp_user_timeout",
    }
)  # fmt: skip
"""The parameters that the libpq of both drivers has: 17 in psycopg2-binary 2.9.13, 18 in psycopg 3.3."""

_SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_NUMBERS = ("connect_timeout", "keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval",
            "tcp_user_timeout")  # fmt: skip
_MAY_HAVE_AT = frozenset({"user", "password", "sslpassword"})
_SLASH = "a / or ? in the user or password must be written %2F or %3F, and an @ after them %40"


class MalformedUrl(ValueError):
    """A text is no PostgreSQL URL; its message never repeats any of the text."""


def parse_url(text: str) -> DatabaseUrl:
    """Read a PostgreSQL URL as libpq does, and a little more kindly.

    A driver in the scheme (`postgresql+asyncpg`) is dropped: Seedbed chooses the driver. `@`, `#`, `$`, a space and a
    lone `%` are taken as they stand in a password; `/` and `?` end it, as everywhere, and are said to. A user or a
    password given as a parameter is kept where a user and a password belong, so that it is masked like any other.

    Raises:
        MalformedUrl: with the reason, and nothing of the text.
    """
    text = text.strip()
    if text[:1] in {"'", '"'}:
        raise MalformedUrl("it begins with a quote, which is taken off in a .env file and nowhere else")
    scheme = _SCHEME.match(text)
    if scheme is None:
        raise MalformedUrl("it does not begin with postgresql://")
    rest = text[scheme.end() :]
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    path, _, query = rest[len(authority) :].partition("?")
    userinfo, at, places = authority.rpartition("@")
    if "@" in path:
        raise MalformedUrl(_SLASH)
    username, colon, password = userinfo.partition(":")
    host, port = _places(places, suspicious=not at and "@" in rest)
    parts: dict[str, str | None] = {
        "username": _decoded(username) or None,
        "password": _decoded(password) if colon else None,
        "host": host,
        "port": port,
        "database": _decoded(path[1:]) or None,
    }
    own, parameters = _query(query)
    return _checked(DatabaseUrl(**{**parts, **own}, parameters=parameters))


def _places(places: str, *, suspicious: bool) -> tuple[str | None, str | None]:
    hosts, ports = [], []
    for place in places.split(","):
        matched = _PLACE.fullmatch(place)
        if matched is None:
            raise MalformedUrl(_SLASH if suspicious else "the host or the port cannot be read")
        hosts.append(_decoded(matched[1].strip("[]")))
        ports.append(matched[2] or "")
    same = ports[0] if len(set(ports)) == 1 else ",".join(ports)
    return ",".join(hosts) or None, same or None


def _query(query: str) -> tuple[dict[str, str | None], list[tuple[str, str]]]:
    own: dict[str, str | None] = {}
    parameters = []
    for number, pair in enumerate(filter(None, query.split("&")), start=1):
        name, equals, value = pair.partition("=")
        if "@" in pair and name not in _MAY_HAVE_AT:
            raise MalformedUrl(_SLASH)
        if not equals:
            raise MalformedUrl("what follows the ? is not name=value pairs joined by &")
        if name in _OWN:
            own[_OWN[name]] = _decoded(value) or ("" if name == "password" else None)
        elif name in _KNOWN:
            parameters.append((name, _decoded(value)))
        elif (name, value) == ("ssl", "true"):  # JDBC's, which libpq takes too
            parameters.append(("sslmode", "require"))
        else:
            near = difflib.get_close_matches(name, [*_OWN, *_KNOWN], n=1)
            meant = f"; the nearest is {near[0]}" if near else ""
            raise MalformedUrl(f"parameter {number} after the ? is none that PostgreSQL has{meant}")
    return own, parameters


def _checked(url: DatabaseUrl) -> DatabaseUrl:
    hosts, ports = (url.host or "").split(","), (url.port or "").split(",")
    for port in filter(None, ports):
        if not _PORT.fullmatch(port) or not 0 < int(port) <= _LAST_PORT:
            raise MalformedUrl(f"the port is not a number from 1 to {_LAST_PORT}")
    if len(ports) not in {1, len(hosts)}:
        raise MalformedUrl("there are more or fewer ports than hosts")
    if not (url.host or "").isprintable():
        raise MalformedUrl("the host cannot be read")
    mode = url.parameter("sslmode")
    if mode is not None and mode not in _SSLMODES:
        raise MalformedUrl(f"sslmode is none of {', '.join(_SSLMODES)}")
    for name in _NUMBERS:
        if not re.fullmatch(r"-?[0-9]{1,9}", url.parameter(name) or "0"):
            raise MalformedUrl(f"{name} is not a number")
    return url


def _decoded(text: str) -> str:
    decoded: str | None = None
    with suppress(UnicodeError):  # it has the text, so it must not even be the context of what is raised
        decoded = unquote_to_bytes(text).decode()
    if decoded is None or "\0" in decoded:
        raise MalformedUrl("a part of it is not UTF-8 text")
    return decoded
