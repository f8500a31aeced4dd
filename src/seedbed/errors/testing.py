"""Errors about test databases (SB701 to SB708)."""

from collections.abc import Sequence

from seedbed.errors.base import TestingError


class TemplateLockTimeout(TestingError):
    """Another test run has been building the template database on this server for too long.

    The lock ends with that run's session. The next run then builds the template.
    """

    code = "SB701"

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__(
            f"Another session has been building {name} for {seconds:.0f} s.",
            remedy="Find that session in pg_stat_activity; when it ends, the next run builds the template.",
        )


class TransactionEnded(TestingError):
    """A test ended its outer transaction, so its changes could not be rolled back.

    In a test's database, `commit` releases a savepoint, and everything is rolled back after the test. This test ended
    the outer transaction with a `COMMIT` statement or with `session.connection().commit()`. The next tests get a new
    database. Commit the session only, or use the marker `db("own")`.
    """

    code = "SB702"

    def __init__(self, test: str) -> None:
        super().__init__(
            f"{test} ended its outer transaction, so its changes could not be rolled back; "
            "the next tests get a new database.",
            remedy='Commit the session only, or mark the test @pytest.mark.db("own").',
        )


class InvalidDbMarker(TestingError):
    """The `db` marker of a test has an invalid argument.

    [The reference](fixtures.md#the-marker) lists its arguments.
    """

    code = "SB703"

    def __init__(self, test: str, reason: str) -> None:
        super().__init__(
            f"The marker db of {test} is invalid: {reason}.",
            remedy='Write @pytest.mark.db("transaction"), "own" or "empty"; seed= names a file in seeds/, scope= is '
            '"function", "class" or "module" and goes with "own".',
        )


class NoKeptDatabase(TestingError):
    """No database of a failed test is available.

    `pytest --seedbed-psql` opens the database that a failed test left. A run with failures replaces the databases of
    the previous run. Run the tests again to keep the databases of the tests that fail.
    """

    code = "SB704"

    def __init__(self, name: str | None, kept: Sequence[str]) -> None:
        which = f" {name}" if name else ""
        others = f"; these are kept: {', '.join(kept)}" if kept else ""
        super().__init__(
            f"No database{which} of a failed test is kept{others}.",
            remedy="Run the tests: each failing test keeps its database and prints the name.",
        )


class RowCreationFailure(TestingError):
    """`make` or `seeded` cannot create a row.

    Both fill columns by the rules of seeding. Pass explicit values for columns whose generated values violate a
    constraint. If tables refer to each other through NOT NULL columns, pass the referenced rows.
    """

    code = "SB705"

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(f"Cannot create {model}: {reason}.", remedy="Pass those columns explicitly.")


class WorkerWithoutServer(TestingError):
    """A pytest-xdist worker cannot reach the server of the process that started it.

    That process runs one server for all workers. A worker on another machine cannot reach it. Run the workers on the
    same machine, or pass a server with `--seedbed-url`.
    """

    code = "SB706"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"This worker got no server from the process that started it: {reason}.",
            remedy="Run the workers on the same machine, or pass a server: --seedbed-url URL",
        )


class LostSetupRows(TestingError):
    """An earlier test removed the rows that a class or module inserted for its tests.

    `class_db` and `module_db` insert rows that every test of the class or module starts with. The rows belong to one
    transaction. A test that ends this transaction or its connection removes the rows for the next tests. In that test,
    commit the session only, or use the marker `db("own")`.
    """

    code = "SB707"

    def __init__(self, owner: str, test: str) -> None:
        super().__init__(
            f"The rows that {owner} inserted for its tests are gone: "
            f"{test or 'something'} ended the transaction that contained them.",
            remedy='In that test, commit the session only, or mark it @pytest.mark.db("own").',
        )


class KeptOnExternalServer(TestingError):
    """The database of a failed test is on an external server, so you must pass the server's URL to open it."""

    code = "SB708"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is kept on the external server that the tests used.",
            remedy=f"Pass its URL again: pytest --seedbed-url URL --seedbed-psql {name}",
        )
