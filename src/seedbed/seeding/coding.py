"""Texts of a pattern: codes in a random order without repeats, and what a regular expression matches."""

from hashlib import blake2b
from string import ascii_uppercase, digits

import numpy as np

from seedbed.errors import DomainTooSmall
from seedbed.seeding.batches import Batch, Coded, Objects, Pool, fixed_pool
from seedbed.seeding.filling import Filling, Wish
from seedbed.seeding.pools import SIZE


def codes_of(wish: Wish, length: int, *, after: str = "") -> Filling:
    """Letters in a random order without repeats; in small ones where something stands after them."""
    possible = len(ascii_uppercase) ** length
    if wish.unique and wish.most > possible:
        raise DomainTooSmall(wish.table.name, wish.name, wish.most, possible)

    def code(number: int) -> str:
        letters = []
        for _ in range(length):
            number, letter = divmod(number, len(ascii_uppercase))
            letters.append(ascii_uppercase[letter])
        return "".join(letters)

    def make(rows: range) -> Batch:
        places = wish.places(rows) % possible
        made = [code(place) for place in wish.stream.permutation(possible, places).tolist()]
        return Objects(None, [f"{text.lower()}{after}" for text in made] if after else made)

    return Filling(wish.name, f"{length} letters{after}{', unique' if wish.unique else ''}", make)


def coded(wish: Wish, pattern: str, longest: int | None) -> Filling:
    """Letters for ? and digits for #, in a random order without repeats; longer where there are more rows."""
    while _possible(pattern) < wish.most:
        pattern += "#"
    if longest is not None and len(pattern) > longest:
        pattern = "?" * longest
        if wish.unique and _possible(pattern) < wish.most:
            raise DomainTooSmall(wish.table.name, wish.name, wish.most, _possible(pattern))
    shortest = wish.table.facts[wish.name].shortest
    pattern += "#" * max(0, shortest - len(pattern))
    possible = _possible(pattern)
    places = [(at, ascii_uppercase if sign == "?" else digits) for at, sign in enumerate(pattern) if sign in "?#"]

    def make(rows: range) -> Batch:
        numbers = wish.stream.permutation(possible, wish.places(rows) % possible)
        letters = np.tile(np.frombuffer(pattern.encode(), dtype=np.uint8), (len(rows), 1))
        for at, alphabet in reversed(places):
            numbers, drawn = numbers // len(alphabet), numbers % len(alphabet)
            letters[:, at] = np.frombuffer(alphabet.encode(), dtype=np.uint8)[drawn]
        joined = letters.tobytes().decode()
        width = len(pattern)
        return Objects(None, [joined[start : start + width] for start in range(0, len(joined), width)])

    return Filling(wish.name, f"a code like {pattern.replace('?', 'A').replace('#', '1')}", make)


def matching(wish: Wish, pattern: str) -> Filling:
    """Texts that a regular expression matches, by rstr."""
    facts, source = wish.table.facts[wish.name], f"{wish.table.name}.{wish.name}"
    seed = wish.stream.seed
    kept: list[Pool] = []

    def entry(j: int) -> str:
        text = ""
        for attempt in range(200):
            text = match(pattern, f"{seed}/{source}/{pattern}/{j}/{attempt}")
            if len(text) >= facts.shortest and (facts.longest is None or len(text) <= facts.longest):
                break
        return text if facts.longest is None else text[: facts.longest]

    def make(rows: range) -> Batch:
        if not wish.unique:
            pool = wish.table.memory.pool(f"{source} {pattern}", Pool(source, SIZE, entry), lambda text: text)
            return Coded(None, wish.stream.below(SIZE, rows), pool)
        if not kept:
            wanted, found = wish.most, dict[str, None]()
            for j in range(wanted * 20 + 200):
                if len(found) == wanted:
                    break
                found[entry(j)] = None
            if len(found) < wanted:
                raise DomainTooSmall(wish.table.name, wish.name, wanted, len(found))
            kept.append(fixed_pool(source, [*found]))
        return Coded(None, wish.places(rows), kept[0])

    return Filling(wish.name, f"matching {pattern}{', unique' if wish.unique else ''}", make)


def match(pattern: str, name: str) -> str:
    """A text that a regular expression matches, another one by each name."""
    import random  # noqa: PLC0415 - with rstr

    from rstr import Rstr  # noqa: PLC0415 - only for columns with a pattern

    chance = random.Random(int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little"))
    return str(Rstr(chance).xeger(pattern))


def _possible(pattern: str) -> int:
    letters, numbers = pattern.count("?"), pattern.count("#")
    return min(int(len(ascii_uppercase) ** letters * len(digits) ** numbers), 2**62)
