"""What is known about two types without a database: what a conversion loses, and what it refuses."""

import re

from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Column, Domain, Enum

_FAMILIES = (
    frozenset({"smallint", "integer", "bigint"}),
    frozenset({"real", "double precision"}),
    frozenset({"text", "character varying"}),
)


def underlying(type_name: str, catalog: Catalog) -> str:
    """The type that values of a type are stored as: a domain's is the one that it was made of."""
    item = type_name.removesuffix("[]")
    schema, _, bare = item.rpartition(".")
    found = catalog.objects.get(("type", schema or "public", bare.strip('"')))
    if not isinstance(found, Domain):
        return type_name
    return underlying(found.type, catalog) + type_name[len(item) :]


def unsized(type_name: str) -> str:
    """The type to cast to on the way to another: an explicit cast to varchar(3) or bit(3) cuts a longer value off
    without an error, where a whole value that is assigned to such a column is one.
    """
    item = type_name.removesuffix("[]")
    whole = {"character varying": "character varying", "character": "text", "bit": "bit varying"}.get(base(item), item)
    return whole + type_name[len(item) :]


def shortfall(old: str, new: str, *, restoring: bool = False) -> str | None:
    """What a value loses, without an error, on its way from a type to another; None where it loses nothing. A `{}`
    stands for the column. `restoring` is the way back, on which a text that became an array is its first element.
    """
    if old.endswith("[]") and not new.endswith("[]"):
        whole = (is_text(new) and not restoring) or new in _JSON
        return None if whole else "all but the first element of {}"
    one, other = old.removesuffix("[]"), new.removesuffix("[]")
    was, now = base(one), base(other)
    if (said := _left_off_a_number(one, other)) is not None:
        return said
    if now == "boolean" and was in {*_DIGITS, "numeric", "real", "double precision"}:
        return "which number {} is where it is not 0"
    if was != now and {was, now} <= _SHAPES:
        return f"what a {now} does not hold of {{}}"
    if now == "name" and is_text(was):
        return "what {} has beyond 63 bytes"
    if was == now == "interval" and (fields := _fields(other)) and _fields(one) != fields:
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
    if was.startswith(("time", "interval")) and now.startswith(("time", "interval")) and _places(other) < _places(one):
        return f"what {{}} has beyond {_places(other)} digits of a second"
    return "the address of {} within its network" if (was, now) == ("inet", "cidr") else None


def uses_column(expression: str, column: str) -> bool:
    """Whether an expression reads a column of its table; one that does not throws the column's values away."""
    return re.search(rf"(?<![\w$]){re.escape(column)}(?![\w$])", expression, re.IGNORECASE) is not None


def respelling(old: str, new: str, *, restoring: bool = False) -> str | None:
    """What a conversion changes of how a value is written, but not of what it says; None where it changes nothing. A
    `{}` stands for the column.
    """
    if old.endswith("[]") and not new.endswith("[]"):
        return None
    one, other = old.removesuffix("[]"), new.removesuffix("[]")
    was, now, length = base(one), base(other), [*sizes(other), 0][0]
    if (was, now) == ("json", "jsonb"):
        return "the spaces in {0}, the order of its keys, and keys that it repeats"
    if was in _JSON and now not in {*_JSON, "bytea"} and not (is_text(now) and not new.endswith("[]")):
        return "how {} is written as JSON"
    written = is_text(was) or was in {"bytea", "json", "xml"}
    if written and is_text(now) and length and (now == "character" or not 0 < [*sizes(one), 0][0] <= length):
        return "the spaces that {} ends with" + ("" if now == "character" else f" beyond {length} characters")
    literal = is_text(old) and restoring and new.endswith("[]")
    if literal or (was, now) == ("bytea", "jsonb") or (is_text(was) and not is_text(now) and now not in _EXACT):
        return f"how {{}} is written, where PostgreSQL writes {new} in another way"
    return None


_JSON = frozenset({"json", "jsonb"})
_SHAPES = frozenset({"point", "line", "lseg", "box", "path", "polygon", "circle"})
_EXACT = frozenset({"bytea", "bit", "bit varying", "xml", "json", "name"})
"""Types, beside texts and enums, in which a text stays as it is written."""


def _fields(type_name: str) -> str:
    """The fields that a type of intervals is for, such as `day to second`."""
    return re.sub(r"\(\d+\)", "", type_name).removeprefix("interval").strip()


