"""The tables as routes: a list, a row, and the rows that foreign keys lead to."""

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
    MethodNotAllowed,
    NoLinkedRow,
    InvalidQuery,
    QueryTimeout,
    RowNotFound,
    RowSerializationFailure,
)
from seedbed.service.http.access_control import URL_BYTES
from seedbed.service.http.problems import problem_for, problem_of
from seedbed.service.log_format import LOG
from seedbed.service.pool.statement import Fetch, Row, Statement
from seedbed.service.queries.list_query import Query, read_fields, read_query, value_of
from seedbed.service.queries.page_cursor import Cursors
from seedbed.service.queries.readable_columns import Shown
from seedbed.service.queries.resources import Link, Resource
from seedbed.service.queries.sql_compiler import Compiler, Owner

Parameters = list[bytes | None]
TEMPLATE = "seedbed.route"
"""Where in a request's scope its route's template is left, for the log and the metrics."""


@dataclass(frozen=True)
class Target:
    """A path taken apart: a table's list, its row with a key, or where a link leads from there."""

    resource: Resource
    key: tuple[str, ...] = ()
    link: Link | None = None

    @property
    def template(self) -> str:
        return template_of(self.resource, with_key=bool(self.key), link=self.link)


@dataclass(frozen=True)
class _Answer:
    body: bytes
    headers: list[tuple[bytes, bytes]]


def template_of(resource: Resource, *, with_key: bool = False, link: Link | None = None) -> str:
    keys = [f"{{{column.name}}}" for column in resource.key] if with_key else []
    return "/".join([resource.path, *keys, *([link.name] if link else [])])


class Tables:
    """All tables behind one look at the path: a table is found by its name, not by trying a pattern for each route.

    The path is read as it was sent, so that a key may have any character, a slash among them, if it is percent-encoded.
    """

    def __init__(self, resources: Iterable[Resource], fetch: Fetch, cursors: Cursors, *, deadline: float) -> None:
        self.resources = list(resources)
        self._deadline = deadline
        self._by_name = {resource.name.encode(): resource for resource in self.resources}
        self._fetch = fetch
        self._cursors = cursors
        self._compiler = Compiler()

    def find(self, scope: Scope) -> Target | None:
        """What of the tables a request is for, if it is for them."""
        segments = raw_path(scope)[len(scope.get("root_path", "")) :].split(b"/")
        resource = self._by_name.get(segments[1]) if len(segments) > 1 else None
        if resource is None:
            return None
        rest = segments[2:]
        if not rest:
            return Target(resource)
        keys = len(resource.key)
        if len(rest) not in {keys, keys + 1} or not all(rest[keys:]):
            return None
        if not all(segment or _may_be_empty(column) for segment, column in zip(rest, resource.key, strict=False)):
            return None
        key = tuple(unquote(segment.decode("latin-1"), errors="surrogateescape") for segment in rest[:keys])
        if len(rest) == keys:
            return Target(resource, key)
        link = resource.links.get(unquote(rest[keys].decode("latin-1")))
        return None if link is None else Target(resource, key, link)

    async def answer(
        self, target: Target, scope: Scope, receive: Receive, send: Send, *, others: Iterable[str] = ()
    ) -> None:
        """Answer a request for a table; `others` are methods that somebody else would answer at its path."""
        scope[TEMPLATE] = target.template
        if scope["method"] != "GET":
            allowed = ", ".join(dict.fromkeys(["GET", "HEAD", *others]))
            refused = problem_for(MethodNotAllowed(), headers={"Allow": allowed})
            await refused(scope, receive, send)
            return
        try:
            answer = await self._answer(target, scope)
        except Exception as error:
            known = problem_of(error)
            if known is None:
                raise
            await known(scope, receive, send)
            return
        await _send(answer, scope, send)

    async def _answer(self, target: Target, scope: Scope) -> _Answer:
        raw: bytes = scope["query_string"]
        resource, link = target.resource, target.link
        if not target.key:
            return await self._list(resource, raw, scope)
        key = [value_of(column, text, column.name) for column, text in zip(resource.key, target.key, strict=True)]
        if link is None:
            return await self._row(resource, raw, key)
        if link.many:
            return await self._list(link.to, raw, scope, Owner(resource, link, key))
        return await self._followed(resource, link, raw, key)

    async def _list(self, resource: Resource, raw: bytes, scope: Scope, of: Owner | None = None) -> _Answer:
        query = read_query(resource, raw)
        place = f"{resource.path} {query.order}"
        after = None if query.cursor is None else _encoded(self._cursors.read(place, query.cursor))
        statement, parameters = self._compiler.page(resource, query, after, of)
        headers: list[tuple[bytes, bytes]] = []
        if query.count is None:
            rows = await self._fetch(statement, parameters)
        else:
            rows, headers = await self._counted(statement, parameters, self._compiler.count(resource, query, of), query)
        body, more, exists, *ends = rows[0]
        if exists == b"false" and of is not None:
            raise RowNotFound(of.owner.table.name)
        if more == b"true":
            cursor = self._cursors.write(place, [None if end is None else end.decode() for end in ends])
            following = _next(scope, raw, cursor)
            if len(following) > URL_BYTES:  # a link that would be refused is worse than none, and none means the end
                raise InvalidQuery("sort", "its values are too long for a cursor")
            headers.append((b"link", b"<" + following + b'>; rel="next"'))
        return _Answer(_written(resource, query.fields, body or b"[]"), headers)

    async def _counted(
        self, statement: Statement, parameters: Parameters, count: tuple[Statement, Parameters], query: Query
    ) -> tuple[list[Row], list[tuple[bytes, bytes]]]:
        """A page and its count, within one deadline, although they are two statements."""
        until = asyncio.get_running_loop().time() + self._deadline
        rows = await self._fetch(statement, parameters)
        try:
            async with asyncio.timeout_at(until):
                found = (await self._fetch(*count))[0][0] or b""
        except TimeoutError as error:  # the page has just been answered, so the database is there
            raise QueryTimeout from error
        number = int(found) if query.count == "exact" else int(json.loads(found)[0]["Plan"]["Plan Rows"])
        return rows, [(b"x-total-count", b"%d" % number), (b"x-total-count-is", str(query.count).encode())]

    async def _row(self, resource: Resource, raw: bytes, key: list[bytes]) -> _Answer:
        fields = read_fields(resource, raw)
        rows = await self._fetch(self._compiler.row(resource, fields), key)
        if not rows:
            raise RowNotFound(resource.table.name)
        return _Answer(_written_one(resource, fields, rows[0][0] or b"null"), [])

    async def _followed(self, resource: Resource, link: Link, raw: bytes, key: list[bytes]) -> _Answer:
        fields = read_fields(link.to, raw)
        rows = await self._fetch(self._compiler.followed(resource, link, fields), key)
        if not rows:
            raise RowNotFound(resource.table.name)
        if rows[0][0] is None:
            raise NoLinkedRow(resource.table.name, link.name, [mine.name for mine, _ in link.pairs])
        return _Answer(_written_one(link.to, fields, rows[0][0]), [])


