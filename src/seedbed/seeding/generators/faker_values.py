"""Columns of Faker's values: sampled, or each once where none may repeat."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from seedbed.errors import ProviderExhausted, InvalidSeedsFile
from seedbed.seeding.api.rules import FakerValues
from seedbed.seeding.core.batch import Batch, Coded, Joined, Objects, Pool, fixed_pool, pooled
from seedbed.seeding.core.faker_pool import SIZE, NoValueFits, ProviderNotUsable, cut
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.generators.column_generator import Filling, Wish
from seedbed.seeding.generators.text.codes import codes_of
from seedbed.seeding.generators.text.text_formats import formed_as

_SHORTEST = 6
"""Characters of a value that must be left beside its number, or it is none that a person would recognise."""
_HALVED = {"sentence": ("nb_words", 6), "paragraph": ("nb_sentences", 3)}
"""Providers whose values are made of parts, with the argument that counts these, and Faker's default for it."""
_FREE = re.compile(
    r"^((\w+_)?(first|last|full|middle|kana|romanized)_(\w+_)?name(_\w+)?|name(_\w+)?|(prefix|suffix)(_\w+)?|words?"
    r"|sentences?|paragraphs?|texts?|catch_phrase|bs|company|job(_\w+)?|city|street_name|street_address|address"
    r"|secondary_address)$"
)
"""Providers of names and prose: their values may be cut, and may have a number after them."""
_NUMBERED: tuple[tuple[str, str, str], ...] = (
    (r"e?mail$", r"([^@]+)(@.+)", ""),
    (r"user_name$", r"(.+)()", ""),
    (r"^slug$", r"(.+)()", "-"),
    (r"^(domain_name|hostname)$", r"([^.]+)(\..+)", ""),
    (r"^(url|uri)$", r"(.+/)()", ""),
    (r"^file_(name|path)$", r"(.+)(\.[^.]+)", "-"),
)
"""Providers whose values have a place for a number, how they are parted there, and what stands before the number."""
_STEMS = 2048
"""Values that numbers are put into, where there are so many."""
_PATIENCE, _LITTLE_PATIENCE = 20, 4
"""How many times more values are drawn than are different."""


def from_faker(wish: Wish, rule: FakerValues) -> Filling:
    """Values of a provider that the seeds name.

    Raises:
        InvalidSeedsFile: there is no such provider, it raises, or none of its values fits the column.
        TooFewUniqueValues, ProviderExhausted: none may repeat, and it gives fewer than there are rows.
    """
    arguments = dict(rule.arguments)
    try:
        if wish.unique:
            form = formed_as(wish, rule.provider, arguments) if wish.kind.is_text and rule.locale is None else None
            filling = form or _unique(wish, rule.provider, arguments, rule.locale)
        else:
            filling = _sampled(wish, rule.provider, arguments, rule.locale)
    except ProviderNotUsable as error:
        raise _at_its_line(wish, rule, error) from error

    def make(rows: range) -> Batch:
        try:
            batch = filling.make(rows)
            _touch(batch)
        except ProviderNotUsable as error:
            raise _at_its_line(wish, rule, error) from error
        return batch

    return Filling(wish.name, filling.source, make)


def _at_its_line(wish: Wish, rule: FakerValues, error: ProviderNotUsable) -> InvalidSeedsFile:
    column = f"{wish.table.name}.{wish.name}: " if isinstance(error, NoValueFits) else ""
    return InvalidSeedsFile(rule.place, f"{column}{error}")


def provided(wish: Wish, provider: str, arguments: Mapping[str, Any]) -> Filling:
    """Values of a provider that a column's name suggests; letters, where names have no room for a number."""
    if wish.unique and wish.kind.is_text:
        try:
            return _unique(wish, provider, arguments, None)
        except ProviderExhausted:
            longest = wish.table.facts[wish.name].longest
            if longest is None or _place_of_number(provider) is None:
                raise
            return codes_of(wish, longest)
    return _sampled(wish, provider, arguments, None)


def _sampled(wish: Wish, provider: str, arguments: Mapping[str, Any], locale: str | None) -> Filling:
    shown = _shown(provider, arguments)
    counting, default = _HALVED.get(provider, ("", 0))
    count = arguments.get(counting, default)
    if isinstance(count, int) and count > 1 and locale is None:
        return Filling(wish.name, shown, _halves(wish, provider, {**arguments, counting: count}))
    pool = _pool(wish, provider, arguments, locale)
    return Filling(wish.name, shown, lambda rows: pooled(pool, wish.stream.below(pool.size, rows)))


def _unique(wish: Wish, provider: str, arguments: Mapping[str, Any], locale: str | None) -> Filling:
    """Each value once. Where there are fewer than rows, each is there again with a number, if it has a place for one.

    Raises:
        ProviderExhausted: it has none.
    """
    shown = f"{_shown(provider, arguments)}, unique"
    placed = _place_of_number(provider) if wish.kind.is_text else None
    pool = _pool(wish, provider, arguments, locale)
    found = _different(wish, pool, patience=_LITTLE_PATIENCE if placed else _PATIENCE, most=_STEMS if placed else None)
    stems = _stems(wish, found, *placed) if placed and len(found) < wish.distinct else []
    if placed and stems:
        return Filling(wish.name, shown, _with_numbers(wish, stems, placed[1]))
    if not found or (len(found) < wish.distinct and not wish.table.wish.few):
        raise ProviderExhausted(wish.table.name, wish.name, provider, wish.most, len(found))
    values = fixed_pool(f"{wish.name} values", found)

    def make(rows: range) -> Batch:
        return Coded(None, wish.stream.permutation(values.size, wish.places(rows) % values.size), values)

    return Filling(wish.name, shown, make)


