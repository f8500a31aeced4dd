"""Texts: Faker's values sampled, put together where that makes more of them, and counted where none may repeat."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from string import ascii_uppercase, digits
from typing import Any

import numpy as np

from seedbed.errors import DomainTooSmall, SeedsNotUsable
from seedbed.seeding.batches import Batch, Coded, Joined, Objects, Pool, fixed_pool
from seedbed.seeding.filling import Filling, Wish, chosen, indices
from seedbed.seeding.meaning import Meaning, meaning_of
from seedbed.seeding.pools import SIZE, ProviderNotUsable, cut
from seedbed.seeding.streams import Ints
from seedbed.seeding.values import FakerValues

_FEW = 512
"""Values of a provider that are told apart for a unique column."""
_SHORTEST = 6
"""Characters of a value that must be left beside its number, or it is none that a person would recognise."""
_FIRST_NAMES, _LAST_NAMES = 256, 512
_HOST = "@example.com"
_HALVED = {"sentence": ("nb_words", 6), "paragraph": ("nb_sentences", 3)}
"""Providers whose values are made of parts, with the argument that counts these, and Faker's default for it."""
_ROOM = 40
"""Characters that a text put together from two parts needs; a shorter column gets values of one part."""


def from_faker(wish: Wish, rule: FakerValues) -> Filling:
    """Values of a provider that the seeds name."""
    filling = _provided(wish, rule.provider, dict(rule.arguments), locale=rule.locale)

    def make(rows: range) -> Batch:
        batch = filling.make(rows)
        try:
            _touch(batch)
        except ProviderNotUsable as error:
            raise SeedsNotUsable(rule.place, str(error)) from error
        return batch

    return Filling(wish.name, filling.source, make)


def texts(wish: Wish) -> Filling:
    """What a text column's name suggests, no longer than its column."""
    facts = wish.table.facts[wish.name]
    if facts.pattern is not None:
        return _matching(wish, facts.pattern)
    meaning = _meaning(wish)
    room = facts.longest is None or facts.longest >= _ROOM
    if meaning.how == "email":
        return _emails(wish)
    if facts.longest is not None and facts.longest < _SHORTEST and (wish.unique or meaning.how not in _BRIEF):
        return _codes(wish, facts.longest)
    if facts.shortest > _SHORTEST:
        meaning = Meaning("paragraph", {"nb_sentences": 2}) if meaning.how not in _FITTED else meaning
    if meaning.how == "choice" and not wish.unique:
        words = [word for word in meaning.words if facts.longest is None or len(word) <= facts.longest]
        if words:
            return chosen(wish, words, why=", by its name")
    if meaning.how == "code":
        return _coded(wish, str(meaning.arguments.get("text", "???-#####")), facts.longest)
    if meaning.how in _COMPOSED and room:
        return _composed(wish, meaning.how)
    how, arguments = _PLAIN.get(meaning.how, (meaning.how, meaning.arguments))
    return _provided(wish, how, dict(arguments))


_BRIEF = frozenset({"country_code", "currency_code", "language_code", "choice"})
_FITTED = frozenset({"email", "sha256", "iban", "code"})
_PLAIN: dict[str, tuple[str, Mapping[str, Any]]] = {
    "person": ("name", {}), "handle": ("user_name", {}), "slug": ("slug", {}), "label": ("word", {}),
    "thing": ("word", {}), "address": ("url", {}), "picture": ("image_url", {}), "street": ("street_address", {}),
    "phone": ("phone_number", {}), "choice": ("word", {}), "sentence": ("sentence", {"nb_words": 3}),
}  # fmt: skip
_COMPOSED = frozenset({"person", "handle", "slug", "label", "thing", "address", "picture", "street"})


def _meaning(wish: Wish) -> Meaning:
    annotation = str(wish.table.facts[wish.name].annotation)
    if "EmailStr" in annotation:
        return Meaning("email")
    if "Url" in annotation:
        return Meaning("address")
    for kind, how in (("IPv4", "ipv4"), ("IPv6", "ipv6")):
        if kind in annotation:
            return Meaning(how)
    return meaning_of(wish.table.sql.name, wish.name)


