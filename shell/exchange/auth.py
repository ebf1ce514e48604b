"""Who may use the exchange: a pair of keys, compared in constant time.

1. With a configured pair only that pair is let in; without, any pair of two non-empty texts is.
2. REST takes the headers APCA-API-KEY-ID and APCA-API-SECRET-KEY, or Authorization Basic (key:secret) or
   Bearer (any token, only while no pair is configured); streams take the pair in their first message.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping

__all__ = ["Credentials"]


class Credentials:
    """The pair that is let in; None for any non-empty one."""

    def __init__(self, key: str | None, secret: str | None) -> None:
        self._pair = None if key is None and secret is None else (key or "", secret or "")

    def accepts(self, key: object, secret: object) -> bool:
        """Whether the pair is let in; anything but two non-empty texts is not."""
        if not (isinstance(key, str) and isinstance(secret, str) and key and secret):
            return False
        if self._pair is None:
            return True
        same_key = hmac.compare_digest(key.encode(), self._pair[0].encode())
        same_secret = hmac.compare_digest(secret.encode(), self._pair[1].encode())
        return same_key and same_secret

    def accepts_headers(self, headers: Mapping[str, str]) -> bool:
        """Whether a request's headers (names in lower case) carry an accepted pair."""
        key, secret = headers.get("apca-api-key-id"), headers.get("apca-api-secret-key")
        if key is not None or secret is not None:
            return self.accepts(key, secret)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._pair is None and bool(token.strip())
        if scheme.lower() != "basic":
            return False
        try:
            pair = base64.b64decode(token.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return False
        return self.accepts(*pair.partition(":")[::2])
