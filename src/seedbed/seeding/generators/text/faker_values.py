"""Columns of Faker's values: sampled, or each once where none may repeat."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from seedbed.errors import InvalidSeedsFile, ProviderExhausted
from seedbed.seeding.api.rules import FakerValues
from seedbed.seeding.core.column_batch import Batch, Coded, Joined, Objects, ValuePool, make_coded, make_fixed_pool
from seedbed.seeding.core.faker_pool import SIZE, NoValueFits, ProviderNotUsable, truncate
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest, make_failing_generator
from seedbed.seeding.generators.text.fixed_formats import generate_as_provider, generate_letters

_SHORTEST = 6
"""Characters of a value that must be left beside its number, or it is none that a person would recognise."""
_HALVED = {"sentence": ("nb_words", 6), "paragraph": ("nb_sentences", 3)}
"""Providers whose values are made of parts, with the argument that counts these, and Faker's default for it."""
_PROSE_PROVIDERS = re.compile(
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
_DRAWS_PER_VALUE, _DRAWS_PER_STEM = 20, 4
"""How many times more values are drawn than are different."""


def generate_from_faker(request: ColumnRequest, rule: FakerValues) -> ColumnGenerator:
    """Values of a provider that the seeds name.

    Raises:
        InvalidSeedsFile: there is no such provider, it raises, or none of its values fits the column.
    """
    arguments = dict(rule.arguments)
    try:
        if request.is_unique:
            form = (
                generate_as_provider(request, rule.provider, arguments)
                if request.column_type.is_text and rule.locale is None
                else None
            )
            generator = form or _generate_unique(request, rule.provider, arguments, rule.locale)
        else:
            generator = _generate_sampled(request, rule.provider, arguments, rule.locale)
    except ProviderNotUsable as error:
        raise _make_seeds_error(request, rule, error) from error

    if generator.shortage is not None:
        return generator

    def make(rows: range) -> Batch:
        try:
            batch = generator.make(rows)
            _prepare_entries(batch)
        except ProviderNotUsable as error:
            raise _make_seeds_error(request, rule, error) from error
        return batch

    return ColumnGenerator(request.name, generator.description, make)


def _make_seeds_error(request: ColumnRequest, rule: FakerValues, error: ProviderNotUsable) -> InvalidSeedsFile:
    column = f"{request.table.name}.{request.name}: " if isinstance(error, NoValueFits) else ""
    return InvalidSeedsFile(rule.location, f"{column}{error}")


def generate_provider_values(request: ColumnRequest, provider: str, arguments: Mapping[str, Any]) -> ColumnGenerator:
    """Values of a provider that a column's name suggests; letters, where names have no room for a number."""
    if request.is_unique and request.column_type.is_text:
        generator = _generate_unique(request, provider, arguments, None)
        longest = request.table.value_constraints[request.name].longest
        if generator.shortage is None or longest is None or _find_number_place(provider) is None:
            return generator
        return generate_letters(request, longest)
    return _generate_sampled(request, provider, arguments, None)


def _generate_sampled(
    request: ColumnRequest, provider: str, arguments: Mapping[str, Any], locale: str | None
) -> ColumnGenerator:
    shown = _describe(provider, arguments)
    counting, default = _HALVED.get(provider, ("", 0))
    count = arguments.get(counting, default)
    if isinstance(count, int) and count > 1 and locale is None:
        return ColumnGenerator(request.name, shown, _make_halves(request, provider, {**arguments, counting: count}))
    pool = _get_pool(request, provider, arguments, locale)
    return ColumnGenerator(request.name, shown, lambda rows: make_coded(pool, request.stream.below(pool.size, rows)))


def _generate_unique(
    request: ColumnRequest, provider: str, arguments: Mapping[str, Any], locale: str | None
) -> ColumnGenerator:
    """Each value once. Where there are fewer than rows, each is there again with a number, if it has a place for
    one.
    """
    shown = f"{_describe(provider, arguments)}, unique"
    number_place = _find_number_place(provider) if request.column_type.is_text else None
    pool = _get_pool(request, provider, arguments, locale)
    values = _draw_different(
        request,
        pool,
        patience=_DRAWS_PER_STEM if number_place else _DRAWS_PER_VALUE,
        most=_STEMS if number_place else None,
    )
    stems = (
        _split_stems(request, values, *number_place) if number_place and len(values) < request.prepared_count else []
    )
    if number_place and stems:
        return ColumnGenerator(request.name, shown, _make_numbered(request, stems, number_place[1]))
    if not values or (len(values) < request.prepared_count and not request.table.request.is_partial):
        return make_failing_generator(
            request,
            ProviderExhausted(request.table.name, request.name, provider, request.required_count, len(values)),
        )
    values_pool = make_fixed_pool(f"{request.name} values", values)

    def make(rows: range) -> Batch:
        return Coded(
            None,
            request.stream.permutation(values_pool.size, request.places(rows) % values_pool.size),
            values_pool,
        )

    return ColumnGenerator(request.name, shown, make)


def _draw_different(request: ColumnRequest, pool: ValuePool, *, patience: int, most: int | None) -> list[Any]:
    """Values of a pool, as many as there are rows; no two texts are the same without capitals."""
    wanted = request.prepared_count if most is None else min(request.prepared_count, most)
    values: dict[Any, Any] = {}
    j = 0
    while len(values) < wanted and j < patience * (len(values) + SIZE // 8):
        value = pool.make_entry(j)
        if value is not None:
            values.setdefault(value.lower() if isinstance(value, str) else value, value)
        j += 1
    return [*values.values()]


def _find_number_place(provider: str) -> tuple[re.Pattern[str], str] | None:
    for name, parts, before in _NUMBERED:
        if re.search(name, provider):
            return re.compile(parts), before
    return (re.compile(r"(.+)()", re.DOTALL), " ") if _PROSE_PROVIDERS.match(provider) else None


def _split_stems(
    request: ColumnRequest, values: list[Any], parts: re.Pattern[str], before: str
) -> list[tuple[str, str]]:
    """Values parted where a number goes. One that ends with a digit there could become another one."""
    longest = request.table.value_constraints[request.name].longest
    room = None if longest is None else longest - len(f"{before}{request.required_count}")
    if room is not None and room < _SHORTEST:
        return []
    stems: dict[str, tuple[str, str]] = {}
    for value in values:
        text = str(value) if before != " " else str(truncate(str(value), room)).strip()
        matched = parts.fullmatch(text)
        if matched and not matched[1][-1].isdigit() and (room is None or len(text) <= room):
            stems.setdefault(text.lower(), (matched[1], matched[2]))
    return [*stems.values()]


def _make_numbered(request: ColumnRequest, stems: list[tuple[str, str]], before: str) -> Callable[[range], Batch]:
    """Each in a random order, then each again with a 2, and so on."""
    starts = make_fixed_pool(f"{request.name} stems", [start for start, _ in stems])
    ends = make_fixed_pool(f"{request.name} ends", [end for _, end in stems])
    blank = make_fixed_pool("before a number", ["", before])

    def make(rows: range) -> Batch:
        places = request.places(rows)
        codes, turns = request.stream.permutation(len(stems), places % len(stems)), places // len(stems)
        parts: list[str | Coded | Ints] = [Coded(None, codes, starts)]
        if turns.any():
            parts += [Coded(None, (turns > 0).astype(np.int64), blank), np.where(turns > 0, turns + 1, -1)]
        return Joined(None, len(rows), (*parts, Coded(None, codes, ends)))

    return make


def _get_pool(request: ColumnRequest, provider: str, arguments: Mapping[str, Any], locale: str | None) -> ValuePool:
    table, constraints = request.table, request.table.value_constraints[request.name]
    free = _PROSE_PROVIDERS.match(provider) is not None
    pool = request.pools.faker(
        provider,
        arguments,
        longest=constraints.longest,
        locale=locale,
        providers=table.request.providers,
        whole=not free,
    )
    if not constraints.shortest or not free:
        return pool
    return ValuePool(
        f"{pool.name} long",
        SIZE,
        lambda j: _repeat_to_length(pool.make_entry(j), constraints.shortest, constraints.longest),
    )


def _repeat_to_length(text: Any, shortest: int, longest: int | None) -> Any:
    if not isinstance(text, str):
        return text
    whole = text
    while len(whole) < shortest:
        whole = f"{whole} {text}"
    return whole if longest is None or len(whole) <= longest else whole[:longest]


def _make_halves(request: ColumnRequest, provider: str, arguments: Mapping[str, Any]) -> Callable[[range], Batch]:
    """Every first half with every second one: four million texts for the price of four thousand."""
    constraints, counting = request.table.value_constraints[request.name], _HALVED[provider][0]
    less = arguments[counting] // 2
    first_room = None if constraints.longest is None else max(1, constraints.longest * 11 // 20)
    second_room = (
        None if constraints.longest is None or first_room is None else max(1, constraints.longest - first_room - 1)
    )
    sources = request.pools
    firsts = sources.faker(provider, {**arguments, counting: arguments[counting] - less}, longest=first_room)
    seconds = sources.faker(provider, {**arguments, counting: less}, longest=second_room)
    if provider == "sentence":
        firsts = request.table.cache.get_transformed_pool(
            f"{firsts.name} begun {first_room}", firsts, lambda text: text.removesuffix(".")
        )
        seconds = request.table.cache.get_transformed_pool(
            f"{seconds.name} ended {second_room}", seconds, lambda text: text[:1].lower() + text[1:]
        )
    if constraints.longest is not None and constraints.longest < _SHORTEST:
        return lambda rows: Coded(None, request.stream.below(SIZE, rows), firsts)
    second_stream = request.stream.substream("second")

    def make(rows: range) -> Batch:
        first = Coded(None, request.stream.below(SIZE, rows), firsts)
        second = Coded(None, second_stream.below(SIZE, rows), seconds)
        return Joined(None, len(rows), (first, " ", second))

    if not constraints.shortest:
        return make

    def stretched(rows: range) -> Batch:
        return Objects(
            None, [_repeat_to_length(text, constraints.shortest, constraints.longest) for text in make(rows).values()]
        )

    return stretched


def _describe(provider: str, arguments: Mapping[str, Any]) -> str:
    return f"faker({', '.join([provider, *(f'{name}={value}' for name, value in arguments.items())])})"


def _prepare_entries(batch: Batch) -> None:
    """Make the entries that a batch needs, so that what cannot be made is known here."""
    match batch:
        case Coded():
            batch.pool.prepare(batch.codes)
        case Joined():
            for part in batch.parts:
                if isinstance(part, Coded):
                    part.pool.prepare(part.codes)
