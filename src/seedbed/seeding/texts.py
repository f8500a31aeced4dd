"""Texts by what their column's name suggests, most of them values of Faker sampled."""

from collections.abc import Callable, Mapping
from typing import Any

from seedbed.errors import DomainTooSmall, SeedsNotUsable
from seedbed.seeding.batches import Batch, Coded, Joined, Objects, Pool, fixed_pool
from seedbed.seeding.coding import coded, codes_of, matching
from seedbed.seeding.combining import COMPOSED, FEW, composed, emails, in_turns
from seedbed.seeding.files import files
from seedbed.seeding.filling import Filling, Wish, chosen
from seedbed.seeding.meaning import Meaning, meaning_in
from seedbed.seeding.phrasebook import PHRASES
from seedbed.seeding.phrasing import phrased, slugs
from seedbed.seeding.pools import SIZE, ProviderNotUsable, cut
from seedbed.seeding.values import FakerValues

_SHORTEST = 6
"""Characters of a value that must be left beside its number, or it is none that a person would recognise."""
_HALVED = {"sentence": ("nb_words", 6), "paragraph": ("nb_sentences", 3)}
"""Providers whose values are made of parts, with the argument that counts these, and Faker's default for it."""
_ROOM = 40
"""Characters that a text put together from two parts needs; a shorter column gets values of one part."""


def from_faker(wish: Wish, rule: FakerValues) -> Filling:
    """Values of a provider that the seeds name.

    Raises:
        SeedsNotUsable: there is no such provider, or it raises.
        DomainTooSmall: none may repeat, and the column has no room to number what does.
    """
    try:
        filling = _short(wish, rule) or _provided(wish, rule.provider, dict(rule.arguments), locale=rule.locale)
    except ProviderNotUsable as error:
        raise SeedsNotUsable(rule.place, str(error)) from error

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
        return matching(wish, facts.pattern)
    meaning = meaning_in(wish.table, wish.name)
    room = facts.longest is None or facts.longest >= _ROOM
    if meaning.how == "email":
        return emails(wish)
    if meaning.how == "code" and len(str(meaning.arguments.get("text", ""))) in range(1, (facts.longest or 99) + 1):
        return coded(wish, str(meaning.arguments["text"]), facts.longest)
    if facts.longest is not None and facts.longest < _SHORTEST and (wish.unique or meaning.how not in _BRIEF):
        return codes_of(wish, facts.longest)
    if facts.shortest > _SHORTEST and meaning.how not in _FITTED:
        return _provided(wish, "paragraph", {"nb_sentences": 2})
    if meaning.how == "choice":
        words = [word for word in meaning.words if facts.longest is None or len(word) <= facts.longest]
        if words and (not wish.unique or wish.most <= len(words)):
            return chosen(wish, words, why=", by its name")
        meaning = Meaning("label") if wish.unique else meaning
    if meaning.how == "code":
        return coded(wish, str(meaning.arguments.get("text", "???-#####")), facts.longest)
    if meaning.how == "phone":
        return _phones(wish)
    made = _of_our_own(wish, meaning.how)
    if made is not None:
        return made
    if meaning.how in COMPOSED and room:
        return composed(wish, meaning.how)
    if meaning.how in PHRASES:
        meaning = Meaning("word")
    how, arguments = _PLAIN.get(meaning.how, (meaning.how, meaning.arguments))
    return _provided(wish, how, dict(arguments))


_BRIEF = frozenset({"country_code", "currency_code", "language_code", "choice"})
_NUMBERS = {
    "phone_number": ("+1-###-###-####", "###-###-####", "##########"),
    "iban": ("GB##????##############",),
    "isbn13": ("978-#-##-######-#", "978##########"),
    "isbn10": ("#-##-######-#", "##########"),
    "postcode": ("#####",),
    "ean13": ("#############",),
    "ssn": ("###-##-####",),
    "msisdn": ("#############",),
    "ipv4": ("10.##.##.##",),
}
"""What values of a provider look like that end with digits: another number after them would not tell them apart."""

