"""The tables in the OpenAPI document, told from what answers are made of."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from seedbed.service.http.problems import documented
from seedbed.service.http.table_routes import template_of
from seedbed.service.queries.list_query import LARGEST_PAGE, PAGE, RESERVED
from seedbed.service.queries.readable_columns import Shown
from seedbed.service.queries.resources import Link, Resource
from seedbed.service.queries.value_parser import listed

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


def document(app: FastAPI, served: Sequence[Resource], *, with_tokens: bool = False) -> None:
    """Add the tables to what FastAPI says of the other routes; where a project's own answer the same, those stay."""
    plain: Callable[[], dict[str, Any]] = app.openapi
    tables = _tables(served)
    components = _components(served)

    def openapi() -> dict[str, Any]:
        found = plain()
        for path, operations in tables.items():
            found["paths"][path] = operations | found["paths"].get(path, {})
        schemas = found.setdefault("components", {}).setdefault("schemas", {})
        for name, schema in components.items():
            schemas.setdefault(name, schema)
        if with_tokens:
            _say_tokens(found)
        return found

    app.openapi = openapi  # type: ignore[method-assign]
    _keep_written(app)


def _keep_written(app: FastAPI) -> None:
    """Answer with a text that is written once: for fifty tables that takes a tenth of a second, in which nobody else
    would be answered.
    """
    written: dict[str, bytes] = {}

    async def whole(request: Request) -> Response:
        root = request.scope.get("root_path", "").rstrip("/")
        if root not in written:
            said = app.openapi()
            written[root] = bytes(JSONResponse({**said, "servers": [{"url": root}]} if root else said).body)
        return Response(written[root], media_type="application/json")

    app.router.routes.insert(0, Route("/openapi.json", whole, include_in_schema=False))


def _say_tokens(found: dict[str, Any]) -> None:
    schemes = found["components"].setdefault("securitySchemes", {})
    schemes["token"] = {"type": "http", "scheme": "bearer", "description": "From seedbed serve --new-token."}
    found["security"] = [{"token": []}]
    for path, operations in found["paths"].items():
        if path.startswith("/health/"):
            operations["get"]["security"] = []


def _components(served: Sequence[Resource]) -> dict[str, Any]:
    models = [(resource.answers.model, "serialization") for resource in served]
    _, schema = models_json_schema(models, by_alias=True, ref_template=_REF)  # type: ignore[arg-type]
    found: dict[str, Any] = schema.get("$defs", {})
    for resource in served:
        whole = found[_name(resource)]
        whole["additionalProperties"] = False
        whole["required"] = list(resource.answers.fields)
        part = {name: said for name, said in whole.items() if name != "required"}
        found[_part(resource)] = part | {"description": f"What is left of a {_name(resource)} by `fields`."}
    return found


def _answer(resource: Resource) -> dict[str, Any]:
    """A whole row, which is the type that a client's program wants, or what `fields` leaves of it."""
    return {"anyOf": [{"$ref": _REF.format(model=name)} for name in (_name(resource), _part(resource))]}


def _part(resource: Resource) -> str:
    return f"{_name(resource)}.part"


def _name(resource: Resource) -> str:
    return resource.answers.model.__name__


def _tables(served: Sequence[Resource]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for resource in served:
        paths[template_of(resource)] = {"get": _list(resource, resource)}
        paths[template_of(resource, with_key=True)] = {"get": _row(resource)}
        for link in resource.links.values():
            operation = _list(resource, link.to, link) if link.many else _row(resource, link)
            paths[template_of(resource, with_key=True, link=link)] = {"get": operation}
    return paths


def _list(resource: Resource, of: Resource, link: Link | None = None) -> dict[str, Any]:
    summary = f"List {of.name}" if link is None else f"List the {of.name} of one {resource.table.name}"
    parameters = [*(_keys(resource) if link else []), *_page(of), *_filters(of)]
    schema = {"type": "array", "maxItems": LARGEST_PAGE, "items": _answer(of)}
    statuses = (304, 401, 404, 422, 503) if link else (304, 401, 422, 503)
    return _operation(resource, link, "list", summary, parameters, schema, _HEADERS | _PAGE_HEADERS, statuses)


def _row(resource: Resource, link: Link | None = None) -> dict[str, Any]:
    of = resource if link is None else link.to
    summary = f"Get one {of.table.name}" if link is None else f"Get the {of.table.name} of one {resource.table.name}"
    parameters = [*_keys(resource), _chosen(of)]
    return _operation(resource, link, "get", summary, parameters, _answer(of), _HEADERS, (304, 401, 404, 422, 503))


def _operation(
    resource: Resource, link: Link | None, verb: str, summary: str, parameters: list[Any], schema: Any, headers: Any,
    statuses: Sequence[int],
) -> dict[str, Any]:  # fmt: skip
    problems = {str(status): found for status, found in documented(*statuses).items()}
    problems["304"] = {"description": "Not Modified"}
    good = {"description": summary, "headers": headers, "content": {"application/json": {"schema": schema}}}
    return {
        "tags": [resource.name],
        "summary": summary,
        "operationId": f"{verb}_{link.name}_of_{resource.name}" if link else f"{verb}_{resource.name}",
        "parameters": parameters,
        "responses": {"200": good, "414": documented(414)[414], **problems},
    }


def _keys(resource: Resource) -> list[Any]:
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


def _page(of: Resource) -> list[Any]:
    sorts = [sign + column.name for column in of.columns.values() if column.kind.sorts for sign in ("", "-")]
    return [
        _query("limit", {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE},
               "How many rows a page has at most."),
        _query("cursor", {"type": "string"}, "Where the last page ended; the Link header has it."),
        _query("sort", {"type": "array", "items": {"type": "string", "enum": sorts}, "minItems": 1,
                        "uniqueItems": True},
               "Columns to sort by, - before one for descending. The key decides what they leave open. NULL comes last,"
               " and first in descending order."),
        _chosen(of),
        _query("count", {"type": "string", "enum": ["estimate", "exact"]}, "Count the rows, in X-Total-Count."),
    ]  # fmt: skip


def _chosen(of: Resource) -> Any:
    schema = {
        "type": "array",
        "items": {"type": "string", "enum": list(of.answers.fields)},
        "minItems": 1,
        "uniqueItems": True,
    }
    return _query("fields", schema, "The fields to answer with; all, otherwise.")


def _filters(of: Resource) -> list[Any]:
    found = []
    for column in of.columns.values():
        for name, comparison in column.kind.comparisons.items():
            schema = _filter_schema(column) if comparison.values is None else dict(comparison.values.schema)
            if name == "in":
                schema = {"type": "array", "items": listed(schema), "minItems": 1, "maxItems": 100}
            values = comparison.values or column.kind.values
            example = "" if values is None else values.example
            says = f"Rows whose {column.name} {comparison.says}{example and f', such as {example}'}."
            names = [f"{column.name}.{name}"]
            if name == "eq" and column.name not in RESERVED:
                names.insert(0, column.name)
            found += [_query(each, schema, says) for each in names]
        if column.nullable:
            says = f"Rows that have no {column.name}, or that have one."
            found.append(_query(f"{column.name}.null", {"type": "boolean"}, says))
    return found


def _filter_schema(column: Shown) -> dict[str, Any]:
    return dict(column.kind.values.schema) if column.kind.values is not None else {"type": "string"}


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    said = {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
    return said | ({"explode": False} if schema["type"] == "array" else {})
