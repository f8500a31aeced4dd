"""The root of the error tree, and a base class for each range of codes."""

from typing import ClassVar


class SeedbedError(Exception):
    """An error that a user can fix. `message` states the fault, and `remedy` states the next step."""

    code: ClassVar[str]
    question: str | None = None
    """The question that the user has to answer, if there is one."""
    answers: tuple[str, ...] = ()
    """The command-line options that answer `question`."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class ProjectError(SeedbedError):
    """The project's directory, settings, schema module or installed packages cannot be used."""


class MigrationError(SeedbedError):
    """Seedbed cannot draft, read or apply a revision."""


class ServerError(SeedbedError):
    """A server cannot be started or reached, or a database refuses an operation."""


class SeedError(SeedbedError):
    """Seedbed cannot read, plan or load seeds."""


class BranchError(SeedbedError):
    """Seedbed cannot create, find, use or delete a branch."""


class ServiceError(SeedbedError):
    """The read service cannot start, or it answers with problem+json and the HTTP status `status`."""

    status: ClassVar[int]


class TestingError(SeedbedError):
    """A test cannot get its database, or it changed the database so that later tests cannot use it."""
