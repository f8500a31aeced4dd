"""The project's own PostgreSQL: one server that every command of the project finds, starts or reuses."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import psycopg2
import psycopg2.extensions
from filelock import FileLock
from psycopg2 import sql

from seedbed.errors import DataOfAnotherMajor
from seedbed.postgres.embedded.account import home_for, runnable_by, server_account
from seedbed.postgres.embedded.binaries import Binaries, find_binaries
from seedbed.postgres.embedded.cluster import SUPERUSER, Cluster
from seedbed.postgres.embedded.files import Holder, State, make_home, read_state, write_state
from seedbed.settings import Configuration, DatabaseUrl

_LOCK_SECONDS = 120.0
_SETTINGS = {
    "client_connection_check_interval": "2s",
    "log_statement": "none",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
}


@dataclass(frozen=True)
class Status:
    """What `seedbed db status` says of the server. `binaries` is None where they were not looked for."""

    running: bool
    home: Path
    port: int | None
    pid: int | None
    version: str | None
    stays_up: bool


@dataclass(frozen=True)
class Server:
    """The embedded server of one project.

    Starting, stopping and holding take a file lock on its folder, so commands that start together end up with one
    server. The lock goes with its process; so nothing a crash leaves behind keeps the next command out.
    """

    home: Path
    owner: str

    @classmethod
    def of(cls, configuration: Configuration) -> Self:
        """The server of a project; nothing is looked for or started yet."""
        project = configuration.project
        home = configuration.settings.data_dir or home_for(project.root, server_account())
        return cls(home, f"{project.identifier}_owner")

    def status(self) -> Status:
        cluster = self._cluster_without_programs()
        state = read_state(self.home)
        pid = cluster.postmaster()
        version = cluster.major() if cluster.exists() else None
        return Status(
            running=pid is not None,
            home=self.home,
            port=state.port if state and pid else None,
            pid=pid,
            version=version,
            stays_up=bool(pid and state and state.pinned),
        )

    def ensure(self) -> None:
        """Start the server unless it runs, and let it stay up after this command."""
        state = read_state(self.home)
        if state is not None and state.port is not None and self._cluster_without_programs().postmaster() is not None:
            if not state.holders:
                return
            with self._locked():
                running = self._running_state()
                if not any(holder.alive for holder in running.holders):
                    write_state(self.home, replace(running, pinned=True))
            return
        with self._locked():
            write_state(self.home, replace(self._running_state(), pinned=True))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have the server up for the length of a block, and stop it at the end unless someone else wants it.

        A holder that was killed counts no more, so the next one takes over the server that it left behind.
        """
        me = Holder.this_process()
        with self._locked():
            state = self._running_state()
            living = [holder for holder in state.holders if holder.alive]
            write_state(self.home, state.with_holders(*living, me))
        try:
            yield
        finally:
            with self._locked():
                left = read_state(self.home)
                if left is not None:
                    others = [holder for holder in left.holders if holder != me and holder.alive]
                    write_state(self.home, left.with_holders(*others))
                    if not others and not left.pinned:
                        self._stop()

    def stop(self) -> bool:
        """Stop the server, ending every session; False when it was not running."""
        if not self.home.is_dir():
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

    def create_database(self, name: str) -> None:
        """Make a database that belongs to the project's role; one that is there is left as it is."""
        with self.administration() as cursor:
            self._ensure_owner(cursor)
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                database, owner = sql.Identifier(name), sql.Identifier(self.owner)
                cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, owner))

    def ensure_role(self) -> None:
        """The role that owns the project's databases, made where it is missing."""
        with self.administration() as cursor:
            self._ensure_owner(cursor)

    def drop_database(self, name: str) -> None:
        """Drop a database, ending the sessions on it."""
        with self.administration() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def administration(self) -> Iterator["psycopg2.extensions.cursor"]:
        """A superuser's cursor in autocommit, as CREATE DATABASE needs it."""
        connection = _connected(self.admin_url())
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def _ensure_owner(self, cursor: "psycopg2.extensions.cursor") -> None:
        """The role, with the password that is written down: a restored or older folder may have another."""
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (self.owner,))
        verb = sql.SQL("CREATE ROLE" if cursor.fetchone() is None else "ALTER ROLE")
        password = sql.Literal(self._state().owner_password)
        cursor.execute(sql.SQL("{} {} LOGIN PASSWORD {}").format(verb, sql.Identifier(self.owner), password))

    def _state(self) -> State:
        state = read_state(self.home)
        if state is None or state.port is None:
            with self._locked():
                return self._running_state()
        return state

    def _running_state(self) -> State:
        """The state of a server that runs, started first where it does not. Only under the lock."""
        cluster = self._cluster_without_programs()
        state = read_state(self.home)
        if state is not None and state.port is not None and cluster.postmaster() is not None:
            return state
        cluster = self._cluster(find_binaries())
        if state is None:
            if cluster.exists():
                self._set_aside(cluster)
            state = State.fresh()
            write_state(self.home, state)
        if not cluster.exists():
            cluster.create(state.superuser_password)
        if cluster.major() != str(cluster.binaries.major):
            raise DataOfAnotherMajor(cluster.data, cluster.major(), str(cluster.binaries.major), cluster.binaries.found)
        cluster.forget_dead_postmaster()
        _, port = cluster.start(state.superuser_password, port=state.port, settings=_SETTINGS)
        state = replace(state, port=port, holders=(), pinned=False)
        write_state(self.home, state)
        return state

    def _set_aside(self, cluster: Cluster) -> None:
        """Data whose passwords are lost is kept under another name: nobody but its owner may say that it can go."""
        cluster.data.rename(cluster.data.with_name(f"data.without-state-{time.strftime('%Y%m%dT%H%M%S')}"))

    def _stop(self) -> bool:
        if self._cluster_without_programs().postmaster() is None:
            return False
        self._cluster(find_binaries()).stop()
        return True

    def _cluster(self, binaries: Binaries) -> Cluster:
        account = server_account()
        return Cluster(self.home / "data", self.home / "log", runnable_by(account, binaries), account)

    def _cluster_without_programs(self) -> Cluster:
        """For questions that need no program run, so that asking costs no search for them."""
        return Cluster(self.home / "data", self.home / "log", Binaries(Path(), "0", ""), server_account())

    def _url(self, user: str, database: str) -> DatabaseUrl:
        state = self._state()
        password = state.superuser_password if user == SUPERUSER else state.owner_password
        return DatabaseUrl(user, password, "127.0.0.1", str(state.port), database)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        make_home(self.home)
        with FileLock(self.home / "lock", timeout=_LOCK_SECONDS):
            yield


def _connected(url: DatabaseUrl) -> "psycopg2.extensions.connection":
    arguments: dict[str, Any] = {**url.connect_arguments(), "application_name": "seedbed"}
    connection: psycopg2.extensions.connection = psycopg2.connect(**arguments)
    return connection
