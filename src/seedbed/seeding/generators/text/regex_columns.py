"""Columns whose texts match a regular expression and keep the column's length."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np

from seedbed.errors import UnsatisfiablePattern
from seedbed.seeding.core.column_batch import Batch, Coded, ValuePool, make_fixed_pool
from seedbed.seeding.core.faker_pool import SIZE
from seedbed.seeding.core.random_stream import Stream
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest, make_shortage
from seedbed.seeding.generators.text.regex import Pattern, PatternNotSupported

_LENGTHS = 8
"""Lengths that texts of one column have, where the expression and the column leave a choice."""
_BRIEF = 4
"""Characters below which a text is given only where there is no choice."""
_ROOM = 4
"""How many times more texts than are needed the lengths must give where none may repeat."""
_TRIES = 200
"""Texts that are tried where an expression says more than its characters do, as a lookahead does."""
_MOST = 2**62
"""What a permutation takes."""
_AT_ONCE = 1024


def generate_matching(request: ColumnRequest, pattern: str) -> ColumnGenerator:
    """Fill a column with texts that a regular expression matches.

    Raises:
        UnsatisfiablePattern: no text of the column's length matches, or the expression cannot be read.
    """
    constraints, name = request.table.value_constraints[request.name], f"{request.table.name}.{request.name}"
    try:
        compiled = _parse_pattern(pattern)
        lengths = _choose_lengths(
            compiled,
            constraints.shortest,
            constraints.longest,
            request.prepared_count * _ROOM if request.is_unique else 1,
        )
    except PatternNotSupported as error:
        raise UnsatisfiablePattern(request.table.name, request.name, pattern, str(error)) from error
    if not lengths:
        between = (
            f"with {constraints.shortest:,} to {constraints.longest:,}"
            if constraints.longest
            else f"with {constraints.shortest:,}"
        )
        raise UnsatisfiablePattern(
            request.table.name, request.name, pattern, f"no text {between} characters matches it"
        )
    if request.is_unique:
        texts = _make_distinct(request, compiled, lengths)
        if not texts or (len(texts) < request.prepared_count and not request.table.request.is_partial):
            return make_shortage(request, len(texts))
        pool = make_fixed_pool(name, texts)
        return ColumnGenerator(
            request.name,
            f"matching {pattern}, unique",
            lambda rows: Coded(None, request.places(rows) % pool.size, pool),
        )
    seed = f"{request.stream.seed}/{name}/{pattern}"
    if _make_text(compiled, lengths, f"{seed}/0") is None:
        raise UnsatisfiablePattern(
            request.table.name, request.name, pattern, f"none of {_TRIES} texts of its characters did"
        )
    pool = request.table.cache.get_transformed_pool(
        f"{name} {pattern}",
        ValuePool(name, SIZE, lambda j: _make_text(compiled, lengths, f"{seed}/{j}")),
        lambda text: text,
    )

    def make(rows: range) -> Batch:
        return Coded(None, request.stream.below(SIZE, rows), pool)

    return ColumnGenerator(request.name, f"matching {pattern}", make)


def make_match(pattern: str, name: str, shortest: int = 0, longest: int | None = None) -> str:
    """A text that a regular expression matches, another one by each name.

    Raises:
        PatternNotSupported: there is none, or the expression cannot be read.
    """
    known = _parse_pattern(pattern)
    lengths = _choose_lengths(known, shortest, longest, 1)
    text = _make_text(known, lengths, name) if lengths else None
    if text is None:
        raise PatternNotSupported(f"no text was found that matches {pattern}")
    return text


@lru_cache(maxsize=256)
def _parse_pattern(source: str) -> Pattern:
    return Pattern(source)


def _choose_lengths(known: Pattern, shortest: int, longest: int | None, required_count: int) -> Sequence[int]:
    """Lengths of texts that are neither longer than they need be nor, where there is a choice, very short."""
    start = max(shortest, known.shortest)
    ends = [end for end in (longest, known.longest) if end is not None]
    end = min(ends, default=start + _TRIES)
    counts: dict[int, int] = {}
    for length in range(start, end + 1):
        if ways := known.count(length):
            counts[length] = ways
            if len(counts) >= _LENGTHS and sum(_drop_short(counts).values()) >= required_count:
                break
    return [*(_drop_short(counts) if sum(_drop_short(counts).values()) >= required_count else counts)]


def _drop_short(counts: dict[int, int]) -> dict[int, int]:
    return {length: ways for length, ways in counts.items() if length >= _BRIEF}


def _make_text(known: Pattern, lengths: Sequence[int], name: str) -> str | None:
    for attempt in range(_TRIES):
        drawn = int.from_bytes(blake2b(f"{name}/{attempt}".encode(), digest_size=64).digest(), "little")
        drawn, at = divmod(drawn, len(lengths))
        text = known.text(lengths[at], drawn % known.count(lengths[at]))
        if known.matches(text):
            return text
    return None


def _make_distinct(request: ColumnRequest, known: Pattern, lengths: Sequence[int]) -> list[str]:
    """As many texts as are needed, or as there are, no two the same without capitals: an index may be on those."""
    distinct: dict[str, str] = {}
    running = [_enumerate_texts(request.stream.substream(f"of length {length}"), known, length) for length in lengths]
    while running:
        for texts in list(running):
            if len(distinct) == request.prepared_count:
                return [*distinct.values()]
            text = next(texts, None)
            if text is None:
                running.remove(texts)
            elif known.matches(text):
                distinct.setdefault(text.lower() if request.ignores_case else text, text)
    return [*distinct.values()]


def _enumerate_texts(stream: Stream, known: Pattern, length: int) -> Iterator[str]:
    """Every text of a length in a random order; of very many, some."""
    ways = known.count(length)
    size = min(ways, _MOST)
    for start in range(0, size, _AT_ONCE):
        places = np.arange(start, min(start + _AT_ONCE, size), dtype=np.int64)
        for number in stream.permutation(size, places).tolist():
            yield known.text(length, number * (ways // size) + number % max(ways // size, 1))
