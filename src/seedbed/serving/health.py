"""Whether the process lives, and whether it can answer from its database."""

import asyncio
import math
import time
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text

from seedbed.errors import DatabaseAway, ServiceBusy
from seedbed.serving.problems import DOCUMENTED
from seedbed.serving.reading import Reader

_FRESH_SECONDS = 1.0
_PATIENCE_SECONDS = 0.4


class Health(BaseModel):
    status: Literal["pass"]


class Readiness:
    """What was last found when the database was asked, and for how long that is believed: a second.

    A compute that scales to zero would be kept awake by that, and paid for. There, the database having answered is
    believed until a request finds it away.

    Whoever asks is answered soon; a connection that takes longer, to a far server or one that wakes, is made all the
    same, and found by those who ask next.
    """

    def __init__(self, reader: Reader, *, scales_to_zero: bool) -> None:
        self._reader = reader
        self._ready_seconds = math.inf if scales_to_zero else _FRESH_SECONDS
        self._asking: asyncio.Task[None] | None = None
        self._ready = False
        self._until = 0.0

    async def is_ready(self) -> bool:
        if self._asking is None and (time.monotonic() > self._until or (self._ready and self._reader.away)):
            self._asking = asyncio.create_task(self._ask())
        if self._asking is not None:
            asked, _ = await asyncio.wait({self._asking}, timeout=_PATIENCE_SECONDS)
            return bool(asked) and self._ready
        return self._ready

    async def _ask(self) -> None:
        self._ready = False
        try:
            await self._reader.fetch(text("SELECT 1"))
            self._ready = True
        except (DatabaseAway, ServiceBusy):
            pass
        finally:
            self._until = time.monotonic() + (self._ready_seconds if self._ready else _FRESH_SECONDS)
            self._asking = None


def health_routes(reader: Reader, *, scales_to_zero: bool) -> APIRouter:
    """Liveness touches nothing. Readiness asks the database, at most once a second however often it is asked itself."""
    router = APIRouter(prefix="/health", tags=["health"])
    readiness = Readiness(reader, scales_to_zero=scales_to_zero)

    @router.get("/live", summary="Whether the process answers")
    async def live() -> Health:
        return Health(status="pass")

    @router.get("/ready", summary="Whether the database answers", responses={503: DOCUMENTED[503]})
    async def ready() -> Health:
        if not await readiness.is_ready():
            raise DatabaseAway
        return Health(status="pass")

    return router
