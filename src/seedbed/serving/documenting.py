"""The tables in the OpenAPI document, told from what answers are made of."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from seedbed.serving.problems import documented
from seedbed.serving.querying import LARGEST_PAGE, OPERATORS, PAGE, RESERVED, sortable
from seedbed.serving.resources import Link, Resource, Shown
from seedbed.serving.routes import template_of

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


def document(app: FastAPI, served: Sequence[Resource]) -> None:
    """Add the tables to what FastAPI says of the other routes; where a project has a path of its own, that stays."""
    plain: Callable[[], dict[str, Any]] = app.openapi
    tables = _tables(served)
    components = _components(served)

    def openapi() -> dict[str, Any]:
        found = plain()
        for path, operations in tables.items():
            found["paths"].setdefault(path, operations)
        schemas = found.setdefault("components", {}).setdefault("schemas", {})
        for name, schema in components.items():
            schemas.setdefault(name, schema)
        return found

    app.openapi = openapi  # type: ignore[method-assign]


def _components(served: Sequence[Resource]) -> dict[str, Any]:
    models = [(resource.answer, "serialization") for resource in served]
    _, schema = models_json_schema(models, by_alias=True, ref_template=_REF)  # type: ignore[arg-type]
    found: dict[str, Any] = schema.get("$defs", {})
    for resource in served:  # `fields` may leave any column out
        found[_name(resource)].pop("required", None)
        found[_name(resource)]["additionalProperties"] = False
    return found


def _name(resource: Resource) -> str:
    return resource.answer.__name__


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
    schema = {"type": "array", "maxItems": LARGEST_PAGE, "items": {"$ref": _REF.format(model=_name(of))}}
    statuses = (304, 401, 404, 422, 503) if link else (304, 401, 422, 503)
    return _operation(resource, link, "list", summary, parameters, schema, _HEADERS | _PAGE_HEADERS, statuses)


def _row(resource: Resource, link: Link | None = None) -> dict[str, Any]:
    of = resource if link is None else link.to
    summary = f"Get one {of.table.name}" if link is None else f"Get the {of.table.name} of one {resource.table.name}"
    parameters = [*_keys(resource), _chosen(of)]
    schema = {"$ref": _REF.format(model=_name(of))}
    return _operation(resource, link, "get", summary, parameters, schema, _HEADERS, (304, 401, 404, 422, 503))


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
        "operationId": "_".join([verb, resource.name, *([link.name] if link else [])]),
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
    sorts = [sign + column.name for column in of.columns.values() if sortable(column) for sign in ("", "-")]
    return [
        _query("limit", {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE},
               "How many rows a page has at most."),
        _query("cursor", {"type": "string"}, "Where the last page ended; the Link header has it."),
        {
            **_query("sort", {"type": "array", "items": {"type": "string", "enum": sorts}, "minItems": 1,
                              "uniqueItems": True},
                     "Columns to sort by, - before one for descending. The key decides what they leave open."),
            "explode": False,
        },
        _chosen(of),
        _query("count", {"type": "string", "enum": ["estimate", "exact"]}, "Count the rows, in X-Total-Count."),
    ]  # fmt: skip


def _chosen(of: Resource) -> Any:
    schema = {
        "type": "array",
        "items": {"type": "string", "enum": list(of.columns)},
        "minItems": 1,
        "uniqueItems": True,
    }
    return {**_query("fields", schema, "The columns to answer with; all, otherwise."), "explode": False}


def _filters(of: Resource) -> list[Any]:
    found = []
    for column in of.columns.values():
        if not sortable(column):
            continue
        schema = _filter_schema(column)
        if column.name not in RESERVED:
            found.append(_query(column.name, schema, f"Rows whose {column.name} is this."))
        found += [
            _query(f"{column.name}.{name}", schema, f"Rows whose {column.name} is {sign} this.")
            for name, sign in OPERATORS.items()
        ]
        several = {"type": "array", "items": _listed(schema), "minItems": 1, "maxItems": 100}
        any_of = _query(f"{column.name}.in", several, f"Rows whose {column.name} is any of these.")
        found.append({**any_of, "explode": False})
        if column.nullable:
            says = f"Rows that have no {column.name}, or that have one."
            found.append(_query(f"{column.name}.null", {"type": "boolean"}, says))
    return found


def _filter_schema(column: Shown) -> dict[str, Any]:
    return dict(column.kind.schema or {"type": "string"})


def _listed(schema: dict[str, Any]) -> dict[str, Any]:
    """Values of a list are parted by commas, so none has one."""
    return schema | {"pattern": r"^[^\x00,]*$"} if schema == {"type": "string", "pattern": r"^[^\x00]*$"} else schema


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
