"""Who answers a request: the tables, or FastAPI and whatever a project added, within the deadline either way."""

import asyncio
from collections.abc import Sequence

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seedbed.service.http.problems import problem_for
from seedbed.service.http.table_routes import TEMPLATE, Tables
from seedbed.service.pool.query_runner import Reader

_PARTING_SECONDS = 2.0


class Dispatch:
    """Tables are answered here at once, unless a route of the project's `own` is for the same request.

    Everything else goes on, and is answered with 503 when nothing has begun to come back by the deadline; it is
    cancelled then, and nobody waits until it has noticed. Half way the database is asked whether it answers, so that
    the 503 does not blame it for what takes long by itself.

    HEAD is answered as GET would be, which the server sends without its body.
    """

    def __init__(
        self, app: ASGIApp, *, tables: Tables, own: Sequence[BaseRoute], reader: Reader, deadline: float
    ) -> None:
        self._app = app
        self._tables = tables
        self._own = own
        self._reader = reader
        self._deadline = deadline
        self._behind: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD" and not self._is_own(scope):
            asked = {**scope, "method": "GET"}
            try:
                await self._answer(asked, receive, send)
            finally:
                scope.update((key, asked[key]) for key in (TEMPLATE, "route") if key in asked)
            return
        await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        target = self._tables.find(scope)
        if target is not None and not self._is_own(scope):
            await self._tables.answer(target, scope, receive, send, others=self._own_methods(scope))
        else:
            await self._within_deadline(scope, receive, send)

    def _own_methods(self, scope: Scope) -> list[str]:
        if scope["method"] == "GET":
            return []
        there = [route for route in self._own if route.matches(scope)[0] is Match.PARTIAL]
        return sorted({method for route in there for method in getattr(route, "methods", None) or ()})

    def _is_own(self, scope: Scope) -> bool:
        return any(route.matches(scope)[0] is Match.FULL for route in self._own)

    async def _within_deadline(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = late = False

        async def sending(message: Message) -> None:
            nonlocal begun
            if late:
                return
            begun = True
            await send(message)

        loop = asyncio.get_running_loop()
        half = loop.time() + self._deadline / 2
        doubt = loop.call_at(half, self._reader.doubt)
        work = loop.create_task(self._run(scope, receive, sending))
        try:
            done, _ = await asyncio.wait({work}, timeout=self._deadline)
            if done or begun:
                await work
                return
        except asyncio.CancelledError:
            work.cancel()
            raise
        finally:
            doubt.cancel()
        late = True
        self._leave(work)
        await problem_for(self._reader.too_late(half))(scope, receive, send)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    def _leave(self, work: "asyncio.Task[None]") -> None:
        """Cancel, and once more if that is not heard: psycopg waits for the server to confirm what it cancels."""
        self._behind.add(work)
        work.add_done_callback(self._left)
        work.cancel()
        asyncio.get_running_loop().call_later(_PARTING_SECONDS, work.cancel)

    def _left(self, work: "asyncio.Task[None]") -> None:
        self._behind.discard(work)
        if not work.cancelled():
            work.exception()  # seen, so that the loop does not report what was answered already
