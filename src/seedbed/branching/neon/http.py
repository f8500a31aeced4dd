"""Requests to Neon's API, repeated where that is safe."""

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
    NeonAuthenticationFailure,
    NeonNotConfigured,
    NeonOverloaded,
    NeonProjectLocked,
    NeonRequestRejected,
    NeonUnreachable,
)
from seedbed.settings import Configuration

CONFLICT = 409
_LOCKED, _NOT_FOUND, _OVERLOADED = 423, 404, frozenset({429, 503})
_UNAUTHORIZED = frozenset({401, 403})
_SERVER_ERROR = 500
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 8.0
_RETRY_SECONDS = 60.0
"""Longer than Neon's own SDK retries; operations on a project that Neon serializes finish well before."""
_CONNECT_RETRY_SECONDS = 10.0
"""A failing network or name lookup rarely recovers sooner than a person gives up."""
_TIMEOUT = httpx2.Timeout(30.0, connect=10.0)

AnswerT = TypeVar("AnswerT", bound=Answer)


@dataclass(frozen=True)
class ApiAccess:
    """The API's address, the project and the key, which no repr shows."""

    key: SecretStr
    project: str
    host: str
    key_origin: str = "NEON_API_KEY"
    project_origin: str = "NEON_PROJECT_ID"

    @classmethod
    def from_configuration(cls, configuration: Configuration) -> "ApiAccess":
        """The access that the settings configure.

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


class LostAnswer(NeonUnreachable):
    """A request that creates something was sent, and its answer was lost, so its effect is unknown."""

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(host, reason)
        self.reason = reason


class NeonNotFound(NeonRequestRejected):
    """Neon has no object with that id."""

    def __init__(self) -> None:
        super().__init__(_NOT_FOUND, "there is no such branch or compute any more")


@dataclass(frozen=True)
class HttpClient:
    """Sends requests, and repeats them for `timeout_seconds`.

    Requests with status 423, 429 and 503 are always repeated. After a network error only an idempotent (`repeatable`)
    request is; any other raises `LostAnswer`, as the API has no idempotency keys.
    """

    access: ApiAccess
    timeout_seconds: float = _RETRY_SECONDS
    sleep: Callable[[float], None] = time.sleep
    jitter: random.Random = field(default_factory=random.Random)

    def get(self, path: str, answer_type: type[AnswerT], **params: Any) -> AnswerT:
        """Send a GET request. Raises as `send` does."""
        return self._parse(self.send("GET", path, params=params), answer_type)

    def change(
        self, method: str, path: str, answer_type: type[AnswerT], body: Any = None, *, repeatable: bool = True
    ) -> AnswerT | None:
        """Send a request that changes something; None where Neon had nothing to do. Raises as `send` does."""
        response = self.send(method, path, body=body, repeatable=repeatable)
        return None if response.status_code == httpx2.codes.NO_CONTENT else self._parse(response, answer_type)

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        repeatable: bool = True,
    ) -> httpx2.Response:
        """Send a request, and repeat it while that is safe and time remains.

        Raises:
            NeonAuthenticationFailure, NeonProjectLocked, NeonOverloaded, NeonRequestRejected, NeonUnreachable: the
                request failed.
            LostAnswer: the request is not `repeatable`, and its effect is unknown.
            NeonNotFound: 404.
        """
        started_at, attempt = time.monotonic(), 0
        while True:
            reason, response, retry_seconds = self._send_once(method, path, params, body, repeatable=repeatable)
            status = response.status_code if response is not None else 0
            if response is not None and status < httpx2.codes.BAD_REQUEST:
                return response
            if response is not None and not self._may_repeat(status):
                raise self._build_error(response)
            waited = time.monotonic() - started_at
            pause = _pause(response, attempt, self.jitter)
            if waited + pause > retry_seconds:
                raise self._build_timeout_error(response, reason, waited)
            self.sleep(pause)
            attempt += 1

    def _send_once(
        self, method: str, path: str, params: Mapping[str, Any] | None, body: Any, *, repeatable: bool
    ) -> tuple[str, httpx2.Response | None, float]:
        headers = {"Authorization": f"Bearer {self.access.key.get_secret_value()}", "Accept": "application/json"}
        query = {name: value for name, value in (params or {}).items() if value is not None}
        reason, response = "", None
        try:
            with httpx2.Client(timeout=_TIMEOUT, headers=headers) as client:
                response = client.request(method, f"{self.access.host}{path}", params=query, json=body)
        except httpx2.ConnectError as error:  # nothing was sent, so the request is safe to repeat
            return _describe_error(error), None, min(self.timeout_seconds, _CONNECT_RETRY_SECONDS)
        except (httpx2.TransportError, httpx2.InvalidURL, httpx2.DecodingError) as error:
            reason = _describe_error(error)
        is_lost = response is None or (
            response.status_code >= _SERVER_ERROR and response.status_code not in _OVERLOADED
        )
        if is_lost and not repeatable:
            raise LostAnswer(
                self.access.host_name, reason or f"it answered {response.status_code if response is not None else 0}"
            )
        return reason, response, self.timeout_seconds

    @staticmethod
    def _may_repeat(status: int) -> bool:
        return status == _LOCKED or status in _OVERLOADED or status >= _SERVER_ERROR

    def _build_error(self, response: httpx2.Response) -> Exception:
        status = response.status_code
        if status in _UNAUTHORIZED:
            return NeonAuthenticationFailure(status, self.access.key_origin)
        if status == _NOT_FOUND:
            return NeonNotFound()
        return NeonRefusal(status, *_parse_refusal(response))

    def _build_timeout_error(self, response: httpx2.Response | None, reason: str, seconds: float) -> Exception:
        if response is None:
            return NeonUnreachable(self.access.host_name, reason)
        if response.status_code == _LOCKED:
            return NeonProjectLocked(seconds, _parse_refusal(response)[1])
        if response.status_code in _OVERLOADED:
            return NeonOverloaded(response.status_code, seconds)
        return NeonRequestRejected(response.status_code, _parse_refusal(response)[1])

    @staticmethod
    def _parse(response: httpx2.Response, answer_type: type[AnswerT]) -> AnswerT:
        try:
            return answer_type.model_validate_json(response.content)
        except ValidationError:
            pass  # it may hold parts of the answer, so it must not be the context of the error
        raise NeonRequestRejected(response.status_code, "its answer is not one that this version can read")


class NeonRefusal(NeonRequestRejected):
    """A refusal with Neon's own code, for callers that handle it."""

    def __init__(self, status: int, neon_code: str, explanation: str) -> None:
        super().__init__(status, explanation)
        self.status, self.neon_code, self.explanation = status, neon_code, explanation


def _pause(response: httpx2.Response | None, attempt: int, jitter: random.Random) -> float:
    backoff = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE) * jitter.uniform(0.5, 1.0)
    asked = parse_retry_after(response.headers.get("retry-after", "")) if response is not None else None
    return backoff if asked is None else asked + jitter.uniform(0.0, 0.1)


def parse_retry_after(text: str) -> float | None:
    """The seconds to wait of a Retry-After header in either form; None where it has none."""
    if text.strip().isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _parse_refusal(response: httpx2.Response) -> tuple[str, str]:
    """Neon's code and message; its gateways answer with HTML, which is replaced by the reason phrase."""
    try:
        refusal = Refusal.model_validate_json(response.content)
    except ValidationError:
        refusal = Refusal()
    return refusal.code, refusal.message.rstrip(".") or response.reason_phrase or "no reason given"


def _describe_error(error: Exception) -> str:
    text = re.sub(r"^\[Errno -?\d+\] ", "", str(error).strip().rstrip(".")) or type(error).__name__
    return text[:1].lower() + text[1:]
