"""Decide which tables and columns are public, and hide what looks like a secret."""

import re
from itertools import pairwise

from pydantic import SecretBytes, SecretStr
from pydantic.fields import FieldInfo
from sqlalchemy import Column, Table

_SECRET_WORDS = frozenset(
    {
        "apikey", "cvc", "cvv", "hash", "otp", "pass", "passcode", "pin", "pincode", "pwd", "salt", "secret",
        "ssn", "token", "totp",
    }
)  # fmt: skip
_SECRET_WORD_PAIRS = frozenset({(first, "key") for first in ("api", "access", "encryption", "private", "signing")}
                   | {(first, "code") for first in ("backup", "recovery", "security")})  # fmt: skip
_SINGULAR_WORDS = _SECRET_WORDS | {"key", "code"}
_SECRET_PARTS = ("apikey", "credential", "passphrase", "passwd", "password", "secret", "token")
"""Parts of words that only secrets have, except `secretary`."""


def list_public_columns(table: Table) -> list[Column[object]]:
    """List the columns that may appear in a response. A column whose name looks like a secret is hidden.

    `info={"public": True}` shows a column whatever its name, and False hides it.
    """
    return [column for column in table.columns if column.info.get("public", not is_secret_name(column.name))]


def is_table_public(table: Table) -> bool:
    """Whether a table may be read at all: neither its name nor its primary key's looks like a secret.

    A key is part of a request's path, and so of every log on the way.
    """
    columns = list_public_columns(table)
    is_public = table.info.get("public", not is_secret_name(table.name))
    key_columns = list(table.primary_key.columns)
    return bool(is_public) and bool(key_columns) and all(column in columns for column in key_columns)


def is_excluded(field: FieldInfo) -> bool:
    """Whether a model's field is in no response, by `exclude=True` or one of Pydantic's secret types."""
    types = (field.annotation, *getattr(field.annotation, "__args__", ()))
    return field.exclude is True or SecretStr in types or SecretBytes in types


def is_secret_name(name: str) -> bool:
    """Whether a name, in snake or camel case, singular or plural, looks like that of a secret."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    words = [_singular(word.strip("0123456789")) for word in spaced.lower().split("_")]
    has_secret_part = any(part in word for word in words if word != "secretary" for part in _SECRET_PARTS)
    return (
        has_secret_part
        or not _SECRET_WORDS.isdisjoint(words)
        or any(pair in _SECRET_WORD_PAIRS for pair in pairwise(words))
    )


def _singular(word: str) -> str:
    return next((stem for end in ("s", "es") if (stem := word.removesuffix(end)) in _SINGULAR_WORDS), word)
