"""A database's address, which shows its password to nobody who does not ask for it by name."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from urllib.parse import quote, unquote

_SCHEME = re.compile(r"(postgres|postgresql)(\+[a-z0-9_]+)?://", re.IGNORECASE)

_PARTS = {"user": "username", "password": "password", "host": "host", "port": "port", "dbname": "database"}
"""Query parameters by which libpq lets a URL say again what stands before the question mark."""

_SHOWN = frozenset(
    {
        "application_name", "channel_binding", "client_encoding", "connect_timeout", "gssencmode", "hostaddr",
        "keepalives", "load_balance_hosts", "options", "sslcert", "sslkey", "sslmode", "sslnegotiation", "sslrootcert",
        "target_session_attrs", "tcp_user_timeout",
    }
)  # fmt: skip
"""The parameters whose values may be printed; any other may be a secret (sslpassword, or a misspelt password)."""

MASK = "***"


class MalformedUrl(ValueError):
    """A text is no PostgreSQL URL; its message never repeats any of the text."""


@dataclass(frozen=True)
class DatabaseUrl:
    """A PostgreSQL URL taken apart; `str` and `repr` give it masked, `reveal` whole.

    `host` and `port` are libpq's, so each may be a comma-separated list, and a host that starts with / is a socket's
    folder.
    """

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    host: str | None = None
    port: str | None = None
    database: str | None = None
    parameters: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"DatabaseUrl({self.masked!r})"

    def __str__(self) -> str:
        return self.masked

    @property
    def masked(self) -> str:
        """The URL as it may be printed: no password, and no value of a parameter that may hold a secret."""
        shown = [(name, value if name in _SHOWN else MASK) for name, value in self.parameters]
        return self._written(MASK if self.password is not None else None, shown)

    @property
    def address(self) -> str:
        """Host, port and database, for sentences: `db.example.com:5432/shop`."""
        host = self.host or "the local socket"
        port = f":{self.port}" if self.port else ""
        return f"{host}{port}/{self.database or ''}"

    @property
    def name(self) -> str:
        """The database's name, which for libpq is the user's when none is given."""
        return self.database or self.username or ""

    def reveal(self) -> str:
        """The whole URL, password included, for the user who asked for it or for a child process's environment."""
        return self._written(self.password, self.parameters)

    def connect_arguments(self) -> dict[str, str]:
        """What `psycopg2.connect` and `psycopg.connect` take; libpq never has to read a URL, nor to quote one."""
        own = {"user": self.username, "password": self.password, "host": self.host, "port": self.port}
        named = {key: value for key, value in {**own, "dbname": self.database}.items() if value is not None}
        return {**dict(self.parameters), **named}

    def with_database(self, name: str) -> "DatabaseUrl":
        return replace(self, database=name)

    def with_parameter(self, name: str, value: str) -> "DatabaseUrl":
        return replace(self, parameters=(*((n, v) for n, v in self.parameters if n != name), (name, value)))

    def parameter(self, name: str) -> str | None:
        return dict(self.parameters).get(name)

    @property
    def is_local(self) -> bool:
        """Whether the way to the server never leaves this machine."""
        return all(_is_local(host) for host in (self.host or "").split(","))

    @property
    def is_neon_pooler(self) -> bool:
        return self.host is not None and ".neon." in self.host and "-pooler." in self.host

    @property
    def direct(self) -> "DatabaseUrl":
        """The same database without Neon's pooler, whose host differs by the word `-pooler` alone."""
        if not self.is_neon_pooler or self.host is None:
            return self
        return replace(self, host=self.host.replace("-pooler.", ".", 1))

    def _written(self, password: str | None, parameters: Iterable[tuple[str, str]]) -> str:
        user = quote(self.username, safe="") if self.username else ""
        secret = "" if password is None else f":{password if password == MASK else quote(password, safe='')}"
        at = "@" if user or secret else ""
        hosts = (self.host or "").split(",")
        ports = (self.port or "").split(",")
        places = ",".join(
            _host_written(host) + (f":{port}" if port else "")
            for host, port in zip(hosts, ports * len(hosts) if len(ports) == 1 else ports, strict=False)
        )
        database = f"/{quote(self.database, safe='')}" if self.database else ""
        query = "&".join(f"{n}={v if v == MASK else quote(v, safe='/')}" for n, v in parameters)
        return f"postgresql://{user}{secret}{at}{places}{database}{'?' + query if query else ''}"


