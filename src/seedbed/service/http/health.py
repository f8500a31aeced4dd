"""Whether the process lives, whether its database answers, and whether that has the schema of the models."""

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
from seedbed.service.http.problems import documented
from seedbed.service.log_format import LOG
from seedbed.service.pool.query_runner import Reader
from seedbed.service.pool.statement import Fetch, Statement
from seedbed.service.queries.resources import Resource
from seedbed.service.reader_role import rights_beyond
from seedbed.settings import Project

_FRESH_SECONDS = 1.0
_PATIENCE_SECONDS = 0.4
_MISSING = Statement(
    """
    SELECT coalesce(json_agg(e.column ORDER BY e.column), '[]')::text
    FROM json_to_recordset($1::json) AS e("table" text, name text, "column" text)
    WHERE NOT EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = to_regclass(e.table) AND a.attname = e.name AND NOT a.attisdropped
    )
    """
)


class Health(BaseModel):
    __qualname__ = "Health"  # the name of its component in the OpenAPI document
    model_config = ConfigDict(title="Health")

    status: Literal["pass"]


class Ready(BaseModel):
    """`warn` says that requests are answered, from a schema that is not quite the models'."""

    __qualname__ = "Ready"
    model_config = ConfigDict(title="Ready")

    status: Literal["pass", "warn"]
    revision: str | None = Field(description="The migration the database is at.")
    expected: str | None = Field(description="The newest migration this service knows.")
    drift: list[str] = Field(description="How the database differs from what this service expects.")


class Readiness:
    """What was last found when the database was asked, and for how long that is believed: a second.

    A compute that scales to zero would be kept awake by that, and paid for. There, the database having answered is
    believed until a request finds it away.

    Whoever asks is answered soon; a connection that takes longer, to a far server or one that wakes, is made all the
    same, and found by those who ask next.
    """

    def __init__(
        self,
        fetch: Fetch,
        resources: Sequence[Resource],
        *,
        history: History | None = None,
        reader: Reader | None = None,
        scales_to_zero: bool = False,
        version_table: str = "alembic_version",
        looks_at_rights: bool = False,
    ) -> None:
        self._fetch = fetch
        self._at = Statement(f"SELECT string_agg(version_num::text, ', ' ORDER BY version_num) FROM {version_table}")
        self._resources = resources
        self._history = history
        self._reader = reader
        self._ready_seconds = math.inf if scales_to_zero else _FRESH_SECONDS
        self._asking: asyncio.Task[None] | None = None
        self._found: Ready | ServiceError = DatabaseUnavailable()
        self._until = 0.0
        self._looks_at_rights = looks_at_rights

    async def ready(self) -> Ready:
        """
        Raises:
            DatabaseUnavailable: it does not answer.
            OutdatedSchema: it lacks tables or columns that are served.
        """
        known = isinstance(self._found, Ready)
        stale = time.monotonic() > self._until or (known and self._reader is not None and self._reader.away)
        if self._asking is None and stale:
            self._asking = asyncio.get_running_loop().create_task(self._ask())
        if self._asking is not None:
            asked, _ = await asyncio.wait({self._asking}, timeout=_PATIENCE_SECONDS)
            if not asked:
                raise DatabaseUnavailable
        if isinstance(self._found, Ready):
            return self._found
        raise type(self._found)

    async def _ask(self) -> None:
        self._found = DatabaseUnavailable()
        try:
            self._found = await self._look()
        except ServiceError as error:
            self._found = error
        except psycopg.Error:
            self._found = OutdatedSchema()
        finally:
            good = isinstance(self._found, Ready)
            self._until = time.monotonic() + (self._ready_seconds if good else _FRESH_SECONDS)
            self._asking = None

    async def _look(self) -> Ready | ServiceError:
        expected = [
            {"table": resource.sql, "name": name, "column": f"{resource.table.key}.{name}"}
            for resource in self._resources
            for name in resource.readable
        ]
        missing = json.loads((await self._fetch(_MISSING, [json.dumps(expected).encode()]))[0][0] or b"[]")
        if missing:
            LOG.warning("The database lacks columns that are served", missing=missing)
            return OutdatedSchema()
        if self._looks_at_rights:
            await self._look_at_rights()
        revision = await self._revision()
        drift = _drift(revision, self._history)
        head = None if self._history is None else self._history.head
        return Ready(status="warn" if drift else "pass", revision=revision, expected=head, drift=drift)

    async def _revision(self) -> str | None:
        try:
            rows = await self._fetch(self._at)
        except psycopg.Error:
            return None
        return rows[0][0].decode() if rows and rows[0][0] is not None else None

    async def _look_at_rights(self) -> None:
        self._looks_at_rights = False
        beyond = await rights_beyond(self._fetch, self._resources)
        if beyond:
            LOG.warning("The service runs as a role that may do more than read: seedbed db grant-reader", rights=beyond)


def history_of(project: Project) -> History | None:
    """The project's migrations, if it has any that can be read."""
    if not has_history(project):
        return None
    try:
        return read_history(project)
    except SeedbedError:
        return None


def health_routes(readiness: Readiness) -> APIRouter:
    """Liveness touches nothing. Readiness asks the database, at most once a second however often it is asked itself."""
    router = APIRouter(prefix="/health", tags=["health"])

    @router.get("/live", operation_id="live_health_live_get", summary="Whether the process answers")
    async def live() -> Health:
        return Health(status="pass")

    @router.get(
        "/ready",
        operation_id="ready_health_ready_get",
        summary="Whether the database answers",
        responses=documented(503),
    )
    async def ready() -> Ready:
        return await readiness.ready()

    return router


def _drift(revision: str | None, history: History | None) -> list[str]:
    if history is None or revision == history.head:
        return []
    known = [each.id for each in history.revisions]
    if revision is None:
        return ["the database does not say which migration it is at"]
    if revision not in known:
        return ["the database is at a migration that this service does not know: it is newer, or another project's"]
    behind = len(known) - 1 - known.index(revision)
    return [f"the database is {behind} migration{'s' if behind > 1 else ''} behind this service"]
