"""Define a SQL statement with parameters, and the protocol of the function that runs it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

Row = tuple[bytes | None, ...]
"""A row in PostgreSQL's text format: each value as UTF-8, or None for NULL."""

_PARAMETER = re.compile(r"\$\d+")


@dataclass(frozen=True, eq=False)
class Statement:
    """SQL with the parameters `$1`, `$2`, ..., each used once and in order.

    Statements compare by identity. A connection remembers which of them it has prepared, so reuse the same object.
    """

    text: str

    @cached_property
    def encoded(self) -> bytes:
        return self.text.encode()

    @cached_property
    def formatted(self) -> str:
        """The statement with `%s` parameters, for psycopg, psycopg2 and SQLAlchemy's `exec_driver_sql`."""
        return _PARAMETER.sub("%s", self.text.replace("%", "%%"))


PING = Statement("SELECT 1")


class Fetch(Protocol):
    """Runs a read-only statement and returns all rows. The tables and readiness use nothing else of the database.

    `create_app` accepts another implementation, such as one on a test's connection. A parameter is the text of a value,
    or None for NULL; the statement casts it to its type. Values are returned in PostgreSQL's text format.

    Raises:
        ServiceError: an error with its own response, such as DatabaseUnavailable.
        psycopg.Error: the database rejected the statement.
    """

    async def __call__(self, statement: Statement, parameters: Sequence[bytes | None] = ()) -> list[Row]: ...
