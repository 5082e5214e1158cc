"""Security headers on every answer, error pages and live connections included."""

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import hdrs, web

CSP = "Content-Security-Policy"

_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(), microphone=(), payment=(), usb=()",
}


def content_security_policy(frames: Sequence[str] = ()) -> str:
    """The policy: our own files, no inline script or style, frames only of the named origins."""
    rules = [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
    if frames:
        rules.append(f"frame-src {' '.join(frames)}")
    return "; ".join(rules)


def security_headers(secure: bool) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """A signal handler that adds the headers just before an answer begins."""
    policy = content_security_policy()

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        del request
        for name, value in _FIXED.items():
            response.headers.setdefault(name, value)
        response.headers[hdrs.SERVER] = "matinee"
        response.headers.setdefault(CSP, policy)
        response.headers.setdefault(hdrs.CACHE_CONTROL, "private, no-cache")
        if secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"

    return add
