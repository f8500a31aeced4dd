"""What one process of a run of tests has: its server, its templates, its databases, and how each test left them."""

import os
import secrets
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

from psycopg2 import sql

from seedbed.errors import InvalidDatabaseUrl, ProjectNotFound
from seedbed.postgres.clone import Session, sessions
from seedbed.postgres.connection import connect, open_connection
from seedbed.postgres.database import refuse_pooler, refuse_unfit
from seedbed.postgres.embedded import Binaries, ThrowawayServer, find_binaries
from seedbed.postgres.locks import TEST_RUN_LOCKS
from seedbed.settings import Project, find_project
from seedbed.settings.url_parser import MalformedUrl, parse_url
from seedbed.testing.databases.clones import Clone, ClonePool
from seedbed.testing.databases.kept_databases import KeptDatabase, add_kept
from seedbed.testing.databases.server_access import ServerAccess, drop_database
from seedbed.testing.databases.shared_database import SharedDatabase
from seedbed.testing.databases.template import TemplateStore
from seedbed.testing.server.data_snapshot import owner_role_name, ensure_storage_directory, ensure_snapshot
from seedbed.testing.server.lifecycle import RunServer
from seedbed.testing.server.worker_access import ServerClient
from seedbed.testing.session.statement_log import StatementLog

if TYPE_CHECKING:
    import pytest

_PREFIX = "seedbed_test_"
_KEPT = "kept by seedbed: "
_OWNER = "tests_owner"
EMPTY_DATABASE = "an empty database"


@dataclass(frozen=True)
class EnclosingTransaction:
    """A transaction of a class or a module, by the fixture that began it and by whose it is."""

    fixture: str
    owner: str
    shared: SharedDatabase


