"""How a value of one type becomes a value of another."""

import re

from seedbed.migrating.comparing.knowledge import Knowledge
from seedbed.migrating.comparing.statements import name
from seedbed.postgres.catalogue import Catalogue
from seedbed.postgres.catalogue.model import Column, Domain, Enum

_FAMILIES = (
    frozenset({"smallint", "integer", "bigint"}),
    frozenset({"real", "double precision"}),
    frozenset({"text", "character varying"}),
)
_INSTANT = "timestamp with time zone"
_INSTANTS = {"timestamp without time zone", _INSTANT}
"""Where PostgreSQL converts between these by itself, it goes by the time zone of whoever's session that is."""


def conversion(old: Column, new: Column, before: Catalogue, after: Catalogue, knowledge: Knowledge) -> str | None:
    """The USING expression for a change that PostgreSQL does not make by itself, or None."""
    was, now = underlying(old.type, before), underlying(new.type, after)
    own, to = name(old.name), unsized(now)
    if was.endswith("[]") and now in {"json", "jsonb"}:
        return f"to_{now}({own})"
    if same_family(was, now) or was == now:
        return None
    if {base(was), base(now)} == _INSTANTS:
        return f"{own} AT TIME ZONE 'UTC'"
    if base(was) == _INSTANT and base(now) in {"date", "time without time zone"}:
        return f"({own} AT TIME ZONE 'UTC')::{to}"
    if base(was) == "date" and base(now) == _INSTANT:
        return f"{own}::timestamp AT TIME ZONE 'UTC'"
    if "bytea" in {was, now} and (is_text(was) or is_text(now)):
        return f"convert_{'to' if now == 'bytea' else 'from'}({own}, 'UTF8')"
    if now == f"{was}[]" or (now.endswith("[]") and not was.endswith("[]")):
        return f"CASE WHEN {own} IS NULL THEN NULL ELSE ARRAY[{own}]::{to} END"
    if was.endswith("[]") and not now.endswith("[]") and not is_text(now):
        return f"({own})[1]::{to}"
    if enum_of(was, before) or enum_of(now, after):
        return f"{own}::text::{to}"
    if (base(was), base(now)) in knowledge.casts or is_text(was) or is_text(now):
        return f"{own}::{to}"
    return f"{own}::text::{to}"


def underlying(type_name: str, catalogue: Catalogue) -> str:
    """The type that values of a type are stored as: a domain's is the one that it was made of."""
    item = type_name.removesuffix("[]")
    schema, _, bare = item.rpartition(".")
    found = catalogue.objects.get(("type", schema or "public", bare.strip('"')))
    if not isinstance(found, Domain):
        return type_name
    return underlying(found.type, catalogue) + type_name[len(item) :]


def unsized(type_name: str) -> str:
    """The type to cast to on the way to another: an explicit cast to varchar(3) cuts a longer text off without a word,
    where a whole text that is assigned to such a column is an error.
    """
    item = type_name.removesuffix("[]")
    whole = {"character varying": "character varying", "character": "text"}.get(base(item), item)
    return whole + type_name[len(item) :]


def shortfall(old: str, new: str) -> str | None:
    """What PostgreSQL leaves off of a value, without an error, on its way from a type to another; None where it leaves
    off nothing. A `{}` stands for the column.
    """
    if old.endswith("[]") and not new.endswith("[]"):
        return None if is_text(new) or new in {"json", "jsonb"} else "all but the first element of {}"
    one, other = old.removesuffix("[]"), new.removesuffix("[]")
    was, now = base(one), base(other)
    if (said := _left_off_a_number(one, other)) is not None:
        return said
    if (was, now) == ("integer", "boolean"):
        return "which number {} is where it is not 0"
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


def narrows(old: str, new: str) -> bool:
    """Whether values of the old type may be too long or too large for the new one, which is then an error."""
    one, other = old.removesuffix("[]"), new.removesuffix("[]")
    was, now, size = base(one), base(other), [*_sizes(other), 0]
    if now in {"character varying", "character"} and size[0]:
        longest = _LONGEST.get(was, 1000)
        return (_sizes(one) or [longest])[0] > size[0] if is_text(was) else longest > size[0]
    if now in _DIGITS and (was in _DIGITS or was in {"numeric", "real", "double precision"}):
        return was not in _DIGITS or _DIGITS[was] > _DIGITS[now]
    if now == "numeric" and size[0] and (was in _DIGITS or was in {"numeric", "real", "double precision"}):
        had = [*_sizes(one), 0]
        return _DIGITS.get(was, had[0] - had[1] if had[0] else 1000) > size[0] - size[1]
    return now == was == "bit" and one != other


_DIGITS = {"smallint": 5, "integer": 10, "bigint": 19}
_LONGEST = {"boolean": 5, "smallint": 6, "integer": 11, "bigint": 20, "uuid": 36}
"""Letters that the longest text of a type has."""


def _left_off_a_number(old: str, new: str) -> str | None:
    was, now = base(old), base(new)
    if was not in {"numeric", "money", "real", "double precision", "bigint", "integer"} and not is_text(was):
        return None
    scales = {"money": 2, "bigint": 0, "integer": 0}
    had, has = (scales.get(base(name), ([*_sizes(name), None, None])[1]) for name in (old, new))
    if is_text(was):
        return _left_off_a_written_number(now, has)
    if now in {"smallint", "integer", "bigint"}:
        return "what {} has after the point" if had != 0 else None
    if now in {"numeric", "money"} and has is not None and (had is None or had > has):
        return _beyond(has)
    digits = {"integer": 10, "bigint": 19, "double precision": 17}.get(was, ([*_sizes(old), 1000])[0])
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
    return ([*_sizes(type_name), 6])[0]


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
