"""This browser's bookings, and the demo's inbox."""

from dataclasses import dataclass

from aiohttp import web

from bff.errors import PageMissing
from bff.inbox import InboxUnavailable, Message
from bff.keys import BOOKINGS, INBOX, SESSION, VISITOR_TEXTS
from bff.presenters.bookings import BookingSummary, present_booking_list
from bff.respond import render
from bff.views.fields import text_in_query


@dataclass(frozen=True, slots=True)
class MineView:
    """A page of bookings."""

    bookings: tuple[BookingSummary, ...]
    next_url: str


@dataclass(frozen=True, slots=True)
class InboxView:
    """What was sent."""

    messages: tuple[Message, ...]
    away: bool


async def mine(request: web.Request) -> web.Response:
    """The bookings that were made in this browser, newest first."""
    session = request[SESSION]
    if not session.stored:
        return render(request, "me.html", view=MineView((), ""))
    response = await request.app[BOOKINGS].list(session.buyer_id, text_in_query(request, "page", 500))
    view = MineView(
        bookings=present_booking_list(response.bookings, request[VISITOR_TEXTS]),
        next_url=f"/me?page={response.next_page_token}" if response.next_page_token else "",
    )
    return render(request, "me.html", view=view)


async def inbox(request: web.Request) -> web.Response:
    """What the demo sent to customers."""
    if INBOX not in request.app:
        raise PageMissing
    try:
        view = InboxView(await request.app[INBOX].messages(), away=False)
    except InboxUnavailable:
        view = InboxView((), away=True)
    return render(request, "inbox.html", view=view)
