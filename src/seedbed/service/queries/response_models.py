"""What a row is answered as: a model made from the table's own, with the columns that may be read."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Annotated, Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, computed_field, create_model, field_serializer
from pydantic_core import PydanticUndefined
from sqlalchemy import inspect
from sqlalchemy.orm import make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import SQLModel

from seedbed.errors import UnsupportedSerializer
from seedbed.service.queries.json_output import find_serializers
from seedbed.service.queries.readable_columns import ReadableColumn
from seedbed.service.queries.visibility import is_secret_name

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class ResponseModel:
    """`model` is what rows are answered as. `fields` are its fields by the names that answers have for them: the
    columns', and after them those that the table's model computes. `has_python_code` says that it has code of its own.
    """

    model: type[BaseModel]
    fields: Mapping[str, str]
    has_python_code: bool


class _Answer(BaseModel):
    """A row, which its own model's code sees as a row of its own, without a session: what was not read raises."""

    model_config = ConfigDict(ser_json_inf_nan="strings", serialize_by_alias=True, protected_namespaces=())
    _as_row: Any = PrivateAttr(None)


def build_response_model(name: str, model: type[SQLModel], columns: Mapping[str, ReadableColumn]) -> ResponseModel:
    """A column that the database fills is never NULL in an answer, whatever a row being made may lack.

    Raises:
        UnsupportedSerializer: the model has a serializer for the whole row, which no filter and no document can follow.
    """
    own = model.__pydantic_decorators__
    if own.model_serializers:
        raise UnsupportedSerializer(model.__name__, next(iter(own.model_serializers)))
    named = {_field(shown, model, number): shown for number, shown in enumerate(columns.values())}
    row_of = _rows(model, named)
    space: dict[str, Any] = {}
    computed = {}
    for attribute, decorator in own.computed_fields.items():
        answered = decorator.info.alias or attribute
        if not is_secret_name(attribute) and not is_secret_name(answered):
            computed[answered] = attribute
            space[attribute] = _computed(attribute, decorator.info, row_of)
    by_attribute = {shown.attribute: field for field, shown in named.items()} | {each: each for each in space}
    for number, serializer in enumerate(own.field_serializers.values()):
        of = by_attribute.keys() if "*" in serializer.info.fields else serializer.info.fields
        fields = [by_attribute[attribute] for attribute in of if attribute in by_attribute]
        _see_native(model, named, fields)
        if fields:
            space[f"serialize_{number}"] = _serializer(serializer, fields, row_of)
    carried = {}
    for field, shown in named.items():
        found = model.model_fields.get(shown.attribute)
        carried[field] = [] if found is None else list(find_serializers(Annotated[found.annotation, *found.metadata, None]))
        _see_native(model, named, [field] if carried[field] else [])
    base: Any = type("Answer", (_Answer,), {"__module__": __name__, **space})
    made: type[BaseModel] = create_model(
        name, __base__=base, **{field: _typed(shown, carried[field]) for field, shown in named.items()}
    )
    fields_by_name = {shown.name: field for field, shown in named.items()} | computed
    return ResponseModel(made, fields_by_name, bool(space) or any(carried.values()))


def _field(shown: ReadableColumn, model: type[SQLModel], number: int) -> str:
    """The model's own name for it, which its code may ask for, where that can be a field's of any model."""
    usable = shown.attribute in model.model_fields and not hasattr(BaseModel, shown.attribute)
    return shown.attribute if usable else f"column_{number}"


def _typed(shown: ReadableColumn, carried: Iterable[Any]) -> Any:
    annotation = shown.type_mapping.json_format.annotation
    for serializer in carried:
        annotation = Annotated[annotation, serializer]
    if shown.is_nullable:
        annotation = annotation | None if annotation is not Any else Any
    return annotation, Field(alias=shown.name, description=shown.description)


def _see_native(model: type[SQLModel], named: Mapping[str, ReadableColumn], fields: Iterable[str]) -> None:
    """A serializer that expects what SQLAlchemy gives must not be given PostgreSQL's text instead."""
    for field in fields:
        if field in named and not named[field].type_mapping.json_format.is_native:
            raise UnsupportedSerializer(model.__name__, named[field].attribute)


def _rows(model: type[SQLModel], named: Mapping[str, ReadableColumn]) -> Callable[[_Answer], Any]:
    mapper = inspect(model)

    def row_of(answer: _Answer) -> Any:
        if answer._as_row is None:  # noqa: SLF001
            _ = mapper.attrs  # configures the mappers, if nothing has yet
            row = answer._as_row = mapper.class_manager.new_instance()  # noqa: SLF001
            for field, shown in named.items():
                if shown.type_mapping.json_format.is_native:
                    set_committed_value(row, shown.attribute, getattr(answer, field))
            make_transient_to_detached(row)
        return answer._as_row  # noqa: SLF001

    return row_of


def _computed(attribute: str, info: Any, row_of: Callable[[Any], Any]) -> Any:
    wrapped = info.wrapped_property
    function = getattr(wrapped, "fget", None) or getattr(wrapped, "func", None)
    given = info.return_type if info.return_type is not PydanticUndefined else _returned(function)

    def get(self: Any) -> Any:
        return getattr(row_of(self), attribute)

    return computed_field(
        alias=info.alias, title=info.title, description=info.description or getattr(function, "__doc__", None),
        return_type=Any if given is PydanticUndefined else given,
    )(property(get))  # fmt: skip


def _serializer(decorator: Any, fields: list[str], row_of: Callable[[Any], Any]) -> Any:
    """The model's own, called on the row as the model has it. How it is called follows from what it takes."""
    own, info = decorator.func, decorator.info
    taken = [p for p in signature(own).parameters.values() if p.kind in _POSITIONAL and p.default is Parameter.empty]
    on_row = bool(taken) and taken[0].name == "self"
    wraps = info.mode == "wrap"
    informed = len(taken) - on_row - wraps > 1

    def call(answer: Any, *given: Any) -> Any:
        return own(row_of(answer), *given) if on_row else own(*given)

    ways: dict[tuple[bool, bool], Any] = {  # Pydantic looks at what they take, and at the name of the first
        (False, False): lambda self, value: call(self, value),  # noqa: PLW0108
        (False, True): lambda self, value, info: call(self, value, info),  # noqa: PLW0108
        (True, False): lambda self, value, handler: call(self, value, handler),  # noqa: PLW0108
        (True, True): lambda self, value, handler, info: call(self, value, handler, info),  # noqa: PLW0108
    }
    returned = info.return_type if info.return_type is not PydanticUndefined else _returned(own)
    decorate: Any = field_serializer
    return decorate(
        *fields, mode=info.mode, when_used=info.when_used, return_type=returned, check_fields=False
    )(ways[wraps, informed])  # fmt: skip


def _returned(function: Any) -> Any:
    try:
        return get_type_hints(function, include_extras=True).get("return", PydanticUndefined)
    except (NameError, TypeError):  # names that only its own module knows while it is made
        return PydanticUndefined
