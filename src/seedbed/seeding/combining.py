"""Texts put together from two parts, as many as there are pairs, and counted where none may repeat."""

from collections.abc import Callable, Sequence

import numpy as np

from seedbed.seeding.batches import Batch, Coded, Joined, Pool, fixed_pool
from seedbed.seeding.coding import codes_of
from seedbed.seeding.filling import Filling, Wish, indices
from seedbed.seeding.streams import Ints
from seedbed.seeding.words import KINDS, MATERIALS, NOUNS, THINGS

FEW = 512
"""Values of a provider that are told apart for a unique column."""
_FIRST_NAMES, _LAST_NAMES = 256, 512
_HOST, _SHORT_HOST = "@example.com", "@ex.org"
_FEW_LETTERS, _MANY_LETTERS = 3, 8
COMPOSED = frozenset({"person", "handle", "slug", "label", "thing", "address", "picture", "street"})
"""What is put together here rather than taken from Faker whole."""


def emails(wish: Wish) -> Filling:
    """First and last names in every combination, in a random order without repeats; then again with a number.

    A column too short for such gets letters at a shorter host, and one too short for that letters alone.
    """
    length = wish.table.facts[wish.name].longest
    if length is not None and length < len(f"ada.poe{wish.most}{_HOST}"):
        host = _SHORT_HOST if length >= len(_SHORT_HOST) + _FEW_LETTERS else ""
        return codes_of(wish, min(length - len(host), _MANY_LETTERS), after=host)
    kept: list[tuple[Pool, Pool]] = []

    def pools() -> tuple[Pool, Pool]:
        firsts = wish.table.sources.words("first_name", _FIRST_NAMES)
        lasts = wish.table.sources.words("last_name", _LAST_NAMES)
        room = None if length is None else length - len(f".{wish.most}{_HOST}")
        if room is not None and max(map(len, firsts)) + max(map(len, lasts)) > room:
            firsts, lasts = (tuple(word for word in words if len(word) <= room // 2) for words in (firsts, lasts))
        return fixed_pool("first names", firsts), fixed_pool("last names", lasts)

    def make(rows: range) -> Batch:
        if not kept:
            kept.append(pools())
        firsts, lasts = kept[0]
        places = wish.places(rows) if wish.unique else indices(rows)
        codes = wish.stream.permutation(firsts.size * lasts.size, places % (firsts.size * lasts.size))
        turns = places // (firsts.size * lasts.size)
        first, last = Coded(None, codes // lasts.size, firsts), Coded(None, codes % lasts.size, lasts)
        numbers: tuple[Ints, ...] = (np.where(turns > 0, turns, -1),) if turns.any() else ()
        return Joined(None, len(rows), (first, ".", last, *numbers, _HOST))

    return Filling(wish.name, f"first.last{_HOST}, unique", make)


def composed(wish: Wish, how: str) -> Filling:
    """Texts of two parts, as many as there are pairs."""
    sources = wish.table.sources

    def plain(provider: str, size: int = FEW) -> Callable[[], Pool]:
        return lambda: fixed_pool(provider, sources.words(provider, size))

    def names(provider: str) -> Callable[[], Pool]:
        return lambda: fixed_pool(provider, [*dict.fromkeys(sources.faker(provider, size=FEW).all())])

    def words_of(listed: tuple[str, ...]) -> Callable[[], Pool]:
        return lambda: fixed_pool("words", listed)

    def numbers() -> Pool:
        return Pool("house numbers", 990, lambda j: str(j + 1))

    ways: dict[str, tuple[list[Callable[[], Pool]], list[str], str]] = {
        "person": ([names("first_name"), names("last_name")], ["", " ", " ", ""], "First Last"),
        "handle": ([plain("first_name"), plain("last_name")], ["", "_", "", ""], "first_last"),
        "slug": ([plain("word"), plain("word")], ["", "-", "-", ""], "word-word"),
        "label": ([words_of(KINDS), words_of(NOUNS)], ["", " ", " ", ""], "Northern garden"),
        "thing": ([words_of(MATERIALS), words_of(THINGS)], ["", " ", " ", ""], "Oak chair"),
        "address": ([plain("word"), plain("word")], ["https://", "-", "-", ".example.com"], "https://word-word..."),
        "picture": ([plain("word"), plain("word")], ["https://example.com/", "-", "-", ".jpg"], "https://...jpg"),
        "street": ([numbers, names("street_name")], ["", " ", " No. ", ""], "12 Street"),
    }
    made, words, shown = ways[how]
    kept: list[list[Pool]] = []

    def make(rows: range) -> Batch:
        if not kept:
            kept.append(_fitting(wish, [pool() for pool in made], words))
        if wish.unique:
            return in_turns(wish, rows, kept[0], words)
        first, second = kept[0]
        codes = wish.stream.below(first.size, rows), wish.stream.part("second").below(second.size, rows)
        parts = (words[0], Coded(None, codes[0], first), words[1], Coded(None, codes[1], second), words[-1])
        return Joined(None, len(rows), tuple(part for part in parts if not isinstance(part, str) or part))

    return Filling(wish.name, f"{shown}{', unique' if wish.unique else ''}", make)


def _fitting(wish: Wish, pools: Sequence[Pool], words: Sequence[str]) -> list[Pool]:
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
