"""Titles, names and sentences by what they are for: Faker's are words in a row that say nothing."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Any

from seedbed.seeding.core.batch import ValuePool
from seedbed.seeding.core.word_lists import read_data_text, read_word_lists

SIZE = 1024
"""Beginnings, and as many endings: together they are a million texts."""
_SHOWN = 28
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, eq=False)
class Phrase:
    """A text of two parts, each one of some patterns with words in their slots.

    An ending has its own blank before it, or is empty.
    """

    name: str
    beginnings: Sequence[str]
    endings: Sequence[str]
    words: Mapping[str, Sequence[str]]
    is_capital: bool

    def parts(self) -> tuple[ValuePool, ValuePool]:
        """All beginnings, and all endings."""
        return _make_pool(self, "begun"), _make_pool(self, "ended")

    def example(self) -> str:
        """How the first of them begins, as a plan shows it."""
        begun = str(self.parts()[0].entry(0))
        return begun if len(begun) <= _SHOWN else f"{begun[:_SHOWN].rpartition(' ')[0]}..."


@cache
def read_phrases() -> Mapping[str, Phrase]:
    """The phrases of phrases.toml by their names."""
    tables = tomllib.loads(read_data_text("phrases.toml"))
    shared = tables.pop("shared")
    return {name: _make_phrase(name, table, shared) for name, table in tables.items()}


def _make_phrase(name: str, table: Mapping[str, Any], shared: Mapping[str, Sequence[str]]) -> Phrase:
    lists = read_word_lists()
    endings = table["endings"]
    endings = shared[endings] if isinstance(endings, str) else endings
    own = {slot: lists[said] if isinstance(said, str) else said for slot, said in table.get("words", {}).items()}
    twice = ["{then}{then}"] * len(endings) if table.get("goes_on", False) else []
    words = {**lists, **own, "then": endings}
    return Phrase(name, table["beginnings"], [*endings, *twice], words, table.get("capital", True))


@cache
def _make_pool(phrase: Phrase, part: str) -> ValuePool:
    patterns = phrase.beginnings if part == "begun" else phrase.endings
    name = f"{phrase.name}, {part}"

    def entry(j: int) -> str:
        text = _write_entry(name, patterns, phrase.words, j)
        return text[:1].upper() + text[1:] if phrase.is_capital else text

    return ValuePool(name, SIZE, entry)


def _write_entry(name: str, patterns: Sequence[str], words: Mapping[str, Sequence[str]], j: int) -> str:
    """Entry j: a pattern and the words in its slots, by a hash of the name and j."""
    left = int.from_bytes(blake2b(f"{name}/{j}".encode(), digest_size=16).digest(), "little")

    def draw(items: Sequence[str]) -> str:
        nonlocal left
        left, at = divmod(left, len(items))
        return items[at]

    text = draw(patterns)
    while (slot := _SLOT.search(text)) is not None:
        text = text[: slot.start()] + draw(words[slot[1]]) + text[slot.end() :]
    return text
