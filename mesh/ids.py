"""Ids that nobody can guess."""

import re
import secrets
import uuid

_REQUEST_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def new_request_id() -> str:
    """A new UUID for one logical change; send the same one with each repeat of it."""
    return str(uuid.uuid4())


def is_request_id(text: str) -> bool:
    """Whether the text is a UUID in its canonical lower-case form."""
    return _REQUEST_ID.fullmatch(text) is not None


def derived_request_id(*parts: str) -> str:
    """The request id that always belongs to these parts, for steps that may be taken again after a crash."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(parts)))


def new_token() -> str:
    """128 random bits, URL-safe, 22 characters."""
    return secrets.token_urlsafe(16)


_NAMESPACE = uuid.UUID("5b3c8a52-5c0e-4f0e-9c36-0f2d2d1c7a11")
