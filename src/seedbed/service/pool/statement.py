"""What the service asks of PostgreSQL: a statement, its parameters apart from it, and the one function that runs it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

Row = tuple[bytes | None, ...]
"""A row as PostgreSQL writes it: the text of each value, in UTF-8."""

_PARAMETER = re.compile(r"\$\d+")


@dataclass(frozen=True, eq=False)
class Statement:
    """SQL with `$1`, `$2`, each used once and in order. Two are the same only if they are one object: it is what a
    connection remembers to have prepared.
    """

    text: str

    @cached_property
    def encoded(self) -> bytes:
        return self.text.encode()

    @cached_property
    def formatted(self) -> str:
        """The same with `%s`, as psycopg, psycopg2 and SQLAlchemy's `exec_driver_sql` take it."""
        return _PARAMETER.sub("%s", self.text.replace("%", "%%"))


PING = Statement("SELECT 1")


class Fetch(Protocol):
    """All rows of a statement that only reads. It is the service's whole way to its database, and `create_app` takes
    another one, such as a test's own connection.

    A parameter is the text of a value, or None for NULL; the statement casts each to its type. Values come back as the
    bytes of PostgreSQL's text.

    Raises:
        ServiceError: an answer of its own, such as DatabaseUnavailable.
        psycopg.Error: the database answered, and refused.
    """

    async def __call__(self, statement: Statement, parameters: Sequence[bytes | None] = ()) -> list[Row]: ...
