"""Route and answer requests for tables: a list, a row, and rows linked by foreign keys."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from urllib.parse import quote, unquote, unquote_to_bytes

from pydantic_core import PydanticSerializationError
from sqlalchemy.orm.exc import DetachedInstanceError
from starlette.types import Receive, Scope, Send

from seedbed.errors import (
    InvalidQuery,
    MethodNotAllowed,
    NoLinkedRow,
    QueryTimeout,
    RowNotFound,
    RowSerializationFailure,
)
from seedbed.service.http.access_control import MAX_URL_BYTES
from seedbed.service.http.problems import create_error_problem, translate_error
from seedbed.service.log_format import LOG
from seedbed.service.pool.statement import Fetch, Row, Statement
from seedbed.service.queries.list_query import CursorSigner, ListQuery, parse_fields, parse_list_query, parse_value
from seedbed.service.queries.resources import Link, Resource
from seedbed.service.queries.sql_compiler import ParentRow, QueryCompiler
from seedbed.service.queries.visibility import ReadableColumn

Parameters = list[bytes | None]
TEMPLATE_SCOPE_KEY = "seedbed.route"
"""The key in a request's ASGI scope that holds its path template, for the metrics."""


@dataclass(frozen=True)
class TableRoute:
    """A parsed path: a table's list, its row with a key, or the rows that a link leads to from that row."""

    resource: Resource
    key: tuple[str, ...] = ()
    link: Link | None = None

    @property
    def template(self) -> str:
        return build_path_template(self.resource, with_key=bool(self.key), link=self.link)


@dataclass(frozen=True)
class _Response:
    content: bytes
    headers: list[tuple[bytes, bytes]]


def build_path_template(resource: Resource, *, with_key: bool = False, link: Link | None = None) -> str:
    key_length = [f"{{{column.name}}}" for column in resource.key] if with_key else []
    return "/".join([resource.path, *key_length, *([link.name] if link else [])])


class TableRouter:
    """Routes by looking a table's name up in the path, which is faster than one pattern per route.

    The raw path is parsed, so a key may contain any character, even a slash, if it is percent-encoded.
    """

    def __init__(self, resources: Iterable[Resource], fetch: Fetch, cursors: CursorSigner, *, deadline: float) -> None:
        self.resources = list(resources)
        self._deadline = deadline
        self._by_name = {resource.name.encode(): resource for resource in self.resources}
        self._fetch = fetch
        self._cursors = cursors
        self._compiler = QueryCompiler()

    def match(self, scope: Scope) -> TableRoute | None:
        """Match a request to a table. Return None if its path is not a table's."""
        segments = read_raw_path(scope)[len(scope.get("root_path", "")) :].split(b"/")
        resource = self._by_name.get(segments[1]) if len(segments) > 1 else None
        if resource is None:
            return None
        rest = segments[2:]
        if not rest:
            return TableRoute(resource)
        key_length = len(resource.key)
        if len(rest) not in {key_length, key_length + 1} or not all(rest[key_length:]):
            return None
        if not all(segment or _may_be_empty(column) for segment, column in zip(rest, resource.key, strict=False)):
            return None
        key = tuple(unquote(segment.decode("latin-1"), errors="surrogateescape") for segment in rest[:key_length])
        if len(rest) == key_length:
            return TableRoute(resource, key)
        link = resource.links.get(unquote(rest[key_length].decode("latin-1")))
        return None if link is None else TableRoute(resource, key, link)

    async def respond(
        self, route: TableRoute, scope: Scope, receive: Receive, send: Send, *, other_methods: Iterable[str] = ()
    ) -> None:
        """Answer a request for a table. `other_methods` are those that the project's own routes answer at its path."""
        scope[TEMPLATE_SCOPE_KEY] = route.template
        if scope["method"] != "GET":
            allowed = ", ".join(dict.fromkeys(["GET", "HEAD", *other_methods]))
            response = create_error_problem(MethodNotAllowed(), headers={"Allow": allowed})
            await response(scope, receive, send)
            return
        try:
            table_response = await self._answer(route, scope)
        except Exception as error:
            problem = translate_error(error)
            if problem is None:
                raise
            await problem(scope, receive, send)
            return
        await _send(table_response, scope, send)

    async def _answer(self, route: TableRoute, scope: Scope) -> _Response:
        query_string: bytes = scope["query_string"]
        resource, link = route.resource, route.link
        if not route.key:
            return await self._answer_list(resource, query_string, scope)
        key = [parse_value(column, text, column.name) for column, text in zip(resource.key, route.key, strict=True)]
        if link is None:
            return await self._answer_row(resource, query_string, key)
        if link.is_many:
            return await self._answer_list(link.target, query_string, scope, ParentRow(resource, link, key))
        return await self._answer_linked_row(resource, link, query_string, key)

    async def _answer_list(
        self, resource: Resource, query_string: bytes, scope: Scope, parent: ParentRow | None = None
    ) -> _Response:
        query = parse_list_query(resource, query_string)
        list_scope = f"{resource.path} {query.order}"
        after = None if query.cursor is None else _encode_values(self._cursors.decode(list_scope, query.cursor))
        statement, parameters = self._compiler.compile_page(resource, query, after, parent)
        headers: list[tuple[bytes, bytes]] = []
        if query.count is None:
            rows = await self._fetch(statement, parameters)
        else:
            count = self._compiler.compile_count(resource, query, parent)
            rows, headers = await self._fetch_with_count(statement, parameters, count, query)
        body, has_more, parent_exists, *last_values = rows[0]
        if parent_exists == b"false" and parent is not None:
            raise RowNotFound(parent.resource.table.name)
        if has_more == b"true":
            cursor = self._cursors.encode(
                list_scope, [None if value is None else value.decode() for value in last_values]
            )
            next_url = _build_next_url(scope, query_string, cursor)
            if len(next_url) > MAX_URL_BYTES:  # the service would refuse it, and no link would mean the last page
                raise InvalidQuery("sort", "its values are too long for a cursor")
            headers.append((b"link", b"<" + next_url + b'>; rel="next"'))
        return _Response(_serialize_rows(resource, query.fields, body or b"[]"), headers)

    async def _fetch_with_count(
        self, statement: Statement, parameters: Parameters, count: tuple[Statement, Parameters], query: ListQuery
    ) -> tuple[list[Row], list[tuple[bytes, bytes]]]:
        """Fetch a page and its count, two statements within one deadline."""
        deadline = asyncio.get_running_loop().time() + self._deadline
        rows = await self._fetch(statement, parameters)
        try:
            async with asyncio.timeout_at(deadline):
                result = (await self._fetch(*count))[0][0] or b""
        except TimeoutError as error:  # the page was answered, so the database is available
            raise QueryTimeout from error
        number = int(result) if query.count == "exact" else int(json.loads(result)[0]["Plan"]["Plan Rows"])
        return rows, [(b"x-total-count", b"%d" % number), (b"x-total-count-is", str(query.count).encode())]

    async def _answer_row(self, resource: Resource, query_string: bytes, key: list[bytes]) -> _Response:
        fields = parse_fields(resource, query_string)
        rows = await self._fetch(self._compiler.compile_row(resource, fields), key)
        if not rows:
            raise RowNotFound(resource.table.name)
        return _Response(_serialize_row(resource, fields, rows[0][0] or b"null"), [])

    async def _answer_linked_row(
        self, resource: Resource, link: Link, query_string: bytes, key: list[bytes]
    ) -> _Response:
        fields = parse_fields(link.target, query_string)
        rows = await self._fetch(self._compiler.compile_linked_row(resource, link, fields), key)
        if not rows:
            raise RowNotFound(resource.table.name)
        if rows[0][0] is None:
            raise NoLinkedRow(resource.table.name, link.name, [column.name for column, _ in link.column_pairs])
        return _Response(_serialize_row(link.target, fields, rows[0][0]), [])


