"""Describe the tables in the OpenAPI document."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from seedbed.service.http.problems import document_problems
from seedbed.service.http.table_routes import build_path_template
from seedbed.service.queries.list_query import DEFAULT_LIMIT, MAX_LIMIT, RESERVED_PARAMETERS
from seedbed.service.queries.resources import Link, Resource
from seedbed.service.queries.value_parser import restrict_to_list_item
from seedbed.service.queries.visibility import ReadableColumn

_REF = "#/components/schemas/{model}"
_HEADERS = {
    "ETag": {"description": "Of this answer; send it as If-None-Match.", "schema": {"type": "string"}},
    "X-Request-ID": {"description": "The request's id in the log.", "schema": {"type": "string"}},
}
_PAGE_HEADERS = {
    "Link": {"description": 'The next page, as <...>; rel="next". The last has none.', "schema": {"type": "string"}},
    "X-Total-Count": {"description": "How many rows there are, if asked by count.", "schema": {"type": "integer"}},
    "X-Total-Count-Is": {
        "description": "Whether the count is exact.", "schema": {"type": "string", "enum": ["estimate", "exact"]}
    },
}  # fmt: skip


def add_tables_to_openapi(app: FastAPI, served: Sequence[Resource], *, with_tokens: bool = False) -> None:
    """Add the tables to FastAPI's OpenAPI document. An operation of the project's own routes takes precedence."""
    fastapi_openapi: Callable[[], dict[str, Any]] = app.openapi
    paths = _describe_paths(served)
    components = _describe_components(served)

    def openapi() -> dict[str, Any]:
        openapi_document = fastapi_openapi()
        for path, operations in paths.items():
            openapi_document["paths"][path] = operations | openapi_document["paths"].get(path, {})
        schemas = openapi_document.setdefault("components", {}).setdefault("schemas", {})
        for name, schema in components.items():
            schemas.setdefault(name, schema)
        if with_tokens:
            _add_token_security(openapi_document)
        return openapi_document

    app.openapi = openapi  # type: ignore[method-assign]
    _cache_openapi_response(app)


def _cache_openapi_response(app: FastAPI) -> None:
    """Serialize the document once: for fifty tables that blocks the event loop for a tenth of a second."""
    bodies: dict[str, bytes] = {}

    async def answer(request: Request) -> Response:
        root = request.scope.get("root_path", "").rstrip("/")
        if root not in bodies:
            openapi_document = app.openapi()
            servers = {"servers": [{"url": root}]} if root else {}
            bodies[root] = bytes(JSONResponse({**openapi_document, **servers}).body)
        return Response(bodies[root], media_type="application/json")

    app.router.routes.insert(0, Route("/openapi.json", answer, include_in_schema=False))


def _add_token_security(openapi_document: dict[str, Any]) -> None:
    schemes = openapi_document["components"].setdefault("securitySchemes", {})
    schemes["token"] = {"type": "http", "scheme": "bearer", "description": "From seedbed serve --new-token."}
    openapi_document["security"] = [{"token": []}]
    for path, operations in openapi_document["paths"].items():
        if path.startswith("/health/"):
            operations["get"]["security"] = []


def _describe_components(served: Sequence[Resource]) -> dict[str, Any]:
    models = [(resource.response.model, "serialization") for resource in served]
    _, schema = models_json_schema(models, by_alias=True, ref_template=_REF)  # type: ignore[arg-type]
    components: dict[str, Any] = schema.get("$defs", {})
    for resource in served:
        row_schema = components[_model_name(resource)]
        row_schema["additionalProperties"] = False
        row_schema["required"] = list(resource.response.fields)
        part = {keyword: value for keyword, value in row_schema.items() if keyword != "required"}
        part["description"] = f"What is left of a {_model_name(resource)} by `fields`."
        components[_part_name(resource)] = part
    return components


def _describe_row(resource: Resource) -> dict[str, Any]:
    """Refer to the type of a whole row, which client code generators want, or of a row reduced by `fields`."""
    names = (_model_name(resource), _part_name(resource))
    return {"anyOf": [{"$ref": _REF.format(model=name)} for name in names]}


def _part_name(resource: Resource) -> str:
    return f"{_model_name(resource)}.part"


def _model_name(resource: Resource) -> str:
    return resource.response.model.__name__


def _describe_paths(served: Sequence[Resource]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for resource in served:
        paths[build_path_template(resource)] = {"get": _describe_list(resource, resource)}
        paths[build_path_template(resource, with_key=True)] = {"get": _describe_one(resource)}
        for link in resource.links.values():
            operation = _describe_list(resource, link.target, link) if link.is_many else _describe_one(resource, link)
            paths[build_path_template(resource, with_key=True, link=link)] = {"get": operation}
    return paths


def _describe_list(resource: Resource, target: Resource, link: Link | None = None) -> dict[str, Any]:
    summary = f"List {target.name}" if link is None else f"List the {target.name} of one {resource.table.name}"
    parameters = [*(_key_parameters(resource) if link else []), *_page_parameters(target), *_filter_parameters(target)]
    schema = {"type": "array", "maxItems": MAX_LIMIT, "items": _describe_row(target)}
    statuses = (304, 401, 404, 422, 503) if link else (304, 401, 422, 503)
    return _build_operation(resource, link, "list", summary, parameters, schema, _HEADERS | _PAGE_HEADERS, statuses)


def _describe_one(resource: Resource, link: Link | None = None) -> dict[str, Any]:
    target = resource if link is None else link.target
    summary = (
        f"Get one {target.table.name}" if link is None else f"Get the {target.table.name} of one {resource.table.name}"
    )
    parameters = [*_key_parameters(resource), _fields_parameter(target)]
    return _build_operation(
        resource, link, "get", summary, parameters, _describe_row(target), _HEADERS, (304, 401, 404, 422, 503)
    )


def _build_operation(
    resource: Resource, link: Link | None, verb: str, summary: str, parameters: list[Any], schema: Any, headers: Any,
    statuses: Sequence[int],
) -> dict[str, Any]:  # fmt: skip
    problems = {str(status): response for status, response in document_problems(*statuses).items()}
    problems["304"] = {"description": "Not Modified"}
    success = {"description": summary, "headers": headers, "content": {"application/json": {"schema": schema}}}
    return {
        "tags": [resource.name],
        "summary": summary,
        "operationId": f"{verb}_{link.name}_of_{resource.name}" if link else f"{verb}_{resource.name}",
        "parameters": parameters,
        "responses": {"200": success, "414": document_problems(414)[414], **problems},
    }


def _key_parameters(resource: Resource) -> list[Any]:
    return [
        {
            "name": column.name,
            "in": "path",
            "required": True,
            "description": column.description or f"The {resource.table.name}'s key.",
            "schema": _filter_schema(column) | ({"minLength": 1} if _filter_schema(column)["type"] == "string" else {}),
        }
        for column in resource.key
    ]


def _page_parameters(target: Resource) -> list[Any]:
    sorts = [
        sign + column.name
        for column in target.columns.values()
        if column.type_mapping.is_sortable
        for sign in ("", "-")
    ]
    return [
        _query_parameter("limit", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
               "How many rows a page has at most."),
        _query_parameter("cursor", {"type": "string"}, "Where the last page ended; the Link header has it."),
        _query_parameter("sort", {"type": "array", "items": {"type": "string", "enum": sorts}, "minItems": 1,
                        "uniqueItems": True},
               "Columns to sort by, - before one for descending. The key decides what they leave open. NULL comes last,"
               " and first in descending order."),
        _fields_parameter(target),
        _query_parameter("count", {"type": "string", "enum": ["estimate", "exact"]},
                         "Count the rows, in X-Total-Count."),
    ]  # fmt: skip


def _fields_parameter(target: Resource) -> Any:
    schema = {
        "type": "array",
        "items": {"type": "string", "enum": list(target.response.fields)},
        "minItems": 1,
        "uniqueItems": True,
    }
    return _query_parameter("fields", schema, "The fields to answer with; all, otherwise.")


def _filter_parameters(target: Resource) -> list[Any]:
    parameters = []
    for column in target.columns.values():
        for name, comparison in column.type_mapping.comparisons.items():
            schema = _filter_schema(column) if comparison.parser is None else dict(comparison.parser.json_schema)
            if name == "in":
                schema = {"type": "array", "items": restrict_to_list_item(schema), "minItems": 1, "maxItems": 100}
            parser = comparison.parser or column.type_mapping.parser
            example = "" if parser is None else parser.example
            description = f"Rows whose {column.name} {comparison.description}{example and f', such as {example}'}."
            names = [f"{column.name}.{name}"]
            if name == "eq" and column.name not in RESERVED_PARAMETERS:
                names.insert(0, column.name)
            parameters += [_query_parameter(parameter_name, schema, description) for parameter_name in names]
        if column.is_nullable:
            description = f"Rows that have no {column.name}, or that have one."
            parameters.append(_query_parameter(f"{column.name}.null", {"type": "boolean"}, description))
    return parameters


def _filter_schema(column: ReadableColumn) -> dict[str, Any]:
    return (
        dict(column.type_mapping.parser.json_schema) if column.type_mapping.parser is not None else {"type": "string"}
    )


def _query_parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    parameter = {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
    return parameter | ({"explode": False} if schema["type"] == "array" else {})
