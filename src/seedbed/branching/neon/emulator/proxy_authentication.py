"""The authentication of the emulator's proxy by a certificate, and of its clients by SCRAM-SHA-256 (RFC 5802, 7677)."""

import hashlib
import hmac
import secrets
import ssl
import tempfile
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from seedbed.extras import require_extra

PLAIN, BOUND = "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"
_ITERATIONS = 4096


@dataclass(frozen=True)
class Tls:
    """The proxy's TLS context, and the hash of its certificate for channel binding (tls-server-end-point)."""

    context: ssl.SSLContext
    binding: bytes


def make_tls(host: str) -> Tls:
    """Create a self-signed certificate and its TLS context.

    Raises:
        ExtraMissing: `cryptography` is not installed.
    """
    require_extra("emulator", "The emulator")
    from cryptography import x509  # noqa: PLC0415 - an extra
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(prefix="seedbed-emulator-") as folder:
        file = Path(folder) / "pair.pem"
        file.touch(mode=0o600)
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context.load_cert_chain(file)
    return Tls(context, hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).digest())


class ScramFailure(Exception):
    """The other side does not prove that it knows the password."""


class ScramServer:
    """Authenticates a client; `binding` is the hash of the certificate that the client should have received."""

    def __init__(self, password: str, mechanism: str, binding: bytes) -> None:
        self._salt = secrets.token_bytes(16)
        self._salted = _salt_password(password, self._salt, _ITERATIONS)
        self._mechanism, self._binding = mechanism, binding
        self._nonce = self._bare = self._challenge = self._header = ""

    def challenge(self, first: str) -> str:
        flag, name, bare = first.split(",", 2)
        if self._mechanism not in {PLAIN, BOUND} or flag.startswith("p=") != (self._mechanism == BOUND):
            raise ScramFailure
        if flag == "y":  # the client supports channel binding, so a third party has removed it from the offer
            raise ScramFailure
        self._header, self._bare = f"{flag},{name},", bare
        self._nonce = _fields(bare)["r"] + secrets.token_urlsafe(18)
        self._challenge = f"r={self._nonce},s={b64encode(self._salt).decode()},i={_ITERATIONS}"
        return self._challenge

    def verdict(self, last: str) -> str:
        unproven, _, proof = last.rpartition(",p=")
        fields = _fields(unproven)
        channel_binding = self._header.encode() + (self._binding if self._mechanism == BOUND else b"")
        if fields["r"] != self._nonce or b64decode(fields["c"]) != channel_binding:
            raise ScramFailure
        text = f"{self._bare},{self._challenge},{unproven}".encode()
        key = _hmac(self._salted, b"Client Key")
        expected = _xor(key, _hmac(hashlib.sha256(key).digest(), text))
        if not hmac.compare_digest(expected, b64decode(proof)):
            raise ScramFailure
        return "v=" + b64encode(_hmac(_hmac(self._salted, b"Server Key"), text)).decode()


class ScramClient:
    """Authenticates to the server behind the proxy."""

    def __init__(self, password: str) -> None:
        self._password, self._bare = password, f"n=,r={secrets.token_urlsafe(18)}"

    def first(self) -> str:
        return f"n,,{self._bare}"

    def last(self, challenge: str) -> str:
        fields = _fields(challenge)
        salted = _salt_password(self._password, b64decode(fields["s"]), int(fields["i"]))
        unproven = f"c=biws,r={fields['r']}"
        text = f"{self._bare},{challenge},{unproven}".encode()
        key = _hmac(salted, b"Client Key")
        proof = _xor(key, _hmac(hashlib.sha256(key).digest(), text))
        return f"{unproven},p={b64encode(proof).decode()}"


def _fields(text: str) -> dict[str, str]:
    return {part[0]: part[2:] for part in text.split(",") if part[1:2] == "="}


def _salt_password(password: str, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).digest()


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
