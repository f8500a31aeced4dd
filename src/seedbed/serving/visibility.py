"""What of a table may be read by whoever calls the service."""

from itertools import pairwise

from sqlalchemy import Column, Table

_SECRET_WORDS = frozenset(
    {"password", "passwd", "pwd", "passphrase", "secret", "token", "hash", "salt", "apikey", "otp", "pin"}
)
_SECRET_PAIRS = frozenset({("api", "key"), ("private", "key"), ("access", "key"), ("signing", "key")})


def public_columns(table: Table) -> list[Column[object]]:
    """The columns that may appear in an answer. A name that looks like a secret's is left out: failing closed."""
    return [column for column in table.columns if not looks_secret(column.name)]


def looks_secret(name: str) -> bool:
    words = name.lower().split("_")
    known = any(word in _SECRET_WORDS or word.removeprefix("hashed") in _SECRET_WORDS for word in words)
    return known or any(pair in _SECRET_PAIRS for pair in pairwise(words))
