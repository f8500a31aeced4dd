"""What is known about two types without a database: what a conversion loses, and what it refuses."""

import re

from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Column, Domain, Enum

_FAMILIES = (
    frozenset({"smallint", "integer", "bigint"}),
    frozenset({"real", "double precision"}),
    frozenset({"text", "character varying"}),
)


def find_base_type(type_name: str, catalog: Catalog) -> str:
    """The type that values of a type are stored as: a domain's is the one that it was made of."""
    item = type_name.removesuffix("[]")
    schema, _, bare = item.rpartition(".")
    found = catalog.objects.get(("type", schema or "public", bare.strip('"')))
    if not isinstance(found, Domain):
        return type_name
    return find_base_type(found.type, catalog) + type_name[len(item) :]


def remove_limits(type_name: str) -> str:
    """The type to cast to on the way to another: an explicit cast to varchar(3) or bit(3) cuts a longer value off
    without an error, where a whole value that is assigned to such a column is one.
    """
    item = type_name.removesuffix("[]")
    whole = {"character varying": "character varying", "character": "text", "bit": "bit varying"}.get(
        strip_modifier(item), item
    )
    return whole + type_name[len(item) :]


def find_lossy_part(old: str, new: str, *, is_downgrade: bool = False) -> str | None:
    """What a value loses, without an error, on its way from a type to another; None where it loses nothing. A `{}`
    stands for the column. `restoring` is the way back, on which a text that became an array is its first element.
    """
    if old.endswith("[]") and not new.endswith("[]"):
        whole = (is_text(new) and not is_downgrade) or new in _JSON_TYPES
        return None if whole else "all but the first element of {}"
    one, other = old.removesuffix("[]"), new.removesuffix("[]")
    was, now = strip_modifier(one), strip_modifier(other)
    if (said := _find_lost_digits(one, other)) is not None:
        return said
    if now == "boolean" and was in {*_DIGITS, "numeric", "real", "double precision"}:
        return "which number {} is where it is not 0"
    if was != now and {was, now} <= _GEOMETRIC_TYPES:
        return f"what a {now} does not hold of {{}}"
    if now == "name" and is_text(was):
        return "what {} has beyond 63 bytes"
    if was == now == "interval" and (fields := _interval_fields(other)) and _interval_fields(one) != fields:
        return f"what {{}} has beside {fields}"
    if now in {"daterange", "datemultirange"} and was in {"tsrange", "tsmultirange"}:
        return "the times of day of {}"
    if now == "date" and (was.startswith("timestamp") or is_text(was)):
        return "the time of day of {}"
    if now.startswith("time ") and was.startswith("timestamp"):
        return "the date of {}"
    if now.startswith("time ") and was == "interval":
        return "the days of {}"
    if now == "timestamp without time zone" and is_text(was):
        return "the time zone that {} names"
    if (was, now) == ("time with time zone", "time without time zone"):
        return "the time zone of {}"
    if (
        was.startswith(("time", "interval"))
        and now.startswith(("time", "interval"))
        and _second_digits(other) < _second_digits(one)
    ):
        return f"what {{}} has beyond {_second_digits(other)} digits of a second"
    return "the address of {} within its network" if (was, now) == ("inet", "cidr") else None


def uses_column(expression: str, column: str) -> bool:
    """Whether an expression reads a column of its table; one that does not throws the column's values away."""
    return re.search(rf"(?<![\w$]){re.escape(column)}(?![\w$])", expression, re.IGNORECASE) is not None


def find_respelling(old: str, new: str, *, is_downgrade: bool = False) -> str | None:
    """What a conversion changes of how a value is written, but not of what it says; None where it changes nothing. A
    `{}` stands for the column.
    """
    if old.endswith("[]") and not new.endswith("[]"):
        return None
    one, other = old.removesuffix("[]"), new.removesuffix("[]")
    was, now, length = strip_modifier(one), strip_modifier(other), [*parse_modifier(other), 0][0]
    if (was, now) == ("json", "jsonb"):
        return "the spaces in {0}, the order of its keys, and keys that it repeats"
    if was in _JSON_TYPES and now not in {*_JSON_TYPES, "bytea"} and not (is_text(now) and not new.endswith("[]")):
        return "how {} is written as JSON"
    written = is_text(was) or was in {"bytea", "json", "xml"}
    if written and is_text(now) and length and (now == "character" or not 0 < [*parse_modifier(one), 0][0] <= length):
        return "the spaces that {} ends with" + ("" if now == "character" else f" beyond {length} characters")
    literal = is_text(old) and is_downgrade and new.endswith("[]")
    if (
        literal
        or (was, now) == ("bytea", "jsonb")
        or (is_text(was) and not is_text(now) and now not in _VERBATIM_TYPES)
    ):
        return f"how {{}} is written, where PostgreSQL writes {new} in another way"
    return None


_JSON_TYPES = frozenset({"json", "jsonb"})
_GEOMETRIC_TYPES = frozenset({"point", "line", "lseg", "box", "path", "polygon", "circle"})
_VERBATIM_TYPES = frozenset({"bytea", "bit", "bit varying", "xml", "json", "name"})
"""Types, beside texts and enums, in which a text stays as it is written."""


def _interval_fields(type_name: str) -> str:
    """The fields that a type of intervals is for, such as `day to second`."""
    return re.sub(r"\(\d+\)", "", type_name).removeprefix("interval").strip()


