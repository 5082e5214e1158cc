"""Stripe's webhooks: `Stripe-Signature: t=SECONDS,v1=HEX[,v1=HEX…][,v0=HEX]`.

https://docs.stripe.com/webhooks#verify-manually. While a secret is being rolled, Stripe
signs with the old and the new one, and there is a `v1` for each.
"""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any, Final

import stripe
from pydantic import SecretStr

from booking_svc.errors import WebhookSignatureInvalid
from mesh.errors import InvalidField

_MOST_AGE_SECONDS: Final = 300
_LONGEST_SECONDS: Final = 12


def checked_body(body: bytes, header: str, secrets: Sequence[SecretStr], now: dt.datetime) -> dict[str, Any]:
    """The JSON object in a body that is signed with one of the secrets, at most 5 minutes from now.

    Raises `WebhookSignatureInvalid`, and `InvalidField` for a signed body that holds none.
    """
    _require_recent(header, now)
    if not any(_is_signed(body, header, secret) for secret in secrets):
        raise WebhookSignatureInvalid
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict):
        raise InvalidField("body", "is not an event")
    return event


def _require_recent(header: str, now: dt.datetime) -> None:
    # The library would take several times, the first of them, any script's digits, and
    # any time to come; and its clock is the machine's.
    times = [part.strip()[2:] for part in header.split(",") if part.strip().startswith("t=")]
    if len(times) != 1 or not header.isascii():
        raise WebhookSignatureInvalid
    (seconds,) = times
    if not seconds.isdigit() or len(seconds) > _LONGEST_SECONDS:
        raise WebhookSignatureInvalid
    if abs(now.timestamp() - int(seconds)) > _MOST_AGE_SECONDS:
        raise WebhookSignatureInvalid


def _is_signed(body: bytes, header: str, secret: SecretStr) -> bool:
    try:
        stripe.WebhookSignature.verify_header(body, header, secret.get_secret_value())
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False
    return True