def _provided(wish: Wish, provider: str, arguments: dict[str, Any], *, locale: str | None = None) -> Filling:
    shown = f"faker({', '.join([provider, *(f'{name}={value}' for name, value in arguments.items())])})"
    if wish.unique and wish.kind.is_text:
        return Filling(wish.name, f"{shown}, unique", _counted(wish, provider, arguments, locale))
    counting, default = _HALVED.get(provider, ("", 0))
    count = arguments.get(counting, default)
    if isinstance(count, int) and count > 1 and locale is None:
        return Filling(wish.name, shown, _halves(wish, provider, {**arguments, counting: count}))
    pool = _pool(wish, provider, arguments, locale=locale)
    return Filling(wish.name, shown, lambda rows: Coded(None, wish.stream.below(pool.size, rows), pool))


def _pool(
    wish: Wish, provider: str, arguments: Mapping[str, Any], *, locale: str | None = None, size: int = SIZE
) -> Pool:
    table, facts = wish.table, wish.table.facts[wish.name]
    made = table.sources.faker(
        provider, arguments, longest=facts.longest, size=size, locale=locale, providers=table.providers
    )
    if not facts.shortest:
        return made
    return Pool(f"{made.name} long", size, lambda j: _stretched(str(made.entry(j)), facts.shortest, facts.longest))


