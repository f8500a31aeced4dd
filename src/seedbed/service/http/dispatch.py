"""Dispatch a request to the tables, or to FastAPI and the project's own routes, within the deadline."""

import asyncio
from collections.abc import Sequence

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seedbed.service.http.problems import create_error_problem
from seedbed.service.http.table_routes import TEMPLATE_SCOPE_KEY, TableRouter
from seedbed.service.pool.query_runner import QueryRunner

_CANCEL_SECONDS = 2.0


class DispatchMiddleware:
    """Sends a request for a table to the table router, unless one of the project's own routes matches it.

    All other requests go to FastAPI. If no response has started by the deadline, the client gets a 503 and the request
    is cancelled in the background. Half way to the deadline the database is probed, so that the 503 does not blame the
    database for a slow request.

    HEAD is answered like GET; the server leaves out the body.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        table_router: TableRouter,
        custom_routes: Sequence[BaseRoute],
        query_runner: QueryRunner,
        deadline: float,
    ) -> None:
        self._app = app
        self._table_router = table_router
        self._custom_routes = custom_routes
        self._query_runner = query_runner
        self._deadline = deadline
        self._cancelled_tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD" and not self._matches_custom_route(scope):
            get_scope = {**scope, "method": "GET"}
            try:
                await self._answer(get_scope, receive, send)
            finally:
                scope.update((key, get_scope[key]) for key in (TEMPLATE_SCOPE_KEY, "route") if key in get_scope)
            return
        await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        table_route = self._table_router.match(scope)
        if table_route is not None and not self._matches_custom_route(scope):
            await self._table_router.respond(
                table_route, scope, receive, send, other_methods=self._list_custom_methods(scope)
            )
        else:
            await self._answer_within_deadline(scope, receive, send)

    def _list_custom_methods(self, scope: Scope) -> list[str]:
        if scope["method"] == "GET":
            return []
        routes = [route for route in self._custom_routes if route.matches(scope)[0] is Match.PARTIAL]
        return sorted({method for route in routes for method in getattr(route, "methods", None) or ()})

    def _matches_custom_route(self, scope: Scope) -> bool:
        return any(route.matches(scope)[0] is Match.FULL for route in self._custom_routes)

    async def _answer_within_deadline(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_started = is_late = False

        async def send_in_time(message: Message) -> None:
            nonlocal has_started
            if is_late:
                return
            has_started = True
            await send(message)

        loop = asyncio.get_running_loop()
        half_time = loop.time() + self._deadline / 2
        probe_timer = loop.call_at(half_time, self._query_runner.probe)
        task = loop.create_task(self._run(scope, receive, send_in_time))
        try:
            done, _ = await asyncio.wait({task}, timeout=self._deadline)
            if done or has_started:
                await task
                return
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            probe_timer.cancel()
        is_late = True
        self._cancel(task)
        await create_error_problem(self._query_runner.create_deadline_error(half_time))(scope, receive, send)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    def _cancel(self, task: "asyncio.Task[None]") -> None:
        """Cancel a task twice: after the first time, psycopg waits for the server to confirm the cancellation."""
        self._cancelled_tasks.add(task)
        task.add_done_callback(self._forget)
        task.cancel()
        asyncio.get_running_loop().call_later(_CANCEL_SECONDS, task.cancel)

    def _forget(self, task: "asyncio.Task[None]") -> None:
        self._cancelled_tasks.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved, so that the loop does not report an error that was already answered
