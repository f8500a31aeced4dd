"""psql on a database, without its password on a command line that every user of the machine can read."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from seedbed.errors import PostgresBinariesNotFound, PsqlNotFound
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import find_binaries

_VARIABLES = {
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "host": "PGHOST",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "application_name": "PGAPPNAME",
    "channel_binding": "PGCHANNELBINDING",
    "client_encoding": "PGCLIENTENCODING",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "gssencmode": "PGGSSENCMODE",
    "hostaddr": "PGHOSTADDR",
    "load_balance_hosts": "PGLOADBALANCEHOSTS",
    "options": "PGOPTIONS",
    "passfile": "PGPASSFILE",
    "require_auth": "PGREQUIREAUTH",
    "sslcert": "PGSSLCERT",
    "sslcrl": "PGSSLCRL",
    "sslkey": "PGSSLKEY",
    "sslmode": "PGSSLMODE",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "sslrootcert": "PGSSLROOTCERT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
"""libpq's parameters and the variables that stand for them; the password of a key has none."""
_NO_SECRET = frozenset(
    {
        "keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "krbsrvname", "sslcompression",
        "sslsni", "ssl_min_protocol_version", "ssl_max_protocol_version", "tcp_user_timeout",
    }
)  # fmt: skip


def build_psql_command(database: Database) -> tuple[list[str], dict[str, str]]:
    """The command, and the variables it is to be run with.

    A parameter that no variable stands for goes on the command line if it cannot be a secret, and is left out
    otherwise: psql asks for the password of a key itself.

    Raises:
        PsqlNotFound: neither the PostgreSQL found nor PATH has psql.
    """
    arguments = database.direct.connect_arguments()
    rest = [f"{name}={_quoted(value)}" for name, value in arguments.items() if name in _NO_SECRET]
    return [str(_program()), *([" ".join(rest)] if rest else [])], _variables(arguments)


def build_client_environment(database: Database) -> dict[str, str]:
    """The process's variables, and those by which PostgreSQL's own programs find a database."""
    return {**os.environ, **_variables(database.direct.connect_arguments())}


def _variables(arguments: Mapping[str, str]) -> dict[str, str]:
    return {_VARIABLES[name]: value for name, value in arguments.items() if name in _VARIABLES}


def _program() -> Path:
    on_path = shutil.which("psql")
    if on_path is not None:
        return Path(on_path)
    try:
        program = find_binaries().program_path("psql")
    except PostgresBinariesNotFound:
        raise PsqlNotFound from None
    if not program.is_file():
        raise PsqlNotFound
    return program


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
