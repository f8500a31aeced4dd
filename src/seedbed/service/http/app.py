"""Create the read service as a FastAPI application, which dispatches requests to tables or to the project's routes."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Response
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seedbed import __version__
from seedbed.errors import InvalidRoutesModule
from seedbed.schema import Schema
from seedbed.schema.loader import import_from_root
from seedbed.service.http.access_control import AccessControlMiddleware, parse_origins, parse_token_hashes
from seedbed.service.http.health import ReadinessProbe, create_health_router, read_project_history
from seedbed.service.http.html_pages import add_pages, list_page_files
from seedbed.service.http.instrumentation import CONTENT_TYPE, AccessLogMiddleware, Metrics
from seedbed.service.http.openapi import add_tables_to_openapi
from seedbed.service.http.problems import add_problem_handlers, create_error_problem
from seedbed.service.http.table_routes import TEMPLATE_SCOPE_KEY, TableRouter
from seedbed.service.pool.query_runner import QueryRunner
from seedbed.service.pool.statement import Fetch
from seedbed.service.queries.list_query import CursorSigner
from seedbed.service.queries.resources import build_resources
from seedbed.settings import Configuration, DatabaseUrl, Environment, Project

_ROUTES_MODULE = "routes"

_CANCEL_SECONDS = 2.0


def create_app(
    configuration: Configuration, schema: Schema, url: DatabaseUrl, *, fetch: Fetch | None = None
) -> FastAPI:
    """Create the service for a database. It starts, and keeps running, whether or not the database answers.

    `fetch` replaces the service's own connection pool for the tables and for readiness.

    Raises:
        InvalidRoutesModule, SchemaImportFailure: routes.py has no router, or raised while it was imported.
        DuplicateAlias, UnsupportedSerializer: the service cannot serialize a table's rows as its model does.
        InvalidTokenHash: an entry of SEEDBED_TOKENS is not a hash.
    """
    settings = configuration.settings
    query_runner = QueryRunner(url, pool_size=settings.pool_size, deadline=settings.deadline)
    fetch = fetch or query_runner.fetch
    resources = build_resources(schema)
    cursor_key = settings.cursor_key.get_secret_value().encode() if settings.cursor_key else secrets.token_bytes(32)
    table_router = TableRouter(resources, fetch, CursorSigner(cursor_key), deadline=settings.deadline)
    metrics = Metrics(query_runner.pool)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await query_runner.close()

    app = FastAPI(
        title=configuration.project.name, version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.state.query_runner = query_runner
    router = load_custom_router(configuration.project)
    app.add_middleware(
        DispatchMiddleware,
        table_router=table_router,
        custom_routes=router.routes if router is not None else [],
        query_runner=query_runner,
        deadline=settings.deadline,
    )
    hashes = parse_token_hashes(configuration)
    app.add_middleware(AccessControlMiddleware, hashes=hashes, public_files=list_page_files())
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=parse_origins(settings.cors_origins),
            allow_methods=_list_cors_methods(router),
            allow_headers=["Authorization", "If-None-Match", "X-Request-ID"],
            expose_headers=["Link", "ETag", "X-Total-Count", "X-Total-Count-Is", "X-Request-ID", "Retry-After"],
        )  # fmt: skip
    app.add_middleware(AccessLogMiddleware, metrics=metrics)
    add_problem_handlers(app)
    readiness_probe = ReadinessProbe(
        fetch,
        resources,
        history=read_project_history(configuration.project),
        query_runner=query_runner,
        scales_to_zero=url.is_neon,
        version_table=configuration.project.version_table,
        checks_rights=configuration.environment in {Environment.PREVIEW, Environment.PRODUCTION},
    )
    app.include_router(create_health_router(readiness_probe))
    if router is not None:
        app.include_router(router)

    @app.get("/metrics", include_in_schema=False)
    async def show_metrics() -> Response:
        return Response(metrics.render(), media_type=CONTENT_TYPE)

    add_pages(app, resources, readiness_probe, environment=configuration.environment)
    add_tables_to_openapi(app, resources, with_tokens=bool(hashes))
    return app


def load_custom_router(project: Project) -> APIRouter | None:
    """Import the `router` of the project's routes.py, or of a package of that name. Return None without either.

    Raises:
        InvalidRoutesModule: the module has no router.
        SchemaImportFailure: the module raised while it was imported.
    """
    candidates = (project.root / f"{_ROUTES_MODULE}.py", project.root / _ROUTES_MODULE / "__init__.py")
    if not any(candidate.is_file() for candidate in candidates):
        return None
    router = getattr(import_from_root(project, _ROUTES_MODULE), "router", None)
    if not isinstance(router, APIRouter):
        raise InvalidRoutesModule(_ROUTES_MODULE)
    return router


def _list_cors_methods(router: APIRouter | None) -> list[str]:
    """List the methods that pages of other origins may use: GET, HEAD and those of the project's own routes."""
    routes = router.routes if router is not None else []
    return sorted({"GET", "HEAD"}.union(*(getattr(route, "methods", None) or () for route in routes)))


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
