"""The root of the error tree, and a base class for each range of codes."""

from typing import ClassVar


class SeedbedError(Exception):
    """An error that a user can fix. `message` states the fact, and `remedy` the next step."""

    code: ClassVar[str]
    question: str | None = None
    """What a person has to decide, if anything."""
    answers: tuple[str, ...] = ()
    """The command-line options that answer `question`."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class ProjectError(SeedbedError):
    """The project's directory, settings, schema module or installed packages cannot be used."""


class MigrationError(SeedbedError):
    """Revisions cannot be drafted, read or applied."""


class ServerError(SeedbedError):
    """A server cannot be started or reached, or a database refuses an operation."""


class SeedError(SeedbedError):
    """Seeds cannot be read, planned or loaded."""


class BranchError(SeedbedError):
    """A branch cannot be created, found, used or deleted."""


class ServiceError(SeedbedError):
    """The read service cannot start, or answers with problem+json and `status` as the HTTP status."""

    status: ClassVar[int]


class TestingError(SeedbedError):
    """A test cannot get its database, or has broken it for later tests."""
