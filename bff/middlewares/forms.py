"""Every change comes from a form of ours: checked here for all, so that no view can forget it."""

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from bff.csrf import FIELD
from bff.errors import FormMalformed
from bff.forms import read_form
from bff.keys import CSRF, SESSION

_SAFE = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
_FORM_TYPE = "application/x-www-form-urlencoded"
_NO_FORMS = ("/webhooks/", "/unsubscribe/")
"""Sent by programs without a session. What they send proves itself: by a signature, by a link's token."""


@web.middleware
async def refuse_foreign_forms(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Reads the form within its time and size, and checks its token; FormRefused, FormMalformed."""
    if request.method in _SAFE or request.path.startswith(_NO_FORMS):
        return await handler(request)
    if request.content_type != _FORM_TYPE:
        raise FormMalformed
    form = await read_form(request)
    request.app[CSRF].check(request, request[SESSION], str(form.get(FIELD, "")))
    return await handler(request)
