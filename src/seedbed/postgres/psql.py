"""psql on a database, without its password on a command line that every user of the machine can read."""

import shutil
from pathlib import Path

from seedbed.errors import BinariesNotFound, PsqlNotFound
from seedbed.postgres.databases import Database
from seedbed.postgres.embedded import find_binaries

_VARIABLES = {"user": "PGUSER", "password": "PGPASSWORD", "host": "PGHOST", "port": "PGPORT", "dbname": "PGDATABASE"}


def psql_command(database: Database) -> tuple[list[str], dict[str, str]]:
    """The command, and the variables it is to be run with; parameters of the URL go into its conninfo string.

    Raises:
        PsqlNotFound: neither the PostgreSQL found nor PATH has psql.
    """
    arguments = database.direct.connect_arguments()
    variables = {_VARIABLES[name]: value for name, value in arguments.items() if name in _VARIABLES}
    rest = [f"{name}={_quoted(value)}" for name, value in arguments.items() if name not in _VARIABLES]
    return [str(_program()), *([" ".join(rest)] if rest else [])], variables


def _program() -> Path:
    on_path = shutil.which("psql")
    if on_path is not None:
        return Path(on_path)
    try:
        program = find_binaries().program("psql")
    except BinariesNotFound:
        raise PsqlNotFound from None
    if not program.is_file():
        raise PsqlNotFound
    return program


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
