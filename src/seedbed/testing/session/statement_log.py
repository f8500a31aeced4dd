"""Log the SQL statements that a test sends, to count them and to show the last ones when it fails."""

import re
import reprlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

_LAST_COUNT = 8
_MAX_LENGTH = 300
_SAVEPOINT_STATEMENTS = ("SAVEPOINT ", "RELEASE SAVEPOINT ", "ROLLBACK TO SAVEPOINT ")
"""What SQLAlchemy sends for begin and commit inside a test's transaction."""
_DDL = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(?:ALTER|CREATE|DO|DROP|PREPARE)\b", re.IGNORECASE | re.DOTALL)
_PARAMETER_REPR = reprlib.Repr()
_PARAMETER_REPR.maxdict = _PARAMETER_REPR.maxlist = _PARAMETER_REPR.maxtuple = 20
_PARAMETER_REPR.maxstring = _PARAMETER_REPR.maxother = _MAX_LENGTH


class StatementLog:
    """The statements that SQLAlchemy sends to any engine, without savepoints."""

    def __init__(self) -> None:
        self.count = 0
        self.has_ddl = False
        """Whether a statement may have changed the schema, which makes a connection's prepared statements stale."""
        self._is_paused = False
        self._last_statements: deque[tuple[str, Any]] = deque(maxlen=_LAST_COUNT)
        event.listen(Engine, "before_cursor_execute", self._record)

    def close(self) -> None:
        event.remove(Engine, "before_cursor_execute", self._record)

    def clear(self) -> None:
        self.count, self.has_ddl = 0, False
        self._last_statements.clear()

    def format_last(self) -> list[str]:
        """Format the last statements, each on a line with its parameters."""
        return [_format_statement(statement, parameters) for statement, parameters in self._last_statements]

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Do not log the statements of a block, which builds a template."""
        self._is_paused = True
        try:
            yield
        finally:
            self._is_paused = False

    @contextmanager
    def expect_count(self, count: int) -> Iterator[None]:
        """Check the number of statements that a block sends.

        Raises:
            AssertionError: the block sends more or fewer. The message lists the last of them.
        """
        __tracebackhide__ = True
        before = self.count
        yield
        sent = self.count - before
        if sent != count:
            lines = "".join(f"\n  {line}" for line in self.format_last()[-sent:]) if sent else ""
            subject = "statement was" if sent == 1 else "statements were"
            raise AssertionError(f"{sent} {subject} sent, and {count} expected:{lines}")

    def _record(
        self,
        _connection: Connection,
        _cursor: object,
        statement: str,
        parameters: object,
        _context: object,
        _many: bool,
    ) -> None:
        if not self._is_paused and not statement.startswith(_SAVEPOINT_STATEMENTS):
            self.count += 1
            self.has_ddl = self.has_ddl or _DDL.match(statement) is not None
            self._last_statements.append((statement, parameters))


def _format_statement(statement: str, parameters: object) -> str:
    one_line = " ".join(statement[: 2 * _MAX_LENGTH].split())
    formatted = f"{one_line}  {_PARAMETER_REPR.repr(parameters)}" if parameters else one_line
    return formatted if len(formatted) <= _MAX_LENGTH else f"{formatted[:_MAX_LENGTH]} ..."
