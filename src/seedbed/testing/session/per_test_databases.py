"""The databases of one test, class or module: which it asked for, and what becomes of them."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from seedbed.errors import InvalidDbMarker, LostSetupRows, TransactionEnded
from seedbed.settings import Environment
from seedbed.testing.databases.async_sessions import UnfinishedTask, AsyncTestConnection
from seedbed.testing.databases.clones import Clone
from seedbed.testing.databases.savepoints import SavepointLost
from seedbed.testing.databases.shared_database import SharedDatabase
from seedbed.testing.session.requested_fixtures import list_seedbed_fixtures
from seedbed.testing.session.run_resources import EMPTY_DATABASE, EnclosingTransaction, RunResources

_MODES = ("transaction", "own", "empty")
_SCOPES = ("function", "class", "module")
_OWN = frozenset({"db_url", "db_engine"})
"""Fixtures that are about a database of the test's own, and so choose one where no mark does."""
_SYNCHRONOUS = frozenset({"class_db", "client", "db", "make", "module_db", "seeded"})
"""Beside `async_db`, these would be a transaction that it does not see."""


@dataclass(frozen=True)
class DatabaseRequest:
    """What the mark `db` of a test says, or what its fixtures need where there is none."""

    mode: str
    seed: str | None
    scope: str


def read_database_request(item: pytest.Item, run: RunResources) -> DatabaseRequest:
    """Read a test's mark.

    Raises:
        InvalidDbMarker: it says something else.
    """
    mark = item.get_closest_marker("db") or pytest.mark.db.mark
    fixtures = list_seedbed_fixtures(item)
    own = bool(_OWN & fixtures) or ("async_db" in fixtures and bool(_SYNCHRONOUS & fixtures))
    mode = mark.args[0] if mark.args else "own" if own else "transaction"
    usual = None if mode == "empty" else run.templates.default_seed
    known = {"seed": usual, "scope": "function", **mark.kwargs}
    seed, scope = known["seed"], known["scope"]
    if len(mark.args) > 1 or set(known) != {"seed", "scope"}:
        raise InvalidDbMarker(item.nodeid, "it has more to it than a mode, seed= and scope=")
    if mode not in _MODES:
        raise InvalidDbMarker(item.nodeid, f"there is no {mode!r}")
    if seed is not None and seed not in list(Environment):
        raise InvalidDbMarker(item.nodeid, f"there are no seeds {seed!r}")
    if scope not in _SCOPES or (scope != "function" and mode == "transaction"):
        raise InvalidDbMarker(item.nodeid, f"scope={scope!r} does not go with {mode!r}")
    return Wish(mode, EMPTY if mode == "empty" else seed, scope)


@dataclass(eq=False)
class OwnDatabases:
    """Databases that belong to a test, a class or a module alone, made when they are first asked for."""

    run: RunResources
    owner: str
    keep: bool = False
    _clones: dict[str | None, Clone] = field(default_factory=dict)

    def get_clone(self, seed: str | None) -> Clone:
        if seed not in self._clones:
            self._clones[seed] = self.run.acquire(seed)
        return self._clones[seed]

    def close(self) -> None:
        if self.run.is_forked:
            return
        for seed, clone in self._clones.items():
            if self.keep:
                clone.close()
                self.run.keep_database(clone.name, self.owner)
            else:
                self.run.release(seed, clone, self.owner)

    @property
    def names(self) -> list[str]:
        return [clone.name for clone in self._clones.values()]


