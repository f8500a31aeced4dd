"""What stands in the place of personal values: the n-th of a kind, another one for each n."""

from collections.abc import Callable
from datetime import date, timedelta

from seedbed.seeding.pools import Pools

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_WORDS = 512

Make = Callable[[int], str]


class Replacements:
    """The values of every kind. The names are Faker's; numbers keep them apart where there are more than names."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools
        self.kinds: dict[str, Make] = {
            "email": lambda n: f"{self._word('first_name', n)}.{self._second(n)}@example.com",
            "first_name": lambda n: self._named("first_name", n),
            "last_name": lambda n: self._named("last_name", n),
            "name": lambda n: f"{self._word('first_name', n).title()} {self._second(n).title()}",
            "username": lambda n: f"{self._word('first_name', n)}_{short(n)}",
            "phone": lambda n: f"+1555{n:07d}",
            "address": lambda n: f"{n + 1} {self._word('last_name', n).title()} Street",
            "city": lambda n: self._named("city", n),
            "postcode": lambda n: f"{n:05d}",
            "company": lambda n: f"{self._named('last_name', n)} Ltd",
            "url": lambda n: f"https://example.com/{short(n)}",
            "ip": lambda n: f"198.{18 + n // 65536 % 2}.{n // 256 % 256}.{n % 256}",
            "date": lambda n: str(date(1950, 1, 1) + timedelta(days=n % 18_000)),
            "number": lambda n: str(n + 1),
            "text": lambda n: f"text {short(n)}",
            "secret": lambda n: f"masked-{short(n)}",
        }

    def value(self, kind: str, n: int, longest: int | None) -> str:
        """The n-th value of a kind; where that is too long for a column, its number alone."""
        said = self.kinds[kind](n)
        if longest is None or len(said) <= longest:
            return said
        compact = f"{short(n)}@x.io" if kind == "email" else short(n)
        return compact if len(compact) <= longest else short(n)[:longest]

    def _word(self, provider: str, n: int) -> str:
        words = self._pools.words(provider, _WORDS)
        return words[n % len(words)]

    def _second(self, n: int) -> str:
        """A last name that makes the pair another one for each n, with a number where the pairs are used up."""
        first, last = (self._pools.words(provider, _WORDS) for provider in ("first_name", "last_name"))
        turn, name = divmod(n // len(first), len(last))
        return last[name] + (str(turn) if turn else "")

    def _named(self, provider: str, n: int) -> str:
        words = self._pools.words(provider, _WORDS)
        turn, word = divmod(n, len(words))
        return words[word].title() + (f" {turn}" if turn else "")


def short(n: int) -> str:
    """A number in as few letters as it has."""
    said = ""
    while True:
        n, digit = divmod(n, len(_DIGITS))
        said = _DIGITS[digit] + said
        if not n:
            return said
