"""Titles, names and sentences from phrases, and the slugs made from them."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import blake2b
from typing import Any

from seedbed.seeding.analysis.column_roles import find_role
from seedbed.seeding.core.column_batch import Batch, Coded, Joined, ValuePool, make_fixed_pool
from seedbed.seeding.core.random_stream import Ints, make_indices
from seedbed.seeding.core.word_lists import read_data_text, read_word_lists
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest
from seedbed.seeding.generators.text.composed import make_unique_combinations

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
    own_words = {
        slot: lists[words] if isinstance(words, str) else words for slot, words in table.get("words", {}).items()
    }
    doubled = ["{then}{then}"] * len(endings) if table.get("goes_on", False) else []
    words = {**lists, **own_words, "then": endings}
    return Phrase(name, table["beginnings"], [*endings, *doubled], words, table.get("capital", True))


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


_FEWEST = 8
"""Beginnings and endings that must be short enough for a column, or it gets other texts."""
_NAMES = re.compile(r"^(name|title|headline|label|subject|.*_(name|title))$")


class PhraseColumn:
    """A column of beginnings and endings: which of each a row has."""

    def __init__(self, request: ColumnRequest, phrase: Phrase) -> None:
        self.request, self.phrase = request, phrase

    @cached_property
    def pools(self) -> tuple[ValuePool, ValuePool]:
        """Those that go into the column together.

        No two texts of a unique column are the same, so none of its beginnings is how another one begins, and none
        of them or of its endings has a number last, which tells the second turn of a text from its first.
        """
        longest = self.request.table.value_constraints[self.request.name].longest
        parts = self.phrase.parts()
        if longest is None and not self.request.is_unique:
            return parts
        beginnings, endings = (list(dict.fromkeys(pool.make_all())) for pool in parts)
        if self.request.is_unique:
            beginnings, endings = _drop_prefixes(beginnings), _drop_case_duplicates(endings)
        if longest is not None:
            room = longest - (len(f" {self.request.required_count}") if self.request.is_unique else 0)
            half = max(room // 2, room - max(map(len, endings)))
            beginnings = [text for text in beginnings if len(text) <= half]
            endings = [text for text in endings if len(text) <= room - max(map(len, beginnings), default=0)]
        return make_fixed_pool(parts[0].name, beginnings), make_fixed_pool(parts[1].name, endings)

    @property
    def fits(self) -> bool:
        return self.pools[0].size >= _FEWEST and self.pools[1].size > 0

    def generator(self) -> ColumnGenerator:
        unique = ", unique" if self.request.is_unique else ""
        return ColumnGenerator(self.request.name, f"like {self.phrase.example()}{unique}", self._make)

    def codes(self, rows: range) -> tuple[Ints, Ints]:
        first, second = self.pools
        if self.request.is_unique:
            codes = self.request.stream.permutation(
                first.size * second.size, self.request.places(rows) % (first.size * second.size)
            )
            return codes // second.size, codes % second.size
        return self.request.stream.below(first.size, rows), self.request.stream.substream("second").below(
            second.size, rows
        )

    def _make(self, rows: range) -> Batch:
        if self.request.is_unique:
            return make_unique_combinations(self.request, rows, self.pools, ["", "", " ", ""])
        first, second = self.codes(rows)
        return Joined(None, len(rows), (Coded(None, first, self.pools[0]), Coded(None, second, self.pools[1])))


def generate_phrases(request: ColumnRequest, how: str) -> ColumnGenerator | None:
    """Texts of the phrase for something; None where there is none, or the column is too short for it."""
    phrase = read_phrases().get(how)
    if phrase is None:
        return None
    column = PhraseColumn(request, phrase)
    return column.generator() if column.fits else None


def generate_slugs(request: ColumnRequest) -> ColumnGenerator | None:
    """The name or the title of the same row as an address would have it; None where it has none, or there is no room.

    A unique one ends with the number of the row.
    """
    source = _find_named_column(request)
    if source is None or not source.fits:
        return None
    first, second = (
        request.table.cache.get_transformed_pool(f"{source.request.name} {which} as slugs", pool, make_slug)
        for which, pool in zip(("begun", "ended"), source.pools, strict=True)
    )
    longest = request.table.value_constraints[request.name].longest
    needed = (
        sum(max(map(len, pool.make_all())) for pool in source.pools) + len(f"-{request.required_count}")
        if longest is not None
        else 0
    )
    if longest is not None and longest < needed:
        return None

    def make(rows: range) -> Batch:
        codes = source.codes(rows)
        parts: list[str | Coded | Ints] = [Coded(None, codes[0], first), Coded(None, codes[1], second)]
        if request.is_unique:
            parts += ["-", make_indices(rows) + 1]
        return Joined(None, len(rows), tuple(parts))

    return ColumnGenerator(
        request.name, f"its {source.request.name} as a slug{', unique' if request.is_unique else ''}", make
    )


def make_slug(text: str) -> str:
    """A text as a part of an address; one that goes on another has a hyphen first."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower().replace("'", "")).strip("-")
    return f"-{words}" if words and text[0] in " ,;:" else words


def _find_named_column(request: ColumnRequest) -> PhraseColumn | None:
    table = request.table
    for name, column_type in table.column_types.items():
        plain = column_type.is_text and name not in table.rules and table.find_key(name) is None
        if (
            plain
            and _NAMES.match(name)
            and table.value_constraints[name].values is None
            and table.value_constraints[name].pattern is None
        ):
            phrase = read_phrases().get(find_role(table, name).name)
            if phrase is not None and not table.get_column(name).nullable:
                unique = name in table.uniqueness.columns
                return PhraseColumn(
                    ColumnRequest(table, request.pools, table.get_column(name), table.make_stream(name), unique), phrase
                )
    return None


def _drop_prefixes(texts: list[str]) -> list[str]:
    """Those of which none is how another one begins."""
    kept: list[str] = []
    for text in sorted(_drop_case_duplicates(texts), key=str.lower, reverse=True):
        if not kept or not kept[-1].lower().startswith(text.lower()):
            kept.append(text)
    return kept


def _drop_case_duplicates(texts: list[str]) -> list[str]:
    distinct = {text.lower(): text for text in reversed(texts) if not text[-1:].isdigit()}
    return [*reversed(distinct.values())]
