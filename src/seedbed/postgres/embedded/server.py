"""The project's own PostgreSQL: one server that every command of the project finds, starts or reuses."""

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
from seedbed.postgres.embedded.binaries import Binaries, find_binaries
from seedbed.postgres.embedded.binaries_copy import ensure_runnable
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
    # Windows cannot tell a backend that its client has gone.
    **({} if sys.platform == "win32" else {"client_connection_check_interval": "2s"}),
}
_LOCAL = (("sslmode", "disable"),)
"""Said in the URL, since a PGSSLMODE=require that somebody's shell exports for production would ask it of us too."""
_CHEAP_LOGIN = 160000
"""The version since which a login's cost can be set. 4,096 rounds guard passwords that can be guessed, at 8 ms for each
connection; the role's and the superuser's are 192 random bits.
"""


@dataclass(frozen=True)
class ServerStatus:
    """What `seedbed db status` says of the server; `version` is the major one that its data were made with.

    One that is still starting, or whose passwords are lost, is `running` and not `accepts_connections`.
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

    Starting, stopping and holding take a file lock on its folder, so commands that start together end up with one
    server. The lock goes with its process; so nothing a crash leaves behind keeps the next command out.
    """

    directory: Path
    owner: str

    @classmethod
    def from_configuration(cls, configuration: Configuration) -> Self:
        """The server of a project; nothing is looked for or started yet."""
        project = configuration.project
        home = configuration.settings.data_dir or choose_server_directory(project.root, get_server_account())
        return cls(home, f"{project.identifier}_owner")

    def read_status(self) -> ServerStatus:
        """Look, and start nothing."""
        cluster = self._cluster_without_programs()
        state, postmaster = read_state(self.directory), cluster.find_postmaster()
        return ServerStatus(
            running=postmaster is not None,
            accepts_connections=state is not None and self._running(state),
            data_directory=self.directory,
            port=postmaster.port if postmaster else None,
            pid=postmaster.pid if postmaster else None,
            version=cluster.read_major_version() if cluster.exists() else None,
            pinned=bool(postmaster and state and state.pinned),
        )

    def start(self) -> None:
        """Start the server unless it runs, and have it stay up until it is stopped."""
        with self._locked():
            state = self._running_state()
            if not state.pinned:
                write_state(self.directory, replace(state, pinned=True))

    def ensure_running(self) -> None:
        """Start the server unless it runs, and have it stay up at least as long as this process.

        One that this starts outlives this process. One that `keep_running` keeps up ends with the last of its holders, to whom
        this process then belongs.
        """
        state = read_state(self.directory)
        if state is not None and state.pinned and self._running(state):
            return
        with self._locked():
            state = self._running_state()
            if state.pinned:
                return
            living, me = state.living_holders, Holder.this_process()
            if not living:
                write_state(self.directory, replace(state, pinned=True))
            elif me not in living:
                write_state(self.directory, state.with_holders(*living, me))

    @contextmanager
    def keep_running(self) -> Iterator[None]:
        """Have the server up for the length of a block, and stop it at the end unless someone else wants it.

        A holder that was killed counts no more, so the next one takes over the server that it left behind.
        """
        me = Holder.this_process(secrets.token_hex(4))
        with self._locked():
            state = self._running_state()
            write_state(self.directory, state.with_holders(*state.living_holders, me))
        try:
            yield
        finally:
            with self._locked():
                left = read_state(self.directory)
                if left is not None:
                    others = [holder for holder in left.living_holders if holder != me]
                    write_state(self.directory, left.with_holders(*others))
                    if not others and not left.pinned:
                        self._stop()

    def stop(self) -> bool:
        """Stop the server, ending every session; False when it was not running."""
        if not self.directory.is_dir():
            return False
        with self._locked():
            return self._stop()

    def admin_url(self, database: str = "postgres") -> DatabaseUrl:
        """The superuser's way in, for making databases and for nothing else."""
        return self._url(SUPERUSER, database)

    def owner_url(self, database: str) -> DatabaseUrl:
        """The way in of the role that owns the project's databases. It is no superuser, so rights are as on Neon."""
        return self._url(self.owner, database)

    def ensure_database(self, name: str) -> DatabaseUrl:
        """The URL of a database that exists, made first where it does not."""
        url = self.owner_url(name)
        try:
            _connected(url).close()
        except psycopg2.OperationalError:
            self.create_database(name)
        return url

    def has_database(self, name: str) -> bool:
        with self.admin_cursor() as cursor:
            return _has_database(cursor, name)

    def create_database(self, name: str) -> None:
        """Make a database that belongs to the project's role; one that is there is left as it is."""
        with self.admin_cursor() as cursor:
            self._ensure_owner(cursor)
            if not _has_database(cursor, name):
                database, owner = sql.Identifier(name), sql.Identifier(self.owner)
                cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(database, owner))

    def ensure_owner_role(self) -> None:
        """The role that owns the project's databases, made where it is missing."""
        with self.admin_cursor() as cursor:
            self._ensure_owner(cursor)

    def drop_database(self, name: str) -> None:
        """Drop a database, ending the sessions on it."""
        with self.admin_cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def admin_cursor(self) -> Iterator["psycopg2.extensions.cursor"]:
        """A superuser's cursor in autocommit, as CREATE DATABASE needs it.

        Raises:
            DatabaseUnreachable: the server was stopped meanwhile, or has no room for one more session.
            AuthenticationFailure: somebody changed the superuser's password.
        """
        url = self.admin_url()
        with translate_errors_at(url, "the embedded server"), autocommit_cursor(_connected(url)) as cursor:
            yield cursor

    def _ensure_owner(self, cursor: "psycopg2.extensions.cursor") -> None:
        """The role, with the password that is written down: a restored or older folder may have another.

        From here to the end of its session, nobody else makes roles or databases.
        """
        cursor.execute("SELECT pg_advisory_lock(%s)", (SERVER_OBJECTS_LOCK,))
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (self.owner,))
        verb = sql.SQL("CREATE ROLE" if cursor.fetchone() is None else "ALTER ROLE")
        state = self._state()
        if cursor.connection.server_version >= _CHEAP_LOGIN:
            cursor.execute("SET scram_iterations = 1")
            password = sql.Literal(state.superuser_password)
            cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(SUPERUSER), password))
        password = sql.Literal(state.owner_password)
        cursor.execute(sql.SQL("{} {} LOGIN PASSWORD {}").format(verb, sql.Identifier(self.owner), password))

    def _state(self) -> ServerState:
        state = read_state(self.directory)
        if state is None or state.port is None:
            with self._locked():
                return self._running_state()
        return state

    def _running(self, state: ServerState) -> bool:
        postmaster = self._cluster_without_programs().find_postmaster()
        return postmaster is not None and postmaster.is_ready and postmaster.port == state.port

    def _running_state(self) -> ServerState:
        """The state of a server that runs, started first where it does not. Only under the lock."""
        state = read_state(self.directory)
        if state is not None and (adopted := self._adopted(state)) is not None:
            return adopted
        cluster = self._cluster(find_binaries())
        self._refuse_another_major(cluster)
        if state is None:
            state = ServerState.generate()
            self._let_in_again(cluster, state)
            write_state(self.directory, state)
        if not cluster.exists():
            cluster.create(state.superuser_password)
        process, port = cluster.start(port=state.port, settings=_SETTINGS)
        process.returncode = 0  # it outlives this command, and is not this object's to wait for
        state = replace(state, port=port, holders=(), pinned=False)
        write_state(self.directory, state)
        return state

    def _adopted(self, state: ServerState) -> ServerState | None:
        """The state of a server that runs already; one whose command was killed while it started is waited for."""
        found = self._cluster_without_programs().wait_until_ready()
        if found is None or found.port is None:
            return None
        if found.port != state.port:
            state = replace(state, port=found.port, holders=(), pinned=False)
            write_state(self.directory, state)
        return state

    def _refuse_another_major(self, cluster: Cluster) -> None:
        found = cluster.binaries
        if cluster.exists() and cluster.read_major_version() != str(found.major_version):
            raise DataDirectoryVersionMismatch(
                cluster.data_directory, cluster.read_major_version(), str(found.major_version), found.source
            )

    def _let_in_again(self, cluster: Cluster, state: ServerState) -> None:
        """Data whose passwords are lost get new ones: whoever owns the folder may have what is in it."""
        if cluster.exists():
            cluster.stop()
            cluster.set_password(state.superuser_password)

    def _stop(self) -> bool:
        if self._cluster_without_programs().find_postmaster() is None:
            return False
        cluster = self._cluster(find_binaries()) if sys.platform == "win32" else self._cluster_without_programs()
        cluster.stop()
        return True

    def _cluster(self, binaries: Binaries) -> Cluster:
        account = get_server_account()
        return Cluster(self.directory / "data", self.directory / "log", ensure_runnable(account, binaries), account)

    def _cluster_without_programs(self) -> Cluster:
        """For questions that need no program run, so that asking costs no search for them."""
        return Cluster(self.directory / "data", self.directory / "log", Binaries(Path(), "0", ""), get_server_account())

    def _url(self, user: str, database: str) -> DatabaseUrl:
        state = self._state()
        password = state.superuser_password if user == SUPERUSER else state.owner_password
        return DatabaseUrl(user, password, "127.0.0.1", str(state.port), database, parameters=_LOCAL)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with server_directory_lock(self.directory, get_server_account()):
            yield


def _has_database(cursor: "psycopg2.extensions.cursor", name: str) -> bool:
    cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
    return cursor.fetchone() is not None


def _connected(url: DatabaseUrl) -> "psycopg2.extensions.connection":
    arguments: dict[str, Any] = {**url.connect_arguments(), "application_name": "seedbed"}
    return cancel_on_interrupt(psycopg2.connect(**arguments))
