"""A read-only HTTP service, generated from the schema.

`create_app(configuration, schema, url)` creates the FastAPI application that `seedbed serve` runs.

For a project's own routes in routes.py:

    @router.get("/users/{id}/progress", responses=problems(404, 503))
    async def progress(id: int, session: Session) -> Progress: ...

- `Session`: the type of a parameter that is a session on the service's connection pool, in a transaction.
- `problems(*statuses)`: the problem+json responses of a route, for the OpenAPI document.

For tests and other backends:

- `Fetch`: the function that runs every query of the tables; `create_app(..., fetch=...)` accepts another one.
- `Statement`: the SQL that a `Fetch` receives.
"""

from seedbed.service.http.app import create_app
from seedbed.service.http.problems import document_problems as problems
from seedbed.service.pool.query_runner import Session
from seedbed.service.pool.statement import Fetch, Statement

__all__ = ["Fetch", "Session", "Statement", "create_app", "problems"]
