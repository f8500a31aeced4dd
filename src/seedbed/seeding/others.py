"""Values that Python puts together one by one, a few hundred of each kind, which rows then share."""

import ipaddress
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from sqlalchemy.dialects.postgresql import Range

from seedbed.errors import DomainTooSmall
from seedbed.seeding.batches import Batch, Coded, Objects, Pool
from seedbed.seeding.facts import _plain
from seedbed.seeding.filling import Filling, Wish
from seedbed.seeding.kinds import INTEGERS, MOMENTS, RANGES, TEXTS, Kind
from seedbed.seeding.streams import Dice

_SIZE = 512
_WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor", "iris", "juniper", "kelp", "linden")
_SHARE_OF_NOTHING = 4
Nth = Callable[[int, Dice], Any]


def others(wish: Wish) -> Filling | None:
    """A filling for JSON, arrays, ranges, addresses, bits and bytes; None where nothing is known of the type."""
    made = _maker(wish, wish.kind)
    if made is None:
        return None
    source, nth, domain = made
    if wish.unique:
        if domain is not None and wish.most > domain:
            raise DomainTooSmall(wish.table.name, wish.name, wish.most, domain)
        return Filling(wish.name, f"{source}, unique", lambda rows: Objects(None, _numbered(wish, nth, rows)))
    size = _SIZE if domain is None else min(domain, _SIZE)
    pool = Pool(f"{wish.table.name}.{wish.name}", size, lambda j: nth(j, _dice(wish, j)))

    def make(rows: range) -> Batch:
        return Coded(None, wish.stream.below(size, rows), pool)

    return Filling(wish.name, source, make)


def is_known(kind: Kind) -> bool:
    """Whether values are made of a type at all."""
    if kind.element is not None:
        return is_known(kind.element)
    return bool(kind.labels) or kind.name in _KNOWN


def _numbered(wish: Wish, nth: Nth, rows: range) -> list[Any]:
    return [nth(place, _dice(wish, place)) for place in wish.places(rows).tolist()]


def _dice(wish: Wish, j: int) -> Dice:
    return Dice(wish.stream.seed, f"{wish.stream.name}/{j}")


def _maker(wish: Wish, kind: Kind) -> tuple[str, Nth, int | None] | None:
    facts = wish.table.facts[wish.name]
    annotation = facts.annotation
    if kind.element is not None:
        element = _plain_value(wish, kind.element)
        if element is None:
            return None
        return (f"up to 3 of {kind.element}", lambda j, dice: _list(element, j, dice, unique=wish.unique), None)
    if kind.name in {"json", "jsonb"}:
        structured = isinstance(annotation, type) and issubclass(annotation, BaseModel)
        shown = annotation.__name__ if structured else "a JSON value"
        custom = wish.table.takes_instances(wish.name)
        return (shown, lambda j, dice: _json(annotation, j, dice, instances=custom), None)
    if kind.name in RANGES:
        return ("a range", lambda j, dice: _range(wish, kind.name, j, dice), None)
    if kind.name.endswith("multirange"):
        name = kind.name.replace("multirange", "range")
        return ("one or two ranges", lambda j, dice: _ranges(wish, name, j, dice), None)
    nth = _plain_value(wish, kind)
    if nth is None:
        return None
    domain = {"bit": 2 ** (kind.size or 1), "varbit": 2 ** (kind.size or 60)}.get(kind.name)
    return (f"{'an' if kind.name.startswith('i') else 'a'} {kind.name}", nth, domain)


