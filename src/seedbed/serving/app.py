"""The read service as an ASGI application, made from the project's schema."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.responses import RedirectResponse

from seedbed import __version__
from seedbed.modelling import Schema
from seedbed.serving.health import health_routes
from seedbed.serving.journal import Journal
from seedbed.serving.problems import add_problem_handlers
from seedbed.serving.reading import Reader
from seedbed.serving.routes import table_routes
from seedbed.settings import Configuration, DatabaseUrl


def create_app(configuration: Configuration, schema: Schema, url: DatabaseUrl) -> FastAPI:
    """The service for a database. It starts, and stays up, whether or not the database answers."""
    settings = configuration.settings
    reader = Reader(url, pool_size=settings.pool_size, deadline=settings.deadline)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await reader.close()

    app = FastAPI(title=configuration.project.name, version=__version__, lifespan=lifespan)
    app.state.reader = reader
    app.add_middleware(Journal)
    add_problem_handlers(app)
    app.include_router(health_routes(reader, scales_to_zero=url.is_neon))
    app.include_router(table_routes(schema, reader))

    @app.get("/", include_in_schema=False)
    async def index() -> RedirectResponse:
        return RedirectResponse("/docs")

    return app