@dataclass(eq=False)
class PerTestDatabases:
    """One test with its database. `keep` is set by the report of its failure, before its database is taken from it."""

    run: RunResources
    test: str
    request: DatabaseRequest
    own_databases: OwnDatabases
    enclosing_fixtures: frozenset[str] = frozenset()
    """Fixtures whose rows it begins with: `class_db` and `module_db`, as far as it has them."""
    keep: bool = False
    shared_database: SharedDatabase | None = None
    """The database that tests use in turn, where this one has used it."""

    @property
    def names(self) -> list[str]:
        """The databases that it has used."""
        return [*([self.shared_database.clone.name] if self.shared_database is not None else []), *self.own_databases.names]

    @contextmanager
    def open_session(self) -> Iterator[Session]:
        """A session on its database."""
        if self.request.mode != "transaction":
            session = Session(self.own_databases.get_clone(self.request.seed).engine)
            self.run.statement_log.clear()
            yield session
            with suppress(DBAPIError):  # its connection is gone, as it is to be
                session.close()
            return
        with open_test_transaction(self.run, self.request.seed, self.test, self) as session:
            yield session

    @contextmanager
    def open_async_session(self) -> Iterator[AsyncSession]:
        """The same on the asynchronous driver, in a transaction of its own."""
        if self.request.mode != "transaction":
            held = AsyncTestConnection(self.own_databases.get_clone(self.request.seed).url, in_transactions=False)
            session = held.create_session()
            self.run.statement_log.clear()
            yield session
            try:
                held.end(session)
            except UnfinishedTask as task:
                self._part_with(task)
            except SavepointLost:
                pass  # its connection is gone, as it is to be
            finally:
                held.close()
            return
        self.shared_database = self.run.get_shared_database(self.request.seed)
        held = self.shared_database.get_async_connection()
        session = held.create_session()
        self.run.statement_log.clear()
        yield session
        if self.shared_database.is_discarded or self.run.is_forked:
            return
        if self.keep:
            held.commit(session)
            return
        try:
            held.end(session)
        except UnfinishedTask as task:
            self._part_with(task)
            self.run.replace_shared_database(self.request.seed, self.test)
        except SavepointLost:
            alive = held.is_alive
            self.run.replace_shared_database(self.request.seed, self.test)
            if alive:
                raise TransactionEnded(self.test) from None
        if self.run.statement_log.has_ddl:
            self.shared_database.discard_async_connection()

    def _part_with(self, task: UnfinishedTask) -> None:
        self.run.leftovers.append(f"{self.test} left a task at work on its session")
        if task.pid is not None:
            with self.run.server_access.open_admin_cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", (task.pid,))

    def report_failure(self) -> str:
        """Have its database kept, if not too many are; what there is to tell of it."""
        names = self.names
        if names and not self.keep and self._holds_others is None:
            alone = self.shared_database is None
            self.keep = (alone and self.own_databases.keep) or self.run.reserve_kept_slot()
            self.own_databases.keep = self.own_databases.keep or (self.keep and bool(self.own_databases.names))
        return "\n".join([*(line for name in names for line in self._told(name)), *self._statements()])

    @property
    def _holds_others(self) -> EnclosingTransaction | None:
        """The class or module whose rows the test's database has, in a transaction that is not the test's to end."""
        return None if self.shared_database is None else self.run.find_enclosing_transaction(self.shared_database)

    def _told(self, name: str) -> Iterator[str]:
        others = self._holds_others
        if others is not None and not self.keep:
            yield f"{name} is not kept, since it has the rows that {others.owner} puts in for its tests"
            return
        if not self.keep:
            yield f"{name} is not kept, since {self.run.keep_limit} are before it (--seedbed-keep)"
            return
        url = self.run.server_access.owner.with_database(name)
        if self.run.server_access.data_directory is None:
            yield f"{name} is kept: {url.masked}"
            yield f"open it: pytest --seedbed-url URL --seedbed-psql {name}"
        else:
            yield f"{name} is kept, and open while this run lasts: {url.reveal()}"
            yield f"after it: pytest --seedbed-psql {name}"

    def _statements(self) -> list[str]:
        last = self.run.statement_log.format_last()
        return ["its last statements:", *(f"  {line}" for line in last)] if last else []

    def close(self) -> None:
        if self.keep and self.shared_database is not None and not self.shared_database.is_discarded:
            self.run.replace_shared_database(self.request.seed, self.test, kept=True)
            self.run.keep_database(self.shared_database.clone.name, self.test)


@contextmanager
def open_test_transaction(run: RunResources, seed: str | None, test: str, case: PerTestDatabases) -> Iterator[Session]:
    """A session in a test's transaction, within those of its class and its module.

    Raises:
        TransactionEnded: the test ended that transaction; the next ones have another database.
        LostSetupRows: an earlier test ended that of the class or module.
    """
    for around in run.around:
        if around.fixture in case.around and around.shared.spoilt:
            raise LostSetupRows(around.whose, around.shared.spoilt_by)
    shared, session = _begun(run, seed)
    case.shared_database = shared
    run.statement_log.clear()
    yield session
    if shared.is_discarded or run.is_forked:
        return
    if case.keep:
        shared.commit(session)
        return
    _end(run, seed, test, shared, session)


@contextmanager
def open_enclosing_transaction(run: RunResources, fixture: str, whose: str) -> Iterator[Session]:
    """A session in a transaction that those of a class's or a module's tests lie in."""
    seed = run.templates.default_seed
    shared, session = _begun(run, seed)
    this = EnclosingTransaction(fixture, whose, shared)
    run.enclosing_transactions.append(this)
    run.statement_log.clear()
    yield session
    run.enclosing_transactions.remove(this)
    if not (shared.is_discarded or run.is_forked):
        _end(run, seed, whose, shared, session)


def _begun(run: RunResources, seed: str | None) -> tuple[SharedDatabase, Session]:
    """Begin on the database that is used in turn; on another, where its connection was ended meanwhile."""
    shared = run.get_shared_database(seed)
    shared.has_schema_changes = shared.has_schema_changes or run.statement_log.has_ddl
    try:
        return shared, shared.begin()
    except SavepointLost:
        run.replace_shared_database(seed)
        shared = run.get_shared_database(seed)
        return shared, shared.begin()


def _end(run: RunResources, seed: str | None, test: str, shared: SharedDatabase, session: Session) -> None:
    shared.has_schema_changes = shared.has_schema_changes or run.statement_log.has_ddl
    try:
        alone = shared.end(session)
    except SavepointLost:
        alive = shared.is_alive
        run.replace_shared_database(seed, test)
        if alive:
            raise TransactionEnded(test) from None
        return
    if alone:
        return
    found = run.find_foreign_sessions(shared, test)
    if found and run.find_enclosing_transaction(shared) is None:
        run.replace_shared_database(seed)
    shared.reported_pids |= found
