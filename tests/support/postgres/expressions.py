"""Random conditions over columns of many types, as people write them in CHECKs, and rows to try them on."""

import random
import string
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

COLUMNS = {
    "i2": "smallint",
    "i4": "integer",
    "j4": "integer",
    "i8": "bigint",
    "n": "numeric(8,2)",
    "m": "numeric(12,4)",
    "w": "numeric(60,20)",
    "f4": "real",
    "f8": "double precision",
    "g8": "double precision",
    "b": "boolean",
    "t": "text",
    "u": "text",
    "v": "varchar(12)",
    "c": "char(5)",
    "e": "mood",
    "d": "date",
    "d2": "date",
    "ts": "timestamp",
    "tz": "timestamptz",
    "tz2": "timestamptz",
    "tm": "time",
    "iv": "interval",
    "id2": "uuid",
    "ci": "citext",
    "js": "jsonb",
    "jn": "json",
    "ar": "text[]",
    "ir": "int4range",
    "tr": "tstzrange",
    "by": "bytea",
    "bi": "bit(8)",
    "ip": "inet",
    "vec": "tsvector",
}
LABELS = ("sad", "ok", "happy")

_INTEGERS, _NUMERICS, _FLOATS = ("i2", "i4", "j4", "i8"), ("n", "m", "w"), ("f4", "f8", "g8")
_TEXTS, _MOMENTS = ("t", "u", "v", "c"), ("d", "d2", "ts", "tz", "tz2")
_COMPARISONS = ("=", "<>", "<", "<=", ">", ">=", "!=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM")
_WORDS = ("a", "ab", "Ab", "aB ", "abc", "x_y", "50%", "", "é", "ÉA", "a b", "happy", "ok", "7", "a\\b", "ßx")
_PATTERNS = (
    "^a",
    "b$",
    "^[a-z]+$",
    "^[[:alpha:]]*$",
    "a|x",
    r"\d",
    r"^\w+$",
    "[^a]",
    "^.{2,3}$",
    "(ab)?c",
    r"\\",
    "[]a]",
    "^$",
    "a{2}",
    "[a-c_]",
    r"^\S",
    "é",
    "(?i)^A",
    "x.y",
    "[0-9%]+",
)
_LIKE = ("a%", "%b", "_b", r"x\_y", "50\\%", "%", "", "A%", "a b", "%é%")
_LENGTHS = ("1 day", "90 minutes", "36 hours", "-2 hours", "1 week", "5 seconds", "1 day 2 hours")


def value(name: str, chance: random.Random) -> Any:
    """A value of a column, as psycopg2 and the encoders take it."""
    if chance.random() < 0.15:
        return None
    kind = COLUMNS[name]
    match kind:
        case "smallint" | "integer" | "bigint":
            big = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}[kind] - 1
            return chance.choice([0, 1, -1, 2, 3, 5, 7, -7, 10, 100, big, -big, chance.randint(-50, 50)])
        case "real" | "double precision":
            return chance.choice(
                [0.0, 0.1, -2.5, 0.5, 1.5, 2.5, 100.25, 1e30, 1e-30, float("nan"), chance.uniform(-9, 9)]
            )
        case "boolean":
            return chance.random() < 0.5
        case "text" | "varchar(12)" | "char(5)" | "citext":
            word = chance.choice(
                [*_WORDS, "".join(chance.choices(string.ascii_letters + " _%7é", k=chance.randint(0, 6)))]
            )
            return word[:5] if kind == "char(5)" else word
        case "mood":
            return chance.choice(LABELS)
        case "uuid":
            return str(UUID(int=chance.randint(0, 3)))
        case "date":
            return date(2024, 2, 28) + timedelta(days=chance.choice([0, 1, 2, 365, -400, chance.randint(-9, 9)]))
        case "timestamp" | "timestamptz":
            zone = UTC if kind == "timestamptz" else None
            moved = timedelta(seconds=chance.choice([0, 1, 86_400, 86_399, chance.randint(-200_000, 200_000)]))
            return datetime(2024, 2, 28, tzinfo=zone) + moved
        case "time":
            return time(chance.randint(0, 23), chance.choice([0, 30]), chance.choice([0, 59]))
        case "interval":
            return timedelta(seconds=chance.choice([0, 86_400, 5_400, -60, chance.randint(-200_000, 200_000)]))
    if kind.startswith("numeric"):
        precision, scale = map(int, kind[8:-1].split(","))
        digits = chance.choice([1, 2, 3, precision]) if precision < 20 else chance.choice([1, 5, 18, 30, 60])
        number = chance.randint(-(10**digits) + 1, 10**digits - 1)
        return chance.choice([Decimal(0), Decimal((int(number < 0), tuple(map(int, str(abs(number)))), -scale))])
    others = {
        "jsonb": ['{"a": 1}', "[]", '"a"'],
        "json": ['{"a": 1}', "[]"],
        "text[]": ["{}", "{a,b}"],
        "int4range": ["[1,5)", "empty"],
        "tstzrange": ["[2024-01-01,)", "empty"],
        "bytea": [r"\x6162", r"\x"],
        "bit(8)": ["10101010", "00000000"],
        "inet": ["10.0.0.1", "::1"],
        "tsvector": ["'a' 'b'", ""],
    }
    return chance.choice(others[kind])


