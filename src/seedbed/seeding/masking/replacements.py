"""Fake values as SQL expressions: the n-th value of each kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import gcd

from seedbed.seeding.core.faker_pool import FakerPools

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_POOL_SIZE = 512
_DAYS = 18_000


@dataclass(frozen=True)
class SqlText:
    """An SQL expression for a text, and its maximum length."""

    sql: str
    max_length: int

    def __add__(self, other: "SqlText") -> "SqlText":
        return SqlText(f"{self.sql} || {other.sql}", self.max_length + other.max_length)


class Replacements:
    """The fake values of every kind. Names are from Faker, with a number appended once all names are used."""

    def __init__(self, pools: FakerPools) -> None:
        self._pools = pools
        self.kinds: dict[str, Callable[[str, int], SqlText]] = {
            "email": lambda n, count: self._build_pair(n, count, ".", str) + _build_literal("@example.com"),
            "first_name": lambda n, count: self._build_name("first_name", n, count),
            "last_name": lambda n, count: self._build_name("last_name", n, count),
            "name": lambda n, count: self._build_pair(n, count, " ", str.title),
            "username": lambda n, count: (
                _build_word(self._read_words("first_name"), n, str) + _build_literal("_") + _build_number(n, count)
            ),
            "phone": lambda n, count: _build_literal("+1555") + _build_padded_number(n, count, 7),
            "address": lambda n, count: (
                _build_number(f"({n} + 1)", count + 1)
                + _build_literal(" ")
                + _build_word(self._read_words("last_name"), n, str.title)
                + _build_literal(" Street")
            ),
            "city": lambda n, count: self._build_name("city", n, count),
            "postcode": lambda n, count: _build_padded_number(n, count, 5),
            "company": lambda n, count: self._build_name("last_name", n, count) + _build_literal(" Ltd"),
            "url": lambda n, count: _build_literal("https://example.com/") + _build_number(n, count),
            "ip": lambda n, _: _build_number(
                f"(inet '198.18.0.0' + {n} % {1 << 17})", 10**14
            ),  # RFC 2544 reserves this range for benchmarks
            "date": lambda n, _: SqlText(f"(date '1950-01-01' + {n} % {_DAYS})::text", 10),
            "number": lambda n, count: _build_number(f"({n} + 1)", count + 1),
            "text": lambda n, count: _build_literal("text ") + _build_number(n, count),
            "secret": lambda n, count: _build_literal("masked-") + _build_number(n, count),
        }

    def build_value(self, kind: str, n: str, *, count: int, max_length: int | None) -> str:
        """Build an expression for the n-th of `count` values; `n` is an int expression, and NULL gives NULL.

        If the longest value exceeds `max_length`, all values are compact numbers instead, so they stay distinct.
        """
        text = self.kinds[kind](n, count)
        if max_length is None or text.max_length <= max_length:
            return text.sql
        compact = _build_compact_number(n, count, max_length)
        address = compact + _build_literal("@x.io")
        return address.sql if kind == "email" and address.max_length <= max_length else compact.sql

    def _build_pair(self, n: str, count: int, separator: str, change_case: Callable[[str], str]) -> SqlText:
        """Build a first and a last name, with a number appended once all pairs are used.

        Both lists advance together. Their lengths have no common divisor, so every pair occurs before one repeats.
        """
        first, last = self._read_words("first_name"), self._read_words("last_name")
        while gcd(len(first), len(last)) > 1:
            last = last[:-1]
        pair = _build_word(first, n, change_case) + _build_literal(separator) + _build_word(last, n, change_case)
        return pair + _build_suffix(n, count, len(first) * len(last), "")

    def _build_name(self, provider: str, n: str, count: int) -> SqlText:
        return _build_word(self._read_words(provider), n, str.title) + _build_suffix(
            n, count, len(self._read_words(provider)), " "
        )

    def _read_words(self, provider: str) -> Sequence[str]:
        return self._pools.words(provider, _POOL_SIZE)


def _build_word(words: Sequence[str], n: str, change_case: Callable[[str], str]) -> SqlText:
    """Select the n-th word from an array of type `name`: its fixed width makes the access constant-time."""
    array = ",".join(change_case(word) for word in words)
    return SqlText(f"('{{{array}}}'::name[])[{n} % {len(words)} + 1]::text", max(map(len, words)))


def _build_literal(text: str) -> SqlText:
    return SqlText(f"'{text}'", len(text))


def _build_number(n: str, count: int) -> SqlText:
    return SqlText(f"{n}::text", len(str(count)))


def _build_padded_number(n: str, count: int, digits: int) -> SqlText:
    digits = max(digits, len(str(count)))
    return SqlText(f"lpad({n}::text, {digits}, '0')", digits)


def _build_suffix(n: str, count: int, cycle_length: int, separator: str) -> SqlText:
    """Build an empty text for the first `cycle_length` values, and then the number of completed cycles."""
    if count <= cycle_length:
        return _build_literal("")
    number = _build_number(f"({n} / {cycle_length})", count // cycle_length)
    return SqlText(
        f"CASE WHEN {n} < {cycle_length} THEN '' ELSE '{separator}' || {number.sql} END",
        len(separator) + number.max_length,
    )


def _build_compact_number(n: str, count: int, max_length: int) -> SqlText:
    """Build a number in base 36; if `max_length` is too short for all numbers, several values become equal."""
    powers = [1]
    while powers[0] * len(_DIGITS) < count and len(powers) < max_length:
        powers.insert(0, powers[0] * len(_DIGITS))
    digits = (f"substr('{_DIGITS}', {n} / {power} % {len(_DIGITS)} + 1, 1)" for power in powers)
    return SqlText(" || ".join(digits), len(powers))
