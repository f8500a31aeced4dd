"""The embedded server of a project, which every command of the project starts or reuses."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import psycopg2
import psycopg2.extensions
from psycopg2 import sql

from seedbed.errors import DataDirectoryVersionMismatch
from seedbed.postgres.connection import autocommit_cursor, cancel_on_interrupt
from seedbed.postgres.driver_errors import translate_errors_at
from seedbed.postgres.embedded.binaries import Binaries, ensure_runnable, find_binaries
from seedbed.postgres.embedded.cluster import SUPERUSER, Cluster
from seedbed.postgres.embedded.os_account import choose_server_directory, get_server_account
from seedbed.postgres.embedded.state_files import Holder, ServerState, read_state, server_directory_lock, write_state
from seedbed.postgres.locks import SERVER_OBJECTS_LOCK
from seedbed.settings import Configuration, DatabaseUrl

_SETTINGS = {
    "log_statement": "none",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    # Windows does not support this check.
    **({} if sys.platform == "win32" else {"client_connection_check_interval": "2s"}),
}
_URL_PARAMETERS = (("sslmode", "disable"),)
"""Explicit in the URL, so that a PGSSLMODE=require in the user's shell does not apply to it."""
_SCRAM_ITERATIONS_VERSION = 160000
"""The first version with the setting scram_iterations. 4,096 rounds protect passwords that can be guessed, at 8 ms per
connection; the passwords here are 192 random bits.
"""


@dataclass(frozen=True)
class ServerStatus:
    """Status of the server; `version` is the major version that created its data directory.

    A server that is still starting, or whose passwords are lost, is `running` without `accepts_connections`. One that
    is `pinned` runs until it is stopped.
    """

    running: bool
    accepts_connections: bool
    data_directory: Path
    port: int | None
    pid: int | None
    version: str | None
    pinned: bool