class RunResources:
    """`seeds` are those that collected tests choose beside the usual; None where no test needs the project's template.
    The server begins with the templates of all of these.

    A given server is left as it was found but for the templates and for what failed tests keep. Databases of a run
    that was killed are dropped by the next: a living one holds an advisory lock under its token.
    """

    def __init__(self, config: "pytest.Config", *, seeds: frozenset[str] | None) -> None:
        self._config = config
        self._seeds = seeds
        self._process = os.getpid()
        self._token = f"{int(time.time())}_{secrets.token_hex(4)}"
        self._numbers = count(1)
        way = getattr(config, "workerinput", {}).get("seedbed")
        self._server: RunServer | ServerClient = RunServer() if way is None else ServerClient(way)
        self._clones: dict[str | None, ClonePool] = {}
        self._shared: dict[str | None, SharedDatabase] = {}
        self._ready: dict[str | None, str] = {}
        self._kept = 0
        self._lock: Any = None
        self.leftovers: list[str] = []
        self.enclosing_transactions: list[EnclosingTransaction] = []
        """Those of classes and modules that are open now."""
        self.row_numbers = count()
        """Numbers of the rows that are made for tests: no two are of one, so that unique columns stay so."""
        self.statement_log = StatementLog()

    @cached_property
    def project(self) -> Project:
        """That of pytest's root folder; where it is of none, that of the first path that pytest was given."""
        try:
            return find_project(self._config.rootpath)
        except ProjectNotFound as error:
            for path in self._config.args:
                with suppress(ProjectNotFound):
                    return find_project(self._config.invocation_params.dir / path.partition("::")[0])
            error.remedy = "Run pytest in your project's folder or on a path in it, or begin one: seedbed init PATH"
            raise

    @cached_property
    def templates(self) -> TemplateStore:
        return TemplateStore(self.project, self._server_said)

    @cached_property
    def binaries(self) -> Binaries:
        return find_binaries()

    @cached_property
    def server(self) -> ThrowawayServer:
        """The run's own server."""
        binaries = self.binaries
        with self.statement_log.pause():
            kept = ensure_snapshot(self.templates, binaries, self._seeds) if self._seeds is not None else None
        return self._server.start(binaries, kept)

    @cached_property
    def server_access(self) -> ServerAccess:
        url = self._config.getoption("seedbed_url")
        if url is None:
            host = ServerAccess.from_embedded(self.server, owner_role_name(self.project) if self._seeds is not None else _OWNER)
            with host.open_admin_cursor() as cursor:
                host.ensure_owner_role(cursor)
            return host
        try:
            host = ServerAccess.from_url(parse_url(url))
        except MalformedUrl as error:
            raise InvalidDatabaseUrl("--seedbed-url", "the command line", str(error)) from None
        with self.statement_log.pause():
            self._settle_on(host)
        return host

    @property
    def is_forked(self) -> bool:
        """Whether this is a process that a test has forked, which has nothing to end."""
        return os.getpid() != self._process

    def acquire(self, seed: str | None) -> Clone:
        """A database of a test's own; `seed` may be EMPTY_DATABASE."""
        if seed not in self._clones:
            template = None if seed == EMPTY_DATABASE else self._template(seed)
            stays = self.server_access.data_directory is None
            self._clones[seed] = ClonePool(self.server_access, template, self._name, self._leaves, server_outlives_run=stays)
        return self._clones[seed].acquire()

    def release(self, seed: str | None, clone: Clone, test: str) -> None:
        self._clones[seed].release(clone, test)

    def get_shared_database(self, seed: str | None) -> SharedDatabase:
        if seed not in self._shared:
            self._shared[seed] = SharedDatabase(self.acquire(seed))
        return self._shared[seed]

    def replace_shared_database(self, seed: str | None, test: str = "", *, kept: bool = False) -> None:
        """Have the next tests use another database in turn: this one is spoilt, or kept."""
        old = self._shared.pop(seed)
        old.is_discarded, old.discarded_by = True, test
        old.close()
        if kept:
            old.clone.close()
        else:
            self.release(seed, old.clone, test)

    @property
    def keep_limit(self) -> int:
        """How many databases of failed tests are kept."""
        return int(self._config.getoption("seedbed_keep"))

    def reserve_kept_slot(self) -> bool:
        """Whether one more database may be kept; it counts from now on."""
        self._kept += 1
        return self._kept <= self.keep_limit

    def keep_database(self, name: str, test: str) -> None:
        given = self.server_access.data_directory is None
        if given:
            with self.server_access.open_admin_cursor() as cursor:
                comment = sql.SQL("COMMENT ON DATABASE {} IS {}")
                cursor.execute(comment.format(sql.Identifier(name), sql.Literal(f"{_KEPT}{test}")))
            add_kept(ensure_storage_directory(self.project), KeptDatabase(name, test, given))
        else:
            self._server.keep(ensure_storage_directory(self.project), KeptDatabase(name, test, given))

    def find_enclosing_transaction(self, shared: SharedDatabase) -> EnclosingTransaction | None:
        """The innermost open transaction of a class or a module on a database that is used in turn."""
        return next((around for around in reversed(self.enclosing_transactions) if around.shared is shared), None)

    def find_foreign_sessions(self, shared: SharedDatabase, test: str) -> set[int]:
        """Sessions that are not ours, and were not told of, and stay on a database that is used in turn."""
        shared.clone.engine.dispose()  # of sessions that the test has closed, and that its pool keeps
        ours = shared.backend_pids() | shared.reported_pids
        until = time.monotonic() + 0.5
        with self.server_access.open_admin_cursor() as cursor:
            found = [session for session in sessions(cursor, shared.clone.name) if session.pid not in ours]
            while found and time.monotonic() < until:
                time.sleep(0.005)
                found = [session for session in sessions(cursor, shared.clone.name) if session.pid not in ours]
        if found:
            self._leaves(test, found)
        return {session.pid for session in found}

    def close(self) -> None:
        """End all of it, as far as each part can be."""
        if self.is_forked:
            return
        with ExitStack() as ending:  # the last is the first
            ending.callback(self._server.close)
            ending.callback(self.statement_log.close)
            if self._lock is not None:
                ending.callback(self._lock.close)
            for clones in self._clones.values():
                ending.callback(clones.close)
            for seed, shared in self._shared.items():
                ending.callback(self.release, seed, shared.clone, "")
                ending.callback(shared.close)

    @property
    def _server_said(self) -> str:
        """The version of the server and of its extensions, which a template's content may depend on."""
        if self._config.getoption("seedbed_url") is None:
            return f"{self.binaries.version} {self.binaries.folder}"
        with self.server_access.open_admin_cursor() as cursor:
            cursor.execute(
                "SELECT version() || string_agg(name || default_version, ' ' ORDER BY name)"
                " FROM pg_available_extensions"
            )
            return str((cursor.fetchone() or ("",))[0])

    def _template(self, seed: str | None) -> str:
        if seed not in self._ready:
            host = self.server_access
            with self.statement_log.pause():
                self._ready[seed] = self.templates.ensure(host, seed).name
        return self._ready[seed]

    def _name(self) -> str:
        return f"{_PREFIX}{self._token}_{next(self._numbers)}"

    def _leaves(self, test: str, found: list[Session]) -> None:
        if test:
            self.leftovers.append(f"{test} left {', '.join(map(str, found))}")

    def _settle_on(self, host: ServerAccess) -> None:
        database = host.database(host.admin.name)
        refuse_pooler(database)
        with connect(database) as connection:
            refuse_unfit(connection, database)
        self._lock = open_connection(database, application="seedbed tests")
        self._lock.autocommit = True
        with self._lock.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", (TEST_RUN_LOCKS, self._token))
            cursor.execute(
                "SELECT datname, coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database"
                " WHERE starts_with(datname, %s) AND pg_has_role(datdba, 'USAGE') ORDER BY datname DESC",
                (_PREFIX,),
            )
            found = cursor.fetchall()
            kept = [name for name, comment in found if comment.startswith(_KEPT)]
            for name in kept[self.keep_limit :]:
                drop_database(cursor, name)
            for name in (name for name, _ in found if name not in kept):
                token = name.removeprefix(_PREFIX).rpartition("_")[0]
                if token == self._token:
                    continue
                cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", (TEST_RUN_LOCKS, token))
                if cursor.fetchone() == (True,):
                    drop_database(cursor, name)
                    cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", (TEST_RUN_LOCKS, token))
