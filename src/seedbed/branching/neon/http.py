"""One request to Neon's API, made again where that is safe and Neon asks for it."""

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2
from pydantic import SecretStr, ValidationError

from seedbed.branching.neon.models import Answer, Refusal
from seedbed.errors import (
    NeonProjectLocked,
    NeonAuthenticationFailure,
    NeonNotConfigured,
    NeonOverloaded,
    NeonRequestRejected,
    NeonUnreachable,
)
from seedbed.settings import Configuration

CONFLICT = 409
_BUSY, _GONE, _OVERLOADED = 423, 404, frozenset({429, 503})
_KEY_REFUSED = frozenset({401, 403})
_BROKEN = 500
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 8.0
_PATIENCE_SECONDS = 60.0
"""What Neon serialises in a project is over well before: its own SDK gives up sooner."""
_NO_WAY_SECONDS = 10.0
"""What is wrong with a network or a name is so for longer than anybody waits."""
_TIMEOUT = httpx2.Timeout(30.0, connect=10.0)

A = TypeVar("A", bound=Answer)


@dataclass(frozen=True)
class Access:
    """Where the API is, which project is meant, and the key, which no repr shows."""

    key: SecretStr
    project: str
    host: str
    key_origin: str = "NEON_API_KEY"
    project_origin: str = "NEON_PROJECT_ID"

    @classmethod
    def from_configuration(cls, configuration: Configuration) -> "Access":
        """What the settings say.

        Raises:
            NeonNotConfigured: the key or the project is not set.
        """
        settings = configuration.settings
        if settings.neon_api_key is None:
            raise NeonNotConfigured("NEON_API_KEY")
        if settings.neon_project_id is None:
            raise NeonNotConfigured("NEON_PROJECT_ID")
        return cls(
            settings.neon_api_key,
            settings.neon_project_id,
            settings.neon_api_host.rstrip("/"),
            configuration.get_origin("NEON_API_KEY").describe("NEON_API_KEY"),
            configuration.get_origin("NEON_PROJECT_ID").describe("NEON_PROJECT_ID"),
        )

    @property
    def host_name(self) -> str:
        return urlsplit(self.host).netloc or self.host


class Unanswered(NeonUnreachable):
    """A request that makes something was sent, and nobody knows whether it was done."""

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(host, reason)
        self.reason = reason


class Missing(NeonRequestRejected):
    """Neon knows nothing of that id."""

    def __init__(self) -> None:
        super().__init__(_GONE, "there is no such branch or compute any more")


