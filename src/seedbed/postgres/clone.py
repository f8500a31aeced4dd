"""A copy of a database on its own server, with the settings and grants that CREATE DATABASE leaves out."""

import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import sql

from seedbed.errors import BranchCopyFailure, ParentInUse

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, whatever its author called it

_FILE_COPY_BYTES = 50 << 20
"""Size above which the strategy file_copy is faster than wal_log; below, its two checkpoints cost more."""

_STRATEGY_VERSION = 150000
"""The first version whose CREATE DATABASE has a STRATEGY."""

_FILE_COPY_METHOD_VERSION = 180000
"""The first version with the setting file_copy_method."""

_GRACE_SECONDS = 0.5
"""The server lists a session for a few milliseconds after its client has closed the connection."""

_POLL_SECONDS = 0.002

_LIST_SETTINGS = frozenset(
    {
        "local_preload_libraries", "search_path", "session_preload_libraries", "shared_preload_libraries",
        "temp_tablespaces", "unix_socket_directories",
    }
)  # fmt: skip
"""Settings whose value is a list of quoted names, which cannot be set by one literal (GUC_LIST_QUOTE)."""

_FICLONE = 0x40049409
"""The ioctl of Linux that makes two files share blocks, from linux/fs.h: XFS and Btrfs have it, ext4 does not."""


@dataclass(frozen=True)
class ClientSession:
    """A client's session on a database."""

    application: str
    pid: int
    state: str

    @property
    def is_idle(self) -> bool:
        """Whether it runs no statement and no transaction, so that terminating it loses nothing."""
        return self.state == "idle"

    def __str__(self) -> str:
        return f"{self.application or 'a client without a name'} (pid {self.pid}, {self.state})"


def clone_database(
    cursor: "Cursor", source: str, target: str, *, force: bool = False, data_directory: Path | None = None
) -> None:
    """Copy a database; `cursor` is a superuser's, in autocommit.

    The copy has the source's owner, settings (ALTER DATABASE SET, and those of roles in the database) and grants.
    No other session may be connected to the source: `force` terminates idle sessions, and no others. When an error
    comes after CREATE DATABASE, the caller has to drop the target.

    `data_directory` is the server's, where it is known: on a file system that can share blocks between files,
    PostgreSQL 18 copies by sharing them.

    Raises:
        ParentInUse: another session is connected to the source.
        BranchCopyFailure: PostgreSQL refused; no target was created.
    """
    _close_sessions(cursor, source, force=force)
    properties = _read_properties(cursor, source)
    try:
        if properties.is_large and cursor.connection.server_version >= _FILE_COPY_METHOD_VERSION:
            method = "clone" if data_directory is not None and supports_reflink(data_directory) else "copy"
            cursor.execute("SELECT set_config('file_copy_method', %s, false)", (method,))
        cursor.execute(_create_database_sql(source, target, properties, version=cursor.connection.server_version))
    except psycopg2.errors.ObjectInUse as error:
        if users := list_sessions(cursor, source):
            raise _parent_in_use(source, users) from error
        raise BranchCopyFailure(source, _describe_error(error)) from error
    except psycopg2.Error as error:
        raise BranchCopyFailure(source, _describe_error(error)) from error
    if properties.has_settings:
        _copy_settings(cursor, source, target)
    if properties.has_grants:
        _copy_grants(cursor, source, target)


def list_sessions(cursor: "Cursor", database: str) -> list[ClientSession]:
    """The other clients' sessions on a database; background processes of the server do not count."""
    cursor.execute(
        "SELECT application_name, pid, coalesce(state, 'starting') FROM pg_stat_activity"
        " WHERE datname = %s AND backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY pid",
        (database,),
    )
    return [ClientSession(*row) for row in cursor.fetchall()]


def wait_until_unused(cursor: "Cursor", database: str) -> list[ClientSession]:
    """Wait shortly for sessions whose clients have just closed their connections; returns the ones that remain."""
    until = time.monotonic() + _GRACE_SECONDS
    while (remaining := list_sessions(cursor, database)) and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)
    return remaining


def supports_reflink(directory: Path) -> bool:
    """Whether the file system can copy a file by sharing its blocks; tried with two temporary files.

    False where the directory cannot be written to. On a file system without reflinks, PostgreSQL's
    `file_copy_method = clone` is slower than a plain copy.
    """
    if sys.platform != "linux":
        return False
    import fcntl  # noqa: PLC0415 - POSIX alone has it

    with suppress(OSError), tempfile.TemporaryDirectory(dir=directory, prefix=".seedbed-") as temporary:
        source, target = Path(temporary) / "source", Path(temporary) / "target"
        source.write_bytes(b"x" * 4096)
        with source.open("rb") as read, target.open("wb") as write:
            fcntl.ioctl(write.fileno(), _FICLONE, read.fileno())
        return True
    return False


