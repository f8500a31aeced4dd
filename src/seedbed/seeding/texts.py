"""Texts: Faker's values sampled, put together where that makes more of them, and counted where none may repeat."""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Column, String

from seedbed.errors import DomainTooSmall, SeedsNotUsable
from seedbed.seeding import pools
from seedbed.seeding.filling import Filling, Maker, is_unique, longest, stored
from seedbed.seeding.values import FakerValues

if TYPE_CHECKING:
    from seedbed.seeding.plan import TablePlan

_POOL = 2048
_SHORTEST = 4
"""Characters of a value that must be left beside its number, or it is none that a person would recognise."""
_FIRST_NAMES, _LAST_NAMES = 256, 512
_HOST = "@example.com"
_HALVED = {"sentence": ("nb_words", 6), "paragraph": ("nb_sentences", 3)}
"""Providers whose values are made of parts, with the argument that counts these, and Faker's default for it."""


def from_faker(table: "TablePlan", column: Column[Any], rule: FakerValues) -> Filling:
    """Values of a provider that the seeds name."""
    filling = _provided(table, column, rule.provider, dict(rule.arguments))

    def make(rows: range) -> Sequence[Any]:
        try:
            return filling.make(rows)
        except pools.ProviderNotUsable as error:
            raise SeedsNotUsable(rule.place, str(error)) from error

    return Filling(column.name, filling.source, make)


def texts(table: "TablePlan", column: Column[Any]) -> Filling:
    """What a text column's name suggests, cut to its length."""
    if "email" in column.name:
        return _emails(table, column)
    if column.name == "description":
        return _provided(table, column, "paragraph", {"nb_sentences": 2})
    if column.name.endswith("name"):
        return _provided(table, column, "name", {})
    return _provided(table, column, "sentence", {"nb_words": max(1, min(5, (longest(column) or 400) // 12))})


def _provided(table: "TablePlan", column: Column[Any], provider: str, arguments: Mapping[str, Any]) -> Filling:
    shown = f"faker({', '.join([provider, *(f'{name}={value}' for name, value in arguments.items())])})"
    if is_unique(column) and isinstance(stored(column), String):
        return Filling(column.name, f"{shown}, unique", _counted(table, column, provider, arguments))
    counting, default = _HALVED.get(provider, ("", 0))
    count = arguments.get(counting, default)
    if isinstance(count, int) and count > 1:
        return Filling(column.name, shown, _halves(table, column, provider, {**arguments, counting: count}))
    return Filling(column.name, shown, _sampled(table, column, provider, arguments))


def _sampled(table: "TablePlan", column: Column[Any], provider: str, arguments: Mapping[str, Any]) -> Maker:
    stream, length = table.stream(column.name), longest(column)

    def make(rows: range) -> list[Any]:
        entries = pools.pool(provider, _POOL, arguments, longest=length)
        return [entries[i] for i in stream.below(len(entries), rows).tolist()]

    return make


def _halves(table: "TablePlan", column: Column[Any], provider: str, arguments: Mapping[str, Any]) -> Maker:
    """Every first half with every second one: four million texts for the price of four thousand."""
    stream, length = table.stream(column.name), longest(column)
    counting = _HALVED[provider][0]
    less = arguments[counting] // 2

    def make(rows: range) -> list[str]:
        firsts = pools.pool(provider, _POOL, {**arguments, counting: arguments[counting] - less})
        seconds = pools.pool(provider, _POOL, {**arguments, counting: less})
        if provider == "sentence":
            firsts = tuple(text.removesuffix(".") for text in firsts)
            seconds = tuple(text[:1].lower() + text[1:] for text in seconds)
        chosen = zip(stream.below(_POOL, rows).tolist(), stream.part("second").below(_POOL, rows).tolist(), strict=True)
        return [f"{firsts[i]} {seconds[j]}"[:length] for i, j in chosen]

    return make


def _counted(table: "TablePlan", column: Column[Any], provider: str, arguments: Mapping[str, Any]) -> Maker:
    """Each value once in a random order, then each again with a 2, and so on.

    Values are cut to leave room for the number, and those that end with a digit are left out, so that no two texts
    are the same. A column too short for that gets codes.
    """
    stream, length = table.stream(column.name), longest(column)
    room = None if length is None else length - len(f" {table.count}")
    if length is not None and room is not None and room < _SHORTEST:
        return _codes(table, column, length)

    def make(rows: range) -> list[str]:
        entries = [str(entry)[:room].rstrip() for entry in pools.pool(provider, _POOL, arguments)]
        stems = [*dict.fromkeys(entry for entry in entries if entry and not entry[-1].isdigit())]
        stems = stems or [column.name[:room]]
        indices = np.arange(rows.start, rows.stop, dtype=np.int64)
        places = stream.permutation(len(stems), indices % len(stems)).tolist()
        rounds = (indices // len(stems)).tolist()
        return [f"{stems[i]} {turn + 1}" if turn else stems[i] for i, turn in zip(places, rounds, strict=True)]

    return make


def _codes(table: "TablePlan", column: Column[Any], length: int) -> Maker:
    stream, possible = table.stream(column.name), len(ascii_uppercase) ** length
    if table.count > possible:
        raise DomainTooSmall(table.name, column.name, table.count, possible)

    def code(number: int) -> str:
        letters = []
        for _ in range(length):
            number, letter = divmod(number, len(ascii_uppercase))
            letters.append(ascii_uppercase[letter])
        return "".join(letters)

    def make(rows: range) -> list[str]:
        places = stream.permutation(possible, np.arange(rows.start, rows.stop, dtype=np.int64))
        return [code(place) for place in places.tolist()]

    return make


def _emails(table: "TablePlan", column: Column[Any]) -> Filling:
    """First and last names in every combination, in a random order without repeats; then again with a number."""
    stream, length = table.stream(column.name), longest(column)

    def make(rows: range) -> list[str]:
        firsts = pools.words("first_name", _FIRST_NAMES)
        lasts = pools.words("last_name", _LAST_NAMES)
        room = None if length is None else length - len(f".{table.count}{_HOST}")
        if room is not None and max(map(len, firsts)) + max(map(len, lasts)) > room:
            firsts, lasts = (tuple(word for word in words if len(word) <= room // 2) for words in (firsts, lasts))
        size = len(firsts) * len(lasts)
        if not size:
            raise DomainTooSmall(table.name, column.name, table.count, 0)
        indices = np.arange(rows.start, rows.stop, dtype=np.int64)
        places = stream.permutation(size, indices % size).tolist()
        rounds = (indices // size).tolist()
        return [
            f"{firsts[place // len(lasts)]}.{lasts[place % len(lasts)]}{turn or ''}{_HOST}"
            for place, turn in zip(places, rounds, strict=True)
        ]

    return Filling(column.name, f"first.last{_HOST}, unique", make)
