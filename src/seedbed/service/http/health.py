"""Serve the health checks: liveness, and readiness of the database and its schema."""

import asyncio
import json
import math
import time
from collections.abc import Sequence
from typing import Literal

import psycopg
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from seedbed.errors import DatabaseUnavailable, OutdatedSchema, SeedbedError, ServiceError
from seedbed.migrations.history.revisions import History, has_history, read_history
from seedbed.service.http.problems import document_problems
from seedbed.service.log_format import LOG
from seedbed.service.pool.query_runner import QueryRunner
from seedbed.service.pool.statement import Fetch, Statement
from seedbed.service.queries.resources import Resource
from seedbed.service.reader_role import find_excess_rights
from seedbed.settings import Project

_CACHE_SECONDS = 1.0
_RESPONSE_SECONDS = 0.4
_MISSING_COLUMNS = Statement(
    """
    SELECT coalesce(json_agg(e.column ORDER BY e.column), '[]')::text
    FROM json_to_recordset($1::json) AS e("table" text, name text, "column" text)
    WHERE NOT EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = to_regclass(e.table) AND a.attname = e.name AND NOT a.attisdropped
    )
    """
)


class LivenessStatus(BaseModel):
    __qualname__ = "Health"  # the name of its component in the OpenAPI document
    model_config = ConfigDict(title="Health")

    status: Literal["pass"]


class ReadinessStatus(BaseModel):
    """`warn` says that requests are answered, from a schema that is not quite the models'."""

    __qualname__ = "Ready"
    model_config = ConfigDict(title="Ready")

    status: Literal["pass", "warn"]
    revision: str | None = Field(description="The migration the database is at.")
    expected: str | None = Field(description="The newest migration this service knows.")
    drift: list[str] = Field(description="How the database differs from what this service expects.")


class ReadinessProbe:
    """Checks the database and caches the result for a second.

    Frequent checks would keep a compute that scales to zero awake. With `scales_to_zero`, a good result is therefore
    valid until a request finds the database unavailable.

    A check answers within 0.4 s. A connection that takes longer, to a distant server or one that is waking up, is
    opened in the background, and the next check finds it.
    """

    def __init__(
        self,
        fetch: Fetch,
        resources: Sequence[Resource],
        *,
        history: History | None = None,
        query_runner: QueryRunner | None = None,
        scales_to_zero: bool = False,
        version_table: str = "alembic_version",
        checks_rights: bool = False,
    ) -> None:
        self._fetch = fetch
        self._revision_query = Statement(
            f"SELECT string_agg(version_num::text, ', ' ORDER BY version_num) FROM {version_table}"
        )
        self._resources = resources
        self._history = history
        self._query_runner = query_runner
        self._ready_seconds = math.inf if scales_to_zero else _CACHE_SECONDS
        self._running_check: asyncio.Task[None] | None = None
        self._last_result: ReadinessStatus | ServiceError = DatabaseUnavailable()
        self._valid_until = 0.0
        self._checks_rights = checks_rights

    async def check(self) -> ReadinessStatus:
        """Return the state of the database and its schema, from the cache while it is valid.

        Raises:
            DatabaseUnavailable: the database does not answer.
            OutdatedSchema: the database lacks tables or columns that are served.
        """
        was_ready = isinstance(self._last_result, ReadinessStatus)
        is_stale = time.monotonic() > self._valid_until or (
            was_ready and self._query_runner is not None and self._query_runner.is_away
        )
        if self._running_check is None and is_stale:
            self._running_check = asyncio.get_running_loop().create_task(self._refresh())
        if self._running_check is not None:
            done, _ = await asyncio.wait({self._running_check}, timeout=_RESPONSE_SECONDS)
            if not done:
                raise DatabaseUnavailable
        if isinstance(self._last_result, ReadinessStatus):
            return self._last_result
        raise type(self._last_result)

    async def _refresh(self) -> None:
        self._last_result = DatabaseUnavailable()
        try:
            self._last_result = await self._check_database()
        except ServiceError as error:
            self._last_result = error
        except psycopg.Error:
            self._last_result = OutdatedSchema()
        finally:
            is_ready = isinstance(self._last_result, ReadinessStatus)
            self._valid_until = time.monotonic() + (self._ready_seconds if is_ready else _CACHE_SECONDS)
            self._running_check = None

    async def _check_database(self) -> ReadinessStatus | ServiceError:
        expected = [
            {"table": resource.table_sql, "name": name, "column": f"{resource.table.key}.{name}"}
            for resource in self._resources
            for name in resource.column_names
        ]
        missing = json.loads((await self._fetch(_MISSING_COLUMNS, [json.dumps(expected).encode()]))[0][0] or b"[]")
        if missing:
            LOG.warning("The database lacks columns that are served", missing=missing)
            return OutdatedSchema()
        if self._checks_rights:
            await self._check_rights()
        revision = await self._read_revision()
        drift = _describe_drift(revision, self._history)
        head = None if self._history is None else self._history.head
        return ReadinessStatus(status="warn" if drift else "pass", revision=revision, expected=head, drift=drift)

    async def _read_revision(self) -> str | None:
        try:
            rows = await self._fetch(self._revision_query)
        except psycopg.Error:
            return None
        return rows[0][0].decode() if rows and rows[0][0] is not None else None

    async def _check_rights(self) -> None:
        self._checks_rights = False
        excess = await find_excess_rights(self._fetch, self._resources)
        if excess:
            LOG.warning("The service runs as a role that may do more than read: seedbed db grant-reader", rights=excess)


def read_project_history(project: Project) -> History | None:
    """Read the project's migrations. Return None if there are none, or if they cannot be read."""
    if not has_history(project):
        return None
    try:
        return read_history(project)
    except SeedbedError:
        return None


def create_health_router(readiness: ReadinessProbe) -> APIRouter:
    """Create the routes of /health. Liveness uses no resource; readiness queries the database at most once a second."""
    router = APIRouter(prefix="/health", tags=["health"])

    @router.get("/live", operation_id="live_health_live_get", summary="Whether the process answers")
    async def live() -> LivenessStatus:
        return LivenessStatus(status="pass")

    @router.get(
        "/ready",
        operation_id="ready_health_ready_get",
        summary="Whether the database answers",
        responses=document_problems(503),
    )
    async def ready() -> ReadinessStatus:
        return await readiness.check()

    return router


def _describe_drift(revision: str | None, history: History | None) -> list[str]:
    if history is None or revision == history.head:
        return []
    known = [known_revision.id for known_revision in history.revisions]
    if revision is None:
        return ["the database does not say which migration it is at"]
    if revision not in known:
        return ["the database is at a migration that this service does not know: it is newer, or another project's"]
    behind = len(known) - 1 - known.index(revision)
    return [f"the database is {behind} migration{'s' if behind > 1 else ''} behind this service"]