def _close_sessions(cursor: "Cursor", source: str, *, force: bool) -> None:
    remaining = wait_until_unused(cursor, source)
    if remaining and force and all(session.is_idle for session in remaining):
        for session in remaining:
            cursor.execute("SELECT pg_terminate_backend(%s)", (session.pid,))
        remaining = wait_until_unused(cursor, source)
    if remaining:
        raise _parent_in_use(source, remaining)


def _parent_in_use(source: str, sessions: list[ClientSession]) -> ParentInUse:
    return ParentInUse(
        source, [str(session) for session in sessions], idle=all(session.is_idle for session in sessions)
    )


@dataclass(frozen=True)
class _SourceProperties:
    """Properties of the source, read by one query: most databases have neither settings nor grants of their own."""

    owner: str = ""
    size: int = 0
    has_settings: bool = False
    has_grants: bool = False

    @property
    def is_large(self) -> bool:
        return self.size > _FILE_COPY_BYTES


def _read_properties(cursor: "Cursor", source: str) -> _SourceProperties:
    cursor.execute(
        "SELECT pg_get_userbyid(datdba), pg_database_size(oid),"
        " EXISTS (SELECT FROM pg_db_role_setting WHERE setdatabase = d.oid), datacl IS NOT NULL"
        " FROM pg_database d WHERE datname = %s",
        (source,),
    )
    return _SourceProperties(*(cursor.fetchone() or ()))


def _create_database_sql(source: str, target: str, properties: _SourceProperties, *, version: int) -> sql.Composed:
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
        sql.Identifier(target), sql.Identifier(source), sql.Identifier(properties.owner)
    )
    if version < _STRATEGY_VERSION:
        return create
    return create + sql.SQL(" STRATEGY {}").format(sql.Identifier("file_copy" if properties.is_large else "wal_log"))


def _copy_settings(cursor: "Cursor", source: str, target: str) -> None:
    cursor.execute(
        "SELECT r.rolname, split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)"
        " FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase"
        " LEFT JOIN pg_roles r ON r.oid = s.setrole CROSS JOIN unnest(s.setconfig) c"
        " WHERE d.datname = %s",
        (source,),
    )
    for role, name, value in cursor.fetchall():
        command = sql.SQL("ALTER ROLE {} IN DATABASE {}") if role else sql.SQL("ALTER DATABASE {1}")
        alter = command.format(sql.Identifier(role or ""), sql.Identifier(target))
        setting = sql.SQL(".").join(map(sql.Identifier, name.split(".")))
        if name in _LIST_SETTINGS:
            cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
            cursor.execute(sql.SQL("{} SET {} FROM CURRENT").format(alter, setting))
            cursor.execute(sql.SQL("RESET {}").format(setting))
        else:
            cursor.execute(sql.SQL("{} SET {} TO {}").format(alter, setting, sql.Literal(value)))


def _copy_grants(cursor: "Cursor", source: str, target: str) -> None:
    """Grant what the source grants and nothing else: PUBLIC may connect to a new database until that is revoked."""
    cursor.execute(
        "SELECT pg_get_userbyid(d.datdba), a.grantee = 0, pg_get_userbyid(a.grantee), a.privilege_type, a.is_grantable"
        " FROM pg_database d CROSS JOIN LATERAL aclexplode(d.datacl) a WHERE d.datname = %s",
        (source,),
    )
    grants = cursor.fetchall()
    database, owner = sql.Identifier(target), sql.Identifier(grants[0][0])
    cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC, {}").format(database, owner))
    for _, is_public, grantee, privilege, is_grantable in grants:
        recipient = sql.SQL("PUBLIC") if is_public else sql.Identifier(grantee)
        option = sql.SQL(" WITH GRANT OPTION" if is_grantable else "")
        grant = sql.SQL("GRANT {} ON DATABASE {} TO {}").format(sql.SQL(privilege), database, recipient)
        cursor.execute(grant + option)


def _describe_error(error: psycopg2.Error) -> str:
    """The server's message with its detail, which names the obstacle."""
    parts = (error.diag.message_primary, error.diag.message_detail)
    return "; ".join(part.removesuffix(".") for part in parts if part) or str(error).strip()