def parse_url(text: str) -> DatabaseUrl:
    """Read a PostgreSQL URL as libpq does, and a little more kindly.

    A driver in the scheme (`postgresql+asyncpg`) is dropped: Seedbed chooses the driver. `@`, `#`, `$`, a space and a
    lone `%` are taken as they stand in a password; `/` and `?` end it, as everywhere, and are said to. A user or a
    password given as a parameter is kept where a user and a password belong, so that it is masked like any other.

    Raises:
        MalformedUrl: with the reason, and nothing of the text.
    """
    text = text.strip()
    scheme = _SCHEME.match(text)
    if scheme is None:
        raise MalformedUrl("it does not begin with postgresql://")
    rest = text[scheme.end() :]
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    path, _, query = rest[len(authority) :].partition("?")
    userinfo, at, places = authority.rpartition("@")
    username, colon, password = userinfo.partition(":")
    url = DatabaseUrl(
        username=_decoded(username) if username else None,
        password=_decoded(password) if colon else None,
        database=_decoded(path[1:]) or None,
    )
    url = _with_places(url, places, suspicious=not at and "@" in rest)
    return _with_query(url, query)


def _with_places(url: DatabaseUrl, places: str, *, suspicious: bool) -> DatabaseUrl:
    hosts, ports = [], []
    for place in places.split(","):
        matched = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]\s]*)(?::(\d*))?", place)
        if matched is None:
            if suspicious:
                raise MalformedUrl("a / or ? in the user or password must be written %2F or %3F")
            raise MalformedUrl("the host or the port cannot be read")
        hosts.append(unquote(matched[1].strip("[]")))
        ports.append(matched[2] or "")
    for port in filter(None, ports):
        if not 0 < int(port) < 65536:  # noqa: PLR2004 - the range of TCP ports
            raise MalformedUrl("the port is not between 1 and 65535")
    same = ports[0] if len(set(ports)) == 1 else ",".join(ports)
    return replace(url, host=",".join(hosts) or None, port=same or None)


def _with_query(url: DatabaseUrl, query: str) -> DatabaseUrl:
    own: dict[str, str] = {}
    parameters = []
    for pair in _pairs(query):
        name, equals, value = pair.partition("=")
        if not equals or not re.fullmatch(r"[a-z_]+", name):
            raise MalformedUrl("what follows the ? is not name=value pairs joined by &")
        if name in _PARTS:
            own[_PARTS[name]] = _decoded(value)
        else:
            parameters.append((name, _decoded(value)))
    if "port" in own and not all(p.isdigit() for p in own["port"].split(",")):
        raise MalformedUrl("the port is not a number")
    return replace(
        url,
        username=own.get("username", url.username),
        password=own.get("password", url.password),
        host=own.get("host", url.host),
        port=own.get("port", url.port),
        database=own.get("database", url.database),
        parameters=tuple(parameters),
    )


def _pairs(query: str) -> list[str]:
    return [pair for pair in query.split("&") if pair]


def _decoded(text: str) -> str:
    decoded = unquote(text, errors="replace")
    if "\0" in decoded or "�" in decoded:
        raise MalformedUrl("a percent-encoded part is not UTF-8 text")
    return decoded


def _host_written(host: str) -> str:
    if ":" in host:
        return f"[{host}]"
    return quote(host, safe="")


def _is_local(host: str) -> bool:
    if host in {"", "localhost"} or host.startswith(("/", "@")):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
