"""A database's address, which shows its password to nobody who does not ask for it by name."""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Any, NoReturn
from urllib.parse import quote

from pydantic_core import CoreSchema, core_schema

MASK = "***"

_SHOWN = frozenset(
    {
        "application_name", "channel_binding", "client_encoding", "connect_timeout", "gssencmode", "hostaddr",
        "keepalives", "load_balance_hosts", "sslcert", "sslkey", "sslmode", "sslnegotiation", "sslrootcert",
        "target_session_attrs", "tcp_user_timeout",
    }
)  # fmt: skip
"""The parameters whose values may be printed; any other may hold a secret, as sslpassword and options can."""


class DatabaseUrl:
    """A PostgreSQL URL taken apart; `str` and `repr` give it masked, `reveal` whole.

    `host` and `port` are libpq's, so each may be a comma-separated list, and a host that starts with / is a socket's
    folder. It is no dataclass, and is not pickled: whatever walks through the fields of objects to print or send them
    finds none here. Pydantic dumps it masked.
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
        raise AttributeError(f"{name} of a database URL is not changed; with_... makes another")

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
        """The URL as it may be printed: no password, and no value of a parameter that may hold a secret."""
        shown = [(name, value if name in _SHOWN else MASK) for name, value in self.parameters]
        return self._written(MASK if self.password is not None else None, shown)

    @property
    def address(self) -> str:
        """Host, port and database, for sentences: `db.example.com:5432/shop`."""
        places = self._places(_host_shown) if self.host else f"the local socket{f':{self.port}' if self.port else ''}"
        database = self.database or ""
        return f"{places}/{database if database.isprintable() else quote(database)}"

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
        return self._with(database=name)

    def with_parameter(self, name: str, value: str) -> "DatabaseUrl":
        return self._with(parameters=(*((n, v) for n, v in self.parameters if n != name), (name, value)))

    def without_parameter(self, name: str) -> "DatabaseUrl":
        return self._with(parameters=tuple((n, v) for n, v in self.parameters if n != name))

    def parameter(self, name: str) -> str | None:
        return dict(self.parameters).get(name)

    @property
    def is_local(self) -> bool:
        """Whether the way to the server never leaves this machine, as far as the URL says where it goes."""
        goes_to = self.parameter("hostaddr") or self.host or ""
        return all(_is_local(host) for host in goes_to.split(","))

    @property
    def is_neon(self) -> bool:
        """Whether it is Neon's, whose computes sleep when nobody asks them anything."""
        return self.host is not None and ".neon." in self.host

    @property
    def is_neon_pooler(self) -> bool:
        return self.is_neon and "-pooler." in (self.host or "")

    @property
    def direct(self) -> "DatabaseUrl":
        """The same database without Neon's pooler, whose host differs by the word `-pooler` alone."""
        if not self.is_neon_pooler or self.host is None:
            return self
        return self._with(host=self.host.replace("-pooler.", "."))

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in _PARTS)

    def _with(self, **changed: Any) -> "DatabaseUrl":
        return DatabaseUrl(**{**dict(zip(_PARTS, self._values(), strict=True)), **changed})

    def _written(self, password: str | None, parameters: Sequence[tuple[str, str]]) -> str:
        user = quote(self.username, safe="") if self.username else ""
        secret = "" if password is None else f":{password if password == MASK else quote(password, safe='')}"
        at = "@" if user or secret else ""
        database = f"/{quote(self.database, safe='')}" if self.database else ""
        query = "&".join(f"{n}={v if v == MASK else quote(v, safe='/')}" for n, v in parameters)
        return f"postgresql://{user}{secret}{at}{self._places(_host_written)}{database}{'?' + query if query else ''}"

    def _places(self, written: Any) -> str:
        hosts, ports = (self.host or "").split(","), (self.port or "").split(",")
        each = ports * len(hosts) if len(ports) == 1 else ports
        return ",".join(written(h) + (f":{p}" if p else "") for h, p in zip(hosts, each, strict=True))


_PARTS = ("username", "password", "host", "port", "database", "parameters")


def _host_shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _host_written(host: str) -> str:
    return f"[{quote(host, safe=':')}]" if ":" in host else quote(host, safe="")


def _is_local(host: str) -> bool:
    if host in {"", "localhost"} or host.startswith(("/", "@")):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
