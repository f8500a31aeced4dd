"""Random values of PostgreSQL's types, and whether two of them mean the same."""

import json
import random
import re
import struct
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

Draw = Callable[[random.Random], str]


def _one_of(*values: str) -> Draw:
    return lambda chance: chance.choice(values)


def _mixed(*draws: Draw) -> Draw:
    return lambda chance: chance.choice(draws)(chance)


def _whole(least: int, most: int) -> Draw:
    return _mixed(
        lambda chance: str(chance.randint(least, most)),
        lambda chance: str(chance.choice([least, most, 0, 1])),
        lambda chance: str(chance.randint(0, 12)),
    )


def _decimal(digits: int, scale: int) -> Draw:
    def draw(chance: random.Random) -> str:
        whole = chance.randrange(10 ** chance.randint(0, digits - scale))
        return f"{chance.choice(['', '-'])}{whole}.{''.join(chance.choices('0123456789', k=scale))}"

    return draw


def _moment(chance: random.Random) -> str:
    day = f"{chance.choice([1, 1969, 1999, 2024, 2026, 9999]):04}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
    return f"{day} {_time(chance)}"


def _date(chance: random.Random) -> str:
    return chance.choice([_moment(chance)[:10], _moment(chance)[:10], "infinity", "-infinity", "0044-03-15 BC"])


def _time(chance: random.Random) -> str:
    if chance.random() < 0.3:
        return chance.choice(["00:00:00", "24:00:00", "23:59:59.999999"])
    fraction = chance.choice(["", ".5", ".123456"])
    return f"{chance.randint(0, 23):02}:{chance.randint(0, 59):02}:{chance.randint(0, 59):02}{fraction}"


def _zoned(draw: Draw) -> Draw:
    return lambda chance: draw(chance) + chance.choice(["+00", "+02", "-08", "+05:30"])


def _interval(chance: random.Random) -> str:
    parts = [f"{chance.randint(-3, 20)} {unit}" for unit in ("years", "mons", "days") if chance.random() < 0.5]
    return " ".join([*parts, chance.choice(["", "-"]) + f"{chance.randint(0, 40)}:{chance.randint(0, 59):02}:07.25"])


def _text(chance: random.Random) -> str:
    letters = "abz 0127.,-+{}[]()\"'\\/:žĳ🌱\n\t_TXx"
    return "".join(chance.choices(letters, k=chance.randint(0, 9)))


def _spelled(chance: random.Random) -> str:
    """A value of another type as a user may have written it into a text."""
    kind = chance.choice(sorted(set(TYPES) - {"text", "character varying(20)", "character varying", "character(5)"}))
    value = TYPES[kind](chance)
    return chance.choice([value, value, f" {value}", f"{value} ", value.upper(), f"0{value}", f"+{value}"])


def _json(chance: random.Random, depth: int = 0) -> str:
    choices: list[Callable[[], str]] = [
        lambda: str(chance.randint(-9, 99)),
        lambda: chance.choice(["1.50", "0.1", "1e2", "12345678901234567890", "1.005"]),
        lambda: chance.choice(["true", "false", "null"]),
        lambda: json.dumps(_text(chance), ensure_ascii=chance.random() < 0.5),
        lambda: json.dumps(_spelled(chance)),
    ]
    if depth < 2:
        space = chance.choice(["", " ", "  "])
        choices += [
            lambda: f"[{f',{space}'.join(_json(chance, depth + 1) for _ in range(chance.randint(0, 3)))}]",
            lambda: f"[{f',{space}'.join(str(chance.randint(0, 9)) for _ in range(chance.randint(0, 3)))}]",
            lambda: (
                "{" + f",{space}".join(f'"{k}":{_json(chance, depth + 1)}' for k in chance.choices("abc", k=2)) + "}"
            ),
        ]
    return chance.choice(choices)()


def _array(draw: Draw) -> Draw:
    def listed(chance: random.Random) -> str:
        values = ["NULL" if chance.random() < 0.2 else _quoted(draw(chance)) for _ in range(chance.randint(0, 3))]
        return "{" + ",".join(values) + "}"

    def squared(chance: random.Random) -> str:
        return f"{{{{{_quoted(draw(chance))}}},{{{_quoted(draw(chance))}}}}}"

    return lambda chance: squared(chance) if chance.random() < 0.08 else listed(chance)


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _range(draw: Draw) -> Draw:
    def drawn(chance: random.Random) -> str:
        if chance.random() < 0.15:
            return chance.choice(["empty", "(,)"])
        low, high = sorted((draw(chance), draw(chance)), key=_sortable)
        return f"{chance.choice('[(')}{low},{high}{chance.choice('])')}"

    return drawn


def _sortable(value: str) -> Any:
    number = _number(value)
    return (0, number, "") if number is not None else (1, Decimal(0), value)


def _bits(least: int, most: int) -> Draw:
    return lambda chance: "".join(chance.choices("01", k=chance.randint(least, most)))


