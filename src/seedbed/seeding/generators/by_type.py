"""Columns of types whose values Python makes one by one: arrays, ranges, addresses, UUIDs."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError
from sqlalchemy.dialects.postgresql import Range

from seedbed.errors import NoGenerator
from seedbed.postgres.quoting import compile_expression
from seedbed.seeding.analysis.column_roles import find_role_by_name
from seedbed.seeding.core.column_batch import Batch, Coded, Objects, Uuids, ValuePool
from seedbed.seeding.core.postgres_types import RANGES, ColumnType
from seedbed.seeding.core.random_stream import Dice, Words
from seedbed.seeding.core.time_units import DAY, microseconds
from seedbed.seeding.core.type_registry import TYPES, WORDS, SeriesOptions
from seedbed.seeding.core.type_registry import Dice as AnyDice
from seedbed.seeding.core.word_lists import get_words as word_list
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest, make_shortage
from seedbed.seeding.generators.json_values import make_json
from seedbed.seeding.generators.text.regex import PatternNotSupported

Nth = Callable[[int, AnyDice], Any]


def find_series(
    column_type: ColumnType, as_of: datetime, *, unique: bool = False, longest: int | None = None
) -> Nth | None:
    """A function that makes the j-th value of a type, or None for an unknown type.

    Unless `unique`, words and lists of them repeat. Ranges of different j do not overlap, so that a constraint that
    excludes overlaps is kept.
    """
    if column_type.element is not None:
        element = find_series(column_type.element, as_of, unique=unique, longest=longest)
        return None if element is None else lambda j, dice: _list(element, j, dice, unique=unique)
    if column_type.name in RANGES:
        return lambda j, dice: _range(column_type.name, as_of, j, dice)
    if column_type.name.endswith("multirange"):
        name = column_type.name.replace("multirange", "range")
        return lambda j, dice: _ranges(name, as_of, j, dice)
    if column_type.labels and column_type.name not in {"json", "jsonb"}:
        return lambda _, dice: dice.pick(column_type.labels)
    make = TYPES[column_type.name].series if column_type.name in TYPES else None
    if make is None:
        return None
    options = SeriesOptions(column_type.size, column_type.decimals, as_of, unique, longest)
    return lambda j, dice: make(j, dice, options)


def _list(element: Nth, j: int, dice: AnyDice, *, unique: bool) -> list[Any]:
    if unique:
        return [element(j, dice), *(element(dice.below(100), dice) for _ in range(dice.below(2)))]
    if dice.below(10) == 0:
        return []
    return [element(dice.below(200), dice) for _ in range(1 + dice.below(3))]


def _range(name: str, as_of: datetime, j: int, dice: AnyDice) -> Any:
    bounds: tuple[Any, Any]
    width = 1 + dice.below(8)
    match RANGES[name]:
        case "date":
            start = as_of.date() - timedelta(days=10 * (j + 1))
            bounds = (start, start + timedelta(days=width))
        case "timestamp" | "timestamptz":
            moment = as_of.replace(tzinfo=as_of.tzinfo if name == "tstzrange" else None) - timedelta(hours=10 * (j + 1))
            bounds = (moment, moment + timedelta(hours=width))
        case "numeric":
            bounds = (Decimal(10 * j), Decimal(10 * j + width))
        case _:
            bounds = (10 * j, 10 * j + width)
    return Range(*bounds, bounds="[)")


def _ranges(name: str, as_of: datetime, j: int, dice: AnyDice) -> list[Any]:
    parts = (_range(name, as_of, 2 * j + part, dice) for part in range(1 + dice.below(2)))
    return sorted(parts, key=lambda part: part.lower)


_POOL_SIZE = 512


_LANGUAGES = ("en", "de", "fr", "es", "it", "pl", "ja")


def generate_series(request: ColumnRequest) -> ColumnGenerator | None:
    """Make a generator for JSON, arrays, ranges, addresses, bits and bytes, or return None for an unknown type."""
    source_parts = _find_source(request, request.column_type)
    if source_parts is None:
        return None
    source, nth, domain = source_parts
    if request.is_unique:
        if domain is not None and request.required_count > domain:
            return make_shortage(request, domain)
        return ColumnGenerator(
            request.name, f"{source}, unique", lambda rows: Objects(None, _make_values(request, nth, rows))
        )
    size = _POOL_SIZE if domain is None else min(domain, _POOL_SIZE)
    pool = ValuePool(f"{request.table.name}.{request.name}", size, lambda j: nth(j, _make_dice(request, j)))

    def make(rows: range) -> Batch:
        return Coded(None, request.stream.below(size, rows), pool)

    return ColumnGenerator(request.name, source, make)


def _make_values(request: ColumnRequest, nth: Nth, rows: range) -> list[Any]:
    return [nth(place, _make_dice(request, place)) for place in request.places(rows).tolist()]


def _make_dice(request: ColumnRequest, j: int) -> Dice:
    return Dice(request.stream.seed, f"{request.stream.name}/{j}")


def _find_source(request: ColumnRequest, column_type: ColumnType) -> tuple[str, Nth, int | None] | None:
    constraints = request.table.value_constraints[request.name]
    annotation = constraints.annotation
    if column_type.element is None and column_type.name in {"json", "jsonb"}:
        structured = isinstance(annotation, type) and issubclass(annotation, BaseModel)
        shown = annotation.__name__ if structured else "a JSON value"
        takes_instances = request.table.takes_model_instances(request.name)

        def value(j: int, dice: AnyDice) -> Any:
            try:
                return make_json(annotation, j, dice, instances=takes_instances)
            except ValidationError as error:
                why = f"{shown} that it would call valid ({error.errors()[0]['msg']})"
                raise NoGenerator(request.table.name, request.name, why) from error
            except PatternNotSupported as error:
                raise NoGenerator(request.table.name, request.name, f"{shown}: {error}") from error

        return (shown, value, None)
    words = [] if column_type.element is None or request.is_unique else _words(request, column_type.element)
    if words:
        return (
            f"up to 3 of {len(words)} words",
            lambda _, dice: [dice.pick(words) for _ in range(dice.below(4))],
            None,
        )
    nth = find_series(column_type, request.table.as_of, unique=request.is_unique, longest=constraints.longest)
    if nth is None:
        return None
    domain = {"bit": 2 ** (column_type.size or 1), "varbit": 2 ** (column_type.size or 60)}.get(column_type.name)
    return (_describe(column_type), nth, domain)


def _words(request: ColumnRequest, element: ColumnType) -> list[str]:
    """The words of a list of texts, by its name in the singular."""
    if not element.is_text:
        return []
    single = request.name.removesuffix("s")
    role = find_role_by_name(request.table.sql.name, single)
    words: Sequence[str] = word_list("tag") if role.name == "tag" else role.words
    if role.name == "language_code":
        words = _LANGUAGES
    if role.name == "email" or single in {"recipient", "subscriber", "watcher"}:
        words = [f"{word}@example.com" for word in WORDS]
    return [word for word in words if element.size is None or len(word) <= element.size]


def _describe(column_type: ColumnType) -> str:
    if column_type.element is not None:
        return f"up to 3 of {column_type.element}"
    if column_type.name in RANGES:
        return "a range"
    if column_type.name.endswith("multirange"):
        return "one or two ranges"
    return f"{'an' if column_type.name.startswith('i') else 'a'} {column_type.name}"


def generate_uuids(request: ColumnRequest) -> ColumnGenerator:
    """UUIDs of version 4, and of version 7 where the model makes such: the same in every run."""
    default = request.column.default
    maker = getattr(getattr(default, "arg", None), "__name__", "")
    server = compile_expression(getattr(request.column.server_default, "arg", ""))
    if "7" in maker or "uuidv7" in server or "7" in _factory(request):
        return _ordered_uuids(request)
    high, low = request.stream.substream("high"), request.stream.substream("low")

    def make(rows: range) -> Batch:
        first, second = high.words(rows), low.words(rows)
        return _uuids(first & ~np.uint64(0xF000) | np.uint64(0x4000), second)

    return ColumnGenerator(request.name, "a random UUID", make)


def _ordered_uuids(request: ColumnRequest) -> ColumnGenerator:
    """Version 7 (RFC 9562): milliseconds first, one later for each row, and none after `as_of`."""
    table, stream = request.table, request.stream
    end, span = microseconds(table.as_of) // 1000, 730 * DAY // 1000
    low, high = stream.substream("low"), stream.substream("high")

    def make(rows: range) -> Batch:
        numbers = np.arange(rows.start, rows.stop, dtype=np.int64)
        each = max(1, span // max(table.count, 1))
        moments = (end - span + numbers * each).astype(np.uint64)
        chance = high.words(rows) & np.uint64(0x0FFF)
        return _uuids(moments << np.uint64(16) | np.uint64(0x7000) | chance, low.words(rows))

    return ColumnGenerator(request.name, "a UUID of version 7", make)


def _uuids(first: Words, second: Words) -> Uuids:
    variant = second & np.uint64(0x3FFF_FFFF_FFFF_FFFF) | np.uint64(0x8000_0000_0000_0000)
    words = np.stack([first, variant], axis=1).astype(">u8")
    return Uuids(None, np.ascontiguousarray(words).view(np.uint8).reshape(len(first), 16))


def _factory(request: ColumnRequest) -> str:
    model = request.table.model
    field = getattr(model, "model_fields", {}).get(request.name)
    return getattr(getattr(field, "default_factory", None), "__name__", "") if field is not None else ""
