"""List and get routes for every table with a primary key of one column, made from its model."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi import Request as HttpRequest
from pydantic import BaseModel, create_model
from sqlalchemy import BigInteger, Column, Integer, RowMapping, SmallInteger, Table, select
from sqlmodel import SQLModel

from seedbed.errors import RowNotFound
from seedbed.modelling import Schema
from seedbed.serving.problems import DOCUMENTED
from seedbed.serving.reading import Reader
from seedbed.serving.visibility import public_columns

_PAGE, _LARGEST_PAGE = 50, 200
_BITS = ((BigInteger, 63), (SmallInteger, 15), (Integer, 31))


def table_routes(schema: Schema, reader: Reader) -> APIRouter:
    """Routes for the schema's tables. An answer has a table's public columns and no others."""
    router = APIRouter()
    for table in schema.tables:
        model = schema.models.get(table.key)
        if model is not None and len(table.primary_key.columns) == 1:
            _add(router, table, model, reader)
    return router


def path_of(table: Table) -> str:
    """The collection's path: the table's name in the plural, `/users` for `user`."""
    name = table.name
    if name.endswith("s"):
        return f"/{name}"
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"/{name[:-1]}ies"
    return f"/{name}{'es' if name.endswith(('x', 'ch', 'sh')) else 's'}"


def answer_model(table: Table, model: type[SQLModel]) -> type[BaseModel]:
    """The table as it is answered. A column that the database fills is never NULL in an answer, whatever a row being
    made may lack.
    """
    fields: dict[str, Any] = {}
    for column in public_columns(table):
        field = model.model_fields[column.name]
        annotation: Any = field.annotation
        if not column.nullable:
            annotation = _without_none(annotation)
        fields[column.name] = (annotation, ...)
    made: type[BaseModel] = create_model(model.__name__, **fields)
    return made


def _add(router: APIRouter, table: Table, model: type[SQLModel], reader: Reader) -> None:
    answer = answer_model(table, model)
    columns = public_columns(table)
    key = next(iter(table.primary_key.columns))
    kind, low, high = _key_type(key, model)
    key_type: Any = Annotated[kind, Path(description=f"The {table.name}'s key.", ge=low, le=high)]
    after_type: Any = Annotated[
        kind | None,
        Query(description="Give the rows that follow this key; the Link header has the next page's.", ge=low, le=high),
    ]
    limit_type: Any = Annotated[int, Query(ge=1, le=_LARGEST_PAGE, description="How many rows a page has at most.")]
    path = path_of(table)

    async def list_rows(request: HttpRequest, response: Response, after: Any = None, limit: int = _PAGE) -> Any:
        statement = select(*columns).order_by(key).limit(limit)
        rows = await reader.fetch(statement if after is None else statement.where(key > after))
        if len(rows) == limit:
            following = request.url.include_query_params(after=rows[-1][key.name], limit=limit)
            response.headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
        return _plain(rows)

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
        path, list_rows, response_model=list[answer], responses=problems, tags=[tag], name=f"list_{tag}",  # type: ignore[valid-type]
        summary=f"List {tag}, in the order of their keys",
    )  # fmt: skip
    router.add_api_route(
        f"{path}/{{id}}", get_row, response_model=answer, responses=DOCUMENTED, tags=[tag], name=f"get_{name}",
        summary=f"Get one {name}",
    )  # fmt: skip


def _plain(rows: Sequence[RowMapping]) -> list[dict[str, Any]]:
    return [dict(row) for row in rows]


def _key_type(key: Column[Any], model: type[SQLModel]) -> tuple[Any, int | None, int | None]:
    """The key's Python type, and the least and greatest number its column holds: one that is too large is the client's
    mistake, and must not come back as the database's.
    """
    kind = _without_none(model.model_fields[key.name].annotation)
    for sql_type, bits in _BITS:
        if isinstance(key.type, sql_type):
            return kind, -(2**bits), 2**bits - 1
    return kind, None, None


def _without_none(annotation: Any) -> Any:
    kinds = [kind for kind in getattr(annotation, "__args__", ()) if kind is not type(None)]
    return kinds[0] if len(kinds) == 1 and type(None) in annotation.__args__ else annotation