def _stretched(text: str, shortest: int, longest: int | None) -> str:
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
        firsts = wish.table.shared(f"{firsts.name} begun {first_room}", firsts, lambda text: text.removesuffix("."))
        seconds = wish.table.shared(
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


def _counted(wish: Wish, provider: str, arguments: Mapping[str, Any], locale: str | None) -> Callable[[range], Batch]:
    """Each value once in a random order, then each again with a 2, and so on.

    Values are cut to leave room for the number, and those that end with a digit are left out, so that no two texts
    are the same; nor do two differ in capitals alone. A column too short for that gets codes.
    """
    length = wish.table.facts[wish.name].longest
    room = None if length is None else length - len(f" {wish.most}")
    if length is not None and room is not None and room < _SHORTEST:
        return _codes(wish, length).make
    kept: list[Pool] = []

    def make(rows: range) -> Batch:
        if not kept:
            made = _pool(wish, provider, arguments, locale=locale, size=_FEW).all()
            entries = [str(cut(str(entry), room)).strip() for entry in made]
            stems = {entry.lower(): entry for entry in reversed(entries) if entry and not entry[-1].isdigit()}
            kept.append(fixed_pool(f"{wish.name} stems", [*reversed(stems.values())] or [wish.name[:room]]))
        return _in_turns(wish, rows, [kept[0]], ["", " ", ""])

    return make


def _in_turns(wish: Wish, rows: range, pools: Sequence[Pool], words: Sequence[str]) -> Batch:
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


def _codes(wish: Wish, length: int) -> Filling:
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
        return Objects(None, [code(place) for place in wish.stream.permutation(possible, places).tolist()])

    return Filling(wish.name, f"{length} letters{', unique' if wish.unique else ''}", make)


def _coded(wish: Wish, pattern: str, longest: int | None) -> Filling:
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


def _possible(pattern: str) -> int:
    letters, numbers = pattern.count("?"), pattern.count("#")
    return min(int(len(ascii_uppercase) ** letters * len(digits) ** numbers), 2**62)


def _emails(wish: Wish) -> Filling:
    """First and last names in every combination, in a random order without repeats; then again with a number."""
    length = wish.table.facts[wish.name].longest
    kept: list[tuple[Pool, Pool]] = []

    def pools() -> tuple[Pool, Pool]:
        firsts = wish.table.sources.words("first_name", _FIRST_NAMES)
        lasts = wish.table.sources.words("last_name", _LAST_NAMES)
        room = None if length is None else length - len(f".{wish.most}{_HOST}")
        if room is not None and max(map(len, firsts)) + max(map(len, lasts)) > room:
            firsts, lasts = (tuple(word for word in words if len(word) <= room // 2) for words in (firsts, lasts))
        if not firsts or not lasts:
            raise DomainTooSmall(wish.table.name, wish.name, wish.most, 0)
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


def _composed(wish: Wish, how: str) -> Filling:
    """Texts of two parts, as many as there are pairs."""
    sources = wish.table.sources

    def plain(provider: str, size: int = _FEW) -> Callable[[], Pool]:
        return lambda: fixed_pool(provider, sources.words(provider, size))

    def names(provider: str) -> Callable[[], Pool]:
        return lambda: fixed_pool(provider, [*dict.fromkeys(sources.faker(provider, size=_FEW).all())])

    def numbers() -> Pool:
        return Pool("house numbers", 990, lambda j: str(j + 1))

    ways: dict[str, tuple[list[Callable[[], Pool]], list[str], str]] = {
        "person": ([names("first_name"), names("last_name")], ["", " ", " ", ""], "First Last"),
        "handle": ([plain("first_name"), plain("last_name")], ["", "_", "", ""], "first_last"),
        "slug": ([plain("word"), plain("word")], ["", "-", "-", ""], "word-word"),
        "label": ([_capitals(wish, "word"), plain("word")], ["", " ", " ", ""], "Word word"),
        "thing": ([_capitals(wish, "word"), plain("word")], ["", " ", " ", ""], "Word word"),
        "address": ([plain("word"), plain("word")], ["https://", "-", "-", ".example.com"], "https://word-word..."),
        "picture": ([plain("word"), plain("word")], ["https://example.com/", "-", "-", ".jpg"], "https://...jpg"),
        "street": ([numbers, names("street_name")], ["", " ", " No. ", ""], "12 Street"),
    }
    made, words, shown = ways[how]
    kept: list[list[Pool]] = []

    def make(rows: range) -> Batch:
        if not kept:
            kept.append([pool() for pool in made])
        if wish.unique:
            return _in_turns(wish, rows, kept[0], words)
        first, second = kept[0]
        codes = wish.stream.below(first.size, rows), wish.stream.part("second").below(second.size, rows)
        parts = (words[0], Coded(None, codes[0], first), words[1], Coded(None, codes[1], second), words[-1])
        return Joined(None, len(rows), tuple(part for part in parts if not isinstance(part, str) or part))

    return Filling(wish.name, f"{shown}{', unique' if wish.unique else ''}", make)


def _capitals(wish: Wish, provider: str) -> Callable[[], Pool]:
    return lambda: fixed_pool(
        f"{provider} capitals", [word.capitalize() for word in wish.table.sources.words(provider, _FEW)]
    )


def _matching(wish: Wish, pattern: str) -> Filling:
    """Texts that a regular expression matches, by rstr."""
    facts, source = wish.table.facts[wish.name], f"{wish.table.name}.{wish.name}"
    seed = wish.stream.seed
    kept: list[Pool] = []

    def entry(j: int) -> str:
        import random  # noqa: PLC0415 - with rstr

        from rstr import Rstr  # noqa: PLC0415 - only for columns with a pattern

        text = ""
        for attempt in range(200):
            name = f"{seed}/{source}/{pattern}/{j}/{attempt}".encode()
            chance = random.Random(int.from_bytes(blake2b(name, digest_size=8).digest(), "little"))
            text = Rstr(chance).xeger(pattern)
            if len(text) >= facts.shortest and (facts.longest is None or len(text) <= facts.longest):
                break
        return text if facts.longest is None else text[: facts.longest]

    def make(rows: range) -> Batch:
        if not wish.unique:
            pool = wish.table.shared(f"{source} {pattern}", Pool(source, SIZE, entry), lambda text: text)
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


def _touch(batch: Batch) -> None:
    """Make the entries that a batch needs, so that what cannot be made is known here."""
    match batch:
        case Coded():
            batch.pool.entries(batch.codes)
        case Joined():
            for part in batch.parts:
                if isinstance(part, Coded):
                    part.pool.entries(part.codes)
