"""The command that opens psql on a database, with the password in a variable instead of on the command line."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from seedbed.errors import PostgresBinariesNotFound, PsqlNotFound
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import find_binaries

_LIBPQ_VARIABLES = {
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
"""libpq's parameters and their environment variables; the password of a TLS key has none."""
_PUBLIC_PARAMETERS = frozenset(
    {
        "keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "krbsrvname", "sslcompression",
        "sslsni", "ssl_min_protocol_version", "ssl_max_protocol_version", "tcp_user_timeout",
    }
)  # fmt: skip


def build_psql_command(database: Database) -> tuple[list[str], dict[str, str]]:
    """The command and the environment variables to run it with.

    A parameter without a variable goes on the command line if it cannot be a secret, and is left out otherwise: psql
    itself asks for the password of a TLS key.

    Raises:
        PsqlNotFound: neither PATH nor the PostgreSQL that Seedbed uses has psql.
    """
    arguments = database.direct.connect_arguments()
    remaining = [f"{name}={_quote_conninfo(value)}" for name, value in arguments.items() if name in _PUBLIC_PARAMETERS]
    return [str(_find_psql()), *([" ".join(remaining)] if remaining else [])], _get_variables(arguments)


def build_client_environment(database: Database) -> dict[str, str]:
    """The process's environment variables and those that direct PostgreSQL's programs to a database."""
    return {**os.environ, **_get_variables(database.direct.connect_arguments())}


def _get_variables(arguments: Mapping[str, str]) -> dict[str, str]:
    return {_LIBPQ_VARIABLES[name]: value for name, value in arguments.items() if name in _LIBPQ_VARIABLES}


def _find_psql() -> Path:
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


def _quote_conninfo(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
