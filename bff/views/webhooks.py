"""Events of payment providers, handed on unread: only booking_svc knows what their signatures prove."""

import asyncio

import structlog
from aiohttp import hdrs, web

from bff.keys import BACKGROUND, BOOKINGS, SETTINGS
from mesh.errors import RemoteError

log = structlog.get_logger()

LONGEST_BODY = 64 * 1024
_SIGNATURE_HEADERS = {"sandbox": "Sandbox-Signature", "stripe": "Stripe-Signature"}
_LONGEST_SIGNATURE = 2048
_REFUSED = {"WEBHOOK_SIGNATURE": 401, "UNKNOWN_PROVIDER": 404, "INVALID_FIELD": 400}


async def payment_event(request: web.Request) -> web.Response:
    """204 once the event is stored; a 5xx makes the provider send it again."""
    provider = request.match_info["provider"]
    signature = request.headers.get(_SIGNATURE_HEADERS.get(provider, ""), "")
    if provider not in _SIGNATURE_HEADERS:
        return _answer(404)
    if not signature or not signature.isascii() or len(signature) > _LONGEST_SIGNATURE:
        return _answer(401)
    body = await _read(request)
    try:
        # Finished even if the provider hangs up: the event may be its last try.
        await request.app[BACKGROUND].finish(
            request.app[BOOKINGS].record_payment_event(provider, body, signature)
        )
    except RemoteError as error:
        status = _REFUSED.get(error.reason, 503)
        log.warning("payment_event_not_stored", provider=provider, code=error.code, reason=error.reason)
        return _answer(status)
    return _answer(204)


async def _read(request: web.Request) -> bytes:
    """The body as it came; aiohttp answers 413 when it is longer than the application's limit."""
    try:
        async with asyncio.timeout(request.app[SETTINGS].body_seconds):
            body = await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    if len(body) > LONGEST_BODY:
        raise web.HTTPRequestEntityTooLarge(LONGEST_BODY, len(body))
    return body


def _answer(status: int) -> web.Response:
    return web.Response(status=status, headers={hdrs.CACHE_CONTROL: "no-store"})
