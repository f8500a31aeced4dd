"""Serve the pages for people: an overview of the service at /, and Swagger UI at /docs.

They request nothing from another host, and run under a strict Content-Security-Policy.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.responses import FileResponse, HTMLResponse
from starlette.staticfiles import StaticFiles

from seedbed.errors import ServiceError
from seedbed.service.http.health import ReadinessProbe, ReadinessStatus
from seedbed.service.queries.resources import Resource
from seedbed.settings import Environment

_STATIC = Path(__file__).parent / "static"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
"""Nothing inline, and nothing of another origin."""
_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="favicon.ico" type="image/svg+xml">
<link rel="stylesheet" href="docs/pages.css">
"""
_DOCS = (
    _HEAD
    + """<link rel="stylesheet" href="docs/swagger-ui/swagger-ui.css">
</head>
<body class="docs">
<div id="swagger-ui"></div>
<script src="docs/swagger-ui/swagger-ui-bundle.js"></script>
<script src="docs/docs.js"></script>
</body>
</html>
"""
)
_OVERVIEW = (
    _HEAD
    + """</head>
<body>
<h1>{title}</h1>
<p>A read-only API of the {environment} database. {state}</p>
<p><a href="docs">Documentation</a> &middot; <a href="openapi.json">OpenAPI</a>
&middot; <a href="health/ready">Health</a> &middot; <a href="metrics">Metrics</a></p>
<table>
<thead><tr><th>Table</th><th>Columns</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</body>
</html>
"""
)


def add_pages(
    app: FastAPI, resources: Sequence[Resource], readiness: ReadinessProbe, *, environment: Environment
) -> None:
    """Add the pages and their files."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def show_overview() -> HTMLResponse:
        rows = "\n".join(
            f'<tr><td><a href="{escape(resource.name)}?limit=10">{escape(resource.name)}</a></td>'
            f"<td>{len(resource.columns)}</td></tr>"
            for resource in resources
        )
        state = await _describe_state(readiness)
        page = _OVERVIEW.format(title=escape(app.title), environment=environment, state=state, rows=rows)
        return HTMLResponse(page, headers=_HEADERS)

    @router.get("/docs")
    async def show_docs() -> HTMLResponse:
        return HTMLResponse(_DOCS.format(title=escape(app.title)), headers=_HEADERS)

    @router.get("/favicon.ico")
    async def show_icon() -> FileResponse:
        return FileResponse(_STATIC / "favicon.svg", media_type="image/svg+xml")

    app.include_router(router)
    app.mount("/docs", StaticFiles(directory=_STATIC))


def list_page_files() -> list[str]:
    """List the paths of the pages' files. They hold no data, so they are served without a token."""
    files = [file.relative_to(_STATIC) for file in _STATIC.rglob("*") if file.is_file()]
    return ["/favicon.ico", *(f"/docs/{file.as_posix()}" for file in files)]


async def _describe_state(readiness: ReadinessProbe) -> str:
    try:
        status = await readiness.check()
    except ServiceError as error:
        return f'<span class="warn">{escape(error.message)}</span>'
    return f"Migration: {escape(status.revision or 'none')}.{_describe_drift(status)}"


def _describe_drift(status: ReadinessStatus) -> str:
    return "".join(f' <span class="warn">{escape(difference)}.</span>' for difference in status.drift)