def _plain_value(wish: Wish, kind: Kind) -> Nth | None:
    """The j-th value of a type: different for every j, as far as the type has values."""
    if kind.name == "bytea":
        size = wish.table.facts[wish.name].longest or 16
        return lambda j, dice: (j.to_bytes(4, "big") + bytes(dice.below(256) for _ in range(12)))[:size]
    if kind.labels:
        return lambda _, dice: dice.pick(kind.labels)
    makers: Mapping[str, Nth] = {
        "inet": lambda j, _: str(ipaddress.ip_address("10.0.0.1") + j),
        "cidr": lambda j, _: f"{ipaddress.ip_address('10.0.0.0') + j * 256}/24",
        "macaddr": lambda j, _: ":".join(f"{byte:02x}" for byte in (0x02_00_00_00_00_00 + j).to_bytes(6, "big")),
        "macaddr8": lambda j, _: ":".join(f"{byte:02x}" for byte in (0x02 << 56 | j).to_bytes(8, "big")),
        "bit": lambda j, _: format(j % 2 ** (kind.size or 1), f"0{kind.size or 1}b"),
        "varbit": lambda j, _: format(j, "b")[-(kind.size or 60) :],
        "int2": lambda j, _: j % 32_000 + 1,
        "int4": lambda j, _: j + 1,
        "int8": lambda j, _: j + 1,
        "float4": lambda j, _: j / 4,
        "float8": lambda j, _: j / 4,
        "numeric": lambda j, _: Decimal(j % 10 ** (kind.size or 9)).scaleb(-kind.decimals),
        "bool": lambda _, dice: bool(dice.below(2)),
        "uuid": _uuid,
        "date": lambda j, _: wish.table.as_of.date() - timedelta(days=j % 3000 + 1),
        "timestamptz": lambda j, _: wish.table.as_of - timedelta(hours=j + 1),
        "timestamp": lambda j, _: wish.table.as_of.replace(tzinfo=None) - timedelta(hours=j + 1),
        "interval": lambda j, _: timedelta(minutes=15 * (j + 1)),
        "time": lambda j, _: (datetime(2000, 1, 1) + timedelta(minutes=j)).time(),  # noqa: DTZ001
        "hstore": lambda j, dice: f"{dice.pick(_WORDS)}=>{j}",
        "ltree": lambda j, dice: f"{dice.pick(_WORDS)}.{dice.pick(_WORDS)}.{j}",
        "tsvector": lambda j, dice: f"'{dice.pick(_WORDS)}':1 '{dice.pick(_WORDS)}{j}':2",
        "money": lambda j, _: f"{j}.50",
        "oid": lambda j, _: j + 1,
        "xml": lambda j, _: f"<row>{j}</row>",
        "point": lambda j, dice: f"({dice.below(180) - 90},{j})",
        "timetz": lambda j, _: f"{j // 60 % 24:02}:{j % 60:02}:00+00",
    }
    if kind.name in {"text", "varchar", "bpchar", "citext"}:
        return lambda j, dice: cut_word(f"{dice.pick(_WORDS)}{j if wish.unique else ''}", kind.size)
    return makers.get(kind.name)


def cut_word(word: str, longest: int | None) -> str:
    return word if longest is None else word[:longest]


def _list(element: Nth, j: int, dice: Dice, *, unique: bool) -> list[Any]:
    if unique:
        return [element(j, dice), *(element(dice.below(100), dice) for _ in range(dice.below(2)))]
    if dice.below(10) == 0:
        return []
    return [element(dice.below(200), dice) for _ in range(1 + dice.below(3))]


def _uuid(j: int, dice: Dice) -> UUID:
    number = j << 96 | dice.below(2**32) << 64 | dice.below(2**32) << 32 | dice.below(2**32)
    return UUID(int=number & ~(0xF000 << 64) & ~(0xC000 << 48) | 0x4000 << 64 | 0x8000 << 48)


def _range(wish: Wish, name: str, j: int, dice: Dice) -> Any:
    """Ranges of different j do not overlap, so that a constraint that excludes overlaps is kept."""
    bounds: tuple[Any, Any]
    width = 1 + dice.below(8)
    match RANGES[name]:
        case "date":
            start = wish.table.as_of.date() - timedelta(days=10 * (j + 1))
            bounds = (start, start + timedelta(days=width))
        case "timestamp" | "timestamptz":
            zone = wish.table.as_of.tzinfo if name == "tstzrange" else None
            moment = wish.table.as_of.replace(tzinfo=zone) - timedelta(hours=10 * (j + 1))
            bounds = (moment, moment + timedelta(hours=width))
        case "numeric":
            bounds = (Decimal(10 * j), Decimal(10 * j + width))
        case _:
            bounds = (10 * j, 10 * j + width)
    return Range(*bounds, bounds="[)")


def _ranges(wish: Wish, name: str, j: int, dice: Dice) -> list[Any]:
    return sorted((_range(wish, name, 2 * j + part, dice) for part in range(1 + dice.below(2))), key=lambda r: r.lower)


def _json(annotation: Any, j: int, dice: Dice, *, instances: bool) -> Any:
    value = _typed(annotation, j, dice) if annotation not in {None, Any, dict, list, object} else None
    if value is None:
        if annotation is list:
            return [dice.pick(_WORDS) for _ in range(dice.below(3))]
        return {"name": dice.pick(_WORDS), "count": dice.below(100), "tags": [dice.pick(_WORDS)], "number": j}
    if isinstance(value, BaseModel):
        return value if instances else value.model_dump(mode="json")
    return _dumped(value)


