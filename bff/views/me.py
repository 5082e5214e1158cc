"""Bookings of this browser and of whoever is signed in, and the demo's inbox."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from aiohttp import hdrs, web
from matinee.booking.v1 import buyer_pb2

from bff.errors import PageMissing
from bff.inbox import InboxUnavailable, Message
from bff.keys import BOOKINGS, BUYERS, INBOX, NOTIFICATIONS, SESSION, VISITOR_TEXTS
from bff.presenters.bookings import BookingSummary, present_booking_list
from bff.presenters.preferences import ChannelView, present_preferences
from bff.respond import render
from bff.texts import Texts
from bff.views.fields import text_in_query
from mesh.errors import RemoteError

log = structlog.get_logger()

_NEWS_SECONDS = 1.0
"""How long the page waits for what somebody is told: their bookings are what they came for."""


@dataclass(frozen=True, slots=True)
class MineView:
    """A page of bookings."""

    bookings: tuple[BookingSummary, ...]
    next_url: str
    address: str = ""
    """Who is signed in; empty when nobody is."""
    channels: Sequence[ChannelView] = ()
    """What they are told; empty when nobody is signed in, or when it cannot be read just now."""
    news_notice: str = ""


@dataclass(frozen=True, slots=True)
class InboxView:
    """What was sent."""

    messages: tuple[Message, ...]
    away: bool


async def mine(request: web.Request) -> web.Response:
    """The bookings of this browser and of whoever is signed in, newest first."""
    session = request[SESSION]
    if not session.stored:
        return render(request, "me.html", view=MineView((), ""))
    buyer = await request.app[BUYERS].find(session.sign_in) if session.sign_in else None
    if buyer is None:
        session.forget_sign_in()
    page_token = text_in_query(request, "page", 500)
    texts = request[VISITOR_TEXTS]
    response, channels = await asyncio.gather(
        request.app[BOOKINGS].list(session.buyer_id, session.sign_in, page_token), _channels(request, buyer)
    )
    view = MineView(
        bookings=present_booking_list(response.bookings, texts),
        next_url=f"/me?page={response.next_page_token}" if response.next_page_token else "",
        address=(buyer.email or buyer.phone) if buyer else "",
        channels=channels,
        news_notice=_news_notice(text_in_query(request, "news", 10), texts),
    )
    page = render(request, "me.html", view=view)
    page.headers[hdrs.CACHE_CONTROL] = "no-store"
    return page


async def _channels(request: web.Request, buyer: buyer_pb2.Buyer | None) -> Sequence[ChannelView]:
    """Bookings are shown whether or not this can be read."""
    if buyer is None:
        return ()
    try:
        address = buyer.email or buyer.phone
        found = await request.app[NOTIFICATIONS].preferences(address, timeout=_NEWS_SECONDS)
    except RemoteError as error:
        log.warning("preferences_not_read", code=error.code, reason=error.reason)
        return ()
    return present_preferences(found, request[VISITOR_TEXTS])


def _news_notice(what: str, texts: Texts) -> str:
    """What became of the form about news."""
    return {
        "saved": texts.gettext("Saved."),
        "kept": texts.gettext("Nothing was changed: your tickets have to reach you on one way at least."),
    }.get(what, "")


async def inbox(request: web.Request) -> web.Response:
    """What the demo sent to customers."""
    if INBOX not in request.app:
        raise PageMissing
    try:
        view = InboxView(await request.app[INBOX].messages(), away=False)
    except InboxUnavailable:
        view = InboxView((), away=True)
    return render(request, "inbox.html", view=view)
