"""What conversions between two data types lose or refuse, determined without a database."""

import re

from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Column, Domain, Enum

_FAMILIES = (
    frozenset({"smallint", "integer", "bigint"}),
    frozenset({"real", "double precision"}),
    frozenset({"text", "character varying"}),
)


def find_base_type(type_name: str, catalog: Catalog) -> str:
    """The type in which values are stored: the base type of a domain, otherwise the type itself."""
    element_type = type_name.removesuffix("[]")
    schema, _, name = element_type.rpartition(".")
    user_type = catalog.objects.get(("type", schema or "public", name.strip('"')))
    if not isinstance(user_type, Domain):
        return type_name
    return find_base_type(user_type.type, catalog) + type_name[len(element_type) :]


def remove_limits(type_name: str) -> str:
    """The type to cast to before another conversion: a cast to varchar(3) or bit(3) truncates longer values silently,
    while assigning one to such a column is an error.
    """
    element_type = type_name.removesuffix("[]")
    unlimited = {"character varying": "character varying", "character": "text", "bit": "bit varying"}.get(
        strip_modifier(element_type), element_type
    )
    return unlimited + type_name[len(element_type) :]


def find_lossy_part(old: str, new: str, *, is_downgrade: bool = False) -> str | None:
    """Describe what a value loses silently in a conversion, or None; `{}` stands for the column.

    In a downgrade, a text that had become an array is its first element.
    """
    if old.endswith("[]") and not new.endswith("[]"):
        keeps_all = (is_text(new) and not is_downgrade) or new in _JSON_TYPES
        return None if keeps_all else "all but the first element of {}"
    old_element, new_element = old.removesuffix("[]"), new.removesuffix("[]")
    old_name, new_name = strip_modifier(old_element), strip_modifier(new_element)
    if (lost_digits := _find_lost_digits(old_element, new_element)) is not None:
        return lost_digits
    if new_name == "boolean" and old_name in {*_DIGITS, "numeric", "real", "double precision"}:
        return "which number {} is where it is not 0"
    if old_name != new_name and {old_name, new_name} <= _GEOMETRIC_TYPES:
        return f"what a {new_name} does not hold of {{}}"
    if new_name == "name" and is_text(old_name):
        return "what {} has beyond 63 bytes"
    if (
        old_name == new_name == "interval"
        and (fields := _interval_fields(new_element))
        and _interval_fields(old_element) != fields
    ):
        return f"what {{}} has beside {fields}"
    if new_name in {"daterange", "datemultirange"} and old_name in {"tsrange", "tsmultirange"}:
        return "the times of day of {}"
    if new_name == "date" and (old_name.startswith("timestamp") or is_text(old_name)):
        return "the time of day of {}"
    if new_name.startswith("time ") and old_name.startswith("timestamp"):
        return "the date of {}"
    if new_name.startswith("time ") and old_name == "interval":
        return "the days of {}"
    if new_name == "timestamp without time zone" and is_text(old_name):
        return "the time zone that {} names"
    if (old_name, new_name) == ("time with time zone", "time without time zone"):
        return "the time zone of {}"
    if (
        old_name.startswith(("time", "interval"))
        and new_name.startswith(("time", "interval"))
        and _second_digits(new_element) < _second_digits(old_element)
    ):
        return f"what {{}} has beyond {_second_digits(new_element)} digits of a second"
    return "the address of {} within its network" if (old_name, new_name) == ("inet", "cidr") else None


def uses_column(expression: str, column: str) -> bool:
    """Whether an expression reads a column of its table. One that does not discards the column's values."""
    return re.search(rf"(?<![\w$]){re.escape(column)}(?![\w$])", expression, re.IGNORECASE) is not None