def _hex(digits: int) -> Draw:
    return lambda chance: "".join(chance.choices("0123456789abcdef", k=digits))


def _network(chance: random.Random) -> str:
    host = ".".join(str(chance.choice([0, 1, 10, 192, 255])) for _ in range(4))
    return chance.choice([host, f"{host}/{chance.choice([8, 16, 24, 32])}", "::1", "fe80::1/64"])


def _mac(groups: int) -> Draw:
    return lambda chance: ":".join(_hex(2)(chance) for _ in range(groups))


def _bytes(chance: random.Random) -> str:
    return (
        "\\x" + chance.choice([_text(chance), _spelled(chance)]).encode().hex()
        if chance.random() < 0.7
        else "\\x" + _hex(6)(chance)
    )


_FLOATS = _mixed(
    _decimal(8, 2), _one_of("NaN", "Infinity", "-Infinity", "-0", "0.1", "1e30", "1e-30", "16777217"), _whole(-9, 99)
)
_TEXTS = _mixed(_text, _spelled)

TYPES: dict[str, Draw] = {
    "smallint": _whole(-32768, 32767),
    "integer": _whole(-(2**31), 2**31 - 1),
    "bigint": _whole(-(2**63), 2**63 - 1),
    "numeric": _mixed(_decimal(20, 6), _decimal(4, 1), _one_of("NaN", "Infinity", "0", "1.50"), _whole(-9, 99)),
    "numeric(10,2)": _mixed(_decimal(10, 2), _whole(-9, 99)),
    "numeric(6,4)": _decimal(6, 4),
    "real": _FLOATS,
    "double precision": _FLOATS,
    "boolean": _one_of("true", "false"),
    "text": _TEXTS,
    "character varying": _TEXTS,
    "character varying(20)": lambda chance: _TEXTS(chance)[:20],
    "character(5)": lambda chance: _TEXTS(chance)[:5],
    "mood": _one_of("good", "bad", "1", "true"),
    "date": _date,
    "time without time zone": _time,
    "time with time zone": _zoned(_time),
    "timestamp without time zone": _mixed(_moment, _moment, _date),
    "timestamp(0) without time zone": _moment,
    "timestamp with time zone": _mixed(_zoned(_moment), _one_of("infinity", "-infinity")),
    "interval": _interval,
    "interval day to second": _interval,
    "uuid": lambda chance: "-".join(_hex(n)(chance) for n in (8, 4, 4, 4, 12)),
    "json": _json,
    "jsonb": _json,
    "bytea": _bytes,
    "inet": _network,
    "cidr": _network,
    "macaddr": _mac(6),
    "macaddr8": _mac(8),
    "money": _mixed(_decimal(9, 2), _whole(-9, 99)),
    "bit(3)": _bits(3, 3),
    "bit(32)": _bits(32, 32),
    "bit(8)": _bits(8, 8),
    "bit varying": _bits(0, 12),
    "oid": _whole(0, 2**32 - 1),
    "text[]": _array(_TEXTS),
    "character varying(20)[]": _array(lambda chance: _TEXTS(chance)[:20]),
    "integer[]": _array(_whole(-(2**31), 2**31 - 1)),
    "numeric(10,2)[]": _array(_decimal(10, 2)),
    "boolean[]": _array(_one_of("true", "false")),
    "date[]": _array(_date),
    "timestamp with time zone[]": _array(_zoned(_moment)),
    "uuid[]": _array(lambda chance: "-".join(_hex(n)(chance) for n in (8, 4, 4, 4, 12))),
    "mood[]": _array(_one_of("good", "bad", "1", "true")),
    "jsonb[]": _array(_json),
    "int4range": _range(_whole(-50, 50)),
    "int8range": _range(_whole(-50, 50)),
    "numrange": _range(_decimal(4, 1)),
    "daterange": _range(lambda chance: _moment(chance)[:10]),
    "tsrange": _range(lambda chance: f'"{_moment(chance)}"'),
    "int4multirange": lambda chance: "{" + _range(_whole(-50, 50))(chance) + "}",
    "point": lambda chance: f"({chance.randint(-9, 9)},{chance.randint(0, 99)}.5)",
    "box": lambda chance: f"({chance.randint(1, 9)},9),(0,{chance.randint(0, 5)})",
    "circle": lambda chance: f"<({chance.randint(1, 9)},9),{chance.randint(1, 5)}>",
    "tsvector": _one_of("'cat' 'dog'", "a:1 b:2", "", "1", "true"),
    "code": lambda chance: _TEXTS(chance)[:8],
    "share": _decimal(5, 2),
}
"""Types by PostgreSQL's names. `mood` is an enum, `code` a domain of texts and `share` one of numbers."""


def means_the_same(value: str | None, old: str, converted: str | None, new: str) -> bool:
    """Whether a converted value, as text, means the same. A rounded or truncated one does not."""
    if value is None or converted is None:
        return value is converted
    return bool(_readings(value, old) & _readings(converted, new))


