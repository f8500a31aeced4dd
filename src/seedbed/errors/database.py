"""Errors about connecting to a database, and about what a database allows (SB304 to SB317)."""

from collections.abc import Sequence

from seedbed.errors.base import ServerError


class DatabaseUnreachable(ServerError):
    """Seedbed cannot connect to the database server.

    The message shows the address, the setting that contains it, and the driver's message. Check that the server is
    running, and that host and port are correct. On Neon, a suspended compute starts within the connection timeout of
    ten seconds.
    """

    code = "SB304"

    def __init__(self, address: str, source: str, reason: str) -> None:
        super().__init__(
            f"Cannot connect to {address} ({source}): {reason}",
            remedy="Check that PostgreSQL is running and that host and port are right. seedbed config shows the source "
            "of each value.",
        )


class AuthenticationFailure(ServerError):
    """The server rejected the user or the password.

    If the password contains a `%` or an `@`, check that first: [Settings](../explanation/settings.md) explains how
    Seedbed reads it.
    """

    code = "SB305"

    def __init__(self, address: str, source: str, reason: str) -> None:
        super().__init__(
            f"{address} ({source}) rejected the login: {reason}",
            remedy="Correct the user and password of that setting.",
        )


class DatabaseNotFound(ServerError):
    """The server has no database of that name.

    Create the database, or correct its name in the URL. Seedbed creates missing databases on the embedded server only.
    """

    code = "SB306"

    def __init__(self, address: str, source: str) -> None:
        super().__init__(
            f"The server has no such database: {address} ({source}).",
            remedy="Create it, or correct the last part of the URL.",
        )


class PooledConnection(ServerError):
    """A migration or a load of seeds would use a connection pooler.

    A pooler leaks session locks and the effects of `SET` from one client to another. Set `DATABASE_URL_UNPOOLED` to the
    direct address. On Neon, Seedbed derives the direct address from the host name, so `DATABASE_URL_UNPOOLED` probably
    names the pooler too. On other servers, Seedbed recognizes a pooler because the pooler invents a process id.
    """

    code = "SB307"

    def __init__(self, address: str, source: str) -> None:
        super().__init__(
            f"{address} ({source}) is a connection pooler, where locks and settings leak to other clients.",
            remedy="Set DATABASE_URL_UNPOOLED to the direct address of the same database.",
        )


class EnvironmentMismatch(ServerError):
    """The database is marked for another environment than the chosen one.

    Either `-e`, `SEEDBED_ENV` or the URL is wrong, or the database now serves another environment. Correct the wrong
    one, or change the mark. [Marks](../explanation/marks.md) explains which commands Seedbed refuses.
    """

    code = "SB310"

    def __init__(self, action: str, database: str, mark: str, environment: str) -> None:
        super().__init__(
            f"Refused to {action} {database}: it is marked {mark}, and the chosen environment is {environment}.",
            remedy=f"If it is the right database, choose -e {mark}, or change its mark: seedbed db mark {environment}",
        )


class ProtectedEnvironment(ServerError):
    """The database's environment forbids this command, whichever environment was chosen.

    Seedbed never resets and never seeds a database that is marked `production`. A copy of production inherits the mark;
    to delete rows in the copy, change its mark first. A database without a mark counts as the chosen environment, so
    Seedbed also refuses `-e production` for it.
    """

    code = "SB311"

    def __init__(self, action: str, database: str, environment: str, *, is_marked: bool = True) -> None:
        fact = f"is marked {environment}" if is_marked else f"has no mark, the chosen environment is {environment}"
        super().__init__(
            f"{database} {fact}, and a {environment} database is never {action}.",
            remedy="If the mark is wrong, change it first: seedbed db mark development"
            if is_marked
            else "Choose another environment: -e development",
        )


class UnmarkedDatabase(ServerError):
    """A database has rows but no mark, so it counts as production.

    The database existed before the project used Seedbed, or its schema `seedbed` was dropped. Check the tables that the
    message names. If the database is not production, mark it.
    """

    code = "SB312"

    def __init__(self, action: str, database: str, tables: Sequence[str]) -> None:
        super().__init__(
            f"Refused to {action} {database}: it has no mark, and rows in {', '.join(tables)} that are not from "
            "Seedbed, so it counts as production.",
            remedy="If it is not production, mark it: seedbed db mark development",
        )


class MissingConfirmation(ServerError):
    """A destructive command was not confirmed with the database's name.

    On a terminal, the command asks for the name. In a script, pass `--yes NAME`. NAME is the name of the database, not
    of the environment.
    """

    code = "SB313"

    def __init__(self, database: str, action: str) -> None:
        super().__init__(
            f"{database} was not {action}: its name was not given.",
            remedy=f"Type the name when asked, or pass --yes {database}",
        )


class MissingPrivilege(ServerError):
    """The role in the URL lacks a privilege.

    Migrations create tables and the schema `seedbed`, and seeds write rows. Both need the role that owns the database.
    The service only reads, so its role may have fewer privileges.
    """

    code = "SB315"

    def __init__(self, address: str, reason: str, *, creator_setting: str | None = None) -> None:
        """`creator_setting` names the setting whose role has to create databases, if that privilege is missing."""
        super().__init__(
            f"The role of {address} lacks a privilege: {reason}",
            remedy=f"Use a role that may create databases in {creator_setting}."
            if creator_setting
            else "Use the database's owner in DATABASE_URL_UNPOOLED.",
        )


class ReadOnlyDatabase(ServerError):
    """The database is read-only.

    The server is a standby, or `default_transaction_read_only` is on for the database or the role. Connect to the
    primary, and use a role without that setting.
    """

    code = "SB317"

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"{address} is read-only: {reason}.",
            remedy="Use the primary's address, and a role without default_transaction_read_only.",
        )