_FITTING = (
    ((*_INTEGERS, *_NUMERICS, *_FLOATS), ["0", "1", "-3", "2.5", "2.555", "7", "-2.5", "100", "2.6::int", "5::bigint"]),
    ((*_TEXTS, "ci"), ["'ab'", "'7'", "'a b'", "''", "'abc'::varchar(2)", "'x_y'::text"]),
    (_MOMENTS, ["'2024-02-28'", "'2024-02-28 12:00'", "date '2024-02-29'", "timestamp '2024-02-28 00:00:01'"]),
    (("e",), ["'ok'", "'sad'", "'happy'::mood"]),
    (("b",), ["true", "false", "'t'"]),
    (tuple(COLUMNS), ["'{}'", "'1 day'", "'12:00'", "'00000000-0000-0000-0000-000000000001'", "'[1,5)'"]),
)
_OPERATORS = ("+", "-", "*", "/", "%", "||", "@>", "&&", "~", "#", "^")
_ODD = ["'infinity'", "'now'", "'1'::int", "100000000000000000000000", "NULL", "0", "'ab'", "'2024-02-28'"]


class Expressions:
    """Draws conditions, one after another, from a seed."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def condition(self, depth: int = 3) -> str:
        chance = self._chance
        if depth and chance.random() < 0.45:
            left, right = self.condition(depth - 1), self.condition(depth - 1)
            return chance.choice(
                [
                    f"{left} AND {right}",
                    f"{left} OR {right}",
                    f"({left} OR {right})",
                    f"NOT ({left})",
                    f"NOT {left}",
                    f"({left}) IS TRUE",
                    f"({left}) IS NOT FALSE",
                    f"({left}) = ({right})",
                    f"({left}) IS NULL",
                    f"CASE WHEN {left} THEN {right} ELSE b END",
                    f"coalesce({left}, {right})",
                ]
            )
        return chance.choice(
            [
                self._of_numbers,
                self._of_numbers,
                self._of_numbers,
                self._of_texts,
                self._of_texts,
                self._of_times,
                self._of_times,
                self._of_others,
                self._strange,
            ]
        )()

    def _draw(self, ways: Sequence[Callable[[], str]]) -> str:
        """One of some forms; only what stands in it is drawn."""
        return self._chance.choice(ways)()

    def of_one_column(self) -> str:
        """A comparison of a column with constants, now and then with a function, a cast or a NULL."""
        chance = self._chance
        name = chance.choice([*COLUMNS, *_INTEGERS, *_NUMERICS, *_TEXTS, *_MOMENTS])
        target = chance.choice(
            [
                name,
                name,
                name,
                f"({name})",
                f"length({name})",
                f"lower({name})",
                f"{name}::text",
                f"{name}::date",
                f"{name}::int",
                f"abs({name})",
            ]
        )
        fitting = next(found for names, found in _FITTING if name in names)
        constants = fitting if chance.random() < 0.8 else [*_ODD, *fitting]

        def one() -> str:
            return chance.choice(constants)

        rule = chance.choice(
            [
                f"{target} {self._sign()} {one()}",
                f"{target} {self._sign()} {one()}",
                f"{one()} {self._sign()} {target}",
                f"{target} BETWEEN {one()} AND {one()}",
                f"{target} NOT BETWEEN {one()} AND {one()}",
                f"{target} BETWEEN SYMMETRIC {one()} AND {one()}",
                f"{target} IN ({one()}, {one()})",
                f"{target} = {one()} OR {target} = {one()}",
                f"{target} = ANY (ARRAY[{one()}, {one()}])",
                f"{target} {self._regular()}",
                f"{target} IS NOT NULL",
                f"{target} {self._like()}",
            ]
        )
        return chance.choice([rule, rule, f"{name} IS NULL OR {rule}"])

    def _sign(self) -> str:
        return self._chance.choice(_COMPARISONS)

    def _of_numbers(self) -> str:
        chance, one = self._chance, self.number
        return self._draw(
            [
                lambda: f"{one()} {self._sign()} {one()}",
                lambda: f"{one()} {self._sign()} {one()}",
                lambda: f"{one()} BETWEEN {one(0)} AND {one(0)}",
                lambda: f"{one()} NOT BETWEEN {one(0)} AND {one(0)}",
                lambda: f"{one()} IN ({one(0)}, {one(0)}, {one(0)})",
                lambda: f"{one()} NOT IN ({one(0)}, 7, NULL)",
                lambda: f"{one(1)} = ANY (ARRAY[{one(0)}, {one(0)}])",
                lambda: f"{one()} IS NOT NULL",
                lambda: f"num_nonnulls({one(1)}, t, d) > {chance.randint(0, 3)}",
                lambda: f"{one(1)} > '{chance.randint(-3, 9)}'",
            ]
        )

    def number(self, depth: int = 2) -> str:
        chance = self._chance
        if not depth or chance.random() < 0.4:
            constants = [
                "0",
                "1",
                "2",
                "7",
                "-3",
                "2.5",
                "0.1",
                "100",
                "-0.01",
                "1e2",
                "3000000000",
                "99999999999999999999",
            ]
            return chance.choice([*_INTEGERS, *_NUMERICS, *_FLOATS, *_INTEGERS, *_NUMERICS, *constants])
        left, right = self.number(depth - 1), self.number(depth - 1)
        return chance.choice(
            [
                f"{left} + {right}",
                f"{left} - {right}",
                f"{left} * {right}",
                f"{left} / {right}",
                f"{left} % {right}",
                f"({left} + {right})",
                f"({left} - {right}) * {right}",
                f"-({left})",
                f"abs({left})",
                f"round({left})",
                f"round({left}, {chance.choice([0, 1, 2, -1])})",
                f"coalesce({left}, {right})",
                f"mod({left}, {right})",
                f"CASE WHEN b THEN {left} ELSE {right} END",
                f"({left})::{chance.choice(self._casts)}",
                f"length({self.text(1)})",
                f"CASE {left} WHEN {right} THEN 1 ELSE 2 END",
                f"b::int + {left}",
            ]
        )

    _casts = ("int", "bigint", "smallint", "numeric", "numeric(6,1)", "double precision", "real", "text", "boolean")

    def _of_texts(self) -> str:
        chance, one = self._chance, self.text
        return self._draw(
            [
                lambda: f"{one()} {self._sign()} {one()}",
                lambda: f"{one()} = {one()}",
                lambda: f"{one()} <> {one(0)}",
                lambda: f"{one()} IN ({self._word()}, {self._word()})",
                lambda: f"{one()} {self._regular()}",
                lambda: f"{one()} {self._regular()}",
                lambda: f"{one()} {self._like()}",
                lambda: f"{one(0)} = ANY (ARRAY[{self._word()}, {self._word()}])",
                lambda: f"e {self._sign()} '{chance.choice(LABELS)}'",
                lambda: "e IN ('sad', 'ok')",
                lambda: f"ci {self._sign()} {self._word()}",
                lambda: f"e::text = {one(0)}",
                lambda: f"v = ANY ((ARRAY[{self._word()}, 'ab'])::text[])",
                lambda: "id2 = '00000000-0000-0000-0000-000000000001'",
            ]
        )

    def text(self, depth: int = 1) -> str:
        chance = self._chance
        if not depth or chance.random() < 0.5:
            return chance.choice([*_TEXTS, *_TEXTS, "ci", self._word()])
        inner = self.text(depth - 1)
        return chance.choice(
            [
                f"lower({inner})",
                f"upper({inner})",
                f"trim({inner})",
                f"btrim({inner}, 'a')",
                f"ltrim({inner})",
                f"trim(TRAILING 'b' FROM {inner})",
                f"coalesce({inner}, {self._word()})",
                f"{inner}::varchar(2)",
                f"{inner}::text",
                f"{inner}::char(3)",
                f"CASE WHEN b THEN {inner} ELSE {self._word()} END",
                "i4::text",
                f"{inner} || 'x'",
            ]
        )

    def _word(self) -> str:
        return "'" + self._chance.choice(_WORDS) + "'"

    def _regular(self) -> str:
        return f"{self._chance.choice(['~', '~*', '!~', '!~*'])} '{self._chance.choice(_PATTERNS)}'"

    def _like(self) -> str:
        chance = self._chance
        return f"{chance.choice(['LIKE', 'NOT LIKE', 'ILIKE', 'NOT ILIKE'])} '{chance.choice(_LIKE)}'"

    def _of_times(self) -> str:
        chance, one = self._chance, self.moment
        return self._draw(
            [
                lambda: f"{one()} {self._sign()} {one()}",
                lambda: f"{one()} {self._sign()} {one()}",
                lambda: f"{one()} - {one()} {self._sign()} {self._length()}",
                lambda: f"d - d2 {self._sign()} {self.number(0)}",
                lambda: f"{one(0)} BETWEEN {self._constant()} AND {self._constant()}",
                lambda: f"tm {self._sign()} '12:30'",
                lambda: f"tm + {self._length()} {self._sign()} tm",
                lambda: f"iv {self._sign()} {self._length()}",
                lambda: f"iv * {chance.choice(_INTEGERS)} < interval '3 days'",
                lambda: f"{one(0)}::date {self._sign()} d",
                lambda: f"{one(0)} IN ({self._constant()}, {self._constant()})",
                lambda: "ts::time < tm",
                lambda: f"{one(0)} <= now()",
                lambda: f"{one(0)} < CURRENT_DATE",
            ]
        )

    def moment(self, depth: int = 1) -> str:
        chance = self._chance
        if not depth or chance.random() < 0.5:
            return chance.choice([*_MOMENTS, *_MOMENTS, self._constant()])
        inner = self.moment(depth - 1)
        return chance.choice(
            [
                f"{inner} + {self._length()}",
                f"{inner} - {self._length()}",
                f"{inner} + iv",
                f"d + {self.number(0)}",
                "d - i2",
                f"{inner}::date",
                f"{inner}::timestamp",
                f"coalesce({inner}, {self._constant()})",
                "d + tm",
                f"date_trunc('day', {inner})",
            ]
        )

    def _constant(self) -> str:
        return self._chance.choice(
            [
                "'2024-02-28'",
                "'2024-03-01'",
                "date '2024-02-29'",
                "'2024-02-28 12:00'::timestamp",
                "timestamptz '2024-02-28'",
                "'2024-02-28T00:00:00Z'",
                "DATE '2023-01-24'",
            ]
        )

    def _length(self) -> str:
        said = self._chance.choice(_LENGTHS)
        return self._chance.choice(
            [f"interval '{said}'", f"'{said}'::interval", f"INTERVAL '{said}'", "INTERVAL '2' DAY"]
        )

    def _of_others(self) -> str:
        chance = self._chance
        name = chance.choice(["js", "jn", "ar", "ir", "tr", "by", "bi", "ip", "vec", *COLUMNS])
        return chance.choice(
            [
                f"{name} IS NULL",
                f"{name} IS NOT NULL",
                f"num_nulls({name}, t) < 2",
                f"b = {name} IS NULL",
                "b",
                "NOT b",
                "b IS UNKNOWN",
            ]
        )

    def _strange(self) -> str:
        """Functions and operators that mean another thing for another type."""
        chance = self._chance
        name, other = chance.choice([*COLUMNS]), chance.choice([*COLUMNS])
        function = chance.choice(
            [
                "lower",
                "upper",
                "length",
                "abs",
                "round",
                "trim",
                "reverse",
                "isempty",
                "octet_length",
                "cardinality",
                "jsonb_typeof",
                "initcap",
                "floor",
                "sign",
                "date",
                "char_length",
            ]
        )
        return chance.choice(
            [
                f"{function}({name}) {self._sign()} {function}({other})",
                f"{function}({name}) IS NOT NULL",
                f"{function}({name}) {self._sign()} {chance.choice([*_WORDS[:3], '1', 'now'])!r}",
                f"{name} {self._sign()} {other}",
                f"{name} {chance.choice(_OPERATORS)} {other} IS NOT NULL",
                f"{name}::{chance.choice([*COLUMNS.values()])} {self._sign()} {other}",
                f"{name} IN ('a', '1', '{{}}')",
                f"{name} = '{chance.choice(['{}', '[1,5)', '1', 'a', '10.0.0.1', '[]'])}'",
                f"substring({name} from 1 for 2) = 'ab'",
                f"position('a' in {name}) > 0",
                f"extract(year from {name}) > 2000",
                f"current_user = {name}",
                f"{name} > {other} AND lower({name}) = 'a'",
                f"{name} COLLATE \"C\" < 'b'",
                f"greatest({name}, {other}) = {name}",
                f"{name} LIKE 'a!%' ESCAPE '!'",
                f"{name} SIMILAR TO 'a|b'",
                f"nullif({name}, {other}) IS NULL",
                f"({name}, {other}) = (1, 2)",
            ]
        )
