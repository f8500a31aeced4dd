"""Injected faults: error responses that ask for a retry, and lost answers."""

import json
import random
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seedbed.branching.neon.emulator.api.request_models import SetFaults

ADMIN = "/emulator"
_CONFLICT = 409
_MESSAGES = {
    _CONFLICT: "conflict with an operation that was made meanwhile",
    423: "project already has running conflicting operations, scheduling of new ones is prohibited",
    429: "too many requests",
    503: "service unavailable",
}


@dataclass
class Faults:
    """Rates from 0 to 1 by status, and of answers that are dropped after the work was done.

    The same seed gives the same faults, as long as requests come one after another.
    """

    rates: dict[int, float] = field(default_factory=dict)
    dropped: float = 0.0
    retry_after: str | None = "0"
    chance: random.Random = field(default_factory=random.Random)
    counts: dict[str, int] = field(default_factory=dict)

    def set(self, wanted: SetFaults) -> None:
        self.rates, self.dropped, self.retry_after = wanted.rates, wanted.dropped, wanted.retry_after
        self.chance = random.Random(wanted.seed)
        self.counts = {}

    def status(self, method: str) -> int | None:
        """The status of an injected error; 409 only for a POST, as it is a conflict with another creation."""
        for status, rate in self.rates.items():
            if (status != _CONFLICT or method == "POST") and self._happens(rate, str(status)):
                return status
        return None

    def drops(self) -> bool:
        return self._happens(self.dropped, "dropped")

    def _happens(self, rate: float, name: str) -> bool:
        happens = rate > 0 and self.chance.random() < rate
        if happens:
            self.counts[name] = self.counts.get(name, 0) + 1
        return happens


@dataclass(frozen=True)
class FaultMiddleware:
    """Middleware that injects faults, except for paths that begin with /emulator."""

    app: ASGIApp
    faults: Faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(ADMIN):
            await self.app(scope, receive, send)
            return
        if (status := self.faults.status(scope["method"])) is not None:
            await _answer(send, status, self.faults.retry_after)
            return
        if not self.faults.drops():
            await self.app(scope, receive, send)
            return

        async def swallow(message: Message) -> None:
            """Send only the head of the answer, and end the connection; the work is done."""
            if message["type"] == "http.response.start":
                await send({**message, "headers": [(b"content-length", b"1000000")]})

        await self.app(scope, receive, swallow)


async def _answer(send: Send, status: int, retry_after: str | None) -> None:
    body = json.dumps({"request_id": "fault", "code": "", "message": _MESSAGES[status]}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if retry_after is not None:
        headers.append((b"retry-after", retry_after.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
