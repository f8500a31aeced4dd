"""Titles, names and sentences of our own, by what they are for: Faker's are words in a row that say nothing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b

from seedbed.seeding.core.batch import Pool

SIZE = 1024
"""Beginnings, and as many endings: together they are a million texts."""
_SHOWN = 28
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Phrase:
    """A text of two parts, each one of some patterns with words in their slots. An ending has its own blank before it,
    or is empty; where it `goes_on`, it is two such.
    """

    name: str
    beginnings: Sequence[str]
    endings: Sequence[str]
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)
    goes_on: bool = False
    capital: bool = True

    def parts(self) -> tuple[Pool, Pool]:
        return _pool(self, "begun"), _pool(self, "ended")

    def example(self) -> str:
        """How the first of them begins, as a plan shows it."""
        begun = str(self.parts()[0].entry(0))
        return begun if len(begun) <= _SHOWN else f"{begun[:_SHOWN].rpartition(' ')[0]}..."


@lru_cache(maxsize=64)
def _pools(name: str, patterns: tuple[str, ...], words: tuple[tuple[str, tuple[str, ...]], ...], capital: bool) -> Pool:
    listed = dict(words)

    def entry(j: int) -> str:
        text = _written(name, patterns, listed, j)
        return text[:1].upper() + text[1:] if capital else text

    return Pool(name, SIZE, entry)


def _pool(phrase: Phrase, part: str) -> Pool:
    endings = (*phrase.endings, *["{then}{then}"] * len(phrase.endings) * phrase.goes_on)
    patterns = phrase.beginnings if part == "begun" else endings
    words = tuple((name, tuple(found)) for name, found in {**phrase.words, "then": phrase.endings}.items())
    return _pools(f"{phrase.name}, {part}", tuple(patterns), words, phrase.capital)


def _written(name: str, patterns: Sequence[str], words: Mapping[str, Sequence[str]], j: int) -> str:
    """Entry j: a pattern and the words in its slots, by a hash of the name and j."""
    left = int.from_bytes(blake2b(f"{name}/{j}".encode(), digest_size=16).digest(), "little")

    def drawn(items: Sequence[str]) -> str:
        nonlocal left
        left, at = divmod(left, len(items))
        return items[at]

    text = drawn(patterns)
    while (slot := _SLOT.search(text)) is not None:
        text = text[: slot.start()] + drawn(words[slot[1]]) + text[slot.end() :]
    return text
