"""Texts put together from two parts, as many as there are pairs, and counted where none may repeat."""

from collections.abc import Callable, Sequence

import numpy as np

from seedbed.seeding.batches import Batch, Coded, Joined, Pool, fixed_pool
from seedbed.seeding.coding import codes_of
from seedbed.seeding.filling import Filling, Wish
from seedbed.seeding.people import HOST, Person
from seedbed.seeding.streams import Ints
from seedbed.seeding.words import KINDS, NOUNS

FEW = 512
"""Values of a provider that are told apart for a unique column."""
_SHORT_HOST = "@ex.org"
_FEW_LETTERS, _MANY_LETTERS = 3, 8
COMPOSED = frozenset({"person", "handle", "slug", "address", "picture", "street", "host"})
"""What is put together here rather than taken from Faker whole."""


def emails(wish: Wish) -> Filling:
    """First and last names in every combination, in a random order without repeats; then again with a number.

    A column too short for such gets letters at a shorter host, and one too short for that letters alone.
    """
    length = wish.table.facts[wish.name].longest
    one = Person(wish.table, {wish.name: "email"}, wish.stream)
    if length is not None and (length < len(f"ada.poe{wish.most}{HOST}") or not one.fits):
        host = _SHORT_HOST if length >= len(_SHORT_HOST) + _FEW_LETTERS else ""
        return codes_of(wish, min(length - len(host), _MANY_LETTERS), after=host)
    return one.filling(wish)


def composed(wish: Wish, how: str) -> Filling:
    """Texts of two parts, as many as there are pairs."""
    sources = wish.table.sources

    def plain(provider: str, size: int = FEW) -> Callable[[], Pool]:
        return lambda: fixed_pool(provider, sources.words(provider, size))

    def names(provider: str) -> Callable[[], Pool]:
        return lambda: fixed_pool(provider, [*dict.fromkeys(sources.faker(provider, size=FEW).all())])

    def kinds() -> Pool:
        return fixed_pool("kinds", [word.lower() for word in KINDS])

    def nouns() -> Pool:
        return fixed_pool("nouns", NOUNS)

    def numbers() -> Pool:
        return Pool("house numbers", 990, lambda j: str(j + 1))

    ways: dict[str, tuple[list[Callable[[], Pool]], list[str], str]] = {
        "person": ([names("first_name"), names("last_name")], ["", " ", " ", ""], "First Last"),
        "handle": ([plain("first_name"), plain("last_name")], ["", "_", "", ""], "first_last"),
        "slug": ([kinds, nouns], ["", "-", "-", ""], "word-word"),
        "host": ([kinds, nouns], ["", "-", "-", ".example.com"], "word-word.example.com"),
        "address": ([kinds, nouns], ["https://", "-", "-", ".example.com"], "https://word-word..."),
        "picture": ([kinds, nouns], ["https://example.com/", "-", "-", ".jpg"], "https://...jpg"),
        "street": ([numbers, names("street_name")], ["", " ", " No. ", ""], "12 Street"),
    }
    made, words, shown = ways[how]
    kept: list[list[Pool]] = []

    def make(rows: range) -> Batch:
        if not kept:
            kept.append(fitting(wish, [pool() for pool in made], words))
        if wish.unique:
            return in_turns(wish, rows, kept[0], words)
        first, second = kept[0]
        codes = wish.stream.below(first.size, rows), wish.stream.part("second").below(second.size, rows)
        parts = (words[0], Coded(None, codes[0], first), words[1], Coded(None, codes[1], second), words[-1])
        return Joined(None, len(rows), tuple(part for part in parts if not isinstance(part, str) or part))

    return Filling(wish.name, f"{shown}{', unique' if wish.unique else ''}", make)


def fitting(wish: Wish, pools: Sequence[Pool], words: Sequence[str]) -> list[Pool]:
    """The entries of two pools that go into the column together, whatever their number is."""
    longest = wish.table.facts[wish.name].longest
    if longest is None:
        return list(pools)
    room = longest - len("".join(words)) - (len(str(wish.most)) if wish.unique else 0)
    first, second = (pool.all() for pool in pools)
    short = [entry for entry in first if len(entry) <= room // 2] or [first[0][: room // 2]]
    left = room - max(map(len, short))
    return [
        fixed_pool(pools[0].name, short),
        fixed_pool(pools[1].name, [entry for entry in second if len(entry) <= left] or [second[0][:left]]),
    ]


def in_turns(wish: Wish, rows: range, pools: Sequence[Pool], words: Sequence[str]) -> Batch:
    """Every combination of the pools' entries once, in a random order, then again with a number from 2 on.

    `words` stand before, between and after the entries; the last but one stands before the number.
    """
    places = wish.places(rows)
    size = int(np.prod([pool.size for pool in pools]))
    codes, turns = wish.stream.permutation(size, places % size), places // size
    parts: list[str | Coded | Ints] = [words[0]] if words[0] else []
    for at, pool in enumerate(pools):
        rest = int(np.prod([later.size for later in pools[at + 1 :]]))
        parts.append(Coded(None, codes // rest % pool.size, pool))
        if at + 1 < len(pools):
            parts.append(words[at + 1])
    if turns.any():
        before = fixed_pool("before a number", ["", words[-2]])
        parts += [Coded(None, (turns > 0).astype(np.int64), before), np.where(turns > 0, turns + 1, -1)]
    if words[-1]:
        parts.append(words[-1])
    return Joined(None, len(rows), tuple(parts))