def is_narrowing(old: str, new: str) -> bool:
    """Whether values of the old type may be too long or too large for the new one, which is then an error."""
    one, other = old.removesuffix("[]"), new.removesuffix("[]")
    was, now, size = strip_modifier(one), strip_modifier(other), [*parse_modifier(other), 0]
    if now in {"character varying", "character"} and size[0]:
        longest = _LONGEST_TEXT.get(was, 1000)
        return (parse_modifier(one) or [longest])[0] > size[0] if is_text(was) else longest > size[0]
    if now in _DIGITS and (was in _DIGITS or was in {"numeric", "real", "double precision"}):
        return was not in _DIGITS or _DIGITS[was] > _DIGITS[now]
    if now == "numeric" and size[0] and (was in _DIGITS or was in {"numeric", "real", "double precision"}):
        had = [*parse_modifier(one), 0]
        return _DIGITS.get(was, had[0] - had[1] if had[0] else 1000) > size[0] - size[1]
    if now in _BIT_TYPES and was != now:
        return size[0] > 0
    return now == was and now in _BIT_TYPES and one != other and size[0] > 0


_BIT_TYPES = frozenset({"bit", "bit varying"})
_DIGITS = {"smallint": 5, "integer": 10, "bigint": 19}
_LONGEST_TEXT = {"boolean": 5, "smallint": 6, "integer": 11, "bigint": 20, "uuid": 36}
"""Letters that the longest text of a type has."""


def _find_lost_digits(old: str, new: str) -> str | None:
    was, now = strip_modifier(old), strip_modifier(new)
    if was in _JSON_TYPES and now in {"numeric", "money", "real", "double precision"}:
        was = old = "numeric"
    if was not in {"numeric", "money", "real", "double precision", "bigint", "integer"} and not is_text(was):
        return None
    scales = {"money": 2, "bigint": 0, "integer": 0}
    had, has = (scales.get(strip_modifier(name), ([*parse_modifier(name), None, None])[1]) for name in (old, new))
    if is_text(was):
        return _find_lost_text_digits(now, has)
    if now in {"smallint", "integer", "bigint"}:
        return "what {} has after the point" if had != 0 else None
    if now in {"numeric", "money"} and has is not None and (had is None or had > has):
        return _describe_scale(has)
    digits = {"integer": 10, "bigint": 19, "double precision": 17}.get(was, ([*parse_modifier(old), 1000])[0])
    kept = {"real": 6, "double precision": 15, "numeric": 6 if was == "real" else 15}.get(now, 1000)
    floats = {"real", "double precision"}
    if was == now or not floats & {was, now} or (was, now) == ("real", "double precision"):
        return None
    return f"what {{}} has beyond {kept} digits" if digits > kept else None


def _find_lost_text_digits(now: str, scale: int | None) -> str | None:
    zeros, kept = "the zeros that {0} begins with", {"real": 6, "double precision": 15}.get(now)
    if now in {"numeric", "money"} and scale is not None:
        return f"{zeros}, and {_describe_scale(scale)}"
    if kept is not None:
        return f"{zeros}, and what {{0}} has beyond {kept} digits"
    return zeros if now in _DIGITS or now == "numeric" else None


def _describe_scale(scale: int) -> str:
    many = f"{scale} digit{'s' if scale > 1 else ''}"
    return f"what {{0}} has beyond {many} after the point" if scale else "what {0} has after the point"


def _second_digits(type_name: str) -> int:
    """The digits after the second that a type of times has."""
    return ([*parse_modifier(type_name), 6])[0]


def needs_no_rewrite(old: Column, new: Column) -> bool:
    """Whether PostgreSQL takes a column's values for values of the new type as they are, and rewrites no row."""
    if old.collation != new.collation:
        return True  # another order of the same values: what it costs is its indexes
    if old.type == new.type or (old.type, new.type) == ("cidr", "inet"):
        return True
    was, now = parse_modifier(old.type), parse_modifier(new.type)
    if (
        is_text(old.type)
        and is_text(new.type)
        and "character" not in {strip_modifier(old.type), strip_modifier(new.type)}
    ):
        return not now or (bool(was) and was[0] <= now[0])
    if (
        strip_modifier(old.type) != strip_modifier(new.type)
        or strip_modifier(old.type) in {"character", "bit"}
        or "[]" in old.type
    ):
        return False
    if strip_modifier(old.type) == "numeric":
        return not now or (bool(was) and was[0] <= now[0] and was[1:] == now[1:])
    return not now or (bool(was) and was[0] <= now[0])


def parse_modifier(type_name: str) -> list[int]:
    """The numbers in a type's parentheses."""
    return [int(number) for number in re.findall(r"\d+", type_name.partition("(")[2])]


def find_enum(type_name: str, catalog: Catalog) -> Enum | None:
    schema, _, bare = type_name.removesuffix("[]").rpartition(".")
    found = catalog.objects.get(("type", schema or "public", bare.strip('"')))
    return found if isinstance(found, Enum) else None


def are_same_family(old: str, new: str) -> bool:
    return any(
        strip_modifier(old) in family and strip_modifier(new) in family for family in _FAMILIES
    ) or strip_modifier(old) == strip_modifier(new)


def is_text(type_name: str) -> bool:
    return strip_modifier(type_name) in {"text", "character varying", "character", "public.citext", "citext"}


def strip_modifier(type_name: str) -> str:
    """A type without its size: `numeric` for `numeric(10,2)`, `timestamp with time zone` for one of a precision,
    `interval` for one of some fields.
    """
    if type_name.startswith("interval"):
        return "interval[]" if type_name.endswith("[]") else "interval"
    head, bracket, rest = type_name.partition("(")
    return (head + rest.partition(")")[2]) if bracket else type_name
