"""For balancers."""

from aiohttp import hdrs, web

from bff.keys import DRAINING


async def health(request: web.Request) -> web.Response:
    """200 while new requests are welcome, 503 from the moment the process is told to stop."""
    draining = request.app[DRAINING].is_set()
    return web.Response(
        text="draining\n" if draining else "ok\n",
        status=503 if draining else 200,
        headers={hdrs.CACHE_CONTROL: "no-store"},
    )