def find_respelling(old: str, new: str, *, is_downgrade: bool = False) -> str | None:
    """Describe what a conversion changes in how a value is written but not in its meaning, or None; `{}` stands for the
    column.
    """
    if old.endswith("[]") and not new.endswith("[]"):
        return None
    old_element, new_element = old.removesuffix("[]"), new.removesuffix("[]")
    old_name, new_name, new_length = (
        strip_modifier(old_element),
        strip_modifier(new_element),
        [*parse_modifier(new_element), 0][0],
    )
    if (old_name, new_name) == ("json", "jsonb"):
        return "the spaces in {0}, the order of its keys, and keys that it repeats"
    if (
        old_name in _JSON_TYPES
        and new_name not in {*_JSON_TYPES, "bytea"}
        and not (is_text(new_name) and not new.endswith("[]"))
    ):
        return "how {} is written as JSON"
    is_text_form = is_text(old_name) or old_name in {"bytea", "json", "xml"}
    if (
        is_text_form
        and is_text(new_name)
        and new_length
        and (new_name == "character" or not 0 < [*parse_modifier(old_element), 0][0] <= new_length)
    ):
        return "the spaces that {} ends with" + ("" if new_name == "character" else f" beyond {new_length} characters")
    is_array_literal = is_text(old) and is_downgrade and new.endswith("[]")
    if (
        is_array_literal
        or (old_name, new_name) == ("bytea", "jsonb")
        or (is_text(old_name) and not is_text(new_name) and new_name not in _VERBATIM_TYPES)
    ):
        return f"how {{}} is written, where PostgreSQL writes {new} in another way"
    return None


_JSON_TYPES = frozenset({"json", "jsonb"})
_GEOMETRIC_TYPES = frozenset({"point", "line", "lseg", "box", "path", "polygon", "circle"})
_VERBATIM_TYPES = frozenset({"bytea", "bit", "bit varying", "xml", "json", "name"})
"""Types, besides texts and enums, that keep a text as it is written."""


def _interval_fields(type_name: str) -> str:
    """The fields of an interval type, such as `day to second`."""
    return re.sub(r"\(\d+\)", "", type_name).removeprefix("interval").strip()


def is_narrowing(old: str, new: str) -> bool:
    """Whether values of the old type may be too long or too large for the new one, which is an error."""
    old_element, new_element = old.removesuffix("[]"), new.removesuffix("[]")
    old_name, new_name, new_modifier = (
        strip_modifier(old_element),
        strip_modifier(new_element),
        [*parse_modifier(new_element), 0],
    )
    if new_name in {"character varying", "character"} and new_modifier[0]:
        longest_text = _LONGEST_TEXT.get(old_name, 1000)
        return (
            (parse_modifier(old_element) or [longest_text])[0] > new_modifier[0]
            if is_text(old_name)
            else longest_text > new_modifier[0]
        )
    if new_name in _DIGITS and (old_name in _DIGITS or old_name in {"numeric", "real", "double precision"}):
        return old_name not in _DIGITS or _DIGITS[old_name] > _DIGITS[new_name]
    if (
        new_name == "numeric"
        and new_modifier[0]
        and (old_name in _DIGITS or old_name in {"numeric", "real", "double precision"})
    ):
        old_modifier = [*parse_modifier(old_element), 0]
        return (
            _DIGITS.get(old_name, old_modifier[0] - old_modifier[1] if old_modifier[0] else 1000)
            > new_modifier[0] - new_modifier[1]
        )
    if new_name in _BIT_TYPES and old_name != new_name:
        return new_modifier[0] > 0
    return new_name == old_name and new_name in _BIT_TYPES and old_element != new_element and new_modifier[0] > 0


_BIT_TYPES = frozenset({"bit", "bit varying"})
_DIGITS = {"smallint": 5, "integer": 10, "bigint": 19}
_LONGEST_TEXT = {"boolean": 5, "smallint": 6, "integer": 11, "bigint": 20, "uuid": 36}
"""The length of a type's longest text."""


