"""Only names of this site: `request.host` is the client's word."""

from aiohttp import web
from aiohttp.typedefs import Handler

from bff.errors import HostRefused
from bff.keys import SETTINGS

_ANY_HOST = ("/healthz", "/webhooks/")
"""Balancers ask by address; a provider's events are proved by their signature."""


@web.middleware
async def refuse_foreign_hosts(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Raises HostRefused for any host that the settings do not name."""
    if not request.path.startswith(_ANY_HOST) and request.host.lower() not in request.app[SETTINGS].hosts:
        raise HostRefused
    return await handler(request)
