"""Chooses the generator of a text column by its name or its field's type."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from seedbed.errors import ColumnTooShort
from seedbed.seeding.analysis.column_roles import ColumnRole, has_format, role_of
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest, one_of
from seedbed.seeding.generators.text.codes import codes_like, letter_codes
from seedbed.seeding.generators.text.composed import COMPOSED, affixed_letters, composed_texts, emails
from seedbed.seeding.generators.text.faker_values import provider_values
from seedbed.seeding.generators.text.filenames import files
from seedbed.seeding.generators.text.fixed_formats import FORMS, formed
from seedbed.seeding.generators.text.phrasebook import phrases
from seedbed.seeding.generators.text.phrases import phrase_texts, slugs
from seedbed.seeding.generators.text.regex_columns import texts_matching

_SHORTEST = 6
"""Characters below which a column gets a code, whatever its name is."""
_ROOM = 40
"""Characters that a name put together from two parts needs; a shorter column gets values of one part."""
_BRIEF = frozenset({"country_code", "currency_code", "language_code", "choice"})
_PLAIN: dict[str, tuple[str, Mapping[str, Any]]] = {
    "person": ("name", {}), "street": ("street_address", {}), "choice": ("word", {}),
}  # fmt: skip


def texts(request: ColumnRequest) -> ColumnGenerator:
    """What a text column's name suggests, no longer than its column.

    Raises:
        UnsatisfiablePattern, ColumnTooShort: no value of its pattern or of its field's type fits its length.
        TooFewUniqueValues: none may repeat, and there are fewer than rows.
    """
    facts = request.table.facts[request.name]
    if facts.pattern is not None:
        return texts_matching(request, facts.pattern)
    role = role_of(request.table, request.name)
    if role.how in _SHAPED:
        made = _SHAPED[role.how](request)
        if made is not None:
            return made
        if facts.longest is not None and has_format(request.table, request.name):
            raise ColumnTooShort(request.table.name, request.name, f"a value like {role.how}", facts.longest)
        return letter_codes(request, max(min(facts.longest or _SHORTEST, _SHORTEST), facts.shortest))
    if role.how == "code" and len(str(role.arguments.get("text", ""))) in range(1, (facts.longest or 99) + 1):
        return codes_like(request, str(role.arguments["text"]), facts.longest)
    if facts.longest is not None and facts.longest < _SHORTEST and (request.unique or role.how not in _BRIEF):
        return letter_codes(request, facts.longest)
    if facts.shortest > _SHORTEST and role.how != "code":
        return provider_values(request, "paragraph", {"nb_sentences": 2})
    if role.how == "choice":
        words = [word for word in role.words if facts.longest is None or len(word) <= facts.longest]
        if words and (not request.unique or request.most <= len(words)):
            return one_of(request, words, why=", by its name")
        role = ColumnRole("label") if request.unique else role
    if role.how == "code":
        return codes_like(request, str(role.arguments.get("text", "???-#####")), facts.longest)
    phrase = phrase_texts(request, role.how)
    if phrase is not None:
        return phrase
    if role.how in COMPOSED and (facts.longest is None or facts.longest >= _ROOM):
        names = composed_texts(request, role.how)
        if names is not None:
            return names
    if role.how in phrases():
        role = ColumnRole("word")
    how, arguments = _PLAIN.get(role.how, (role.how, role.arguments))
    return provider_values(request, how, arguments)


def _phones(request: ColumnRequest) -> ColumnGenerator | None:
    """Numbers of no country that is said, in a random order without repeats."""
    facts = request.table.facts[request.name]
    for pattern in ("+1 ### 555 ####", "### 555 ####", "555 ####", "#" * (facts.longest or 1)):
        longer = pattern
        while request.unique and 10 ** longer.count("#") < request.most:
            longer += "#"
        longer += "#" * (facts.shortest - len(longer))
        if len(longer) <= (facts.longest or len(longer)):
            return codes_like(request, longer, facts.longest)
    return None


def _files(request: ColumnRequest, how: str) -> ColumnGenerator | None:
    return files(request, how) or (
        affixed_letters(request, how) if how == "file" else provider_values(request, "mime_type", {})
    )


def _slugs(request: ColumnRequest) -> ColumnGenerator | None:
    return slugs(request) or _worded(request, "slug")


def _worded(request: ColumnRequest, how: str) -> ColumnGenerator | None:
    return composed_texts(request, how) or affixed_letters(request, how)


_SHAPED: Mapping[str, Callable[[ColumnRequest], ColumnGenerator | None]] = {
    **{form: partial(formed, form=form) for form in (*FORMS, "ipv4", "sha256")},
    **{how: partial(_worded, how=how) for how in ("handle", "host", "address", "picture", "file_path")},
    **{how: partial(_files, how=how) for how in ("file", "media type")},
    "email": emails,
    "phone": _phones,
    "slug": _slugs,
}
"""Generators of texts with a format; each returns None where the column is too short for it."""