def _different(wish: Wish, pool: Pool, *, patience: int, most: int | None) -> list[Any]:
    """Values of a pool, as many as there are rows; no two texts are the same without capitals."""
    wanted = wish.distinct if most is None else min(wish.distinct, most)
    found: dict[Any, Any] = {}
    j = 0
    while len(found) < wanted and j < patience * (len(found) + SIZE // 8):
        value = pool.draw(j)
        if value is not None:
            found.setdefault(value.lower() if isinstance(value, str) else value, value)
        j += 1
    return [*found.values()]


def _place_of_number(provider: str) -> tuple[re.Pattern[str], str] | None:
    for name, parts, before in _NUMBERED:
        if re.search(name, provider):
            return re.compile(parts), before
    return (re.compile(r"(.+)()", re.DOTALL), " ") if _FREE.match(provider) else None


def _stems(wish: Wish, found: list[Any], parts: re.Pattern[str], before: str) -> list[tuple[str, str]]:
    """Values parted where a number goes. One that ends with a digit there could become another one."""
    longest = wish.table.facts[wish.name].longest
    room = None if longest is None else longest - len(f"{before}{wish.most}")
    if room is not None and room < _SHORTEST:
        return []
    made: dict[str, tuple[str, str]] = {}
    for value in found:
        text = str(value) if before != " " else str(cut(str(value), room)).strip()
        matched = parts.fullmatch(text)
        if matched and not matched[1][-1].isdigit() and (room is None or len(text) <= room):
            made.setdefault(text.lower(), (matched[1], matched[2]))
    return [*made.values()]


def _with_numbers(wish: Wish, stems: list[tuple[str, str]], before: str) -> Callable[[range], Batch]:
    """Each in a random order, then each again with a 2, and so on."""
    starts = fixed_pool(f"{wish.name} stems", [start for start, _ in stems])
    ends = fixed_pool(f"{wish.name} ends", [end for _, end in stems])
    blank = fixed_pool("before a number", ["", before])

    def make(rows: range) -> Batch:
        places = wish.places(rows)
        codes, turns = wish.stream.permutation(len(stems), places % len(stems)), places // len(stems)
        parts: list[str | Coded | Ints] = [Coded(None, codes, starts)]
        if turns.any():
            parts += [Coded(None, (turns > 0).astype(np.int64), blank), np.where(turns > 0, turns + 1, -1)]
        return Joined(None, len(rows), (*parts, Coded(None, codes, ends)))

    return make


def _pool(wish: Wish, provider: str, arguments: Mapping[str, Any], locale: str | None) -> Pool:
    table, facts = wish.table, wish.table.facts[wish.name]
    free = _FREE.match(provider) is not None
    made = table.sources.faker(
        provider, arguments, longest=facts.longest, locale=locale, providers=table.providers, whole=not free
    )
    if not facts.shortest or not free:
        return made
    return Pool(f"{made.name} long", SIZE, lambda j: _stretched(made.draw(j), facts.shortest, facts.longest))


def _stretched(text: Any, shortest: int, longest: int | None) -> Any:
    if not isinstance(text, str):
        return text
    whole = text
    while len(whole) < shortest:
        whole = f"{whole} {text}"
    return whole if longest is None or len(whole) <= longest else whole[:longest]


def _halves(wish: Wish, provider: str, arguments: Mapping[str, Any]) -> Callable[[range], Batch]:
    """Every first half with every second one: four million texts for the price of four thousand."""
    facts, counting = wish.table.facts[wish.name], _HALVED[provider][0]
    less = arguments[counting] // 2
    first_room = None if facts.longest is None else max(1, facts.longest * 11 // 20)
    second_room = None if facts.longest is None or first_room is None else max(1, facts.longest - first_room - 1)
    sources = wish.table.sources
    firsts = sources.faker(provider, {**arguments, counting: arguments[counting] - less}, longest=first_room)
    seconds = sources.faker(provider, {**arguments, counting: less}, longest=second_room)
    if provider == "sentence":
        firsts = wish.table.memory.pool(
            f"{firsts.name} begun {first_room}", firsts, lambda text: text.removesuffix(".")
        )
        seconds = wish.table.memory.pool(
            f"{seconds.name} ended {second_room}", seconds, lambda text: text[:1].lower() + text[1:]
        )
    if facts.longest is not None and facts.longest < _SHORTEST:
        return lambda rows: Coded(None, wish.stream.below(SIZE, rows), firsts)
    second_stream = wish.stream.part("second")

    def make(rows: range) -> Batch:
        first = Coded(None, wish.stream.below(SIZE, rows), firsts)
        second = Coded(None, second_stream.below(SIZE, rows), seconds)
        return Joined(None, len(rows), (first, " ", second))

    if not facts.shortest:
        return make

    def stretched(rows: range) -> Batch:
        return Objects(None, [_stretched(text, facts.shortest, facts.longest) for text in make(rows).values()])

    return stretched


def _shown(provider: str, arguments: Mapping[str, Any]) -> str:
    return f"faker({', '.join([provider, *(f'{name}={value}' for name, value in arguments.items())])})"


def _touch(batch: Batch) -> None:
    """Make the entries that a batch needs, so that what cannot be made is known here."""
    match batch:
        case Coded():
            batch.pool.see(batch.codes)
        case Joined():
            for part in batch.parts:
                if isinstance(part, Coded):
                    part.pool.see(part.codes)