def _find_lost_digits(old: str, new: str) -> str | None:
    old_name, new_name = strip_modifier(old), strip_modifier(new)
    if old_name in _JSON_TYPES and new_name in {"numeric", "money", "real", "double precision"}:
        old_name = old = "numeric"
    if old_name not in {"numeric", "money", "real", "double precision", "bigint", "integer"} and not is_text(old_name):
        return None
    scales = {"money": 2, "bigint": 0, "integer": 0}
    old_scale, new_scale = (
        scales.get(strip_modifier(name), ([*parse_modifier(name), None, None])[1]) for name in (old, new)
    )
    if is_text(old_name):
        return _find_lost_text_digits(new_name, new_scale)
    if new_name in {"smallint", "integer", "bigint"}:
        return "what {} has after the point" if old_scale != 0 else None
    if new_name in {"numeric", "money"} and new_scale is not None and (old_scale is None or old_scale > new_scale):
        return _describe_scale(new_scale)
    old_digits = {"integer": 10, "bigint": 19, "double precision": 17}.get(old_name, ([*parse_modifier(old), 1000])[0])
    kept_digits = {"real": 6, "double precision": 15, "numeric": 6 if old_name == "real" else 15}.get(new_name, 1000)
    float_types = {"real", "double precision"}
    if (
        old_name == new_name
        or not float_types & {old_name, new_name}
        or (old_name, new_name) == ("real", "double precision")
    ):
        return None
    return f"what {{}} has beyond {kept_digits} digits" if old_digits > kept_digits else None


def _find_lost_text_digits(new_name: str, scale: int | None) -> str | None:
    zeros, kept_digits = "the zeros that {0} begins with", {"real": 6, "double precision": 15}.get(new_name)
    if new_name in {"numeric", "money"} and scale is not None:
        return f"{zeros}, and {_describe_scale(scale)}"
    if kept_digits is not None:
        return f"{zeros}, and what {{0}} has beyond {kept_digits} digits"
    return zeros if new_name in _DIGITS or new_name == "numeric" else None


def _describe_scale(scale: int) -> str:
    digits = f"{scale} digit{'s' if scale > 1 else ''}"
    return f"what {{0}} has beyond {digits} after the point" if scale else "what {0} has after the point"


def _second_digits(type_name: str) -> int:
    """The fractional digits of seconds that a type keeps."""
    return ([*parse_modifier(type_name), 6])[0]


def needs_no_rewrite(old: Column, new: Column) -> bool:
    """Whether PostgreSQL reads a column's values as values of the new type, without rewriting a row."""
    if old.collation != new.collation:
        return True  # only indexes are rebuilt, for another order of the same values
    if old.type == new.type or (old.type, new.type) == ("cidr", "inet"):
        return True
    old_name, new_name = parse_modifier(old.type), parse_modifier(new.type)
    if (
        is_text(old.type)
        and is_text(new.type)
        and "character" not in {strip_modifier(old.type), strip_modifier(new.type)}
    ):
        return not new_name or (bool(old_name) and old_name[0] <= new_name[0])
    if (
        strip_modifier(old.type) != strip_modifier(new.type)
        or strip_modifier(old.type) in {"character", "bit"}
        or "[]" in old.type
    ):
        return False
    if strip_modifier(old.type) == "numeric":
        return not new_name or (bool(old_name) and old_name[0] <= new_name[0] and old_name[1:] == new_name[1:])
    return not new_name or (bool(old_name) and old_name[0] <= new_name[0])


def parse_modifier(type_name: str) -> list[int]:
    """The numbers of a type modifier, such as 10 and 2 of `numeric(10,2)`."""
    return [int(number) for number in re.findall(r"\d+", type_name.partition("(")[2])]


def find_enum(type_name: str, catalog: Catalog) -> Enum | None:
    schema, _, name = type_name.removesuffix("[]").rpartition(".")
    user_type = catalog.objects.get(("type", schema or "public", name.strip('"')))
    return user_type if isinstance(user_type, Enum) else None


def are_same_family(old: str, new: str) -> bool:
    return any(
        strip_modifier(old) in family and strip_modifier(new) in family for family in _FAMILIES
    ) or strip_modifier(old) == strip_modifier(new)


def is_text(type_name: str) -> bool:
    return strip_modifier(type_name) in {"text", "character varying", "character", "public.citext", "citext"}


def strip_modifier(type_name: str) -> str:
    """A type without its modifier: `numeric` for `numeric(10,2)`, `interval` for one with fields."""
    if type_name.startswith("interval"):
        return "interval[]" if type_name.endswith("[]") else "interval"
    head, bracket, rest = type_name.partition("(")
    return (head + rest.partition(")")[2]) if bracket else type_name
