"""Errors of test databases (SB7xx)."""

from collections.abc import Sequence

from seedbed.errors.base import TestingError


class TemplateLockTimeout(TestingError):
    """Another run of tests has been making the template for too long."""

    code = "SB701"

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__(
            f"Another session has been making {name} for {seconds:.0f} s.",
            remedy="Look at what it is doing, in pg_stat_activity; when it ends, the next run makes the template.",
        )


class TransactionEnded(TestingError):
    """A test ended the transaction that was to be rolled back after it."""

    code = "SB702"

    def __init__(self, test: str) -> None:
        super().__init__(
            f"{test} ended the transaction around it, so what it did could not be rolled back; "
            "the tests after it have another database.",
            remedy='Have it commit the session alone, or mark it @pytest.mark.db("own").',
        )


class InvalidDbMarker(TestingError):
    """The mark `db` of a test says something that it cannot say."""

    code = "SB703"

    def __init__(self, test: str, reason: str) -> None:
        super().__init__(
            f"The mark db of {test} cannot be used: {reason}.",
            remedy='Write @pytest.mark.db("transaction"), "own" or "empty"; seed= names a file in seeds/, scope= is '
            '"function", "class" or "module" and goes with "own".',
        )


class NoKeptDatabase(TestingError):
    """No database of a failed test is there to be opened."""

    code = "SB704"

    def __init__(self, wanted: str | None, kept: Sequence[str]) -> None:
        which = f" {wanted}" if wanted else ""
        others = f"; there are {', '.join(kept)}" if kept else ""
        super().__init__(
            f"No database{which} of a failed test is kept{others}.",
            remedy="Run the tests: those that fail keep theirs, and say how they are called.",
        )


class RowCreationFailure(TestingError):
    """A row for a test could not be made."""

    code = "SB705"

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(f"No {model} could be made: {reason}.", remedy="Give the columns that are in the way.")


class WorkerWithoutServer(TestingError):
    """The run's first process has no server for a worker."""

    code = "SB706"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"This worker got no server from the process that started it: {reason}.",
            remedy="Run the workers on the same machine, or give them a server: --seedbed-url URL",
        )


class LostSetupRows(TestingError):
    """The rows that a test begins with are gone, by an earlier test's doing."""

    code = "SB707"

    def __init__(self, whose: str, by: str) -> None:
        super().__init__(
            f"The rows that {whose} put in for its tests are gone: "
            f"{by or 'somebody'} ended the transaction that they were in.",
            remedy='Have that one commit the session alone, or mark it @pytest.mark.db("own").',
        )


class KeptOnExternalServer(TestingError):
    """The database of a failed test is on a server that was given."""

    code = "SB708"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is kept on the server that the tests were given.",
            remedy=f"Give it again: pytest --seedbed-url URL --seedbed-psql {name}",
        )
