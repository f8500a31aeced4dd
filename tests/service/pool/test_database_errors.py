"""The classification of database errors."""

import psycopg
import pytest
from sqlalchemy.exc import DatabaseError

from seedbed.service.pool.database_errors import is_unavailable

pytestmark = pytest.mark.unit

LIBPQS = psycopg.DatabaseError("could not send data to server: Connection timed out")


class TestIsUnavailable:
    @pytest.mark.parametrize(
        ("error", "away"),
        [
            (LIBPQS, True),
            (DatabaseError("SELECT 1", {}, LIBPQS), True),
            (psycopg.OperationalError("server closed the connection unexpectedly"), True),
            (psycopg.errors.AdminShutdown(), True),
            (OSError(), True),
            (psycopg.errors.DivisionByZero(), False),
            (psycopg.errors.QueryCanceled(), False),
            (ValueError(), False),
        ],
        ids=repr,
    )
    def test_goes_by_the_code_or_else_by_whose_words_they_are(self, error: Exception, away: bool) -> None:
        assert is_unavailable(error) is away
