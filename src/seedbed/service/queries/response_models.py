"""Build the Pydantic model of a table's responses from its SQLModel, with only the readable columns."""

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
from seedbed.service.queries.visibility import ReadableColumn, is_secret_name

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class ResponseModel:
    """`model` serializes rows. `fields` are its fields by their names in responses: columns, then computed fields.

    `has_python_code` says that the table's model has computed fields or serializers.
    """

    model: type[BaseModel]
    fields: Mapping[str, str]
    has_python_code: bool


class _ResponseBase(BaseModel):
    """The base of response models. The table model's own code sees the row as a detached instance of its class."""

    model_config = ConfigDict(ser_json_inf_nan="strings", serialize_by_alias=True, protected_namespaces=())
    _as_row: Any = PrivateAttr(None)


def build_response_model(name: str, model: type[SQLModel], columns: Mapping[str, ReadableColumn]) -> ResponseModel:
    """Build the response model of a table. Only nullable columns may be null in it, whatever the table's model accepts.

    Raises:
        UnsupportedSerializer: the model has a serializer for the whole row, which `fields` and the document cannot
            describe, or a field serializer for a column whose Python value is not available.
    """
    decorators = model.__pydantic_decorators__
    if decorators.model_serializers:
        raise UnsupportedSerializer(model.__name__, next(iter(decorators.model_serializers)))
    columns_by_field = {
        _choose_field_name(column, model, number): column for number, column in enumerate(columns.values())
    }
    get_row = _create_row_getter(model, columns_by_field)
    namespace: dict[str, Any] = {}
    computed = {}
    for attribute, decorator in decorators.computed_fields.items():
        response_name = decorator.info.alias or attribute
        if not is_secret_name(attribute) and not is_secret_name(response_name):
            computed[response_name] = attribute
            namespace[attribute] = _create_computed_field(attribute, decorator.info, get_row)
    by_attribute = {column.attribute: field for field, column in columns_by_field.items()}
    by_attribute |= {attribute: attribute for attribute in namespace}
    for number, serializer in enumerate(decorators.field_serializers.values()):
        attributes = by_attribute.keys() if "*" in serializer.info.fields else serializer.info.fields
        fields = [by_attribute[attribute] for attribute in attributes if attribute in by_attribute]
        _check_native(model, columns_by_field, fields)
        if fields:
            namespace[f"serialize_{number}"] = _create_field_serializer(serializer, fields, get_row)
    annotation_serializers = {}
    for field, column in columns_by_field.items():
        info = model.model_fields.get(column.attribute)
        annotation_serializers[field] = (
            [] if info is None else list(find_serializers(Annotated[info.annotation, *info.metadata, None]))
        )
        _check_native(model, columns_by_field, [field] if annotation_serializers[field] else [])
    base: Any = type("Answer", (_ResponseBase,), {"__module__": __name__, **namespace})
    response_model: type[BaseModel] = create_model(
        name,
        __base__=base,
        **{field: _annotate_field(column, annotation_serializers[field]) for field, column in columns_by_field.items()},
    )
    fields_by_name = {column.name: field for field, column in columns_by_field.items()} | computed
    return ResponseModel(response_model, fields_by_name, bool(namespace) or any(annotation_serializers.values()))


def _choose_field_name(column: ReadableColumn, model: type[SQLModel], number: int) -> str:
    """Choose the model's attribute name, which its code may use, unless Pydantic does not allow it as a field."""
    is_usable = column.attribute in model.model_fields and not hasattr(BaseModel, column.attribute)
    return column.attribute if is_usable else f"column_{number}"


def _annotate_field(column: ReadableColumn, annotation_serializers: Iterable[Any]) -> Any:
    annotation = column.type_mapping.json_format.annotation
    for serializer in annotation_serializers:
        annotation = Annotated[annotation, serializer]
    if column.is_nullable:
        annotation = annotation | None if annotation is not Any else Any
    return annotation, Field(alias=column.name, description=column.description)


def _check_native(model: type[SQLModel], columns_by_field: Mapping[str, ReadableColumn], fields: Iterable[str]) -> None:
    """Refuse a serializer for a column whose value would be PostgreSQL's text instead of the Python value."""
    for field in fields:
        if field in columns_by_field and not columns_by_field[field].type_mapping.json_format.is_native:
            raise UnsupportedSerializer(model.__name__, columns_by_field[field].attribute)


def _create_row_getter(
    model: type[SQLModel], columns_by_field: Mapping[str, ReadableColumn]
) -> Callable[[_ResponseBase], Any]:
    mapper = inspect(model)

    def get_row(response: _ResponseBase) -> Any:
        if response._as_row is None:  # noqa: SLF001
            _ = mapper.attrs  # configures the mappers
            row = response._as_row = mapper.class_manager.new_instance()  # noqa: SLF001
            for field, column in columns_by_field.items():
                if column.type_mapping.json_format.is_native:
                    set_committed_value(row, column.attribute, getattr(response, field))
            make_transient_to_detached(row)
        return response._as_row  # noqa: SLF001

    return get_row


def _create_computed_field(attribute: str, info: Any, get_row: Callable[[Any], Any]) -> Any:
    wrapped = info.wrapped_property
    function = getattr(wrapped, "fget", None) or getattr(wrapped, "func", None)
    return_type = info.return_type if info.return_type is not PydanticUndefined else _read_return_type(function)

    def get(self: Any) -> Any:
        return getattr(get_row(self), attribute)

    return computed_field(
        alias=info.alias, title=info.title, description=info.description or getattr(function, "__doc__", None),
        return_type=Any if return_type is PydanticUndefined else return_type,
    )(property(get))  # fmt: skip


def _create_field_serializer(decorator: Any, fields: list[str], get_row: Callable[[Any], Any]) -> Any:
    """Create a field serializer that calls the model's own on the row, with the arguments that it accepts."""
    function, info = decorator.func, decorator.info
    positional = [
        p for p in signature(function).parameters.values() if p.kind in _POSITIONAL and p.default is Parameter.empty
    ]
    takes_self = bool(positional) and positional[0].name == "self"
    takes_handler = info.mode == "wrap"
    takes_info = len(positional) - takes_self - takes_handler > 1

    def call(response: Any, *arguments: Any) -> Any:
        return function(get_row(response), *arguments) if takes_self else function(*arguments)

    adapters: dict[tuple[bool, bool], Any] = {  # Pydantic inspects the number of parameters, and the name of the first
        (False, False): lambda self, value: call(self, value),  # noqa: PLW0108
        (False, True): lambda self, value, info: call(self, value, info),  # noqa: PLW0108
        (True, False): lambda self, value, handler: call(self, value, handler),  # noqa: PLW0108
        (True, True): lambda self, value, handler, info: call(self, value, handler, info),  # noqa: PLW0108
    }
    return_type = info.return_type if info.return_type is not PydanticUndefined else _read_return_type(function)
    decorate: Any = field_serializer
    return decorate(
        *fields, mode=info.mode, when_used=info.when_used, return_type=return_type, check_fields=False
    )(adapters[takes_handler, takes_info])  # fmt: skip


def _read_return_type(function: Any) -> Any:
    try:
        return get_type_hints(function, include_extras=True).get("return", PydanticUndefined)
    except (NameError, TypeError):  # the annotation has names that are not defined in the module
        return PydanticUndefined
