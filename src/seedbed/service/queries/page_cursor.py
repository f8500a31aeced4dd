"""Encode the end of a page as a signed cursor."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence

from seedbed.errors import InvalidCursor

_SIGNATURE_BYTES = 16


class CursorSigner:
    """Signs cursors with a key. A cursor is valid only for the list and the order that it was created for.

    A cursor is not encrypted. It contains the last row's values of the sort columns, and nothing else.
    """

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.sha256(b"seedbed cursors" + key).digest()

    def encode(self, list_scope: str, values: Sequence[str | None]) -> str:
        """Encode a row's values. `list_scope` is the list and its order; it is signed, but not part of the cursor."""
        payload = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._sign(list_scope, payload) + payload).decode().rstrip("=")

    def decode(self, list_scope: str, text: str) -> list[str | None]:
        """Decode the values of a cursor.

        Raises:
            InvalidCursor: this service did not create the cursor, or it is for another list or order.
        """
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            raise InvalidCursor from None
        signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(list_scope, payload)):
            raise InvalidCursor
        values: list[str | None] = json.loads(payload)
        return values

    def _sign(self, list_scope: str, payload: bytes) -> bytes:
        return hmac.digest(self._key, list_scope.encode() + b"\0" + payload, "sha256")[:_SIGNATURE_BYTES]
