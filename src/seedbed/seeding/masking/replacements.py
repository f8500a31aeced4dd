"""What stands in the place of personal values: the n-th of a kind, another one for each n, written as SQL."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import gcd

from seedbed.seeding.core.faker_pool import FakerPools

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_WORDS = 512
_DAYS = 18_000


@dataclass(frozen=True)
class Said:
    """A text as SQL makes it, and how long it gets."""

    sql: str
    longest: int

    def __add__(self, other: "Said") -> "Said":
        return Said(f"{self.sql} || {other.sql}", self.longest + other.longest)


class Replacements:
    """The values of every kind. The names are Faker's; numbers keep them apart where there are more than names."""

    def __init__(self, pools: FakerPools) -> None:
        self._pools = pools
        self.kinds: dict[str, Callable[[str, int], Said]] = {
            "email": lambda n, count: self._pair(n, count, ".", str) + _plain("@example.com"),
            "first_name": lambda n, count: self._named("first_name", n, count),
            "last_name": lambda n, count: self._named("last_name", n, count),
            "name": lambda n, count: self._pair(n, count, " ", str.title),
            "username": lambda n, count: _word(self._words("first_name"), n, str) + _plain("_") + _number(n, count),
            "phone": lambda n, count: _plain("+1555") + _padded(n, count, 7),
            "address": lambda n, count: (
                _number(f"({n} + 1)", count + 1)
                + _plain(" ")
                + _word(self._words("last_name"), n, str.title)
                + _plain(" Street")
            ),
            "city": lambda n, count: self._named("city", n, count),
            "postcode": lambda n, count: _padded(n, count, 5),
            "company": lambda n, count: self._named("last_name", n, count) + _plain(" Ltd"),
            "url": lambda n, count: _plain("https://example.com/") + _number(n, count),
            "ip": lambda n, _: _number(
                f"(inet '198.18.0.0' + {n} % {1 << 17})", 10**14
            ),  # RFC 2544's range, which is nobody's
            "date": lambda n, _: Said(f"(date '1950-01-01' + {n} % {_DAYS})::text", 10),
            "number": lambda n, count: _number(f"({n} + 1)", count + 1),
            "text": lambda n, count: _plain("text ") + _number(n, count),
            "secret": lambda n, count: _plain("masked-") + _number(n, count),
        }

    def value(self, kind: str, n: str, *, count: int, longest: int | None) -> str:
        """An expression for the n-th value of `count`, where `n` is one of type int; NULL where that is.

        Where these would not fit into a column, they are the numbers alone: all of them, so that none is another's.
        """
        said = self.kinds[kind](n, count)
        if longest is None or said.longest <= longest:
            return said.sql
        compact = _compact(n, count, longest)
        address = compact + _plain("@x.io")
        return address.sql if kind == "email" and address.longest <= longest else compact.sql

    def _pair(self, n: str, count: int, between: str, written: Callable[[str], str]) -> Said:
        """A first and a last name, another pair for each n, with a number where the pairs are used up. Both lists are
        gone through together: as their lengths have no divisor in common, no pair comes again before all others have.
        """
        first, last = self._words("first_name"), self._words("last_name")
        while gcd(len(first), len(last)) > 1:
            last = last[:-1]
        pair = _word(first, n, written) + _plain(between) + _word(last, n, written)
        return pair + _turn(n, count, len(first) * len(last), "")

    def _named(self, provider: str, n: str, count: int) -> Said:
        return _word(self._words(provider), n, str.title) + _turn(n, count, len(self._words(provider)), " ")

    def _words(self, provider: str) -> Sequence[str]:
        return self._pools.words(provider, _WORDS)


def _word(words: Sequence[str], n: str, written: Callable[[str], str]) -> Said:
    """One of a list, whose type `name` has a fixed width: of another one PostgreSQL would count up to the word."""
    listed = ",".join(written(word) for word in words)
    return Said(f"('{{{listed}}}'::name[])[{n} % {len(words)} + 1]::text", max(map(len, words)))


def _plain(text: str) -> Said:
    return Said(f"'{text}'", len(text))


def _number(n: str, count: int) -> Said:
    return Said(f"{n}::text", len(str(count)))


def _padded(n: str, count: int, digits: int) -> Said:
    digits = max(digits, len(str(count)))
    return Said(f"lpad({n}::text, {digits}, '0')", digits)


def _turn(n: str, count: int, of: int, before: str) -> Said:
    """Nothing the first time that a list is gone through, and then how often it was."""
    if count <= of:
        return _plain("")
    number = _number(f"({n} / {of})", count // of)
    return Said(f"CASE WHEN {n} < {of} THEN '' ELSE '{before}' || {number.sql} END", len(before) + number.longest)


def _compact(n: str, count: int, longest: int) -> Said:
    """A number in as few letters as the last one has; where even these are too many, several values become one."""
    powers = [1]
    while powers[0] * len(_DIGITS) < count and len(powers) < longest:
        powers.insert(0, powers[0] * len(_DIGITS))
    letters = (f"substr('{_DIGITS}', {n} / {power} % {len(_DIGITS)} + 1, 1)" for power in powers)
    return Said(" || ".join(letters), len(powers))