def _dumped(value: Any) -> Any:
    match value:
        case BaseModel():
            return value.model_dump(mode="json")
        case list() | tuple() | set():
            return [_dumped(item) for item in value]
        case dict():
            return {str(key): _dumped(item) for key, item in value.items()}
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
    return str(value)


def _typed(annotation: Any, j: int, dice: Dice) -> Any:
    """A value of a type as Pydantic has types."""
    annotation, said = _plain(annotation)
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return dice.pick(inner)
    if origin in {list, set, tuple, frozenset}:
        kind = inner[0] if inner else str
        return [_typed(kind, j + n, dice) for n in range(1 + dice.below(2))]
    if origin is dict:
        return {dice.pick(_WORDS): _typed(inner[1], j, dice) for _ in range(1 + dice.below(2))}
    if inner and type(None) in inner:
        return _typed(next(kind for kind in inner if kind is not type(None)), j, dice)
    if not isinstance(annotation, type):
        return _typed(inner[0], j, dice) if inner else dice.pick(_WORDS)
    if issubclass(annotation, BaseModel):
        return _instance(annotation, j, dice)
    if issubclass(annotation, Enum):
        return dice.pick(list(annotation))
    return _simple(annotation, said, dice)


def _simple(annotation: type, said: list[Any], dice: Dice) -> Any:
    low = _said(said, "ge", _said(said, "gt", None, 1), 0)
    high = _said(said, "le", _said(said, "lt", None, -1), None)
    if issubclass(annotation, bool):
        return bool(dice.below(2))
    if issubclass(annotation, int):
        least = int(low or 0)
        return least + dice.below(int(high) - least + 1 if high is not None else 100)
    if issubclass(annotation, float | Decimal):
        start = float(low or 0)
        size = (float(high) if high is not None else start + 100) - start
        return annotation(str(round(start + size * dice.below(1001) / 1000, 2)))
    if issubclass(annotation, datetime):
        return datetime.fromisoformat("2026-01-01T00:00:00+00:00") + timedelta(hours=dice.below(5000))
    if issubclass(annotation, date):
        return date(2026, 1, 1) + timedelta(days=dice.below(300))
    if issubclass(annotation, UUID):
        return _uuid(dice.below(2**31), dice)
    if "Email" in annotation.__name__:
        return f"{dice.pick(_WORDS)}@example.com"
    if "Url" in annotation.__name__:
        return f"https://example.com/{dice.pick(_WORDS)}"
    text = dice.pick(_WORDS)
    shortest, longest = _said(said, "min_length", None, 0) or 0, _said(said, "max_length", None, 0)
    while len(text) < shortest:
        text += dice.pick(_WORDS)
    return text[:longest] if longest else text


def _said(said: list[Any], name: str, otherwise: Any, beyond: int | None) -> Any:
    found = [getattr(one, name) for one in said if getattr(one, name, None) is not None]
    return found[0] + (beyond or 0) if found and not isinstance(found[0], str) else otherwise


def _instance(model: type[BaseModel], j: int, dice: Dice) -> BaseModel:
    """An instance that the model itself has validated; a field with a default has it in a quarter of them."""
    values = {}
    for name, field in model.model_fields.items():
        has_default = field.default is not PydanticUndefined or field.default_factory is not None
        if has_default and dice.below(_SHARE_OF_NOTHING) == 0:
            continue
        annotation, said = _plain(field.annotation)
        said = [*field.metadata, *said]
        plain = isinstance(annotation, type) and not issubclass(annotation, BaseModel | Enum)
        value = _simple(annotation, said, dice) if plain else _typed(annotation, j, dice)
        values[field.alias or name] = value
    return model.model_validate(values)


_KNOWN = (
    frozenset(INTEGERS) | TEXTS | MOMENTS | frozenset(RANGES) | {name.replace("range", "multirange") for name in RANGES}
) | {
    "bool", "numeric", "float4", "float8", "date", "time", "timetz", "interval", "uuid", "json", "jsonb", "bytea",
    "inet", "cidr", "macaddr", "macaddr8", "bit", "varbit", "hstore", "ltree", "tsvector", "money", "oid", "xml",
    "point", "enum",
}  # fmt: skip
