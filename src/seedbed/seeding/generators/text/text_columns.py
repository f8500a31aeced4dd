"""Texts by what their column's name or its field's type suggests."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from seedbed.errors import ColumnTooShort
from seedbed.seeding.analysis.column_roles import Meaning, meaning_in, says_form
from seedbed.seeding.generators.column_generator import Filling, Wish, chosen
from seedbed.seeding.generators.data.phrasebook import PHRASES
from seedbed.seeding.generators.faker_values import provided
from seedbed.seeding.generators.text.codes import coded, codes_of
from seedbed.seeding.generators.text.composed import COMPOSED, affixed, composed, emails
from seedbed.seeding.generators.text.filenames import files
from seedbed.seeding.generators.text.phrases import phrased, slugs
from seedbed.seeding.generators.text.regex_columns import matching
from seedbed.seeding.generators.text.text_formats import FORMS, formed

_SHORTEST = 6
"""Characters below which a column gets a code, whatever its name is."""
_ROOM = 40
"""Characters that a name put together from two parts needs; a shorter column gets values of one part."""
_BRIEF = frozenset({"country_code", "currency_code", "language_code", "choice"})
_PLAIN: dict[str, tuple[str, Mapping[str, Any]]] = {
    "person": ("name", {}), "street": ("street_address", {}), "choice": ("word", {}),
}  # fmt: skip


def texts(wish: Wish) -> Filling:
    """What a text column's name suggests, no longer than its column.

    Raises:
        UnsatisfiablePattern, ColumnTooShort: its pattern or its field's type says what is in it, and nothing of that fits.
        TooFewUniqueValues: none may repeat, and there are fewer than rows.
    """
    facts = wish.table.facts[wish.name]
    if facts.pattern is not None:
        return matching(wish, facts.pattern)
    meaning = meaning_in(wish.table, wish.name)
    if meaning.how in _SHAPED:
        made = _SHAPED[meaning.how](wish)
        if made is not None:
            return made
        if facts.longest is not None and says_form(wish.table, wish.name):
            raise ColumnTooShort(wish.table.name, wish.name, f"a value like {meaning.how}", facts.longest)
        return codes_of(wish, max(min(facts.longest or _SHORTEST, _SHORTEST), facts.shortest))
    if meaning.how == "code" and len(str(meaning.arguments.get("text", ""))) in range(1, (facts.longest or 99) + 1):
        return coded(wish, str(meaning.arguments["text"]), facts.longest)
    if facts.longest is not None and facts.longest < _SHORTEST and (wish.unique or meaning.how not in _BRIEF):
        return codes_of(wish, facts.longest)
    if facts.shortest > _SHORTEST and meaning.how != "code":
        return provided(wish, "paragraph", {"nb_sentences": 2})
    if meaning.how == "choice":
        words = [word for word in meaning.words if facts.longest is None or len(word) <= facts.longest]
        if words and (not wish.unique or wish.most <= len(words)):
            return chosen(wish, words, why=", by its name")
        meaning = Meaning("label") if wish.unique else meaning
    if meaning.how == "code":
        return coded(wish, str(meaning.arguments.get("text", "???-#####")), facts.longest)
    phrase = phrased(wish, meaning.how)
    if phrase is not None:
        return phrase
    if meaning.how in COMPOSED and (facts.longest is None or facts.longest >= _ROOM):
        names = composed(wish, meaning.how)
        if names is not None:
            return names
    if meaning.how in PHRASES:
        meaning = Meaning("word")
    how, arguments = _PLAIN.get(meaning.how, (meaning.how, meaning.arguments))
    return provided(wish, how, arguments)


def _phones(wish: Wish) -> Filling | None:
    """Numbers of no country that is said, in a random order without repeats."""
    facts = wish.table.facts[wish.name]
    for pattern in ("+1 ### 555 ####", "### 555 ####", "555 ####", "#" * (facts.longest or 1)):
        longer = pattern
        while wish.unique and 10 ** longer.count("#") < wish.most:
            longer += "#"
        longer += "#" * (facts.shortest - len(longer))
        if len(longer) <= (facts.longest or len(longer)):
            return coded(wish, longer, facts.longest)
    return None


def _files(wish: Wish, how: str) -> Filling | None:
    return files(wish, how) or (affixed(wish, how) if how == "file" else provided(wish, "mime_type", {}))


def _slugs(wish: Wish) -> Filling | None:
    return slugs(wish) or _worded(wish, "slug")


def _worded(wish: Wish, how: str) -> Filling | None:
    return composed(wish, how) or affixed(wish, how)


_SHAPED: Mapping[str, Callable[[Wish], Filling | None]] = {
    **{form: partial(formed, form=form) for form in (*FORMS, "ipv4", "sha256")},
    **{how: partial(_worded, how=how) for how in ("handle", "host", "address", "picture", "file_path")},
    **{how: partial(_files, how=how) for how in ("file", "media type")},
    "email": emails,
    "phone": _phones,
    "slug": _slugs,
}
"""What makes texts that must look like what they are; None where the column has no room for any."""
