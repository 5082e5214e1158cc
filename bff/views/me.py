"""Bookings of this browser and of whoever is signed in, and the demo's inbox."""

from dataclasses import dataclass

from aiohttp import hdrs, web

from bff.errors import PageMissing
from bff.inbox import InboxUnavailable, Message
from bff.keys import BOOKINGS, BUYERS, INBOX, SESSION, VISITOR_TEXTS
from bff.presenters.bookings import BookingSummary, present_booking_list
from bff.respond import render
from bff.views.fields import text_in_query


@dataclass(frozen=True, slots=True)
class MineView:
    """A page of bookings."""

    bookings: tuple[BookingSummary, ...]
    next_url: str
    address: str = ""
    """Who is signed in; empty when nobody is."""


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
    response = await request.app[BOOKINGS].list(session.buyer_id, session.sign_in, page_token)
    view = MineView(
        bookings=present_booking_list(response.bookings, request[VISITOR_TEXTS]),
        next_url=f"/me?page={response.next_page_token}" if response.next_page_token else "",
        address=(buyer.email or buyer.phone) if buyer else "",
    )
    page = render(request, "me.html", view=view)
    page.headers[hdrs.CACHE_CONTROL] = "no-store"
    return page


async def inbox(request: web.Request) -> web.Response:
    """What the demo sent to customers."""
    if INBOX not in request.app:
        raise PageMissing
    try:
        view = InboxView(await request.app[INBOX].messages(), away=False)
    except InboxUnavailable:
        view = InboxView((), away=True)
    return render(request, "inbox.html", view=view)
