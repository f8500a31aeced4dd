"""How a value of one type becomes a value of another."""

import re

from seedbed.migrating.comparing.knowledge import Knowledge
from seedbed.migrating.comparing.statements import name
from seedbed.postgres.catalogue.model import Catalogue, Column, Enum

_FAMILIES = (
    frozenset({"smallint", "integer", "bigint"}),
    frozenset({"real", "double precision"}),
    frozenset({"text", "character varying"}),
)


def conversion(old: Column, new: Column, before: Catalogue, after: Catalogue, knowledge: Knowledge) -> str | None:
    """The USING expression for a change that PostgreSQL does not make by itself, or None."""
    own = name(old.name)
    if same_family(old.type, new.type) or old.type == new.type:
        return None
    if new.type == f"{old.type}[]" or (new.type.endswith("[]") and not old.type.endswith("[]")):
        return f"CASE WHEN {own} IS NULL THEN NULL ELSE ARRAY[{own}]::{new.type} END"
    if old.type.endswith("[]") and not new.type.endswith("[]") and not is_text(new.type):
        return f"({own})[1]::{new.type}"
    if enum_of(old.type, before) or enum_of(new.type, after):
        return f"{own}::text::{new.type}"
    if (base(old.type), base(new.type)) in knowledge.casts or is_text(old.type) or is_text(new.type):
        return f"{own}::{new.type}"
    return f"{own}::text::{new.type}"


def stays_in_place(old: Column, new: Column) -> bool:
    """Whether PostgreSQL takes a column's values for values of the new type as they are, and rewrites no row."""
    if old.collation != new.collation:
        return True  # another order of the same values: what it costs is its indexes
    if old.type == new.type or (old.type, new.type) == ("cidr", "inet"):
        return True
    was, now = _sizes(old.type), _sizes(new.type)
    if is_text(old.type) and is_text(new.type) and "character" not in {base(old.type), base(new.type)}:
        return not now or (bool(was) and was[0] <= now[0])
    if base(old.type) != base(new.type) or base(old.type) in {"character", "bit"} or "[]" in old.type:
        return False
    if base(old.type) == "numeric":
        return not now or (bool(was) and was[0] <= now[0] and was[1:] == now[1:])
    return not now or (bool(was) and was[0] <= now[0])


def _sizes(type_name: str) -> list[int]:
    """The numbers in a type's parentheses."""
    return [int(number) for number in re.findall(r"\d+", type_name.partition("(")[2])]


def enum_of(type_name: str, catalogue: Catalogue) -> Enum | None:
    schema, _, bare = type_name.removesuffix("[]").rpartition(".")
    found = catalogue.objects.get(("type", schema or "public", bare.strip('"')))
    return found if isinstance(found, Enum) else None


def same_family(old: str, new: str) -> bool:
    return any(base(old) in family and base(new) in family for family in _FAMILIES) or base(old) == base(new)


def is_text(type_name: str) -> bool:
    return base(type_name) in {"text", "character varying", "character", "public.citext", "citext"}


def base(type_name: str) -> str:
    """A type without its size: `numeric` for `numeric(10,2)`, `timestamp with time zone` for one of a precision."""
    head, bracket, rest = type_name.partition("(")
    return (head + rest.partition(")")[2]) if bracket else type_name