@dataclass(frozen=True)
class Wire:
    """Sends requests. 423, 429 and 503 are always safe to repeat; a network error is where doing it twice is doing it
    once (`repeatable`), and is `Unanswered` otherwise: the API knows no idempotency key.
    """

    access: Access
    timeout_seconds: float = _PATIENCE_SECONDS
    sleep: Callable[[float], None] = time.sleep
    jitter: random.Random = field(default_factory=random.Random)

    def get(self, path: str, kind: type[A], **params: Any) -> A:
        """Read. Raises as `send` does."""
        return self._parsed(self.send("GET", path, params=params), kind)

    def change(self, method: str, path: str, kind: type[A], body: Any = None, *, repeatable: bool = True) -> A | None:
        """Change something; None where there was nothing left to do. Raises as `send` does."""
        response = self.send(method, path, body=body, repeatable=repeatable)
        return None if response.status_code == httpx2.codes.NO_CONTENT else self._parsed(response, kind)

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        repeatable: bool = True,
    ) -> httpx2.Response:
        """Send one request, and again while that is safe and there is time.

        Raises:
            NeonAuthenticationFailure, NeonProjectLocked, NeonOverloaded, NeonRequestRejected, NeonUnreachable: with what Neon said.
            Unanswered: it is not `repeatable`, and what became of it is not known.
            Missing: 404.
        """
        began, attempt = time.monotonic(), 0
        while True:
            reason, response, patience = self._once(method, path, params, body, repeatable=repeatable)
            status = response.status_code if response is not None else 0
            if response is not None and status < httpx2.codes.BAD_REQUEST:
                return response
            if response is not None and not self._may_repeat(status):
                raise self._refusal(response)
            waited = time.monotonic() - began
            pause = _pause(response, attempt, self.jitter)
            if waited + pause > patience:
                raise self._given_up(response, reason, waited)
            self.sleep(pause)
            attempt += 1

    def _once(
        self, method: str, path: str, params: Mapping[str, Any] | None, body: Any, *, repeatable: bool
    ) -> tuple[str, httpx2.Response | None, float]:
        headers = {"Authorization": f"Bearer {self.access.key.get_secret_value()}", "Accept": "application/json"}
        given = {name: value for name, value in (params or {}).items() if value is not None}
        reason, response = "", None
        try:
            with httpx2.Client(timeout=_TIMEOUT, headers=headers) as client:
                response = client.request(method, f"{self.access.host}{path}", params=given, json=body)
        except httpx2.ConnectError as error:  # it never left this machine, so it is safe to repeat
            return _words(error), None, min(self.timeout_seconds, _NO_WAY_SECONDS)
        except (httpx2.TransportError, httpx2.InvalidURL, httpx2.DecodingError) as error:
            reason = _words(error)
        lost = response is None or (response.status_code >= _BROKEN and response.status_code not in _OVERLOADED)
        if lost and not repeatable:
            raise Unanswered(
                self.access.host_name, reason or f"it answered {response.status_code if response is not None else 0}"
            )
        return reason, response, self.timeout_seconds

    @staticmethod
    def _may_repeat(status: int) -> bool:
        return status == _BUSY or status in _OVERLOADED or status >= _BROKEN

    def _refusal(self, response: httpx2.Response) -> Exception:
        status = response.status_code
        if status in _KEY_REFUSED:
            return NeonAuthenticationFailure(status, self.access.key_origin)
        if status == _GONE:
            return Missing()
        return Refused(status, *_said(response))

    def _given_up(self, response: httpx2.Response | None, reason: str, seconds: float) -> Exception:
        if response is None:
            return NeonUnreachable(self.access.host_name, reason)
        if response.status_code == _BUSY:
            return NeonProjectLocked(seconds, _said(response)[1])
        if response.status_code in _OVERLOADED:
            return NeonOverloaded(response.status_code, seconds)
        return NeonRequestRejected(response.status_code, _said(response)[1])

    @staticmethod
    def _parsed(response: httpx2.Response, kind: type[A]) -> A:
        try:
            return kind.model_validate_json(response.content)
        except ValidationError:
            pass  # its text may hold what the answer held, so it is not even the context of what is raised
        raise NeonRequestRejected(response.status_code, "its answer is not one that this version can read")


class Refused(NeonRequestRejected):
    """A refusal with Neon's own code, for those that have a sentence of their own."""

    def __init__(self, status: int, reason: str, said: str) -> None:
        super().__init__(status, said)
        self.status, self.neon_code, self.explanation = status, reason, said


def _pause(response: httpx2.Response | None, attempt: int, chance: random.Random) -> float:
    backoff = min(_FIRST_WAIT * 2**attempt, _LONGEST_WAIT) * chance.uniform(0.5, 1.0)
    asked = parse_retry_after(response.headers.get("retry-after", "")) if response is not None else None
    return backoff if asked is None else asked + chance.uniform(0.0, 0.1)


def parse_retry_after(text: str) -> float | None:
    """Seconds to wait, whichever of the two forms they are said in; None when they are not said."""
    if text.strip().isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _said(response: httpx2.Response) -> tuple[str, str]:
    """Neon's code and sentence; its gateways answer with a page of HTML, which is no sentence."""
    try:
        refusal = Refusal.model_validate_json(response.content)
    except ValidationError:
        refusal = Refusal()
    return refusal.code, refusal.message.rstrip(".") or response.reason_phrase or "no reason given"


def _words(error: Exception) -> str:
    text = re.sub(r"^\[Errno -?\d+\] ", "", str(error).strip().rstrip(".")) or type(error).__name__
    return text[:1].lower() + text[1:]
