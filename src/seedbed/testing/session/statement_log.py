"""The statements that a test sends, for those who count them and for the report of its failure."""

import re
import reprlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

_LAST = 8
_LONGEST = 300
_OURS = ("SAVEPOINT ", "RELEASE SAVEPOINT ", "ROLLBACK TO SAVEPOINT ")
"""What a session's own begin and commit become in a test's transaction."""
_DEFINING = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(?:ALTER|CREATE|DO|DROP|PREPARE)\b", re.IGNORECASE | re.DOTALL)
_SHORT = reprlib.Repr()
_SHORT.maxdict = _SHORT.maxlist = _SHORT.maxtuple = 20
_SHORT.maxstring = _SHORT.maxother = _LONGEST


class StatementLog:
    """Everything that SQLAlchemy sends to a server, from any engine, but for savepoints."""

    def __init__(self) -> None:
        self.count = 0
        self.has_ddl = False
        """Whether there was a statement that a connection outlives with another idea of the schema."""
        self._looking_away = False
        self._last: deque[tuple[str, Any]] = deque(maxlen=_LAST)
        event.listen(Engine, "before_cursor_execute", self._sent)

    def close(self) -> None:
        event.remove(Engine, "before_cursor_execute", self._sent)

    def clear(self) -> None:
        self.count, self.has_ddl = 0, False
        self._last.clear()

    def format_last(self) -> list[str]:
        """The last statements, each in a line with its parameters."""
        return [_line(statement, parameters) for statement, parameters in self._last]

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Leave out what is sent to make a template."""
        self._looking_away = True
        try:
            yield
        finally:
            self._looking_away = False

    @contextmanager
    def expect_count(self, count: int) -> Iterator[None]:
        """See that a block sends so many statements.

        Raises:
            AssertionError: it sends more or fewer, with the last of them.
        """
        __tracebackhide__ = True
        before = self.count
        yield
        sent = self.count - before
        if sent != count:
            shown = "".join(f"\n  {line}" for line in self.format_last()[-sent:]) if sent else ""
            were = "statement was" if sent == 1 else "statements were"
            raise AssertionError(f"{sent} {were} sent, and {count} expected:{shown}")

    def _sent(
        self,
        _connection: Connection,
        _cursor: object,
        statement: str,
        parameters: object,
        _context: object,
        _many: bool,
    ) -> None:
        if not self._looking_away and not statement.startswith(_OURS):
            self.count += 1
            self.has_ddl = self.has_ddl or _DEFINING.match(statement) is not None
            self._last.append((statement, parameters))


def _line(statement: str, parameters: object) -> str:
    written = " ".join(statement[: 2 * _LONGEST].split())
    shown = f"{written}  {_SHORT.repr(parameters)}" if parameters else written
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]} ..."
