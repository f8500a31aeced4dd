"""Both sides of SCRAM-SHA-256, so that the emulator's proxy lets clients in as Neon's does (RFC 5802, RFC 7677)."""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode

PLAIN, BOUND = "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"
_ROUNDS = 4096


class ScramFailure(Exception):
    """The other side does not know the password."""


class ScramServer:
    """Checks a client that claims to know a password; `binding` is the hash of the certificate it should have seen."""

    def __init__(self, password: str, mechanism: str, binding: bytes) -> None:
        self._salt = secrets.token_bytes(16)
        self._salted = _salted(password, self._salt, _ROUNDS)
        self._mechanism, self._binding = mechanism, binding
        self._nonce = self._bare = self._challenge = self._header = ""

    def challenge(self, first: str) -> str:
        flag, name, bare = first.split(",", 2)
        if self._mechanism not in {PLAIN, BOUND} or flag.startswith("p=") != (self._mechanism == BOUND):
            raise ScramFailure
        if flag == "y":  # it could bind, and was told that the proxy could not: somebody is in between
            raise ScramFailure
        self._header, self._bare = f"{flag},{name},", bare
        self._nonce = _fields(bare)["r"] + secrets.token_urlsafe(18)
        self._challenge = f"r={self._nonce},s={b64encode(self._salt).decode()},i={_ROUNDS}"
        return self._challenge

    def verdict(self, last: str) -> str:
        unproven, _, proof = last.rpartition(",p=")
        said = _fields(unproven)
        bound = self._header.encode() + (self._binding if self._mechanism == BOUND else b"")
        if said["r"] != self._nonce or b64decode(said["c"]) != bound:
            raise ScramFailure
        text = f"{self._bare},{self._challenge},{unproven}".encode()
        key = _hmac(self._salted, b"Client Key")
        expected = _xor(key, _hmac(hashlib.sha256(key).digest(), text))
        if not hmac.compare_digest(expected, b64decode(proof)):
            raise ScramFailure
        return "v=" + b64encode(_hmac(_hmac(self._salted, b"Server Key"), text)).decode()


class ScramClient:
    """Logs in to the server behind the proxy."""

    def __init__(self, password: str) -> None:
        self._password, self._bare = password, f"n=,r={secrets.token_urlsafe(18)}"

    def first(self) -> str:
        return f"n,,{self._bare}"

    def last(self, challenge: str) -> str:
        said = _fields(challenge)
        salted = _salted(self._password, b64decode(said["s"]), int(said["i"]))
        unproven = f"c=biws,r={said['r']}"
        text = f"{self._bare},{challenge},{unproven}".encode()
        key = _hmac(salted, b"Client Key")
        proof = _xor(key, _hmac(hashlib.sha256(key).digest(), text))
        return f"{unproven},p={b64encode(proof).decode()}"


def _fields(text: str) -> dict[str, str]:
    return {part[0]: part[2:] for part in text.split(",") if part[1:2] == "="}


def _salted(password: str, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).digest()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
