"""Reading what browsers and mail programs send."""

import asyncio
from typing import Any

from aiohttp import web
from multidict import MultiDictProxy

from bff.errors import FormMalformed
from bff.keys import SETTINGS


async def read_form(request: web.Request) -> "MultiDictProxy[Any]":
    """The form, read within its time and size; raises HTTPRequestTimeout and FormMalformed."""
    try:
        async with asyncio.timeout(request.app[SETTINGS].body_seconds):
            return await request.post()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (ValueError, LookupError):
        raise FormMalformed from None  # bytes, or the name of an encoding, that are none
