"""Sample values of the types in a conversion check, including edge values on which conversions differ."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from seedbed.migrations.proof.samples.sample_values import list_values

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

_ELEMENTS = 60
"""Values of which arrays are built."""


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


class ColumnType(NamedTuple):
    """A column's type: the base type of a domain, the elements of an array."""

    name: str
    base: str
    category: str
    modifier: int
    labels: Sequence[str]
    is_array: bool

    @property
    def shape(self) -> str:
        """What values of the type look like."""
        shapes = {"json": "json", "jsonb": "json", "bit": "bits", "varbit": "bits"}
        return "array" if self.is_array else shapes.get(self.base, "")

    @property
    def values(self) -> list[str]:
        type_name = self.name.removesuffix("[]")
        values = list_values(type_name, self.base, self.category, self.modifier, labels=self.labels)
        return [*values, *list_edge_values(self.base, self.category)]


def read_column_type(cursor: Any, table: str) -> ColumnType:
    cursor.execute(_COLUMN_TYPE, (table,))
    type_name, base, category, modifier, labels, is_array = cursor.fetchone()
    return ColumnType(type_name, base, category, modifier, labels or (), is_array)


def list_samples(column_type: ColumnType, other_type: ColumnType) -> list[str]:
    """Values of a type, and values of the other type as this one may spell them."""
    values = list(
        dict.fromkeys([*column_type.values, *spell_values(other_type.values, column_type.base, column_type.category)])
    )
    if column_type.is_array:
        return [*list_values(column_type.name, f"_{column_type.base}", "A", -1), *list_array_values(values[:_ELEMENTS])]
    return [
        *values,
        *(
            list_array_values(other_type.values[:_ELEMENTS])
            if other_type.is_array and column_type.category == "S"
            else []
        ),
    ]


_COLUMN_TYPE = """
SELECT format_type(a.atttypid, a.atttypmod), b.typname, b.typcategory, a.atttypmod,
       (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = b.oid),
       stored.typcategory = 'A'
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type stored ON stored.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
JOIN pg_type b ON b.oid = CASE WHEN stored.typcategory = 'A' THEN stored.typelem ELSE stored.oid END
WHERE a.attrelid = to_regclass('pg_temp.' || %s) AND a.attnum = 2
"""
