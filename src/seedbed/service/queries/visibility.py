"""What of a table may be read by whoever calls the service."""

import re
from itertools import pairwise

from pydantic import SecretBytes, SecretStr
from pydantic.fields import FieldInfo
from sqlalchemy import Column, Table

_WORDS = frozenset(
    {
        "apikey", "cvc", "cvv", "hash", "otp", "pass", "passcode", "pin", "pincode", "pwd", "salt", "secret",
        "ssn", "token", "totp",
    }
)  # fmt: skip
_PAIRS = frozenset({(first, "key") for first in ("api", "access", "encryption", "private", "signing")}
                   | {(first, "code") for first in ("backup", "recovery", "security")})  # fmt: skip
_SINGULAR = _WORDS | {"key", "code"}
_PARTS = ("apikey", "credential", "passphrase", "passwd", "password", "secret", "token")
"""Parts that no innocent word has, `secretary` apart."""


def list_public_columns(table: Table) -> list[Column[object]]:
    """The columns that may appear in an answer. A name that looks like a secret's is left out: failing closed.

    `info={"public": True}` on a column shows it, whatever its name is, and False hides it.
    """
    return [column for column in table.columns if column.info.get("public", not is_secret_name(column.name))]


def is_table_public(table: Table) -> bool:
    """Whether a table may be read at all: its name is no secret's, and neither is the name of its key.

    A key is in the path of a request, and so in every log on the way.
    """
    shown = list_public_columns(table)
    fit = table.info.get("public", not is_secret_name(table.name))
    keys = list(table.primary_key.columns)
    return bool(fit) and bool(keys) and all(column in shown for column in keys)


def is_excluded(field: FieldInfo) -> bool:
    """Whether a model's own field says that it is in no answer: it is excluded, or of Pydantic's types for secrets."""
    kinds = (field.annotation, *getattr(field.annotation, "__args__", ()))
    return field.exclude is True or SecretStr in kinds or SecretBytes in kinds


def is_secret_name(name: str) -> bool:
    """Whether a name, in snake or camel case, singular or plural, is one that secrets are kept under."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    words = [_singular(word.strip("0123456789")) for word in spaced.lower().split("_")]
    telling = any(part in word for word in words if word != "secretary" for part in _PARTS)
    return telling or not _WORDS.isdisjoint(words) or any(pair in _PAIRS for pair in pairwise(words))


def _singular(word: str) -> str:
    return next((stem for end in ("s", "es") if (stem := word.removesuffix(end)) in _SINGULAR), word)
