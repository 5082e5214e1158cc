"""What a page may load: nothing but what this site serves."""

from collections.abc import Sequence

HEADER = "Content-Security-Policy"


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
