"""Showing mails and text messages over HTTP; the shapes are in the package's docstring."""

import asyncio
import re
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from stack.inbox.mailbox import Mailbox, UnknownMail
from stack.inbox.mails import Mail
from stack.inbox.texts import TextBox

MAILBOX: Final = web.AppKey("mailbox", Mailbox)
TEXTS: Final = web.AppKey("texts", TextBox)

_DEFAULT_LIMIT: Final = 50
_MOST: Final = 500
_LONGEST_TEXT_BODY: Final = 16 * 1024
_NUMBER: Final = re.compile(r"\+[0-9]{5,15}")
# Mails come from anybody: what is in them may neither run nor load anything in a browser.
_HARMLESS: Final = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "X-Content-Type-Options": "nosniff",
}


def application(mailbox: Mailbox, texts: TextBox) -> web.Application:
    """The whole API."""
    app = web.Application(middlewares=[_problems_as_json], client_max_size=_LONGEST_TEXT_BODY)
    app[MAILBOX] = mailbox
    app[TEXTS] = texts
    app.add_routes(
        [
            web.get("/messages", _list),
            web.get("/messages/{id}", _one),
            web.get("/messages/{id}/html", _html),
            web.get("/messages/{id}/raw", _raw),
            web.get("/messages/{id}/attachments/{n}", _attachment),
            web.get("/texts", _list_texts),
            web.post("/texts", _take_text),
            web.get("/healthz", _healthy),
        ]
    )
    return app


@web.middleware
async def _problems_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except UnknownMail:
        return web.json_response({"error": "there is no such mail"}, status=404)
    except web.HTTPClientError as error:
        return web.json_response({"error": error.reason}, status=error.status)


async def _list(request: web.Request) -> web.Response:
    messages = await asyncio.to_thread(
        request.app[MAILBOX].newest, _limit(request), request.query.get("to") or None
    )
    return web.json_response({"messages": messages})


async def _list_texts(request: web.Request) -> web.Response:
    texts = await asyncio.to_thread(
        request.app[TEXTS].newest, _limit(request), request.query.get("to") or None
    )
    return web.json_response({"texts": texts})


async def _take_text(request: web.Request) -> web.Response:
    key = request.headers.get("Idempotency-Key", "")
    try:
        body = await request.json()
        number, text = body["to"], body["text"]
    except (ValueError, KeyError, TypeError):
        raise web.HTTPBadRequest(reason="must be JSON with to and text") from None
    if not key or not isinstance(number, str) or not isinstance(text, str):
        raise web.HTTPBadRequest(reason="Idempotency-Key, to and text are needed")
    if not _NUMBER.fullmatch(number):
        raise web.HTTPUnprocessableEntity(reason="to must be an E.164 number")
    text_id = await asyncio.to_thread(request.app[TEXTS].keep, key, number, text)
    return web.json_response({"id": text_id}, status=202)


def _limit(request: web.Request) -> int:
    limit = request.query.get("limit", str(_DEFAULT_LIMIT))
    if not limit.isdecimal() or not 1 <= int(limit) <= _MOST:
        raise web.HTTPBadRequest(reason=f"limit must be 1 to {_MOST}")
    return int(limit)


async def _one(request: web.Request) -> web.Response:
    mail = await _mail(request)
    return web.json_response({"id": request.match_info["id"]} | mail.shown() | {"html": mail.html})


async def _html(request: web.Request) -> web.Response:
    mail = await _mail(request)
    if mail.html is None:
        raise web.HTTPNotFound(reason="the mail has no HTML part")
    return web.Response(text=mail.html, content_type="text/html", headers=_HARMLESS)


async def _raw(request: web.Request) -> web.Response:
    content = await asyncio.to_thread(request.app[MAILBOX].raw, request.match_info["id"])
    return web.Response(body=content, content_type="message/rfc822", headers=_HARMLESS)


async def _attachment(request: web.Request) -> web.Response:
    mail = await _mail(request)
    n = request.match_info["n"]
    if not n.isdecimal() or int(n) >= len(mail.attachments):
        raise web.HTTPNotFound(reason="the mail has no such attachment")
    attachment = mail.attachments[int(n)]
    return web.Response(body=attachment.content, content_type=attachment.content_type, headers=_HARMLESS)


async def _mail(request: web.Request) -> Mail:
    return await asyncio.to_thread(request.app[MAILBOX].mail, request.match_info["id"])


async def _healthy(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n")