_FITTED = frozenset({"email", "sha256", "iban", "code"})
_PLAIN: dict[str, tuple[str, Mapping[str, Any]]] = {
    "person": ("name", {}), "handle": ("user_name", {}), "slug": ("slug", {}), "address": ("url", {}),
    "picture": ("image_url", {}), "host": ("domain_name", {}), "file": ("file_name", {}),
    "media type": ("mime_type", {}), "street": ("street_address", {}), "choice": ("word", {}),
}  # fmt: skip


def _of_our_own(wish: Wish, how: str) -> Filling | None:
    if how == "slug":
        return slugs(wish)
    return files(wish, how) if how in {"file", "media type"} else phrased(wish, how)


def _phones(wish: Wish) -> Filling:
    """Numbers of no country that is said, in a random order without repeats."""
    longest = wish.table.facts[wish.name].longest
    patterns = ("+1 ### 555 ####", "### 555 ####", "555 ####")
    fitting = [pattern for pattern in patterns if longest is None or len(pattern) <= longest]
    return coded(wish, fitting[0] if fitting else "#" * (longest or 1), longest)


def _short(wish: Wish, rule: FakerValues) -> Filling | None:
    """Each of a provider's values once, where the column is too short for numbers after them."""
    length = wish.table.facts[wish.name].longest
    if not wish.unique or not wish.kind.is_text or length is None or length - len(f" {wish.most}") >= _SHORTEST:
        return None
    made = _pool(wish, rule.provider, dict(rule.arguments), locale=rule.locale, size=FEW).all()
    values = {str(value).lower(): str(value) for value in made if value}
    if wish.most > len(values):
        raise DomainTooSmall(wish.table.name, wish.name, wish.most, len(values))
    return chosen(wish, [*values.values()], why=f" of faker({rule.provider})")


def _provided(wish: Wish, provider: str, arguments: dict[str, Any], *, locale: str | None = None) -> Filling:
    shown = f"faker({', '.join([provider, *(f'{name}={value}' for name, value in arguments.items())])})"
    if wish.unique and wish.kind.is_text:
        longest = wish.table.facts[wish.name].longest
        fitting = [] if arguments or locale else [p for p in _NUMBERS.get(provider, ()) if (longest or 99) >= len(p)]
        if fitting:
            return coded(wish, fitting[0], longest)
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


def _counted(wish: Wish, provider: str, arguments: Mapping[str, Any], locale: str | None) -> Callable[[range], Batch]:
    """Each value once in a random order, then each again with a 2, and so on.

    Values are cut to leave room for the number, and those that end with a digit are left out, so that no two texts
    are the same; nor do two differ in capitals alone. A column too short for that gets codes.
    """
    length = wish.table.facts[wish.name].longest
    room = None if length is None else length - len(f" {wish.most}")
    if length is not None and room is not None and room < _SHORTEST:
        return codes_of(wish, length).make
    kept: list[Pool] = []

    def make(rows: range) -> Batch:
        if not kept:
            made = _pool(wish, provider, arguments, locale=locale, size=FEW).all()
            entries = [str(cut(str(entry), room)).strip() for entry in made]
            stems = {entry.lower(): entry for entry in reversed(entries) if entry and not entry[-1].isdigit()}
            kept.append(fixed_pool(f"{wish.name} stems", [*reversed(stems.values())] or [wish.name[:room]]))
        return in_turns(wish, rows, [kept[0]], ["", " ", ""])

    return make


def _touch(batch: Batch) -> None:
    """Make the entries that a batch needs, so that what cannot be made is known here."""
    match batch:
        case Coded():
            batch.pool.see(batch.codes)
        case Joined():
            for part in batch.parts:
                if isinstance(part, Coded):
                    part.pool.see(part.codes)
