"""Chooses the generator of a text column by its name or its field's type."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from seedbed.errors import ColumnTooShort
from seedbed.seeding.analysis.column_roles import ColumnRole, find_role, has_format
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest, generate_choice
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
    constraints = request.table.value_constraints[request.name]
    if constraints.pattern is not None:
        return texts_matching(request, constraints.pattern)
    role = find_role(request.table, request.name)
    if role.name in _SHAPED:
        made = _SHAPED[role.name](request)
        if made is not None:
            return made
        if constraints.longest is not None and has_format(request.table, request.name):
            raise ColumnTooShort(request.table.name, request.name, f"a value like {role.name}", constraints.longest)
        return letter_codes(request, max(min(constraints.longest or _SHORTEST, _SHORTEST), constraints.shortest))
    if role.name == "code" and len(str(role.arguments.get("text", ""))) in range(1, (constraints.longest or 99) + 1):
        return codes_like(request, str(role.arguments["text"]), constraints.longest)
    if (
        constraints.longest is not None
        and constraints.longest < _SHORTEST
        and (request.is_unique or role.name not in _BRIEF)
    ):
        return letter_codes(request, constraints.longest)
    if constraints.shortest > _SHORTEST and role.name != "code":
        return provider_values(request, "paragraph", {"nb_sentences": 2})
    if role.name == "choice":
        words = [word for word in role.words if constraints.longest is None or len(word) <= constraints.longest]
        if words and (not request.is_unique or request.required_count <= len(words)):
            return generate_choice(request, words, reason=", by its name")
        role = ColumnRole("label") if request.is_unique else role
    if role.name == "code":
        return codes_like(request, str(role.arguments.get("text", "???-#####")), constraints.longest)
    phrase = phrase_texts(request, role.name)
    if phrase is not None:
        return phrase
    if role.name in COMPOSED and (constraints.longest is None or constraints.longest >= _ROOM):
        names = composed_texts(request, role.name)
        if names is not None:
            return names
    if role.name in phrases():
        role = ColumnRole("word")
    how, arguments = _PLAIN.get(role.name, (role.name, role.arguments))
    return provider_values(request, how, arguments)


def _phones(request: ColumnRequest) -> ColumnGenerator | None:
    """Numbers of no country that is said, in a random order without repeats."""
    constraints = request.table.value_constraints[request.name]
    for pattern in ("+1 ### 555 ####", "### 555 ####", "555 ####", "#" * (constraints.longest or 1)):
        longer = pattern
        while request.is_unique and 10 ** longer.count("#") < request.required_count:
            longer += "#"
        longer += "#" * (constraints.shortest - len(longer))
        if len(longer) <= (constraints.longest or len(longer)):
            return codes_like(request, longer, constraints.longest)
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
