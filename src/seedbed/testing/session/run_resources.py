"""Hold the server, templates and databases of one process of a test run."""

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
from seedbed.postgres.clone import ClientSession, list_sessions
from seedbed.postgres.connection import connect, open_connection
from seedbed.postgres.database import check_server, refuse_pooler
from seedbed.postgres.embedded import Binaries, TemporaryServer, find_binaries
from seedbed.postgres.locks import TEST_RUN_LOCKS
from seedbed.settings import Project, find_project
from seedbed.settings.url_parser import MalformedUrl, parse_url
from seedbed.testing.databases.clones import Clone, ClonePool
from seedbed.testing.databases.server_access import ServerAccess, drop_database
from seedbed.testing.databases.shared_database import SharedDatabase
from seedbed.testing.databases.template import TemplateStore
from seedbed.testing.server.data_snapshot import ensure_snapshot, ensure_storage_directory, name_owner_role
from seedbed.testing.server.lifecycle import KeptDatabase, RunServer, add_kept
from seedbed.testing.server.worker_access import ServerClient
from seedbed.testing.session.statement_log import StatementLog

if TYPE_CHECKING:
    import pytest

_NAME_PREFIX = "seedbed_test_"
_KEPT_COMMENT = "kept by seedbed: "
_OWNER_WITHOUT_PROJECT = "tests_owner"
EMPTY_DATABASE = "an empty database"


@dataclass(frozen=True)
class EnclosingTransaction:
    """An open transaction of a class or module, whose node id is `owner`, begun by `fixture`."""

    fixture: str
    owner: str
    shared: SharedDatabase


