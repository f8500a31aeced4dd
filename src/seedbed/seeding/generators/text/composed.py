"""Texts composed of parts, such as names, addresses and file names."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from string import ascii_lowercase

import numpy as np

from seedbed.seeding.core.column_batch import Batch, Coded, Joined, ValuePool, make_fixed_pool
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.core.word_lists import get_words
from seedbed.seeding.core.word_lists import get_words as word_list
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest, generate_choice
from seedbed.seeding.generators.entities.person import HOST, Person
from seedbed.seeding.generators.text.fixed_formats import generate_code
from seedbed.seeding.resolution.resolved_table import ResolvedTable

FEW = 512
"""Values of a provider that are told apart for a unique column."""
_FEW_LETTERS, _MANY_LETTERS, _MOST_LETTERS = 3, 8, 60
_AFFIXES: Mapping[str, Sequence[tuple[str, str]]] = {
    "email": (("", "@ex.org"),),
    "handle": (("", ""),),
    "slug": (("", ""),),
    "host": (("", ".example.com"), ("", ".test")),
    "address": (("https://", ".example.com"), ("https://", ".test")),
    "picture": (("https://example.com/", ".jpg"), ("https://a.test/", ".jpg")),
    "file": (("", ".txt"),),
    "file_path": (("/", ".txt"), ("/", "")),
}
"""What stands around letters, the longest first. Of hosts that nobody has, these are the shortest (RFC 2606)."""
_FEWEST = 4
"""Words that must be short enough for a column, or it gets letters."""
COMPOSED = frozenset({"person", "street"})
"""Names that are put together here rather than taken from Faker whole."""


def generate_emails(request: ColumnRequest) -> ColumnGenerator | None:
    """First and last names in every combination, in a random order without repeats; then again with a number.

    A column too short for such gets letters at a shorter host; None where it is too short for these.
    """
    constraints = request.table.value_constraints[request.name]
    person = Person(request.table, request.pools, {request.name: "email"}, request.stream)
    names = constraints.longest is None or (
        constraints.longest >= len(f"ada.poe{request.required_count}{HOST}") and person.fits
    )
    return (
        person.generator(request)
        if names and constraints.shortest <= len(f"ada.poe{HOST}")
        else generate_affixed_letters(request, "email")
    )


def generate_affixed_letters(request: ColumnRequest, how: str) -> ColumnGenerator | None:
    """Small letters in a random order without repeats, with what makes an address or a file's name of them.

    None where the column has no room for these.
    """
    constraints = request.table.value_constraints[request.name]
    for before, after in _AFFIXES[how]:
        room = _MOST_LETTERS if constraints.longest is None else constraints.longest - len(before + after)
        needed = _FEW_LETTERS if (before, after) != _AFFIXES[how][-1] else 1
        while request.is_unique and len(ascii_lowercase) ** needed < request.required_count:
            needed += 1
        if needed <= room:
            letters = max(needed, min(room, _MANY_LETTERS), constraints.shortest - len(before + after))
            generator = generate_code(request, [*before, *[ascii_lowercase] * letters, *after])
            description = f"{before}{letters} letters{after}{', unique' if request.is_unique else ''}"
            return replace(generator, description=description)
    return None


def generate_composed(request: ColumnRequest, how: str) -> ColumnGenerator | None:
    """Texts of two parts, as many as there are pairs; None where the column has no room for many."""
    sources = request.pools

    def plain(provider: str, size: int = FEW) -> Callable[[], ValuePool]:
        return lambda: make_fixed_pool(provider, sources.words(provider, size))

    def names(provider: str) -> Callable[[], ValuePool]:
        return lambda: make_fixed_pool(provider, [*dict.fromkeys(sources.faker(provider, size=FEW).make_all())])

    def adjectives() -> ValuePool:
        return make_fixed_pool("kinds", [word.lower() for word in word_list("adjective")])

    def nouns() -> ValuePool:
        return make_fixed_pool("nouns", word_list("noun"))

    def numbers() -> ValuePool:
        return ValuePool("house numbers", 990, lambda j: str(j + 1))

    compositions: dict[str, tuple[list[Callable[[], ValuePool]], list[str], str]] = {
        "person": ([names("first_name"), names("last_name")], ["", " ", " ", ""], "First Last"),
        "handle": ([plain("first_name"), plain("last_name")], ["", "_", "", ""], "first_last"),
        "slug": ([adjectives, nouns], ["", "-", "-", ""], "word-word"),
        "host": ([adjectives, nouns], ["", "-", "-", ".example.com"], "word-word.example.com"),
        "address": ([adjectives, nouns], ["https://", "-", "-", ".example.com"], "https://word-word..."),
        "picture": ([adjectives, nouns], ["https://example.com/", "-", "-", ".jpg"], "https://...jpg"),
        "file_path": ([adjectives, nouns], ["/files/", "/", "-", ".txt"], "/files/word/word.txt"),
        "street": ([numbers, names("street_name")], ["", " ", " No. ", ""], "12 Street"),
    }
    pool_makers, words, description = compositions[how]
    pools = _fit_pools(request, [pool() for pool in pool_makers], words)
    if pools is None:
        return None
    first, second = pools

    def make(rows: range) -> Batch:
        if request.is_unique:
            return make_unique_combinations(request, rows, pools, words)
        codes = request.stream.below(first.size, rows), request.stream.substream("second").below(second.size, rows)
        parts = (words[0], Coded(None, codes[0], first), words[1], Coded(None, codes[1], second), words[-1])
        return Joined(None, len(rows), tuple(part for part in parts if not isinstance(part, str) or part))

    return ColumnGenerator(request.name, f"{description}{', unique' if request.is_unique else ''}", make)


def _fit_pools(request: ColumnRequest, pools: Sequence[ValuePool], words: Sequence[str]) -> Sequence[ValuePool] | None:
    """The entries of two pools that go into the column together, whatever their number is."""
    constraints = request.table.value_constraints[request.name]
    if constraints.longest is None and not constraints.shortest:
        return pools
    first, second = (pool.make_all() for pool in pools)
    least = constraints.shortest - len(words[0] + words[1] + words[-1])
    if constraints.longest is not None:
        number = len(f"{words[-2]}{request.required_count}") if request.is_unique else 0
        room = constraints.longest - len(words[0] + words[1] + words[-1]) - number
        lengths = ([*map(len, first)], [*map(len, second)])
        half = max(range(max(room, 1)), key=lambda half: _count_fitting_pairs(*lengths, half, room - half))
        first = [entry for entry in first if len(entry) <= half]
        second = [entry for entry in second if len(entry) <= room - half]
    if min(len(first), len(second)) < _FEWEST or min(map(len, first)) + min(map(len, second)) < least:
        return None
    return [make_fixed_pool(pools[0].name, first), make_fixed_pool(pools[1].name, second)]


def _count_fitting_pairs(first: Sequence[int], second: Sequence[int], half: int, rest: int) -> int:
    """How many pairs there are of lengths that fit each into its own room."""
    return sum(length <= half for length in first) * sum(length <= rest for length in second)


def make_unique_combinations(
    request: ColumnRequest, rows: range, pools: Sequence[ValuePool], words: Sequence[str]
) -> Joined:
    """Every combination of the pools' entries once, in a random order, then again with a number from 2 on.

    `words` stand before, between and after the entries; the last but one stands before the number.
    """
    places = request.places(rows)
    size = int(np.prod([pool.size for pool in pools]))
    codes, turns = request.stream.permutation(size, places % size), places // size
    parts: list[str | Coded | Ints] = [words[0]] if words[0] else []
    for at, pool in enumerate(pools):
        rest = int(np.prod([later.size for later in pools[at + 1 :]]))
        parts.append(Coded(None, codes // rest % pool.size, pool))
        if at + 1 < len(pools):
            parts.append(words[at + 1])
    if turns.any():
        before = make_fixed_pool("before a number", ["", words[-2]])
        parts += [Coded(None, (turns > 0).astype(np.int64), before), np.where(turns > 0, turns + 1, -1)]
    if words[-1]:
        parts.append(words[-1])
    return Joined(None, len(rows), tuple(parts))


_TYPES = {
    "pdf": "application/pdf", "png": "image/png", "jpg": "image/jpeg", "csv": "text/csv", "txt": "text/plain",
    "zip": "application/zip", "mp4": "video/mp4",
}  # fmt: skip
_ROOM = 28
"""Characters of the longest name and of the longest type."""


@cache
def _make_pool(part: str) -> ValuePool:
    """The parts that names of files are put together from."""
    adjectives, nouns = [word.lower() for word in get_words("adjective")], get_words("noun")
    entries: Mapping[str, Sequence[str]] = {
        "adjectives of files": [f"{adjective}-" for adjective in adjectives],
        "nouns of files": [f"{noun}-" for noun in nouns],
        "adjectives of unique files": adjectives,
        "nouns of unique files": nouns,
        "endings of files": [f".{ending}" for ending in _TYPES],
        "media types": [*_TYPES.values()],
    }
    return make_fixed_pool(part, entries[part])


def generate_files(request: ColumnRequest, how: str) -> ColumnGenerator | None:
    """What a file is called, or what is in it; None where the column is too short."""
    constraints, table = request.table.value_constraints[request.name], request.table
    number = len(f"-{request.required_count}") if request.is_unique else 0
    if constraints.shortest or (constraints.longest is not None and constraints.longest < _ROOM + number):
        return None
    if how == "media type":
        if request.is_unique:
            return generate_choice(request, [*_TYPES.values()])
        return ColumnGenerator(request.name, "a media type", lambda rows: _select_by_type(table, rows, "media types"))
    if request.is_unique:
        stems = [_make_pool("adjectives of unique files"), _make_pool("nouns of unique files")]

        def make_unique(rows: range) -> Batch:
            parts = make_unique_combinations(request, rows, stems, ["", "-", "-", ""]).parts
            return Joined(None, len(rows), (*parts, _select_by_type(table, rows, "endings of files")))

        return ColumnGenerator(request.name, "a file's name, unique", make_unique)
    adjectives, nouns = _make_pool("adjectives of files"), _make_pool("nouns of files")

    def make(rows: range) -> Batch:
        adjective = Coded(None, request.stream.below(adjectives.size, rows), adjectives)
        noun = Coded(None, request.stream.substream("noun").below(nouns.size, rows), nouns)
        number = request.stream.substream("number").below(999, rows) + 1
        return Joined(None, len(rows), (adjective, noun, number, _select_by_type(table, rows, "endings of files")))

    return ColumnGenerator(request.name, "a file's name", make)


def _select_by_type(table: ResolvedTable, rows: range, part: str) -> Coded:
    """What follows from the types of a row's files."""
    return Coded(None, table.make_stream("kind of file").below(len(_TYPES), rows), _make_pool(part))
