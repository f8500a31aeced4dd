"""A database copied on its own server, with the settings and grants that CREATE DATABASE leaves behind."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import sql

from seedbed.errors import BranchCopyFailure, ParentInUse
from seedbed.postgres.reflink import supports_reflink

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, whatever its author called it

_FILE_COPY_ABOVE = 50 << 20
"""Bytes above which copying files is faster than writing the WAL of them; below, its two checkpoints cost more."""

_STRATEGIES = 150000
"""The version since which there is a choice."""

_CLONES = 180000
"""The version since which copying files may share their blocks."""

_GRACE_SECONDS = 0.5
"""A client that has closed its connection is gone from the server a few milliseconds later."""

_POLL_SECONDS = 0.002

_LISTS = frozenset(
    {
        "local_preload_libraries", "search_path", "session_preload_libraries", "shared_preload_libraries",
        "temp_tablespaces", "unix_socket_directories",
    }
)  # fmt: skip
"""Settings whose value is a list of quoted names, so that it cannot be given back as one literal (GUC_LIST_QUOTE)."""


@dataclass(frozen=True)
class ClientSession:
    """Somebody connected to a database."""

    application: str
    pid: int
    state: str

    @property
    def is_idle(self) -> bool:
        """Neither at work nor in a transaction, so that ending it loses nothing."""
        return self.state == "idle"

    def __str__(self) -> str:
        return f"{self.application or 'a client without a name'} (pid {self.pid}, {self.state})"


def clone_database(cursor: "Cursor", source: str, target: str, *, force: bool = False, folder: Path | None = None) -> None:
    """Copy a database; `cursor` is a superuser's, in autocommit.

    The copy has its source's owner, its settings (ALTER DATABASE SET, and those of roles in it) and its grants.
    Nobody may be connected to the source meanwhile: `force` ends sessions that are idle, and no others. When it fails
    after the copying itself, the target is left for the caller to drop.

    `folder` is where the server keeps its data, where that is known: on a file system that can share blocks between
    files, PostgreSQL 18 copies by sharing them.

    Raises:
        ParentInUse: with who is connected.
        BranchCopyFailure: PostgreSQL refused; no target was made.
    """
    _free(cursor, source, force=force)
    found = _look(cursor, source)
    try:
        if found.is_large and cursor.connection.server_version >= _CLONES:
            method = "clone" if folder is not None and supports_reflink(folder) else "copy"
            cursor.execute("SELECT set_config('file_copy_method', %s, false)", (method,))
        cursor.execute(_create(source, target, found, version=cursor.connection.server_version))
    except psycopg2.errors.ObjectInUse as error:
        if users := list_sessions(cursor, source):
            raise _in_use(source, users) from error
        raise BranchCopyFailure(source, _said(error)) from error
    except psycopg2.Error as error:
        raise BranchCopyFailure(source, _said(error)) from error
    if found.has_settings:
        _carry_settings(cursor, source, target)
    if found.has_grants:
        _carry_grants(cursor, source, target)


def list_sessions(cursor: "Cursor", database: str) -> list[ClientSession]:
    """Who is connected to a database, apart from the server's own processes."""
    cursor.execute(
        "SELECT application_name, pid, coalesce(state, 'starting') FROM pg_stat_activity"
        " WHERE datname = %s AND backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY pid",
        (database,),
    )
    return [ClientSession(*row) for row in cursor.fetchall()]


def wait_until_unused(cursor: "Cursor", database: str) -> list[ClientSession]:
    """Give clients that have closed their connections the time to be gone, and return those that are not."""
    until = time.monotonic() + _GRACE_SECONDS
    while (found := list_sessions(cursor, database)) and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)
    return found


def _free(cursor: "Cursor", source: str, *, force: bool) -> None:
    found = wait_until_unused(cursor, source)
    if found and force and all(session.is_idle for session in found):
        for session in found:
            cursor.execute("SELECT pg_terminate_backend(%s)", (session.pid,))
        found = wait_until_unused(cursor, source)
    if found:
        raise _in_use(source, found)


def _in_use(source: str, found: list[ClientSession]) -> ParentInUse:
    return ParentInUse(source, [str(session) for session in found], idle=all(session.is_idle for session in found))


@dataclass(frozen=True)
class _Source:
    """What a database to be copied is like, in one answer: most have neither settings nor grants of their own."""

    owner: str = ""
    size: int = 0
    has_settings: bool = False
    has_grants: bool = False

    @property
    def is_large(self) -> bool:
        return self.size > _FILE_COPY_ABOVE


def _look(cursor: "Cursor", source: str) -> _Source:
    cursor.execute(
        "SELECT pg_get_userbyid(datdba), pg_database_size(oid),"
        " EXISTS (SELECT FROM pg_db_role_setting WHERE setdatabase = d.oid), datacl IS NOT NULL"
        " FROM pg_database d WHERE datname = %s",
        (source,),
    )
    return _Source(*(cursor.fetchone() or ()))


def _create(source: str, target: str, found: _Source, *, version: int) -> sql.Composed:
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
        sql.Identifier(target), sql.Identifier(source), sql.Identifier(found.owner)
    )
    if version < _STRATEGIES:
        return create
    return create + sql.SQL(" STRATEGY {}").format(sql.Identifier("file_copy" if found.is_large else "wal_log"))


def _carry_settings(cursor: "Cursor", source: str, target: str) -> None:
    cursor.execute(
        "SELECT r.rolname, split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)"
        " FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase"
        " LEFT JOIN pg_roles r ON r.oid = s.setrole CROSS JOIN unnest(s.setconfig) c"
        " WHERE d.datname = %s",
        (source,),
    )
    for role, name, value in cursor.fetchall():
        whose = sql.SQL("ALTER ROLE {} IN DATABASE {}") if role else sql.SQL("ALTER DATABASE {1}")
        alter = whose.format(sql.Identifier(role or ""), sql.Identifier(target))
        setting = sql.SQL(".").join(map(sql.Identifier, name.split(".")))
        if name in _LISTS:
            cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
            cursor.execute(sql.SQL("{} SET {} FROM CURRENT").format(alter, setting))
            cursor.execute(sql.SQL("RESET {}").format(setting))
        else:
            cursor.execute(sql.SQL("{} SET {} TO {}").format(alter, setting, sql.Literal(value)))


def _carry_grants(cursor: "Cursor", source: str, target: str) -> None:
    """The source's grants, and none besides: PUBLIC may connect to a new database unless it is taken back."""
    cursor.execute(
        "SELECT pg_get_userbyid(d.datdba), a.grantee = 0, pg_get_userbyid(a.grantee), a.privilege_type, a.is_grantable"
        " FROM pg_database d CROSS JOIN LATERAL aclexplode(d.datacl) a WHERE d.datname = %s",
        (source,),
    )
    grants = cursor.fetchall()
    database, owner = sql.Identifier(target), sql.Identifier(grants[0][0])
    cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC, {}").format(database, owner))
    for _, is_public, grantee, privilege, grantable in grants:
        whom = sql.SQL("PUBLIC") if is_public else sql.Identifier(grantee)
        option = sql.SQL(" WITH GRANT OPTION" if grantable else "")
        grant = sql.SQL("GRANT {} ON DATABASE {} TO {}").format(sql.SQL(privilege), database, whom)
        cursor.execute(grant + option)


def _said(error: psycopg2.Error) -> str:
    """The server's sentence with its detail, which says what is in the way."""
    parts = (error.diag.message_primary, error.diag.message_detail)
    return "; ".join(part.removesuffix(".") for part in parts if part) or str(error).strip()
