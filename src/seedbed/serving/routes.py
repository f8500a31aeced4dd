"""List and get routes for every table with a primary key of one column, made from its model."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi import Request as HttpRequest
from pydantic import BaseModel, ConfigDict, Field, create_model
from sqlalchemy import BigInteger, Column, Integer, RowMapping, SmallInteger, Table, inspect, select
from sqlmodel import SQLModel

from seedbed.errors import RowNotFound
from seedbed.modelling import Schema
from seedbed.serving.problems import DOCUMENTED
from seedbed.serving.reading import Reader
from seedbed.serving.visibility import is_public, public_columns

_PAGE, _LARGEST_PAGE = 50, 200
_BITS = ((BigInteger, 63), (SmallInteger, 15), (Integer, 31))
_TAKEN = frozenset({"/docs", "/health", "/openapi.json", "/redoc"})
_TEXT = r"^[^\x00]*$"
"""PostgreSQL's text has no NUL, so a key with one is the client's mistake."""

_NEXT = {
    "Link": {"description": 'The next page, as <...>; rel="next". The last has none.', "schema": {"type": "string"}}
}


def table_routes(schema: Schema, reader: Reader) -> APIRouter:
    """Routes for the schema's tables. An answer has a table's public columns and no others."""
    router = APIRouter()
    for table, path in served_tables(schema).items():
        _add(router, path, table, schema.models[table.key], reader)
    return router


def served_tables(schema: Schema) -> dict[Table, str]:
    """The tables that have routes, parents first, each with its collection's path: `/users` for `user`.

    Where two tables would share a path, or one would take the documentation's, it is the table's own name.
    """
    tables = [
        table
        for table in schema.tables
        if table.key in schema.models and len(table.primary_key.columns) == 1 and is_public(table)
    ]
    wanted = Counter(path_of(table) for table in tables)
    return {
        table: path_of(table) if wanted[path_of(table)] == 1 and path_of(table) not in _TAKEN else f"/{table.key}"
        for table in tables
    }


def path_of(table: Table) -> str:
    """The table's name in the plural."""
    name = table.name
    if name.endswith("s"):
        return f"/{name}"
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"/{name[:-1]}ies"
    return f"/{name}{'es' if name.endswith(('x', 'ch', 'sh')) else 's'}"


def answer_model(table: Table, model: type[SQLModel]) -> type[BaseModel]:
    """The table as it is answered. A column that the database fills is never NULL in an answer, whatever a row being
    made may lack. Columns are aliases, since a column may be called what no field of a model can be.
    """
    fields: dict[str, Any] = {}
    for number, column in enumerate(public_columns(table)):
        annotation, description = _typed(column, model)
        if not column.nullable:
            annotation = _without_none(annotation)
        fields[f"column_{number}"] = (annotation, Field(alias=column.name, description=description))
    config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
    made: type[BaseModel] = create_model(model.__name__, __config__=config, **fields)
    return made


def _add(router: APIRouter, path: str, table: Table, model: type[SQLModel], reader: Reader) -> None:
    answer = answer_model(table, model)
    columns = public_columns(table)
    key = next(iter(table.primary_key.columns))
    kind, bounds = _key_type(key, model)
    key_type: Any = Annotated[kind, Path(description=f"The {table.name}'s key.", **bounds)]
    after_type: Any = Annotated[
        kind | None,
        Query(description="Give the rows that follow this key; the Link header has the next page's.", **bounds),
    ]
    limit_type: Any = Annotated[int, Query(ge=1, le=_LARGEST_PAGE, description="How many rows a page has at most.")]

    async def list_rows(request: HttpRequest, response: Response, after: Any = None, limit: int = _PAGE) -> Any:
        statement = select(*columns).order_by(key).limit(limit + 1)
        rows = await reader.fetch(statement if after is None else statement.where(key > after))
        if len(rows) > limit:
            following = request.url.include_query_params(after=rows[limit - 1][key.name], limit=limit)
            response.headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
        return _plain(rows[:limit])

    async def get_row(id: Any) -> Any:  # noqa: A002 - the name of the path's parameter
        rows = await reader.fetch(select(*columns).where(key == id))
        if not rows:
            raise RowNotFound(table.name)
        return _plain(rows)[0]

    list_rows.__annotations__ |= {"after": after_type, "limit": limit_type}
    get_row.__annotations__["id"] = key_type
    problems: dict[int | str, dict[str, Any]] = {status: DOCUMENTED[status] for status in (422, 503)}
    tag, name = path.removeprefix("/"), table.name
    router.add_api_route(
        path, list_rows, response_model=list[answer], responses={200: {"headers": _NEXT}, **problems}, tags=[tag],  # type: ignore[valid-type]
        name=f"list_{tag}", summary=f"List {tag}, in the order of their keys",
    )  # fmt: skip
    router.add_api_route(
        f"{path}/{{id{':path' if kind is str else ''}}}", get_row, response_model=answer, responses=DOCUMENTED,
        tags=[tag], name=f"get_{name}", summary=f"Get one {name}",
    )  # fmt: skip


def _plain(rows: Sequence[RowMapping]) -> list[dict[str, Any]]:
    return [dict(row) for row in rows]


def _typed(column: Column[Any], model: type[SQLModel]) -> tuple[Any, str | None]:
    """A column's Python type and description: those of the field it was made from, which may have another name."""
    found = inspect(model).get_property_by_column(column).key
    field = model.model_fields.get(found)
    return (Any, None) if field is None else (field.annotation, field.description)


def _key_type(key: Column[Any], model: type[SQLModel]) -> tuple[Any, dict[str, Any]]:
    """The key's Python type, and what of that type its column can hold: a number that is too large is the client's
    mistake, and must not come back as the database's.
    """
    kind = _without_none(_typed(key, model)[0])
    for sql_type, bits in _BITS:
        if isinstance(key.type, sql_type):
            return kind, {"ge": -(2**bits), "le": 2**bits - 1}
    return kind, {"pattern": _TEXT} if kind is str else {}


def _without_none(annotation: Any) -> Any:
    kinds = [kind for kind in getattr(annotation, "__args__", ()) if kind is not type(None)]
    return kinds[0] if len(kinds) == 1 and type(None) in annotation.__args__ else annotation