def narrows(old: str, new: str) -> bool:
    """Whether values of the old type may be too long or too large for the new one, which is then an error."""
    one, other = old.removesuffix("[]"), new.removesuffix("[]")
    was, now, size = base(one), base(other), [*sizes(other), 0]
    if now in {"character varying", "character"} and size[0]:
        longest = _LONGEST.get(was, 1000)
        return (sizes(one) or [longest])[0] > size[0] if is_text(was) else longest > size[0]
    if now in _DIGITS and (was in _DIGITS or was in {"numeric", "real", "double precision"}):
        return was not in _DIGITS or _DIGITS[was] > _DIGITS[now]
    if now == "numeric" and size[0] and (was in _DIGITS or was in {"numeric", "real", "double precision"}):
        had = [*sizes(one), 0]
        return _DIGITS.get(was, had[0] - had[1] if had[0] else 1000) > size[0] - size[1]
    if now in _BITS and was != now:
        return size[0] > 0
    return now == was and now in _BITS and one != other and size[0] > 0


_BITS = frozenset({"bit", "bit varying"})
_DIGITS = {"smallint": 5, "integer": 10, "bigint": 19}
_LONGEST = {"boolean": 5, "smallint": 6, "integer": 11, "bigint": 20, "uuid": 36}
"""Letters that the longest text of a type has."""


def _left_off_a_number(old: str, new: str) -> str | None:
    was, now = base(old), base(new)
    if was in _JSON and now in {"numeric", "money", "real", "double precision"}:
        was = old = "numeric"
    if was not in {"numeric", "money", "real", "double precision", "bigint", "integer"} and not is_text(was):
        return None
    scales = {"money": 2, "bigint": 0, "integer": 0}
    had, has = (scales.get(base(name), ([*sizes(name), None, None])[1]) for name in (old, new))
    if is_text(was):
        return _left_off_a_written_number(now, has)
    if now in {"smallint", "integer", "bigint"}:
        return "what {} has after the point" if had != 0 else None
    if now in {"numeric", "money"} and has is not None and (had is None or had > has):
        return _beyond(has)
    digits = {"integer": 10, "bigint": 19, "double precision": 17}.get(was, ([*sizes(old), 1000])[0])
    kept = {"real": 6, "double precision": 15, "numeric": 6 if was == "real" else 15}.get(now, 1000)
    floats = {"real", "double precision"}
    if was == now or not floats & {was, now} or (was, now) == ("real", "double precision"):
        return None
    return f"what {{}} has beyond {kept} digits" if digits > kept else None


def _left_off_a_written_number(now: str, scale: int | None) -> str | None:
    zeros, kept = "the zeros that {0} begins with", {"real": 6, "double precision": 15}.get(now)
    if now in {"numeric", "money"} and scale is not None:
        return f"{zeros}, and {_beyond(scale)}"
    if kept is not None:
        return f"{zeros}, and what {{0}} has beyond {kept} digits"
    return zeros if now in _DIGITS or now == "numeric" else None


def _beyond(scale: int) -> str:
    many = f"{scale} digit{'s' if scale > 1 else ''}"
    return f"what {{0}} has beyond {many} after the point" if scale else "what {0} has after the point"


def _places(type_name: str) -> int:
    """The digits after the second that a type of times has."""
    return ([*sizes(type_name), 6])[0]


def stays_in_place(old: Column, new: Column) -> bool:
    """Whether PostgreSQL takes a column's values for values of the new type as they are, and rewrites no row."""
    if old.collation != new.collation:
        return True  # another order of the same values: what it costs is its indexes
    if old.type == new.type or (old.type, new.type) == ("cidr", "inet"):
        return True
    was, now = sizes(old.type), sizes(new.type)
    if is_text(old.type) and is_text(new.type) and "character" not in {base(old.type), base(new.type)}:
        return not now or (bool(was) and was[0] <= now[0])
    if base(old.type) != base(new.type) or base(old.type) in {"character", "bit"} or "[]" in old.type:
        return False
    if base(old.type) == "numeric":
        return not now or (bool(was) and was[0] <= now[0] and was[1:] == now[1:])
    return not now or (bool(was) and was[0] <= now[0])


def sizes(type_name: str) -> list[int]:
    """The numbers in a type's parentheses."""
    return [int(number) for number in re.findall(r"\d+", type_name.partition("(")[2])]


def enum_of(type_name: str, catalog: Catalog) -> Enum | None:
    schema, _, bare = type_name.removesuffix("[]").rpartition(".")
    found = catalog.objects.get(("type", schema or "public", bare.strip('"')))
    return found if isinstance(found, Enum) else None


def same_family(old: str, new: str) -> bool:
    return any(base(old) in family and base(new) in family for family in _FAMILIES) or base(old) == base(new)


def is_text(type_name: str) -> bool:
    return base(type_name) in {"text", "character varying", "character", "public.citext", "citext"}


def base(type_name: str) -> str:
    """A type without its size: `numeric` for `numeric(10,2)`, `timestamp with time zone` for one of a precision,
    `interval` for one of some fields.
    """
    if type_name.startswith("interval"):
        return "interval[]" if type_name.endswith("[]") else "interval"
    head, bracket, rest = type_name.partition("(")
    return (head + rest.partition(")")[2]) if bracket else type_name
