"""Reading what browsers and mail programs send."""

import asyncio
from typing import Any

from aiohttp import web
from multidict import MultiDictProxy

from bff.errors import FormMalformed
from bff.keys import SETTINGS

_ENCODINGS = frozenset({"", "utf-8", "us-ascii"})
"""Of all our pages, and so of what browsers send from them; and of what mail programs send."""


async def read_form(request: web.Request) -> "MultiDictProxy[Any]":
    """The form, read within its time and size; raises HTTPRequestTimeout and FormMalformed."""
    if (request.charset or "").lower() not in _ENCODINGS:
        raise FormMalformed  # Python knows encodings that make strings which are no Unicode
    try:
        async with asyncio.timeout(request.app[SETTINGS].body_seconds):
            return await request.post()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (ValueError, LookupError, RuntimeError):
        # Bytes, or the name of an encoding, that are none; a RuntimeError is one of a part's transfer.
        raise FormMalformed from None