@dataclass(frozen=True)
class EmbeddedServer:
    """The embedded server of one project.

    Starting, stopping and holding take a file lock on its directory, so commands that start together share one server.
    The lock is released when its process ends, so a crash never blocks the next command.
    """

    directory: Path
    owner: str

    @classmethod
    def from_configuration(cls, configuration: Configuration) -> Self:
        """The server of a project; nothing is searched for or started."""
        project = configuration.project
        directory = configuration.settings.data_dir or choose_server_directory(project.root, get_server_account())
        return cls(directory, f"{project.identifier}_owner")

    def read_status(self) -> ServerStatus:
        """Read the status; starts nothing."""
        cluster = self._build_cluster_without_programs()
        state, postmaster = read_state(self.directory), cluster.find_postmaster()
        return ServerStatus(
            running=postmaster is not None,
            accepts_connections=state is not None and self._accepts_connections(state),
            data_directory=self.directory,
            port=postmaster.port if postmaster else None,
            pid=postmaster.pid if postmaster else None,
            version=cluster.read_major_version() if cluster.exists() else None,
            pinned=bool(postmaster and state and state.pinned),
        )

    def start(self) -> None:
        """Start the server unless it runs, and keep it running until it is stopped."""
        with self._locked():
            state = self._ensure_started()
            if not state.pinned:
                write_state(self.directory, replace(state, pinned=True))

    def ensure_running(self) -> None:
        """Start the server unless it runs, and keep it running at least as long as this process.

        A server that this call starts outlives the process. A server that `keep_running` started ends with the last of
        its holders, and this process becomes one of them.
        """
        state = read_state(self.directory)
        if state is not None and state.pinned and self._accepts_connections(state):
            return
        with self._locked():
            state = self._ensure_started()
            if state.pinned:
                return
            holders, this_process = state.living_holders, Holder.this_process()
            if not holders:
                write_state(self.directory, replace(state, pinned=True))
            elif this_process not in holders:
                write_state(self.directory, state.with_holders(*holders, this_process))

    @contextmanager
    def keep_running(self) -> Iterator[None]:
        """Keep the server running for the length of a block, and stop it at the end unless another holder needs it.

        A holder that was killed does not count, so the next one takes over the server that it left behind.
        """
        holder = Holder.this_process(secrets.token_hex(4))
        with self._locked():
            state = self._ensure_started()
            write_state(self.directory, state.with_holders(*state.living_holders, holder))
        try:
            yield
        finally:
            with self._locked():
                state_now = read_state(self.directory)
                if state_now is not None:
                    others = [other for other in state_now.living_holders if other != holder]
                    write_state(self.directory, state_now.with_holders(*others))
                    if not others and not state_now.pinned:
                        self._stop()

    def stop(self) -> bool:
        """Stop the server and terminate every session; False where it did not run."""
        if not self.directory.is_dir():
            return False
        with self._locked():
            return self._stop()

    def admin_url(self, database: str = "postgres") -> DatabaseUrl:
        """The superuser's URL, used only to create roles and databases."""
        return self._url(SUPERUSER, database)

    def owner_url(self, database: str) -> DatabaseUrl:
        """The URL of the role that owns the project's databases; it is no superuser, as on Neon."""
        return self._url(self.owner, database)

    def ensure_database(self, name: str) -> DatabaseUrl:
        """The owner's URL of a database, which is created where it is missing."""
        url = self.owner_url(name)
        try:
            _connect(url).close()
        except psycopg2.OperationalError:
            self.create_database(name)
        return url

    def has_database(self, name: str) -> bool:
        with self.admin_cursor() as cursor:
            return _has_database(cursor, name)

    def create_database(self, name: str) -> None:
        """Create a database owned by the project's role, unless it exists."""
        with self.admin_cursor() as cursor:
            self._lock_and_ensure_owner(cursor)
            if not _has_database(cursor, name):
                database, owner = sql.Identifier(name), sql.Identifier(self.owner)
                cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(database, owner))

    def ensure_owner_role(self) -> None:
        """Create the role that owns the project's databases, where it is missing."""
        with self.admin_cursor() as cursor:
            self._lock_and_ensure_owner(cursor)

    def drop_database(self, name: str) -> None:
        """Drop a database and terminate the sessions on it."""
        with self.admin_cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def admin_cursor(self) -> Iterator["psycopg2.extensions.cursor"]:
        """A superuser's cursor in autocommit, as CREATE DATABASE needs it.

        Raises:
            DatabaseUnreachable: the server was stopped, or has no connection slot left.
            AuthenticationFailure: the superuser's password was changed.
        """
        url = self.admin_url()
        with translate_errors_at(url, "the embedded server"), autocommit_cursor(_connect(url)) as cursor:
            yield cursor

    def _lock_and_ensure_owner(self, cursor: "psycopg2.extensions.cursor") -> None:
        """Create the role or set its password to the recorded one: restored data may have another.

        The session keeps the lock, so until it ends no other session creates roles or databases.
        """
        cursor.execute("SELECT pg_advisory_lock(%s)", (SERVER_OBJECTS_LOCK,))
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (self.owner,))
        verb = sql.SQL("CREATE ROLE" if cursor.fetchone() is None else "ALTER ROLE")
        state = self._read_or_start()
        if cursor.connection.server_version >= _SCRAM_ITERATIONS_VERSION:
            cursor.execute("SET scram_iterations = 1")
            password = sql.Literal(state.superuser_password)
            cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(SUPERUSER), password))
        password = sql.Literal(state.owner_password)
        cursor.execute(sql.SQL("{} {} LOGIN PASSWORD {}").format(verb, sql.Identifier(self.owner), password))

    def _read_or_start(self) -> ServerState:
        state = read_state(self.directory)
        if state is None or state.port is None:
            with self._locked():
                return self._ensure_started()
        return state

    def _accepts_connections(self, state: ServerState) -> bool:
        postmaster = self._build_cluster_without_programs().find_postmaster()
        return postmaster is not None and postmaster.is_ready and postmaster.port == state.port

    def _ensure_started(self) -> ServerState:
        """Start the server unless it runs, and return its state. Call it only under the lock."""
        state = read_state(self.directory)
        if state is not None and (running_state := self._find_running(state)) is not None:
            return running_state
        cluster = self._build_cluster(find_binaries())
        self._refuse_other_major_version(cluster)
        if state is None:
            state = ServerState.generate()
            self._reset_password(cluster, state)
            write_state(self.directory, state)
        if not cluster.exists():
            cluster.create(state.superuser_password)
        process, port = cluster.start(port=state.port, settings=_SETTINGS)
        process.returncode = 0  # the server outlives this command, so Popen must not wait for it
        state = replace(state, port=port, holders=(), pinned=False)
        write_state(self.directory, state)
        return state

    def _find_running(self, state: ServerState) -> ServerState | None:
        """The state of a server that runs already, or that a killed command was starting."""
        postmaster = self._build_cluster_without_programs().wait_until_ready()
        if postmaster is None or postmaster.port is None:
            return None
        if postmaster.port != state.port:
            state = replace(state, port=postmaster.port, holders=(), pinned=False)
            write_state(self.directory, state)
        return state

    def _refuse_other_major_version(self, cluster: Cluster) -> None:
        binaries = cluster.binaries
        if cluster.exists() and cluster.read_major_version() != str(binaries.major_version):
            raise DataDirectoryVersionMismatch(
                cluster.data_directory, cluster.read_major_version(), str(binaries.major_version), binaries.source
            )

    def _reset_password(self, cluster: Cluster, state: ServerState) -> None:
        """Set a new superuser password where the recorded one is lost."""
        if cluster.exists():
            cluster.stop()
            cluster.set_password(state.superuser_password)

    def _stop(self) -> bool:
        if self._build_cluster_without_programs().find_postmaster() is None:
            return False
        cluster = (
            self._build_cluster(find_binaries()) if sys.platform == "win32" else self._build_cluster_without_programs()
        )
        cluster.stop()
        return True

    def _build_cluster(self, binaries: Binaries) -> Cluster:
        account = get_server_account()
        return Cluster(self.directory / "data", self.directory / "log", ensure_runnable(account, binaries), account)

    def _build_cluster_without_programs(self) -> Cluster:
        """A cluster for calls that run no program, without a search for programs."""
        return Cluster(self.directory / "data", self.directory / "log", Binaries(Path(), "0", ""), get_server_account())

    def _url(self, user: str, database: str) -> DatabaseUrl:
        state = self._read_or_start()
        password = state.superuser_password if user == SUPERUSER else state.owner_password
        return DatabaseUrl(user, password, "127.0.0.1", str(state.port), database, parameters=_URL_PARAMETERS)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with server_directory_lock(self.directory, get_server_account()):
            yield


def _has_database(cursor: "psycopg2.extensions.cursor", name: str) -> bool:
    cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
    return cursor.fetchone() is not None


def _connect(url: DatabaseUrl) -> "psycopg2.extensions.connection":
    arguments: dict[str, Any] = {**url.connect_arguments(), "application_name": "seedbed"}
    return cancel_on_interrupt(psycopg2.connect(**arguments))
