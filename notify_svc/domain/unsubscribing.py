"""Links that switch off the kind of news of the message that they are in.

A token is a message's id and a keyed hash of it: it names nobody, cannot be guessed or made, and
leads to an address only while the message's recipient is kept.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Final

_TOKEN: Final = re.compile(r"([0-9a-f]{32})([A-Za-z0-9_-]{22})")
_MAC_BYTES: Final = 16


class UnsubscribeTokens:
    """Makes tokens with the first secret and takes those of all."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._secrets = tuple(secrets)

    def token(self, notification_id: str) -> str:
        """The token of a message: 54 characters that need no escaping in an address."""
        return notification_id + _mac(self._secrets[0], notification_id)

    def notification_id(self, token: str) -> str | None:
        """The message that the token is of; None when it was not made here."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            return None
        notification_id, mac = match.groups()
        known = [hmac.compare_digest(_mac(secret, notification_id), mac) for secret in self._secrets]
        return notification_id if any(known) else None


def _mac(secret: bytes, notification_id: str) -> str:
    digest = hmac.new(secret, b"unsubscribe\0" + notification_id.encode(), hashlib.sha256).digest()
    return urlsafe_b64encode(digest[:_MAC_BYTES]).decode().rstrip("=")
