"""Values for JSON columns, valid for their Pydantic models."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticUndefined

from seedbed.seeding.analysis.column_roles import find_role_by_name
from seedbed.seeding.analysis.value_constraints import unwrap_annotation
from seedbed.seeding.core.type_registry import WORDS, json_value, uuid_value
from seedbed.seeding.core.type_registry import Dice as AnyDice
from seedbed.seeding.generators.text.regex_columns import make_match

_DEFAULT_RATE = 4


_TRIES = 40


def make_json(annotation: Any, j: int, dice: AnyDice, *, instances: bool) -> Any:
    value = _make_valid(annotation, j, dice) if annotation not in {None, Any, dict, list, object} else None
    if value is None:
        if annotation is list:
            return [dice.pick(WORDS) for _ in range(dice.below(3))]
        return json_value(j, dice)
    if isinstance(value, BaseModel):
        return value if instances else value.model_dump(mode="json")
    return _dump(value)


def _dump(value: Any) -> Any:
    match value:
        case BaseModel():
            return value.model_dump(mode="json")
        case list() | tuple() | set():
            return [_dump(item) for item in value]
        case dict():
            return {str(key): _dump(item) for key, item in value.items()}
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
    return str(value)


def _make_valid(annotation: Any, j: int, dice: AnyDice) -> Any:
    """A value that the model accepts: a validator may demand more than the fields.

    Raises:
        ValidationError: none was found.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            return _make_value(annotation, j, dice)
        except ValidationError:
            if not tries_left:
                raise
    raise AssertionError


def _make_value(annotation: Any, j: int, dice: AnyDice, outer_metadata: Sequence[Any] = (), name: str = "") -> Any:
    """A value of a Pydantic type; `more` is metadata beside its own."""
    annotation, own_metadata = unwrap_annotation(annotation)
    metadata = [*outer_metadata, *own_metadata]
    origin, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if origin is Literal:
        return dice.pick(arguments)
    if origin is tuple and arguments and arguments[-1] is not Ellipsis:
        return [_make_value(item_type, j + n, dice) for n, item_type in enumerate(arguments)]
    if origin in {list, set, tuple, frozenset}:
        least = _find_bound(metadata, "min_length", None, 0) or 1
        most = _find_bound(metadata, "max_length", None, 0) or least + 1
        return [
            _make_value(arguments[0] if arguments else str, j + n, dice)
            for n in range(min(least + dice.below(2), most))
        ]
    if origin is dict:
        return {
            dice.pick(WORDS): _make_value(arguments[1] if arguments else str, j, dice) for _ in range(1 + dice.below(2))
        }
    if arguments and type(None) in arguments:
        return _make_value(
            next(item_type for item_type in arguments if item_type is not type(None)), j, dice, metadata, name
        )
    if not isinstance(annotation, type):
        return (
            _make_value(dice.pick(arguments) if len(arguments) > 1 else arguments[0], j, dice, metadata, name)
            if arguments
            else dice.pick(WORDS)
        )
    if issubclass(annotation, BaseModel):
        return _make_instance(annotation, j, dice)
    if issubclass(annotation, Enum):
        return dice.pick(list(annotation))
    return _make_scalar(annotation, metadata, dice, name)


def _make_scalar(annotation: type, metadata: Sequence[Any], dice: AnyDice, name: str = "") -> Any:
    low = _find_bound(metadata, "ge", _find_bound(metadata, "gt", None, 1), 0)
    high = _find_bound(metadata, "le", _find_bound(metadata, "lt", None, -1), None)
    if issubclass(annotation, bool):
        return bool(dice.below(2))
    if issubclass(annotation, int):
        least = int(low or 0)
        return least + dice.below(int(high) - least + 1 if high is not None else 100)
    if issubclass(annotation, float | Decimal):
        start = float(low or 0)
        size = (float(high) if high is not None else start + 100) - start
        decimals = _find_bound(metadata, "decimal_places", None, 0)
        return annotation(str(round(start + size * dice.below(1001) / 1000, 2 if decimals is None else decimals)))
    if issubclass(annotation, datetime):
        return datetime.fromisoformat("2026-01-01T00:00:00+00:00") + timedelta(hours=dice.below(5000))
    if issubclass(annotation, date):
        return date(2026, 1, 1) + timedelta(days=dice.below(300))
    if issubclass(annotation, UUID):
        return uuid_value(dice.below(2**31), dice)
    if "Email" in annotation.__name__:
        return f"{dice.pick(WORDS)}@example.com"
    if "Url" in annotation.__name__:
        return f"https://example.com/{dice.pick(WORDS)}"
    shortest, longest = _find_bound(metadata, "min_length", None, 0) or 0, _find_bound(metadata, "max_length", None, 0)
    pattern = next((item.pattern for item in metadata if isinstance(getattr(item, "pattern", None), str)), None)
    if pattern is not None:
        return make_match(pattern, str(dice.below(2**31)), shortest, longest)
    role = find_role_by_name("", name) if name else None
    text = dice.pick(role.words if role is not None and role.name == "choice" else WORDS)
    while len(text) < shortest:
        text += dice.pick(WORDS)
    return text[:longest] if longest else text


def _find_bound(metadata: Sequence[Any], name: str, default: Any, offset: int | None) -> Any:
    bounds = [getattr(item, name) for item in metadata if getattr(item, name, None) is not None]
    return bounds[0] + (offset or 0) if bounds and not isinstance(bounds[0], str) else default


def _make_instance(model: type[BaseModel], j: int, dice: AnyDice) -> BaseModel:
    """An instance that the model itself has validated; a field with a default has it in a quarter of them."""
    values = {}
    for name, field in model.model_fields.items():
        has_default = field.default is not PydanticUndefined or field.default_factory is not None
        if has_default and dice.below(_DEFAULT_RATE) == 0:
            continue
        values[field.alias or name] = _make_value(field.annotation, j, dice, field.metadata, name)
    return model.model_validate(values)
