"""Calls to Stripe's API by its own library, over our HTTP client.

The library repeats nothing here: whoever calls does, under the same idempotency key.
It reports nothing about this machine either, and logs no requests, since these hold
addresses of buyers.
"""

import logging
from collections.abc import Awaitable, Mapping
from typing import Any, Final

import aiohttp
import stripe
import structlog
from multidict import CIMultiDict
from pydantic import SecretStr

from booking_svc.errors import PaymentProviderUnavailable
from mesh import deadlines

log = structlog.get_logger()

API_VERSION: Final = "2026-10-28.endive"
"""The version that this code was written for; an account's own default plays no part."""

_STEP_SECONDS: Final = 5.0
_MOST_BYTES: Final = 4 * 1024 * 1024
_CHUNK_BYTES: Final = 65_536
_KEPT_HEADERS: Final = ("Request-Id", "Idempotent-Replayed", "Retry-After")


class Refused(Exception):
    """Stripe will not do it; nothing was done. `code` and `param` as Stripe tells them."""

    def __init__(self, message: str, code: str = "", param: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.param = param


class Unknowable(PaymentProviderUnavailable):
    """What became of the first request with this key cannot be learnt by repeating it.

    Either its answer, a fault of Stripe's, is what every repeat gets, or the
    request is not the same any more.
    """


class StripeCalls:
    """The official library's client, set up once; answers are plain dictionaries."""

    def __init__(self, client: aiohttp.ClientSession, api_key: SecretStr, api_base: str) -> None:
        # These are the library's globals; there is no other way to say it.
        stripe.enable_telemetry = False
        logging.getLogger("stripe").setLevel(logging.WARNING)
        self.is_live = "_live_" in api_key.get_secret_value()
        self.v1 = stripe.StripeClient(
            api_key.get_secret_value(),
            stripe_version=API_VERSION,
            base_addresses={"api": api_base},
            max_network_retries=0,
            http_client=_AiohttpClient(client),
        ).v1

    async def answer(self, call: Awaitable[stripe.StripeObject]) -> dict[str, Any]:
        """The call's answer; raises `Refused`, `Unknowable` and `PaymentProviderUnavailable`."""
        try:
            return (await call).to_dict()
        except stripe.StripeError as error:
            # Not chained: the library's error holds the whole answer, and a traceback would show it.
            raise _meaning(error) from None
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            # The library takes for granted that whoever answers is Stripe, and not a proxy on the way.
            log.error("stripe_answer_unreadable", error=type(error).__name__)
            raise PaymentProviderUnavailable("the payment provider's answer cannot be read") from None

    async def rows(self, call: Awaitable[stripe.StripeObject]) -> tuple[list[dict[str, Any]], bool]:
        """The objects of a page of a list, and whether there are more; raises as `answer` does."""
        answer = await self.answer(call)
        rows = answer.get("data")
        if not isinstance(rows, list) or not all(isinstance(row, dict) and row.get("id") for row in rows):
            raise PaymentProviderUnavailable("the payment provider's answer cannot be read")
        return rows, bool(answer.get("has_more"))


class _AiohttpClient(stripe.HTTPClient):
    """The library's own aiohttp client has one time-out for all calls and reads without bounds."""

    name = "aiohttp"

    def __init__(self, client: aiohttp.ClientSession) -> None:
        super().__init__()
        self._client = client

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """One request, within what is left of the caller's deadline."""
        timeout = aiohttp.ClientTimeout(total=max(0.001, deadlines.budget(_STEP_SECONDS)))
        try:
            async with self._client.request(
                method, url, headers=headers, data=post_data, timeout=timeout, allow_redirects=False
            ) as response:
                body = bytearray()
                async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                    body += chunk
                    if len(body) > _MOST_BYTES:
                        raise _failed("the answer is too long")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _failed(type(error).__name__) from None
        kept = CIMultiDict(
            (name, response.headers[name]) for name in _KEPT_HEADERS if name in response.headers
        )
        return bytes(body), response.status, kept


def _failed(problem: str) -> stripe.APIConnectionError:
    return stripe.APIConnectionError(problem)  # type: ignore[no-untyped-call]


def _meaning(error: stripe.StripeError) -> Exception:
    message = error.user_message or type(error).__name__
    status = error.http_status or 0
    if isinstance(error, stripe.IdempotencyError):
        log.error("stripe_key_reused", request=error.request_id)
        return Unknowable("a payment's request is not what it was before")
    if isinstance(error, stripe.InvalidRequestError | stripe.CardError) and 400 <= status < 500:
        return Refused(message, error.code or "", str(error.param or ""))
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        log.error("stripe_key_refused", request=error.request_id, status=status)
    replayed = (error.headers or {}).get("Idempotent-Replayed") == "true"
    if status >= 500 and replayed:
        return Unknowable(f"the payment provider answered {status} before")
    if status:
        return PaymentProviderUnavailable(f"the payment provider answered {status}")
    return PaymentProviderUnavailable("the payment provider is not answering")
