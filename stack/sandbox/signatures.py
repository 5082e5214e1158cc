"""How events are signed: `Sandbox-Signature: t=SECONDS,v1=HEX`.

HEX is the HMAC-SHA256 of `SECONDS.BODY` under the webhook secret. A receiver
compares it in constant time and refuses a time too far from its own.
"""

import hashlib
import hmac
from typing import Final

HEADER: Final = "Sandbox-Signature"


def signature(body: bytes, secret: str, seconds: int) -> str:
    """The header's value for a body that is sent at that time."""
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"