def _encoded(values: list[str | None]) -> list[bytes | None]:
    return [None if value is None else value.encode() for value in values]


def _may_be_empty(column: Shown) -> bool:
    """Whether the empty text is a value of a key's column, so that a path with an empty segment names a row."""
    try:
        value_of(column, "", column.name)
    except InvalidQuery:
        return False
    return True


def raw_path(scope: Scope) -> bytes:
    """The path as it was sent, percent-encoded."""
    return scope.get("raw_path") or quote(scope["path"]).encode()


def _next(scope: Scope, raw: bytes, cursor: str) -> bytes:
    kept = [part for part in raw.split(b"&") if part and unquote_to_bytes(part.partition(b"=")[0]) != b"cursor"]
    query = b"&".join([*kept, b"cursor=" + cursor.encode()])
    return _fit_for_a_header(raw_path(scope) + b"?" + query)


def _fit_for_a_header(url: bytes) -> bytes:
    return quote(url, safe="%/:?#[]@!$&'()*+,;=~").encode() if not url.isascii() or b">" in url else url


def _written(resource: Resource, fields: tuple[str, ...], body: bytes) -> bytes:
    """The body as PostgreSQL wrote it, unless Python has to.

    Raises:
        RowSerializationFailure: the model's own code wants what the service does not read.
    """
    if not resource.through_python:
        return body
    chosen = {resource.answers.fields[name] for name in fields}
    try:
        return resource.rows.dump_json(resource.rows.validate_json(body), by_alias=True, include={"__all__": chosen})
    except (PydanticSerializationError, DetachedInstanceError) as error:
        LOG.error(f"The model's own code failed: {type(error).__name__}: {error}", table=resource.table.name)
        raise RowSerializationFailure(resource.table.name) from error


def _written_one(resource: Resource, fields: tuple[str, ...], body: bytes) -> bytes:
    return body if not resource.through_python else _written(resource, fields, b"[" + body + b"]")[1:-1]


async def _send(answer: _Answer, scope: Scope, send: Send) -> None:
    """Send with an ETag of the body, or say that the client has it already."""
    etag = b'"' + blake2b(answer.body, digest_size=8).hexdigest().encode() + b'"'
    known = next((value for name, value in scope["headers"] if name == b"if-none-match"), None)
    headers = [(b"etag", etag), *answer.headers]
    if known is not None and any(part.strip().removeprefix(b"W/") in {etag, b"*"} for part in known.split(b",")):
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    headers += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer.body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
