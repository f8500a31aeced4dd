"""Chooses the generator of a text column by its name or its field's type."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from seedbed.errors import ColumnTooShort
from seedbed.seeding.analysis.column_roles import ColumnRole, find_role, has_format
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest, generate_choice
from seedbed.seeding.generators.text.composed import (
    COMPOSED,
    generate_affixed_letters,
    generate_composed,
    generate_emails,
    generate_files,
)
from seedbed.seeding.generators.text.faker_values import generate_provider_values
from seedbed.seeding.generators.text.fixed_formats import FORMATS, generate_codes, generate_formatted, generate_letters
from seedbed.seeding.generators.text.phrases import generate_phrases, generate_slugs, read_phrases
from seedbed.seeding.generators.text.regex_columns import generate_matching

_SHORTEST = 6
"""Characters below which a column gets a code, whatever its name is."""
_ROOM = 40
"""Characters that a name put together from two parts needs; a shorter column gets values of one part."""
_BRIEF = frozenset({"country_code", "currency_code", "language_code", "choice"})
_PROVIDERS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "person": ("name", {}), "street": ("street_address", {}), "choice": ("word", {}),
}  # fmt: skip


def generate_texts(request: ColumnRequest) -> ColumnGenerator:
    """Generate texts that the column's name suggests and that fit its length.

    Raises:
        UnsatisfiablePattern, ColumnTooShort: no value of its pattern or of its field's type fits its length.
        TooFewUniqueValues: none may repeat, and there are fewer than rows.
    """
    constraints = request.table.value_constraints[request.name]
    if constraints.pattern is not None:
        return generate_matching(request, constraints.pattern)
    role = find_role(request.table, request.name)
    if role.name in _GENERATORS:
        generator = _GENERATORS[role.name](request)
        if generator is not None:
            return generator
        if constraints.longest is not None and has_format(request.table, request.name):
            raise ColumnTooShort(request.table.name, request.name, f"a value like {role.name}", constraints.longest)
        return generate_letters(request, max(min(constraints.longest or _SHORTEST, _SHORTEST), constraints.shortest))
    if role.name == "code" and len(str(role.arguments.get("text", ""))) in range(1, (constraints.longest or 99) + 1):
        return generate_codes(request, str(role.arguments["text"]), constraints.longest)
    if (
        constraints.longest is not None
        and constraints.longest < _SHORTEST
        and (request.is_unique or role.name not in _BRIEF)
    ):
        return generate_letters(request, constraints.longest)
    if constraints.shortest > _SHORTEST and role.name != "code":
        return generate_provider_values(request, "paragraph", {"nb_sentences": 2})
    if role.name == "choice":
        words = [word for word in role.words if constraints.longest is None or len(word) <= constraints.longest]
        if words and (not request.is_unique or request.required_count <= len(words)):
            return generate_choice(request, words, reason=", by its name")
        role = ColumnRole("label") if request.is_unique else role
    if role.name == "code":
        return generate_codes(request, str(role.arguments.get("text", "???-#####")), constraints.longest)
    phrase = generate_phrases(request, role.name)
    if phrase is not None:
        return phrase
    if role.name in COMPOSED and (constraints.longest is None or constraints.longest >= _ROOM):
        names = generate_composed(request, role.name)
        if names is not None:
            return names
    if role.name in read_phrases():
        role = ColumnRole("word")
    how, arguments = _PROVIDERS.get(role.name, (role.name, role.arguments))
    return generate_provider_values(request, how, arguments)


def _generate_phones(request: ColumnRequest) -> ColumnGenerator | None:
    """Numbers of no country that is said, in a random order without repeats."""
    constraints = request.table.value_constraints[request.name]
    for pattern in ("+1 ### 555 ####", "### 555 ####", "555 ####", "#" * (constraints.longest or 1)):
        longer = pattern
        while request.is_unique and 10 ** longer.count("#") < request.required_count:
            longer += "#"
        longer += "#" * (constraints.shortest - len(longer))
        if len(longer) <= (constraints.longest or len(longer)):
            return generate_codes(request, longer, constraints.longest)
    return None


def _generate_files(request: ColumnRequest, how: str) -> ColumnGenerator | None:
    return generate_files(request, how) or (
        generate_affixed_letters(request, how) if how == "file" else generate_provider_values(request, "mime_type", {})
    )


def _generate_slugs(request: ColumnRequest) -> ColumnGenerator | None:
    return generate_slugs(request) or _generate_words(request, "slug")


def _generate_words(request: ColumnRequest, how: str) -> ColumnGenerator | None:
    return generate_composed(request, how) or generate_affixed_letters(request, how)


_GENERATORS: Mapping[str, Callable[[ColumnRequest], ColumnGenerator | None]] = {
    **{form: partial(generate_formatted, form=form) for form in (*FORMATS, "ipv4", "sha256")},
    **{how: partial(_generate_words, how=how) for how in ("handle", "host", "address", "picture", "file_path")},
    **{how: partial(_generate_files, how=how) for how in ("file", "media type")},
    "email": generate_emails,
    "phone": _generate_phones,
    "slug": _generate_slugs,
}
"""Generators of texts with a format; each returns None where the column is too short for it."""
