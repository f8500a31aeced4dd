"""Who may ask, and how long what they ask may be."""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from seedbed.errors import AuthenticationNotConfigured, InvalidTokenHash, InvalidToken, UrlTooLong
from seedbed.service.http.problems import problem_for
from seedbed.settings import Configuration, Environment

URL_BYTES = 8000
_OPEN = frozenset({"/health/live", "/health/ready"})
_PAGES = frozenset({"/", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"})
"""What people open in a browser, which asks for a name and a password where it is told to."""
_HASH = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class NewToken:
    """A token for whoever asks, and what the service's settings know of it."""

    token: str
    hash: str


def new_token() -> NewToken:
    """256 random bits. A token that is random needs no slow hash: there is nothing to guess."""
    token = secrets.token_urlsafe(32)
    return NewToken(token, hashlib.sha256(token.encode()).hexdigest())


def token_hashes(configuration: Configuration) -> tuple[bytes, ...]:
    """SEEDBED_TOKENS, taken apart.

    Raises:
        InvalidTokenHash: an entry is no hash; it may be a token, so it is not shown.
    """
    given = configuration.settings.tokens
    entries = given.get_secret_value().split(",") if given is not None else []
    for position, entry in enumerate(entries, start=1):
        if not _HASH.fullmatch(entry.strip()):
            raise InvalidTokenHash(position)
    return tuple(bytes.fromhex(entry.strip()) for entry in entries)


def decide(configuration: Configuration, *, public: bool, host: str) -> None:
    """See that somebody said who may read, wherever others can come: beyond this machine, or beyond development.

    Raises:
        AuthenticationNotConfigured: with why it must be said.
        InvalidTokenHash: what was said is no hash.
    """
    if token_hashes(configuration) or public:
        return
    environment = configuration.environment
    if environment in {Environment.PREVIEW, Environment.PRODUCTION}:
        raise AuthenticationNotConfigured(f"this is {environment}")
    if not _is_loopback(host):
        raise AuthenticationNotConfigured(f"{host} can be reached from other machines")


def origins(given: str) -> list[str]:
    """SEEDBED_CORS_ORIGINS, taken apart, as browsers write an origin: without a slash at its end."""
    return [origin for entry in given.split(",") if (origin := entry.strip().rstrip("/"))]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Gate:
    """Refuses a URL that is too long, and, where there are tokens, everything but health to whoever has none of them.

    A token comes as a bearer's, or as the password of any name, which a browser can be given for the documentation. It
    is compared by its hash with every one of the hashes, each in constant time, so that how long a refusal takes says
    nothing.
    """

    def __init__(self, app: ASGIApp, *, hashes: Sequence[bytes]) -> None:
        self._app = app
        self._hashes = tuple(hashes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._refused(scope) if scope["type"] == "http" else None
        if refused is None:
            await self._app(scope, receive, send)
            return
        answer = problem_for(refused)
        if isinstance(refused, InvalidToken) and _path(scope) in _PAGES:
            answer.headers.append("WWW-Authenticate", 'Basic realm="the token is the password", charset="UTF-8"')
        await answer(scope, receive, send)

    def _refused(self, scope: Scope) -> UrlTooLong | InvalidToken | None:
        if len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"]) > URL_BYTES:
            return UrlTooLong(URL_BYTES)
        if not self._hashes or _path(scope) in _OPEN or self._knows(scope):
            return None
        return InvalidToken()

    def _knows(self, scope: Scope) -> bool:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        scheme, _, token = given.partition(b" ")
        if scheme.lower() == b"basic":
            token = _password(token)
        digest = hashlib.sha256(token.strip()).digest()
        found = [hmac.compare_digest(digest, known) for known in self._hashes]
        return scheme.lower() in {b"bearer", b"basic"} and any(found)


def _path(scope: Scope) -> str:
    """The path below where the service is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _password(encoded: bytes) -> bytes:
    try:
        return base64.b64decode(encoded.strip(), validate=True).partition(b":")[2]
    except binascii.Error:
        return b""
