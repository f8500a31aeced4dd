"""The read service as an ASGI application, made from the project's schema."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Response
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse

from seedbed import __version__
from seedbed.schema import Schema
from seedbed.service.http.access_control import Gate, origins, token_hashes
from seedbed.service.http.access_log import Journal
from seedbed.service.http.custom_routes import own_router
from seedbed.service.http.dispatch import Dispatch
from seedbed.service.http.health import Readiness, health_routes, history_of
from seedbed.service.http.metrics import CONTENT_TYPE, Metrics
from seedbed.service.http.openapi import document
from seedbed.service.http.problems import add_problem_handlers
from seedbed.service.http.table_routes import Tables
from seedbed.service.pool.query_runner import Reader
from seedbed.service.pool.statement import Fetch
from seedbed.service.queries.page_cursor import Cursors
from seedbed.service.queries.resources import resources
from seedbed.settings import Configuration, DatabaseUrl, Environment


def create_app(
    configuration: Configuration, schema: Schema, url: DatabaseUrl, *, fetch: Fetch | None = None
) -> FastAPI:
    """The service for a database. It starts, and stays up, whether or not the database answers.

    `fetch` takes the place of the service's own way to the database, for the tables and for readiness.

    Raises:
        InvalidRoutesModule, SchemaImportFailure: the project's own routes cannot be had.
        DuplicateAlias, UnsupportedSerializer: a table cannot be answered as its model says.
        InvalidTokenHash: SEEDBED_TOKENS has something that is no hash.
    """
    settings = configuration.settings
    reader = Reader(url, pool_size=settings.pool_size, deadline=settings.deadline)
    fetch = fetch or reader.fetch
    served = resources(schema)
    key = settings.cursor_key.get_secret_value().encode() if settings.cursor_key else secrets.token_bytes(32)
    tables = Tables(served, fetch, Cursors(key), deadline=settings.deadline)
    metrics = Metrics(reader.pool)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await reader.close()

    app = FastAPI(title=configuration.project.name, version=__version__, lifespan=lifespan)
    app.state.reader = reader
    own = own_router(configuration.project)
    routes = own.routes if own is not None else []
    app.add_middleware(Dispatch, tables=tables, own=routes, reader=reader, deadline=settings.deadline)
    hashes = token_hashes(configuration)
    app.add_middleware(Gate, hashes=hashes)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=origins(settings.cors_origins), allow_methods=_methods(own),
            allow_headers=["Authorization", "If-None-Match", "X-Request-ID"],
            expose_headers=["Link", "ETag", "X-Total-Count", "X-Total-Count-Is", "X-Request-ID", "Retry-After"],
        )  # fmt: skip
    app.add_middleware(Journal, metrics=metrics)
    add_problem_handlers(app)
    readiness = Readiness(
        fetch,
        served,
        history=history_of(configuration.project),
        reader=reader,
        scales_to_zero=url.is_neon,
        version_table=configuration.project.version_table,
        looks_at_rights=configuration.environment in {Environment.PREVIEW, Environment.PRODUCTION},
    )
    app.include_router(health_routes(readiness))
    if own is not None:
        app.include_router(own)

    @app.get("/metrics", include_in_schema=False)
    async def measured() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    @app.get("/", include_in_schema=False)
    async def index() -> RedirectResponse:
        return RedirectResponse("docs")

    document(app, served, with_tokens=bool(hashes))
    return app


def _methods(own: APIRouter | None) -> list[str]:
    """Those that pages of other origins may use: to read, and whatever else the project's own routes are for."""
    others = {method for route in own.routes for method in getattr(route, "methods", None) or ()} if own else set()
    return sorted({"GET", "HEAD"} | others)
