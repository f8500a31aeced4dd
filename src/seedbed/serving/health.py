"""Whether the process lives, and whether it can answer from its database."""

import time
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text

from seedbed.errors import DatabaseAway
from seedbed.serving.problems import DOCUMENTED
from seedbed.serving.reading import Reader

_FRESH_SECONDS = 1.0
_DEADLINE_SECONDS = 0.4


class Health(BaseModel):
    status: Literal["pass"]


def health_routes(reader: Reader) -> APIRouter:
    """Liveness touches nothing. Readiness asks the database, at most once a second however often it is asked itself."""
    router = APIRouter(prefix="/health", tags=["health"])
    seen = {"ready": False, "until": 0.0}

    @router.get("/live", summary="Whether the process answers")
    async def live() -> Health:
        return Health(status="pass")

    @router.get("/ready", summary="Whether the database answers", responses={503: DOCUMENTED[503]})
    async def ready() -> Health:
        if time.monotonic() > seen["until"]:
            try:
                await reader.fetch(text("SELECT 1"), deadline=_DEADLINE_SECONDS)
                seen["ready"] = True
            except DatabaseAway:
                seen["ready"] = False
            seen["until"] = time.monotonic() + _FRESH_SECONDS
        if not seen["ready"]:
            raise DatabaseAway
        return Health(status="pass")

    return router
