"""The units in which times are counted."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
"""Times are counted in microseconds, and so are these."""
DAY = 86_400 * SECOND
MONTH = 30 * DAY
SPAN = 730 * DAY
"""How far back from `as_of` times lie, unless something says otherwise."""


def microseconds(moment: datetime) -> int:
    """Since 1970; a time without a zone counts as UTC."""
    return ((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND
