"""Security headers on every answer, error pages and live connections included."""

from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from bff.policy import HEADER, content_security_policy

_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(), microphone=(), payment=(), usb=()",
    hdrs.CACHE_CONTROL: "private, no-cache",
}
_SECURE = {"Strict-Transport-Security": "max-age=31536000"}


def security_headers(secure: bool) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """A signal handler that adds the headers just before an answer begins; an answer's own stay."""
    fixed = _FIXED | {HEADER: content_security_policy()} | (_SECURE if secure else {})

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        del request
        response.headers.merge(fixed)
        response.headers[hdrs.SERVER] = "matinee"

    return add
