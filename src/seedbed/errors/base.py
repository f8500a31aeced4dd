"""The root of the error tree, and a branch for each range of codes."""

from typing import ClassVar


class SeedbedError(Exception):
    """Something a user can mend; `message` says what is so and `remedy` what to do next."""

    code: ClassVar[str]
    question: str | None = None
    """What a person has to decide, where that is so; `answers` are the options of the command that say it."""
    answers: tuple[str, ...] = ()

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class ProjectError(SeedbedError):
    """The project's folder, its settings or its schema module cannot be used as they are."""


class MigrationError(SeedbedError):
    """Revisions cannot be drafted, read or applied as they are."""


class ServerError(SeedbedError):
    """A server cannot be started or reached, or a database refuses what is asked of it."""


class SeedError(SeedbedError):
    """Seeds cannot be read, planned or loaded as they are."""


class BranchError(SeedbedError):
    """A branch cannot be made, found, used or deleted as was asked."""


class ServiceError(SeedbedError):
    """What the read service answers with, as problem+json; each has its HTTP status."""

    status: ClassVar[int]


class TestingError(SeedbedError):
    """A test cannot have the database that it asks for, or has spoilt it."""
