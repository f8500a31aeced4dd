"""Create the read service as a FastAPI application from the project's schema."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Response
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse

from seedbed import __version__
from seedbed.errors import InvalidRoutesModule
from seedbed.schema import Schema
from seedbed.schema.loader import import_from_root
from seedbed.service.http.access_control import AccessControlMiddleware, parse_origins, parse_token_hashes
from seedbed.service.http.dispatch import DispatchMiddleware
from seedbed.service.http.health import ReadinessProbe, create_health_router, read_project_history
from seedbed.service.http.instrumentation import CONTENT_TYPE, AccessLogMiddleware, Metrics
from seedbed.service.http.openapi import add_tables_to_openapi
from seedbed.service.http.problems import add_problem_handlers
from seedbed.service.http.table_routes import TableRouter
from seedbed.service.pool.query_runner import QueryRunner
from seedbed.service.pool.statement import Fetch
from seedbed.service.queries.list_query import CursorSigner
from seedbed.service.queries.resources import build_resources
from seedbed.settings import Configuration, DatabaseUrl, Environment, Project

_ROUTES_MODULE = "routes"


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

    app = FastAPI(title=configuration.project.name, version=__version__, lifespan=lifespan)
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
    app.add_middleware(AccessControlMiddleware, hashes=hashes)
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

    @app.get("/", include_in_schema=False)
    async def redirect_to_docs() -> RedirectResponse:
        return RedirectResponse("docs")

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
