"""A parser of database URLs that follows libpq. Its errors do not contain the text."""

import difflib
import re
from contextlib import suppress
from urllib.parse import unquote_to_bytes

from seedbed.settings.database_url import DatabaseUrl

_SCHEME = re.compile(r"(postgres|postgresql)(\+[a-z0-9_]+)?://", re.IGNORECASE)
_HOST_AND_PORT = re.compile(r"(\[[0-9a-fA-F:.]+(?:%25[A-Za-z0-9._~-]+)?\]|[^:\[\]\s]*)(?::([0-9]*))?")
_PORT = re.compile(r"0*[0-9]{1,5}")
_MAX_PORT = 65535

_PART_PARAMETERS = {"user": "username", "password": "password", "host": "host", "port": "port", "dbname": "database"}
"""The parameters that libpq accepts for the parts before the question mark, and the names of these parts."""

_KNOWN_PARAMETERS = frozenset(
    {
        "application_name", "channel_binding", "client_encoding", "connect_timeout", "fallback_application_name",
        "gssdelegation", "gssencmode", "gsslib", "hostaddr", "keepalives", "keepalives_count", "keepalives_idle",
        "keepalives_interval", "krbsrvname", "load_balance_hosts", "options", "passfile", "require_auth", "requirepeer",
        "service", "ssl_max_protocol_version", "ssl_min_protocol_version", "sslcert", "sslcertmode", "sslcompression",
        "sslcrl", "sslcrldir", "sslkey", "sslmode", "sslnegotiation", "sslpassword", "sslrootcert", "sslsni",
        "target_session_attrs", "tcp_user_timeout",
    }
)  # fmt: skip
"""The parameters of libpq in both drivers: version 17 in psycopg2-binary 2.9.13, and 18 in psycopg 3.3."""

_SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_NUMERIC_PARAMETERS = ("connect_timeout", "keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval",
            "tcp_user_timeout")  # fmt: skip
_PARAMETERS_WITH_AT = frozenset({"user", "password", "sslpassword"})
_UNESCAPED_SLASH = "a / or ? in the user or password must be written %2F or %3F, and an @ after them %40"


class MalformedUrl(ValueError):
    """The text is not a PostgreSQL URL. The message does not contain the text."""


def parse_url(text: str) -> DatabaseUrl:
    """Parse a PostgreSQL URL as libpq does, but slightly more tolerantly.

    A driver in the scheme (`postgresql+asyncpg`) is ignored, because Seedbed chooses the driver. A password may contain
    `@`, `#`, `$`, a space and a single `%`. A `/` or `?` ends the password, and the error says so. A user or a password
    in a parameter is moved to its part of the URL, so that it is masked.

    Raises:
        MalformedUrl: the text is not a valid URL. The reason does not contain the text.
    """
    text = text.strip()
    if text[:1] in {"'", '"'}:
        raise MalformedUrl("it begins with a quote; quotes are removed only in .env files")
    scheme = _SCHEME.match(text)
    if scheme is None:
        raise MalformedUrl("it does not begin with postgresql://")
    rest = text[scheme.end() :]
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    path, _, query = rest[len(authority) :].partition("?")
    userinfo, at, places = authority.rpartition("@")
    if "@" in path:
        raise MalformedUrl(_UNESCAPED_SLASH)
    username, colon, password = userinfo.partition(":")
    host, port = _parse_hosts(places, suspicious=not at and "@" in rest)
    parts: dict[str, str | None] = {
        "username": _decode(username) or None,
        "password": _decode(password) if colon else None,
        "host": host,
        "port": port,
        "database": _decode(path[1:]) or None,
    }
    own, parameters = _parse_query(query)
    return _check(DatabaseUrl(**{**parts, **own}, parameters=parameters))


def _parse_hosts(places: str, *, suspicious: bool) -> tuple[str | None, str | None]:
    hosts, ports = [], []
    for place in places.split(","):
        match = _HOST_AND_PORT.fullmatch(place)
        if match is None:
            raise MalformedUrl(_UNESCAPED_SLASH if suspicious else "the host or the port is invalid")
        hosts.append(_decode(match[1].strip("[]")))
        ports.append(match[2] or "")
    same = ports[0] if len(set(ports)) == 1 else ",".join(ports)
    return ",".join(hosts) or None, same or None


def _parse_query(query: str) -> tuple[dict[str, str | None], list[tuple[str, str]]]:
    own: dict[str, str | None] = {}
    parameters = []
    for number, pair in enumerate(filter(None, query.split("&")), start=1):
        name, equals, value = pair.partition("=")
        if "@" in pair and name not in _PARAMETERS_WITH_AT:
            raise MalformedUrl(_UNESCAPED_SLASH)
        if not equals:
            raise MalformedUrl("after the ?, write name=value pairs joined by &")
        if name in _PART_PARAMETERS:
            own[_PART_PARAMETERS[name]] = _decode(value) or ("" if name == "password" else None)
        elif name in _KNOWN_PARAMETERS:
            parameters.append((name, _decode(value)))
        elif (name, value) == ("ssl", "true"):  # JDBC's, which libpq takes too
            parameters.append(("sslmode", "require"))
        else:
            near = difflib.get_close_matches(name, [*_PART_PARAMETERS, *_KNOWN_PARAMETERS], n=1)
            meant = f"; did you mean {near[0]}" if near else ""
            raise MalformedUrl(f"parameter {number} after the ? is not a connection parameter of PostgreSQL{meant}")
    return own, parameters


def _check(url: DatabaseUrl) -> DatabaseUrl:
    hosts, ports = (url.host or "").split(","), (url.port or "").split(",")
    for port in filter(None, ports):
        if not _PORT.fullmatch(port) or not 0 < int(port) <= _MAX_PORT:
            raise MalformedUrl(f"the port is not a number from 1 to {_MAX_PORT}")
    if len(ports) not in {1, len(hosts)}:
        raise MalformedUrl("the numbers of hosts and ports differ")
    if not (url.host or "").isprintable():
        raise MalformedUrl("the host is invalid")
    mode = url.parameter("sslmode")
    if mode is not None and mode not in _SSLMODES:
        raise MalformedUrl(f"sslmode must be one of {', '.join(_SSLMODES)}")
    for name in _NUMERIC_PARAMETERS:
        if not re.fullmatch(r"-?[0-9]{1,9}", url.parameter(name) or "0"):
            raise MalformedUrl(f"{name} is not a number")
    return url


def _decode(text: str) -> str:
    decoded: str | None = None
    with suppress(UnicodeError):  # it holds the text, so it must not even be the context of the error
        decoded = unquote_to_bytes(text).decode()
    if decoded is None or "\0" in decoded:
        raise MalformedUrl("it is not valid UTF-8")
    return decoded
