"""Edge values on which conversions differ: extremes, unusual forms, and several spellings of one value."""

import json
from collections.abc import Sequence
from itertools import pairwise

_NUMBERS = [
    "0", "1", "-1", "2", "5", "7", "42", "100", "32767", "-32768", "70000", "2147483647", "-2147483648",
    "4294967295", "9007199254740993", "9223372036854775807", "-9223372036854775808", "0.1", "1.5", "2.5",
    "-0.005", "1.005", "1.50", "99999999.99", "123456789.123456789", "12345678901234567890.123456789",
    "16777217", "1e-30", "1e300", "NaN", "Infinity", "-Infinity", "-0",
]  # fmt: skip
_TEXTS = [
    "plain", "", "x", "ž", " 7 ", "+5", "007", "1e3", "1.50", "101", "1_000", "0x1F",
    "t", "true", "yes", "null", "NULL",
    "  pad ", "trailing   ", "tab\tline\nend", "a,b", "{a}", "{a,b}", "{}", "{NULL,x}", '{"a b"}', "{1, 2}", "[1,2]",
    '{"b": 1,  "a": 2, "a": 3}', '"x"', '"42"', "<a/>",
    "2024-01-02", "2024-01-02 23:04:05.123456+02", "12:34", "12:34+02", "1 day", "10.0.0.1", "10.0.0.1/8",
    "08-00-2b-01-02-03", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
    "[1,5]", "$1.50", "\\x41", "x" * 70, "wide" + " " * 300,
]  # fmt: skip
_JSON = [
    '{"b": 1,  "a": 2}', '{"a": 1, "a": 2}', "[1, 2]", "[1,2]", '["a", null]', "[[1, 2], [3, 4]]", '[{"a": 1}]',
    "[true]", "[]", "{}", "42", "1.50", "1.005", "0.1", "true", "false", "null", '"x"', '"42"', '"{a,b}"',
    '"2024-01-02"', '"101"',
]  # fmt: skip
_DAYS = ["1970-01-01", "2024-02-29", "9999-12-31", "infinity", "-infinity", "0044-03-15 BC"]
_MOMENTS = [*_DAYS, "2024-01-02 23:59:59.999999", "2024-01-02 03:04:05.5", "0044-03-15 01:02:03 BC"]
_TIMES_OF_DAY = ["00:00:00", "12:34:56.789012", "23:59:59.999999", "24:00:00"]
_BITS = ["", "0", "1", "10", "101", "0101", "11111111", "00000000", "1" + "0" * 31, "1" * 32, "0" * 63 + "1", "1" * 64]
_RANGES = [
    "empty", "(,)", "[1,5)", "(1,5]", "(,5)", "[1,)", "[1.5,2.5]", "[2024-01-02,2024-01-05)", "[2024-01-02,2024-01-05]",
    '["2024-01-02 03:04:05","2024-01-05 06:07:08"]',
]  # fmt: skip
_BY_TYPE: dict[str, list[str]] = {
    "bool": ["true", "false"],
    "json": _JSON,
    "jsonb": _JSON,
    "date": _DAYS,
    "timestamp": _MOMENTS,
    "timestamptz": [*_MOMENTS, "2024-01-02 23:04:05+02"],
    "time": _TIMES_OF_DAY,
    "timetz": [f"{time}{zone}" for time in _TIMES_OF_DAY for zone in ("+00", "-08", "+05:30")],
    "interval": ["1 mon", "30 days", "1 year 2 mons 3 days 04:05:06.789012", "-1 days +02:00", "100:00:00", "0.5 s"],
    "uuid": ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    "bytea": ["\\x", "\\x00ff", "\\x41", "\\xc5be", "\\x7b7d", "\\x3432"],
    "xml": ["<a/>", "<a>x</a>", "plain", " <a  b='1'/> "],
    "inet": ["10.0.0.1", "10.0.0.1/8", "10.0.0.0/8", "::1", "fe80::1/64"],
    "cidr": ["10.0.0.0/8", "10.0.0.1/32", "fe80::/64", "::/0"],
    "macaddr": ["08:00:2b:01:02:03"],
    "macaddr8": ["08:00:2b:ff:fe:01:02:03", "08:00:2b:01:02:03:04:05"],
    "money": ["0", "1.50", "-1.50", "1234567.89"],
    "oid": ["0", "1", "4294967295"],
    "bit": _BITS,
    "varbit": _BITS,
}
_BY_CATEGORY: dict[str, list[str]] = {
    "N": _NUMBERS,
    "S": _TEXTS,
    "R": [*_RANGES, *(f"{{{element}}}" for element in _RANGES[3:]), "{}"],
    "G": ["(1,2)", "(3,4),(1,2)", "[(1,2),(3,4)]", "((1,2),(3,4),(5,0))", "<(1,2),3>", "{1,2,3}"],
}


def list_edge_values(base: str, category: str) -> list[str]:
    """Values of a type, as PostgreSQL reads them from text; some may be invalid.

    `base` is the name in pg_type of the type or of a domain's base type, `category` is its category.
    """
    return _BY_TYPE.get(base, _BY_CATEGORY.get(category, []))


def list_array_values(elements: Sequence[str]) -> list[str]:
    """Arrays of some values: empty, single elements, pairs, with a NULL, and in two dimensions."""
    quoted = [json.dumps(value, ensure_ascii=False) for value in elements if "\t" not in value]
    arrays = ["{}", "{NULL}", *(f"{{{value}}}" for value in quoted)]
    arrays += [f"{{{element},{following}}}" for element, following in pairwise(quoted)]
    if quoted:
        arrays += [f"{{NULL,{quoted[0]}}}", f"{{{{{quoted[0]},{quoted[-1]}}},{{{quoted[-1]},{quoted[0]}}}}}"]
    return arrays


def spell_values(values: Sequence[str], base: str, category: str) -> list[str]:
    """Values of another type as a column of text, JSON or another type may spell them."""
    if base in {"json", "jsonb"}:
        return [*values, *(json.dumps(value, ensure_ascii=False) for value in values)]
    return list(values) if category in {"S", "E", "N"} else []
