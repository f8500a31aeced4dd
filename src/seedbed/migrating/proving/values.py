"""A few values for a column of any type, awkward ones among them, as PostgreSQL reads them from text."""

import re
from collections.abc import Sequence

from seedbed.postgres.catalogue import Catalogue
from seedbed.postgres.catalogue.model import Enum

_ENOUGH = 16
"""Values that a unique column has at least, where its type has as many: each of two fillings takes a half of them."""

_NUMBERS = ["1", "0", "2", "10", "-1", "100", "7", "42", "1000"]
_TEXTS = ["plain", 'O\'Neil \\ "x" %s :y', "", "žluťoučký 🌱", "a@b.example", "1", "A", "a-1"]
_INTEGERS = frozenset({"int2", "int4", "int8", "numeric", "float4", "float8"})
_BY_CATEGORY = {
    "N": _NUMBERS,
    "S": _TEXTS,
    "B": ["true", "false"],
    "T": ["10 days", "0", "-3 hours"],
    "I": ["10.0.0.1", "10.0.0.2"],
    "V": ["101", "1", "0"],
    "A": ["{}", "{NULL}"],
    "R": ["empty"],
}
_BY_NAME = {
    "date": ["2024-02-29", "1970-01-01", "2031-12-31"],
    "timestamp": ["2024-02-29 12:34:56.789012", "1970-01-01 00:00:00", "2031-12-31 23:59:59"],
    "timestamptz": ["2024-02-29 12:34:56.789012+00", "1970-01-01 00:00:00+02", "2031-12-31 23:59:59+00"],
    "time": ["12:34:56", "00:00:00"],
    "timetz": ["12:34:56+00", "00:00:00+02"],
    "uuid": [],
    "json": ['{"a": 1}', "[]", '"x"', "null"],
    "jsonb": ['{"a": 1}', "[]", '"x"', "null"],
    "bytea": ["\\x00ff", "\\x"],
    "xml": ["<a/>"],
    "point": ["(1,2)", "(0,0)"],
    "macaddr": ["08:00:2b:01:02:03", "08:00:2b:01:02:04"],
    "macaddr8": ["08:00:2b:01:02:03:04:05"],
    "tsvector": ["a:1 b:2", ""],
    "tsquery": ["'a' & 'b'"],
    "money": ["1.50", "0"],
}
_MORE = {
    "date": "2024-03-{:02}",
    "timestamp": "2024-03-{:02} 08:00:00",
    "timestamptz": "2024-03-{:02} 08:00:00+00",
    "time": "08:{:02}:00",
    "timetz": "08:{:02}:00+00",
    "uuid": "00000000-0000-4000-8000-{:012}",
    "json": "{{}}",
    "jsonb": '{{"n": {}}}',
    "bytea": "\\x{:02}",
    "point": "({},0)",
    "macaddr": "08:00:2b:01:03:{:02}",
    "macaddr8": "08:00:2b:01:02:03:04:{:02}",
    "money": "{}.25",
}
_MORE_BY_CATEGORY = {"N": "{}", "S": "t{}", "T": "{} hours", "I": "10.0.1.{}"}
_TIMES = {"timestamp with time zone": "timestamptz", "timestamp without time zone": "timestamp", "boolean": "bool"}


def values_for(
    type_name: str, base: str, category: str, modifier: int, *, labels: Sequence[str] = (), checks: str = ""
) -> list[str]:
    """Values of a column, the plainest first; all differ, and there are 16 of them where its type has as many.

    `base` is pg_type's name of the type or of what a domain stands on, `category` and `modifier` are its as well.
    Texts and numbers that stand in `checks`, SQL of the CHECKs that concern the column, come first.
    """
    if labels:
        return list(labels)
    if base in {"bit", "varbit"}:
        length = modifier if base == "bit" and modifier > 0 else 3
        return ["1" * length, "0" * length]
    values = [*_BY_NAME.get(base, _BY_CATEGORY.get(category, []))]
    more = _MORE.get(base, _MORE_BY_CATEGORY.get(category, "") if base not in _BY_NAME else "")
    values += [more.format(n) for n in range(11, 11 + _ENOUGH)] if more else []
    if category == "N" or base in _INTEGERS:
        numbers = [int(n) for n in re.findall(r"(?<![\w'.])-?\d+(?![\w'])", checks)]
        values = [str(near) for n in numbers for near in (n + 1, n, n - 1)] + values
    if category == "S":
        named = [text.replace("''", "'") for text in re.findall(r"'((?:[^']|'')*)'", checks)]
        length = int(found[1]) if (found := re.search(r"\((\d+)\)", type_name)) else 10_000
        values = [text[:length] for text in [*named, *values]]
    return list(dict.fromkeys(values))


def texts_of(type_name: str, catalogue: Catalogue) -> list[str]:
    """Texts that are values of a type, as one sees them in a column that was text before it became that type."""
    schema, _, bare = type_name.rpartition(".")
    found = catalogue.objects.get(("type", schema or "public", bare))
    if isinstance(found, Enum):
        return list(found.labels)
    base = _TIMES.get(type_name, type_name.partition("(")[0])
    if base == "bool":
        return _BY_CATEGORY["B"]
    if base in {"inet", "cidr"}:
        return _BY_CATEGORY["I"]
    if base == "uuid":
        return values_for(type_name, base, "U", -1)
    return _BY_NAME.get(base) or ["1", "2", "3", "7", "42"]
