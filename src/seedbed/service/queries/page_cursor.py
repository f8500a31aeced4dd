"""Where a page ended, in a text that only this service can have written."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence

from seedbed.errors import InvalidCursor

_SIGNATURE_BYTES = 16


class CursorSigner:
    """Signed with a key, so that a cursor is either one that was given, for the same list in the same order, or
    refused. It can be read by whoever has it, and holds nothing but the last row's values of the columns sorted by.
    """

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.sha256(b"seedbed cursors" + key).digest()

    def encode(self, place: str, values: Sequence[str | None]) -> str:
        """`place` is the list and its order; it is signed, and not part of the text."""
        payload = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._sign(place, payload) + payload).decode().rstrip("=")

    def decode(self, place: str, text: str) -> list[str | None]:
        """
        Raises:
            InvalidCursor: it is not one of ours, or for another list or another order.
        """
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            raise InvalidCursor from None
        signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(place, payload)):
            raise InvalidCursor
        values: list[str | None] = json.loads(payload)
        return values

    def _sign(self, place: str, payload: bytes) -> bytes:
        return hmac.digest(self._key, place.encode() + b"\0" + payload, "sha256")[:_SIGNATURE_BYTES]