def _readings(value: str, type_name: str) -> set[Any]:
    """The meanings that a value may have."""
    bare = value.rstrip(" ") if type_name.startswith("character(") else value
    found: set[Any] = {bare}
    if (number := _number(bare)) is not None:
        found.add(number)
    if type_name == "real" and number is not None and abs(number) < _LARGEST_REAL:
        found.add(Decimal(struct.unpack("f", struct.pack("f", float(value)))[0]))
    if type_name == "double precision" and number is not None:
        found.add(Decimal(float(value)))
    if type_name == "boolean":
        found |= {value, value[:1], Decimal(value[:1] == "t")}  # an array has it as t or f
    if type_name.startswith("bit") and not type_name.endswith("[]") and value:
        size = len(value)
        found |= {Decimal(int(value, 2)), Decimal(int(value, 2) - (2**size if value[0] == "1" else 0))}
    if type_name == "bytea":
        found |= _decoded(value)
    if type_name == "money":
        found.add(Decimal(re.sub(r"[$,]", "", value)))
    if type_name in {"json", "jsonb"}:
        found |= _json_readings(value)
    if type_name.startswith(("date", "time")) and not type_name.endswith(("range", "[]")):
        found |= _time_readings(value)
    if type_name.endswith("[]"):
        found |= _array_readings(value, type_name.removesuffix("[]"))
    if type_name.endswith("range"):
        found.add(re.sub(r' 00:00:00|"|\.0\b|^\{|\}$', "", value))
    if type_name in {"inet", "cidr"} and "/" not in value:
        found.add(f"{value}/{128 if ':' in value else 32}")
    if type_name.startswith("macaddr"):
        found.add(re.sub(r":ff:fe:(?=..:..:..$)", ":", value))
    if type_name in {"inet", "cidr"}:
        found.add(re.sub(r"/32$|/128$", "", value))
    return found


_LARGEST_REAL = Decimal("3.4e38")


def _number(value: str) -> Decimal | None:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return None if number.is_nan() or number.is_infinite() or "_" in value else number.normalize() + 0


def _decoded(value: str) -> set[Any]:
    try:
        return {bytes.fromhex(value[2:]).decode()}
    except UnicodeDecodeError:
        return set()


def _json_readings(value: str) -> set[Any]:
    read = json.loads(value, parse_float=Decimal, parse_int=Decimal)
    found: set[Any] = {json.dumps(read, sort_keys=True, default=str)}
    if isinstance(read, str):
        return found | {read, *_time_readings(read)} | ({number} if (number := _number(read)) is not None else set())
    if isinstance(read, bool):
        return found | {str(read).lower()}
    if isinstance(read, Decimal):
        return found | {read.normalize() + 0}
    return found | ({repr(_plain(read))} if isinstance(read, list) else set())


def _time_readings(value: str) -> set[Any]:
    plain = value.replace("T", " ", 1).replace(" BC", "").removesuffix("+00:00").removesuffix("+00")
    era = " BC" if " BC" in value else ""
    return {re.sub(r" 00:00:00$", "", plain) + era}


def _array_readings(value: str, element: str) -> set[Any]:
    read = parse_array(value)
    found: set[Any] = {repr(_plain(read))}
    if element == "boolean":
        found = {repr(_plain(_spelled_out(read, words))) for words in (_WORDS, _DIGITS)}
    if len(read) == 1 and isinstance(read[0], str):
        found |= _readings(read[0], element)
    return found


def _plain(value: Any) -> Any:
    """A list with its elements as comparable texts."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if value is None or (isinstance(value, str) and value == ""):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    number = value if isinstance(value, Decimal) else _number(str(value))
    if number is not None:
        return str(number.normalize() + 0)
    return (
        next(iter(_time_readings(str(value))))
        if isinstance(value, str)
        else json.dumps(value, sort_keys=True, default=str)
    )


def parse_array(literal: str) -> list[Any]:
    """An array literal as PostgreSQL prints it."""
    position = literal.index("{")

    def parse() -> list[Any]:
        nonlocal position
        position += 1
        items: list[Any] = []
        while literal[position] != "}":
            if literal[position] == ",":
                position += 1
            elif literal[position] == "{":
                items.append(parse())
            elif literal[position] == '"':
                items.append(quoted())
            else:
                end = re.compile(r"[,}]").search(literal, position)
                assert end is not None
                bare = literal[position : end.start()]
                items.append(None if bare == "NULL" else bare)
                position = end.start()
        position += 1
        return items

    def quoted() -> str:
        nonlocal position
        position += 1
        letters = []
        while literal[position] != '"':
            position += literal[position] == "\\"
            letters.append(literal[position])
            position += 1
        position += 1
        return "".join(letters)

    return parse()


_WORDS = {"t": "true", "f": "false"}
_DIGITS = {"t": "1", "f": "0"}


def _spelled_out(items: list[Any], words: dict[str, str]) -> list[Any]:
    """An array of booleans, whose elements PostgreSQL prints as t and f."""
    return [_spelled_out(item, words) if isinstance(item, list) else words.get(item, item) for item in items]