def _encode_values(values: list[str | None]) -> list[bytes | None]:
    return [None if value is None else value.encode() for value in values]


def _may_be_empty(column: ReadableColumn) -> bool:
    """Whether "" is a valid value of a key column, so that a path with an empty segment identifies a row."""
    try:
        parse_value(column, "", column.name)
    except InvalidQuery:
        return False
    return True


def read_raw_path(scope: Scope) -> bytes:
    """Return the path as the client sent it, percent-encoded."""
    return scope.get("raw_path") or quote(scope["path"]).encode()


def _build_next_url(scope: Scope, query_string: bytes, cursor: str) -> bytes:
    kept = [
        part for part in query_string.split(b"&") if part and unquote_to_bytes(part.partition(b"=")[0]) != b"cursor"
    ]
    query = b"&".join([*kept, b"cursor=" + cursor.encode()])
    return _quote_for_header(read_raw_path(scope) + b"?" + query)


def _quote_for_header(url: bytes) -> bytes:
    return quote(url, safe="%/:?#[]@!$&'()*+,;=~").encode() if not url.isascii() or b">" in url else url


def _serialize_rows(resource: Resource, fields: tuple[str, ...], body: bytes) -> bytes:
    """Return PostgreSQL's own JSON, or serialize the rows through the response model if the table needs Python code.

    Raises:
        RowSerializationFailure: the model's own code failed, or it needs a value that the service does not read.
    """
    if not resource.needs_python:
        return body
    included = {resource.response.fields[name] for name in fields}
    try:
        return resource.rows_adapter.dump_json(
            resource.rows_adapter.validate_json(body), by_alias=True, include={"__all__": included}
        )
    except (PydanticSerializationError, DetachedInstanceError) as error:
        LOG.error(f"The model's own code failed: {type(error).__name__}: {error}", table=resource.table.name)
        raise RowSerializationFailure(resource.table.name) from error


def _serialize_row(resource: Resource, fields: tuple[str, ...], body: bytes) -> bytes:
    return body if not resource.needs_python else _serialize_rows(resource, fields, b"[" + body + b"]")[1:-1]


async def _send(response: _Response, scope: Scope, send: Send) -> None:
    """Send a response with an ETag of its content, or 304 if the client has that version."""
    etag = b'"' + blake2b(response.content, digest_size=8).hexdigest().encode() + b'"'
    if_none_match = next((value for name, value in scope["headers"] if name == b"if-none-match"), b"")
    headers = [(b"etag", etag), *response.headers]
    if any(part.strip().removeprefix(b"W/") in {etag, b"*"} for part in if_none_match.split(b",")):
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    headers += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(response.content))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
