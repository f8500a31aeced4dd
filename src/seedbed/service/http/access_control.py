"""Check a request's token and the length of its URL."""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from seedbed.errors import AuthenticationNotConfigured, InvalidToken, InvalidTokenHash, UrlTooLong
from seedbed.service.http.problems import create_error_problem
from seedbed.settings import Configuration, Environment

MAX_URL_BYTES = 8000
_PUBLIC_PATHS = frozenset({"/health/live", "/health/ready"})
_BROWSER_PATHS = frozenset({"/", "/docs", "/openapi.json"})
"""Pages that people open in a browser, which asks for a user name and password after a Basic challenge."""
_HASH = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class NewToken:
    """A new token for a client, and the hash that the service's settings store."""

    token: str
    hash: str


def create_token() -> NewToken:
    """Create a token of 256 random bits. A random token cannot be guessed, so a fast hash is enough."""
    token = secrets.token_urlsafe(32)
    return NewToken(token, hashlib.sha256(token.encode()).hexdigest())


def parse_token_hashes(configuration: Configuration) -> tuple[bytes, ...]:
    """Parse SEEDBED_TOKENS.

    Raises:
        InvalidTokenHash: an entry is not a hash. The entry is not shown, because it may be a token.
    """
    setting = configuration.settings.tokens
    entries = setting.get_secret_value().split(",") if setting is not None else []
    for position, entry in enumerate(entries, start=1):
        if not _HASH.fullmatch(entry.strip()):
            raise InvalidTokenHash(position)
    return tuple(bytes.fromhex(entry.strip()) for entry in entries)


def check_access_decided(configuration: Configuration, *, allows_everyone: bool, host: str) -> None:
    """Require tokens or an explicit `allows_everyone` where others can reach the service.

    That is any address but loopback, and any preview or production environment.

    Raises:
        AuthenticationNotConfigured: neither is configured; the error gives the reason why one is needed.
        InvalidTokenHash: an entry of SEEDBED_TOKENS is not a hash.
    """
    if parse_token_hashes(configuration) or allows_everyone:
        return
    environment = configuration.environment
    if environment in {Environment.PREVIEW, Environment.PRODUCTION}:
        raise AuthenticationNotConfigured(f"this is {environment}")
    if not _is_loopback(host):
        raise AuthenticationNotConfigured(f"{host} can be reached from other machines")


def parse_origins(setting: str) -> list[str]:
    """Parse SEEDBED_CORS_ORIGINS. Browsers send an origin without a trailing slash, so none is kept."""
    return [origin for entry in setting.split(",") if (origin := entry.strip().rstrip("/"))]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class AccessControlMiddleware:
    """Refuses a URL that is too long. If tokens are configured, it also refuses a request without one, except to
    /health and to `public_files`.

    A client sends its token as a bearer token, or as the password of any user name, which a browser can do for the
    documentation. The token's hash is compared with every configured hash in constant time, so the duration of a
    refusal reveals nothing.
    """

    def __init__(self, app: ASGIApp, *, hashes: Sequence[bytes], public_files: Iterable[str] = ()) -> None:
        self._app = app
        self._public_paths = _PUBLIC_PATHS.union(public_files)
        self._hashes = tuple(hashes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = self._find_error(scope) if scope["type"] == "http" else None
        if error is None:
            await self._app(scope, receive, send)
            return
        response = create_error_problem(error)
        if isinstance(error, InvalidToken) and _local_path(scope) in _BROWSER_PATHS:
            response.headers.append("WWW-Authenticate", 'Basic realm="the token is the password", charset="UTF-8"')
        await response(scope, receive, send)

    def _find_error(self, scope: Scope) -> UrlTooLong | InvalidToken | None:
        if len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"]) > MAX_URL_BYTES:
            return UrlTooLong(MAX_URL_BYTES)
        if not self._hashes or _local_path(scope) in self._public_paths or self._has_token(scope):
            return None
        return InvalidToken()

    def _has_token(self, scope: Scope) -> bool:
        header = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        scheme, _, token = header.partition(b" ")
        if scheme.lower() == b"basic":
            token = _decode_password(token)
        digest = hashlib.sha256(token.strip()).digest()
        matches = [hmac.compare_digest(digest, known) for known in self._hashes]
        return scheme.lower() in {b"bearer", b"basic"} and any(matches)


def _local_path(scope: Scope) -> str:
    """Return the path without the prefix under which the service is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _decode_password(encoded: bytes) -> bytes:
    try:
        return base64.b64decode(encoded.strip(), validate=True).partition(b":")[2]
    except binascii.Error:
        return b""
