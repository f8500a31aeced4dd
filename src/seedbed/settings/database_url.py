"""A database URL that masks its password wherever it is printed."""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Any, NoReturn
from urllib.parse import quote

from pydantic_core import CoreSchema, core_schema

MASK = "***"

_PUBLIC_PARAMETERS = frozenset(
    {
        "application_name", "channel_binding", "client_encoding", "connect_timeout", "gssencmode", "hostaddr",
        "keepalives", "load_balance_hosts", "sslcert", "sslkey", "sslmode", "sslnegotiation", "sslrootcert",
        "target_session_attrs", "tcp_user_timeout",
    }
)  # fmt: skip
"""Parameters whose values may be printed. Other parameters, such as sslpassword and options, may contain a secret."""


class DatabaseUrl:
    """The parts of a PostgreSQL URL. `str` and `repr` mask the password; `reveal` does not.

    `host` and `port` have libpq's meaning: each may be a comma-separated list, and a host that starts with / is the
    directory of a socket. The class is not a dataclass and cannot be pickled, so code that prints or sends the fields
    of objects does not find the password. Pydantic serializes the masked URL.
    """

    __slots__ = ("database", "host", "parameters", "password", "port", "username")

    username: str | None
    password: str | None
    host: str | None
    port: str | None
    database: str | None
    parameters: tuple[tuple[str, str], ...]

    def __init__(
        self,
        username: str | None = None,
        password: str | None = None,
        host: str | None = None,
        port: str | None = None,
        database: str | None = None,
        *,
        parameters: Iterable[tuple[str, str]] = (),
    ) -> None:
        for name, value in zip(_PARTS, (username, password, host, port, database, tuple(parameters)), strict=True):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{name} of a database URL is not changed; with_... returns another")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{name} of a database URL is not deleted")

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, DatabaseUrl) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        return f"DatabaseUrl({self.masked!r})"

    def __str__(self) -> str:
        return self.masked

    def __reduce__(self) -> NoReturn:
        raise TypeError("a database URL is not pickled, since it may hold a password")

    def __copy__(self) -> "DatabaseUrl":
        return self

    def __deepcopy__(self, memo: object) -> "DatabaseUrl":
        return self

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> CoreSchema:
        masked = core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        return core_schema.is_instance_schema(cls, serialization=masked)

    @property
    def masked(self) -> str:
        """The URL without its password and without the values of parameters that may contain a secret."""
        shown = [(name, value if name in _PUBLIC_PARAMETERS else MASK) for name, value in self.parameters]
        return self._format(MASK if self.password is not None else None, shown)

    @property
    def address(self) -> str:
        """The host, port and database for messages, such as `db.example.com:5432/shop`."""
        places = self._places(_format_host) if self.host else f"the local socket{f':{self.port}' if self.port else ''}"
        database = self.database or ""
        return f"{places}/{database if database.isprintable() else quote(database)}"

    @property
    def name(self) -> str:
        """The name of the database. If the URL has none, libpq uses the name of the user."""
        return self.database or self.username or ""

    def reveal(self) -> str:
        """Return the URL with its password, for a user who requests it or for the environment of a child process."""
        return self._format(self.password, self.parameters)

    def connect_arguments(self) -> dict[str, str]:
        """Return the arguments of `psycopg2.connect` and `psycopg.connect`, so that libpq never parses a URL."""
        own = {"user": self.username, "password": self.password, "host": self.host, "port": self.port}
        named = {key: value for key, value in {**own, "dbname": self.database}.items() if value is not None}
        return {**dict(self.parameters), **named}

    def with_database(self, name: str) -> "DatabaseUrl":
        return self._with(database=name)

    def with_parameter(self, name: str, value: str) -> "DatabaseUrl":
        return self._with(parameters=(*((n, v) for n, v in self.parameters if n != name), (name, value)))

    def without_parameter(self, name: str) -> "DatabaseUrl":
        return self._with(parameters=tuple((n, v) for n, v in self.parameters if n != name))

    def parameter(self, name: str) -> str | None:
        return dict(self.parameters).get(name)

    @property
    def is_local(self) -> bool:
        """Whether the connection stays on this machine, as far as the URL determines it."""
        target = self.parameter("hostaddr") or self.host or ""
        return all(_is_local(host) for host in target.split(","))

    @property
    def is_neon(self) -> bool:
        """Whether the server belongs to Neon, which suspends idle computes."""
        return self.host is not None and ".neon." in self.host

    @property
    def is_neon_pooler(self) -> bool:
        return self.is_neon and "-pooler." in (self.host or "")

    @property
    def direct(self) -> "DatabaseUrl":
        """The URL of the same database without Neon's pooler, whose host name contains `-pooler`."""
        if not self.is_neon_pooler or self.host is None:
            return self
        return self._with(host=self.host.replace("-pooler.", "."))

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in _PARTS)

    def _with(self, **changed: Any) -> "DatabaseUrl":
        return DatabaseUrl(**{**dict(zip(_PARTS, self._values(), strict=True)), **changed})

    def _format(self, password: str | None, parameters: Sequence[tuple[str, str]]) -> str:
        user = quote(self.username, safe="") if self.username else ""
        secret = "" if password is None else f":{password if password == MASK else quote(password, safe='')}"
        at = "@" if user or secret else ""
        database = f"/{quote(self.database, safe='')}" if self.database else ""
        query = "&".join(f"{n}={v if v == MASK else quote(v, safe='/')}" for n, v in parameters)
        return f"postgresql://{user}{secret}{at}{self._places(_quote_host)}{database}{'?' + query if query else ''}"

    def _places(self, format_host: Any) -> str:
        hosts, ports = (self.host or "").split(","), (self.port or "").split(",")
        each = ports * len(hosts) if len(ports) == 1 else ports
        return ",".join(format_host(h) + (f":{p}" if p else "") for h, p in zip(hosts, each, strict=True))


_PARTS = ("username", "password", "host", "port", "database", "parameters")


def _format_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _quote_host(host: str) -> str:
    return f"[{quote(host, safe=':')}]" if ":" in host else quote(host, safe="")


def _is_local(host: str) -> bool:
    if host in {"", "localhost"} or host.startswith(("/", "@")):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
