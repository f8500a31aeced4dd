"""Give each test, class or module its databases, and clean up after it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from seedbed.errors import LostSetupRows, TransactionEnded
from seedbed.testing.databases.clones import Clone
from seedbed.testing.databases.sessions import AsyncTestConnection, SavepointLost, UnfinishedTask
from seedbed.testing.databases.shared_database import SharedDatabase
from seedbed.testing.session.db_marker import DatabaseRequest
from seedbed.testing.session.run_resources import EnclosingTransaction, RunResources


@dataclass(eq=False)
class OwnDatabases:
    """Databases that one test, class or module has for itself. Each is created when it is first requested."""

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
    """The databases of one test. The report of a failure sets `keep` before the fixtures are torn down."""

    run: RunResources
    test: str
    request: DatabaseRequest
    own_databases: OwnDatabases
    enclosing_fixtures: frozenset[str] = frozenset()
    """Those of `class_db` and `module_db` whose rows the test starts with."""
    keep: bool = False
    shared_database: SharedDatabase | None = None
    """The shared database, once the test has used it."""

    @property
    def names(self) -> list[str]:
        """The databases that the test has used."""
        shared = [self.shared_database.clone.name] if self.shared_database is not None else []
        return [*shared, *self.own_databases.names]

    @contextmanager
    def open_session(self) -> Iterator[Session]:
        """Open a session on the requested database.

        Raises:
            TransactionEnded, LostSetupRows: as in `open_test_transaction`.
        """
        if self.request.mode != "transaction":
            session = Session(self.own_databases.get_clone(self.request.seed).engine)
            self.run.statement_log.clear()
            yield session
            with suppress(DBAPIError):  # the connection may be gone, and needs no cleanup then
                session.close()
            return
        with open_test_transaction(self.run, self.request.seed, self.test, self) as session:
            yield session

    @contextmanager
    def open_async_session(self) -> Iterator[AsyncSession]:
        """Open a session on the asynchronous driver, in a transaction of its own.

        Raises:
            TransactionEnded: the test ended that transaction. The next tests use another database.
        """
        if self.request.mode != "transaction":
            with self._open_own_async_session() as session:
                yield session
            return
        self.shared_database = self.run.get_shared_database(self.request.seed)
        connection = self.shared_database.get_async_connection()
        session = connection.create_session()
        self.run.statement_log.clear()
        yield session
        if self.shared_database.is_discarded or self.run.is_forked:
            return
        if self.keep:
            connection.commit(session)
            return
        try:
            connection.end(session)
        except UnfinishedTask as task:
            self._terminate(task)
            self.run.replace_shared_database(self.request.seed, self.test)
        except SavepointLost:
            is_alive = connection.is_alive
            self.run.replace_shared_database(self.request.seed, self.test)
            if is_alive:
                raise TransactionEnded(self.test) from None
        if self.run.statement_log.has_ddl:
            self.shared_database.discard_async_connection()

    @contextmanager
    def _open_own_async_session(self) -> Iterator[AsyncSession]:
        connection = AsyncTestConnection(self.own_databases.get_clone(self.request.seed).url, in_transactions=False)
        session = connection.create_session()
        self.run.statement_log.clear()
        yield session
        try:
            connection.end(session)
        except UnfinishedTask as task:
            self._terminate(task)
        except SavepointLost:
            pass  # the connection may be gone, and needs no cleanup then
        finally:
            connection.close()

    def _terminate(self, task: UnfinishedTask) -> None:
        self.run.leftovers.append(f"{self.test} left a task at work on its session")
        if task.pid is not None:
            with self.run.server_access.open_admin_cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", (task.pid,))

    def report_failure(self) -> str:
        """Keep the test's databases, up to the limit, and return the section of the failure report about them."""
        names = self.names
        if names and not self.keep and self._enclosing_transaction is None:
            has_own_only = self.shared_database is None
            self.keep = (has_own_only and self.own_databases.keep) or self.run.reserve_kept_slot()
            self.own_databases.keep = self.own_databases.keep or (self.keep and bool(self.own_databases.names))
        return "\n".join([*(line for name in names for line in self._describe(name)), *self._list_statements()])

    @property
    def _enclosing_transaction(self) -> EnclosingTransaction | None:
        """The transaction of a class or module that the test runs in. Only its owner may end it."""
        return None if self.shared_database is None else self.run.find_enclosing_transaction(self.shared_database)

    def _describe(self, name: str) -> Iterator[str]:
        enclosing = self._enclosing_transaction
        if enclosing is not None and not self.keep:
            yield f"{name} is not kept: other tests need the rows that {enclosing.owner} has put in"
            return
        if not self.keep:
            yield f"{name} is not kept: {self.run.keep_limit} others are already (--seedbed-keep)"
            return
        url = self.run.server_access.owner.with_database(name)
        if self.run.server_access.data_directory is None:
            yield f"{name} is kept: {url.masked}"
            yield f"open it: pytest --seedbed-url URL --seedbed-psql {name}"
        else:
            yield f"{name} is kept, and open while this run lasts: {url.reveal()}"
            yield f"after it: pytest --seedbed-psql {name}"

    def _list_statements(self) -> list[str]:
        last = self.run.statement_log.format_last()
        return ["its last statements:", *(f"  {line}" for line in last)] if last else []

    def close(self) -> None:
        if self.keep and self.shared_database is not None and not self.shared_database.is_discarded:
            self.run.replace_shared_database(self.request.seed, self.test, is_kept=True)
            self.run.keep_database(self.shared_database.clone.name, self.test)


@contextmanager
def open_test_transaction(
    run: RunResources, seed: str | None, test: str, databases: PerTestDatabases
) -> Iterator[Session]:
    """Open a session in a test's transaction, inside the transactions of its class and its module.

    Raises:
        TransactionEnded: the test ended that transaction. The next tests use another database.
        LostSetupRows: an earlier test ended the transaction of the class or module.
    """
    for enclosing in run.enclosing_transactions:
        if enclosing.fixture in databases.enclosing_fixtures and enclosing.shared.is_discarded:
            raise LostSetupRows(enclosing.owner, enclosing.shared.discarded_by)
    shared, session = _begin(run, seed)
    databases.shared_database = shared
    run.statement_log.clear()
    yield session
    if shared.is_discarded or run.is_forked:
        return
    if databases.keep:
        shared.commit(session)
        return
    _end(run, seed, test, shared, session)


@contextmanager
def open_enclosing_transaction(run: RunResources, fixture: str, owner: str) -> Iterator[Session]:
    """Open a session in a transaction that encloses those of all tests of a class or module."""
    seed = run.templates.default_seed
    shared, session = _begin(run, seed)
    transaction = EnclosingTransaction(fixture, owner, shared)
    run.enclosing_transactions.append(transaction)
    run.statement_log.clear()
    yield session
    run.enclosing_transactions.remove(transaction)
    if not (shared.is_discarded or run.is_forked):
        _end(run, seed, owner, shared, session)


def _begin(run: RunResources, seed: str | None) -> tuple[SharedDatabase, Session]:
    """Begin a transaction on the shared database. If its connection was lost, use another database."""
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
        has_no_foreign_sessions = shared.end(session)
    except SavepointLost:
        is_alive = shared.is_alive
        run.replace_shared_database(seed, test)
        if is_alive:
            raise TransactionEnded(test) from None
        return
    if has_no_foreign_sessions:
        return
    foreign_pids = run.find_foreign_sessions(shared, test)
    if foreign_pids and run.find_enclosing_transaction(shared) is None:
        run.replace_shared_database(seed)
    shared.reported_pids |= foreign_pids
