"""Codes of letters and digits in a random order without repeats."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from string import ascii_lowercase, ascii_uppercase, digits

import numpy as np

from seedbed.seeding.core.batch import Batch, Objects
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest, make_shortage

HEX = "0123456789abcdef"
_ALPHABETS = {"?": ascii_uppercase, "~": ascii_lowercase, "#": digits, "^": HEX}
_CHARACTERS_PER_WORD = 8
"""How many signs of the larger alphabets a word of 64 bits is enough for."""
_MOST = 2**62
"""What a permutation takes; the places of a code beyond are drawn by chance."""


def generate_letters(request: ColumnRequest, length: int) -> ColumnGenerator:
    """Letters in a random order without repeats."""
    generator = generate_code(request, [ascii_uppercase] * length)
    return replace(generator, description=f"{length} letters{', unique' if request.is_unique else ''}")


def generate_codes(request: ColumnRequest, pattern: str, longest: int | None) -> ColumnGenerator:
    """Letters for ? and digits for #, in a random order without repeats; longer where unique ones need it."""
    while request.is_unique and count_codes(parse_pattern(pattern)) < request.required_count:
        pattern += "#"
    if longest is not None and len(pattern) > longest:
        pattern = "?" * longest
    pattern += "#" * max(0, request.table.value_constraints[request.name].shortest - len(pattern))
    return generate_code(request, parse_pattern(pattern))


def generate_code(
    request: ColumnRequest, alphabets: Sequence[str], complete: Callable[[str], str] | None = None
) -> ColumnGenerator:
    """A sign of each alphabet. `complete` puts in what follows from the others, such as check digits."""
    size = count_codes(alphabets)
    if request.is_unique and request.prepared_count > size:
        return make_shortage(request, size)
    free = [(at, alphabet) for at, alphabet in enumerate(alphabets) if len(alphabet) > 1]
    drawn = []
    while count_codes([alphabet for _, alphabet in free]) > _MOST:
        drawn.append(free.pop(0))
    size = count_codes([alphabet for _, alphabet in free])
    first = np.frombuffer("".join(alphabet[0] for alphabet in alphabets).encode("utf-32-le"), dtype=np.uint32)

    def make(rows: range) -> Batch:
        numbers = request.stream.permutation(size, request.places(rows) % size)
        letters = np.tile(first, (len(rows), 1))
        for at, alphabet in reversed(free):
            numbers, signs = numbers // len(alphabet), numbers % len(alphabet)
            letters[:, at] = _encode_alphabet(alphabet)[signs]
        for start in range(0, len(drawn), _CHARACTERS_PER_WORD):
            words = request.stream.substream(f"sign {start}").words(rows)
            for at, alphabet in drawn[start : start + _CHARACTERS_PER_WORD]:
                base = np.uint64(len(alphabet))
                words, signs = words // base, (words % base).astype(np.int64)
                letters[:, at] = _encode_alphabet(alphabet)[signs]
        joined, width = letters.tobytes().decode("utf-32-le"), len(alphabets)
        texts = [joined[start : start + width] for start in range(0, len(joined), width)]
        return Objects(None, texts if complete is None else [*map(complete, texts)])

    return ColumnGenerator(
        request.name, f"a code like {_make_example(alphabets, complete)}{', unique' if request.is_unique else ''}", make
    )


def parse_pattern(pattern: str) -> list[str]:
    """The alphabets of a pattern: # is a digit, ? a capital, ~ a small letter and ^ a digit of a hexadecimal number,
    unless a backslash stands before it.
    """
    return [_ALPHABETS.get(sign, sign.removeprefix("\\")) for sign in re.findall(r"\\.|.", pattern)]


def count_codes(alphabets: Sequence[str]) -> int:
    """How many codes there are."""
    return prod(map(len, alphabets))


def _encode_alphabet(alphabet: str) -> "np.typing.NDArray[np.uint32]":
    return np.frombuffer(alphabet.encode("utf-32-le"), dtype=np.uint32)


def _make_example(alphabets: Sequence[str], complete: Callable[[str], str] | None) -> str:
    text = "".join(alphabet[alphabet in {digits, HEX}] for alphabet in alphabets if alphabet)
    return text if complete is None else complete(text)