class RunResources:
    """The resources of one process. Each is created when a test first needs it.

    `seeds` are those that collected tests choose besides the default, or None if no test needs the project's template.
    The server starts with the templates of all of them.

    On the server of `--seedbed-url`, only templates and databases of failed tests outlive the run. The next run drops
    the databases of a killed run: a live run holds an advisory lock on its token.
    """

    def __init__(self, config: "pytest.Config", *, seeds: frozenset[str] | None) -> None:
        self._config = config
        self._seeds = seeds
        self._process = os.getpid()
        self._token = f"{int(time.time())}_{secrets.token_hex(4)}"
        self._database_numbers = count(1)
        endpoint = getattr(config, "workerinput", {}).get("seedbed")
        self._server: RunServer | ServerClient = RunServer() if endpoint is None else ServerClient(endpoint)
        self._clone_pools: dict[str | None, ClonePool] = {}
        self._shared_databases: dict[str | None, SharedDatabase] = {}
        self._template_names: dict[str | None, str] = {}
        self._kept_count = 0
        self._lock_connection: Any = None
        self.leftovers: list[str] = []
        """What tests have left behind, one line each, for the summary of the run."""
        self.enclosing_transactions: list[EnclosingTransaction] = []
        """The open transactions of classes and modules, outermost first."""
        self.row_numbers = count()
        """Each row that a test creates takes the next number, so that its unique columns differ from all others."""
        self.statement_log = StatementLog()

    @cached_property
    def project(self) -> Project:
        """The project of pytest's root folder, or else of the first path argument that is in a project."""
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
        return TemplateStore(self.project, self._server_version)

    @cached_property
    def binaries(self) -> Binaries:
        return find_binaries()

    @cached_property
    def server(self) -> TemporaryServer:
        """The run's own PostgreSQL server, started from a snapshot that has the templates."""
        binaries = self.binaries
        with self.statement_log.pause():
            snapshot = ensure_snapshot(self.templates, binaries, self._seeds) if self._seeds is not None else None
        return self._server.start(binaries, snapshot)

    @cached_property
    def server_access(self) -> ServerAccess:
        """Access to the run's own server, or to that of `--seedbed-url`."""
        url = self._config.getoption("seedbed_url")
        if url is None:
            owner = name_owner_role(self.project) if self._seeds is not None else _OWNER_WITHOUT_PROJECT
            access = ServerAccess.from_embedded(self.server, owner)
            with access.open_admin_cursor() as cursor:
                access.ensure_owner_role(cursor)
            return access
        try:
            access = ServerAccess.from_url(parse_url(url))
        except MalformedUrl as error:
            raise InvalidDatabaseUrl("--seedbed-url", "the command line", str(error)) from None
        with self.statement_log.pause():
            self._prepare_given_server(access)
        return access

    @property
    def is_forked(self) -> bool:
        """Whether a test has forked this process. A forked process owns no resources and cleans up none."""
        return os.getpid() != self._process

    def acquire(self, seed: str | None) -> Clone:
        """Create a database that no test has used, with the rows of `seed`, which may be EMPTY_DATABASE."""
        if seed not in self._clone_pools:
            template = None if seed == EMPTY_DATABASE else self._ensure_template(seed)
            self._clone_pools[seed] = ClonePool(
                self.server_access,
                template,
                self._new_database_name,
                self._report_sessions,
                server_outlives_run=self.server_access.data_directory is None,
            )
        return self._clone_pools[seed].acquire()

    def release(self, seed: str | None, clone: Clone, test: str) -> None:
        """Drop a database in the background, after a check for sessions that `test` has left open on it."""
        self._clone_pools[seed].release(clone, test)

    def get_shared_database(self, seed: str | None) -> SharedDatabase:
        """Return the database that tests share, one after another, each in a transaction."""
        if seed not in self._shared_databases:
            self._shared_databases[seed] = SharedDatabase(self.acquire(seed))
        return self._shared_databases[seed]

    def replace_shared_database(self, seed: str | None, test: str = "", *, is_kept: bool = False) -> None:
        """Discard the shared database, so that the next tests get another one. Drop it unless it is kept."""
        discarded = self._shared_databases.pop(seed)
        discarded.is_discarded, discarded.discarded_by = True, test
        discarded.close()
        if is_kept:
            discarded.clone.close()
        else:
            self.release(seed, discarded.clone, test)

    @property
    def keep_limit(self) -> int:
        """How many databases of failed tests this process keeps."""
        return int(self._config.getoption("seedbed_keep"))

    def reserve_kept_slot(self) -> bool:
        """Count one more kept database. Return whether it is within the limit."""
        self._kept_count += 1
        return self._kept_count <= self.keep_limit

    def keep_database(self, name: str, test: str) -> None:
        """Record that the database of a failed test outlives the run."""
        directory = ensure_storage_directory(self.project)
        on_given_server = self.server_access.data_directory is None
        kept_database = KeptDatabase(name, test, on_given_server)
        if on_given_server:
            with self.server_access.open_admin_cursor() as cursor:
                comment = sql.SQL("COMMENT ON DATABASE {} IS {}")
                cursor.execute(comment.format(sql.Identifier(name), sql.Literal(f"{_KEPT_COMMENT}{test}")))
            add_kept(directory, kept_database)
        else:
            self._server.keep(directory, kept_database)

    def find_enclosing_transaction(self, shared: SharedDatabase) -> EnclosingTransaction | None:
        """Find the innermost open transaction of a class or module on a shared database."""
        return next((each for each in reversed(self.enclosing_transactions) if each.shared is shared), None)

    def find_foreign_sessions(self, shared: SharedDatabase, test: str) -> set[int]:
        """Report sessions that a test has left open on a shared database. Return the process ids of new ones."""
        shared.clone.engine.dispose()  # the pool still holds connections of sessions that the test has closed
        known_pids = shared.backend_pids() | shared.reported_pids
        deadline = time.monotonic() + 0.5
        with self.server_access.open_admin_cursor() as cursor:
            foreign = [session for session in list_sessions(cursor, shared.clone.name) if session.pid not in known_pids]
            while foreign and time.monotonic() < deadline:
                time.sleep(0.005)
                foreign = [
                    session for session in list_sessions(cursor, shared.clone.name) if session.pid not in known_pids
                ]
        if foreign:
            self._report_sessions(test, foreign)
        return {session.pid for session in foreign}

    def close(self) -> None:
        """Close every resource, even if closing another one fails."""
        if self.is_forked:
            return
        with ExitStack() as stack:  # runs the last callback first
            stack.callback(self._server.close)
            stack.callback(self.statement_log.close)
            if self._lock_connection is not None:
                stack.callback(self._lock_connection.close)
            for clone_pool in self._clone_pools.values():
                stack.callback(clone_pool.close)
            for seed, shared in self._shared_databases.items():
                stack.callback(self.release, seed, shared.clone, "")
                stack.callback(shared.close)

    @property
    def _server_version(self) -> str:
        """The versions of the server and its extensions, which a template's content may depend on."""
        if self._config.getoption("seedbed_url") is None:
            return f"{self.binaries.version} {self.binaries.directory}"
        with self.server_access.open_admin_cursor() as cursor:
            cursor.execute(
                "SELECT version() || string_agg(name || default_version, ' ' ORDER BY name)"
                " FROM pg_available_extensions"
            )
            return str((cursor.fetchone() or ("",))[0])

    def _ensure_template(self, seed: str | None) -> str:
        if seed not in self._template_names:
            access = self.server_access
            with self.statement_log.pause():
                self._template_names[seed] = self.templates.ensure(access, seed).name
        return self._template_names[seed]

    def _new_database_name(self) -> str:
        return f"{_NAME_PREFIX}{self._token}_{next(self._database_numbers)}"

    def _report_sessions(self, test: str, left_open: list[ClientSession]) -> None:
        if test:
            self.leftovers.append(f"{test} left {', '.join(map(str, left_open))}")

    def _prepare_given_server(self, access: ServerAccess) -> None:
        """Check the server, lock the run's token, and drop what killed runs and older failed tests have left."""
        database = access.database(access.admin.name)
        refuse_pooler(database)
        with connect(database) as connection:
            check_server(connection, database)
        self._lock_connection = open_connection(database, application="seedbed tests")
        self._lock_connection.autocommit = True
        with self._lock_connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", (TEST_RUN_LOCKS, self._token))
            cursor.execute(
                "SELECT datname, coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database"
                " WHERE starts_with(datname, %s) AND pg_has_role(datdba, 'USAGE') ORDER BY datname DESC",
                (_NAME_PREFIX,),
            )
            databases = cursor.fetchall()
            kept = [name for name, comment in databases if comment.startswith(_KEPT_COMMENT)]
            for name in kept[self.keep_limit :]:
                drop_database(cursor, name)
            for name in (name for name, _ in databases if name not in kept):
                token = name.removeprefix(_NAME_PREFIX).rpartition("_")[0]
                if token == self._token:
                    continue
                cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", (TEST_RUN_LOCKS, token))
                if cursor.fetchone() == (True,):
                    drop_database(cursor, name)
                    cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", (TEST_RUN_LOCKS, token))
