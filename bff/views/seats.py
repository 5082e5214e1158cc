"""A show's seat page: the map, its price, the best seats, and holding them."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from urllib.parse import urlencode

from aiohttp import web
from matinee.type.v1 import layout_pb2

from bff.clients import LaidOutSeats
from bff.keys import (
    ADDRESSES,
    BACKGROUND,
    BOOKINGS,
    CATALOGUE,
    CLOCK,
    JUST_MADE,
    LIVE,
    SEAT_FEEDS,
    SEAT_PLANS,
    SEATS,
    SESSION,
    VISITOR_TEXTS,
)
from bff.live.streams import BEAT_SECONDS
from bff.nearest import Place, nearest_free
from bff.presenters.places import present_city
from bff.presenters.quotes import present_quote
from bff.presenters.seatmap import free_seats, present_seat_map
from bff.presenters.seatpage import (
    Notice,
    SeatPageView,
    hold_refused,
    no_group_free,
    nothing_chosen,
    seats_lost,
    show_closed,
    too_many,
)
from bff.presenters.shows import PARTY_SIZES, present_show
from bff.respond import render, render_fragment, see_other
from bff.views.fields import (
    SEAT_LIMIT,
    id_in_path,
    number_in,
    request_id_in_form,
    seats_in,
    seats_in_form,
    text_in_form,
    text_in_query,
)
from mesh.errors import RemoteError

SALES_END_AFTER_START = dt.timedelta(minutes=10)
_TAKEN = frozenset({"SEAT_TAKEN", "SEATS_LOST", "SEAT_BLOCKED"})


async def seat_page(request: web.Request) -> web.Response:
    """The map, with the seats of the address chosen and priced."""
    show_id = id_in_path(request, "show_id")
    party = number_in(text_in_query(request, "party"), 1, SEAT_LIMIT, 2)
    notice = no_group_free(party, request[VISITOR_TEXTS]) if "none" in request.query else None
    return await _page(request, show_id, seats_in(request.query.getall("seat", [])), notice, party=party)


async def price(request: web.Request) -> web.Response:
    """Takes the chosen seats into the address, where their price is shown."""
    show_id = id_in_path(request, "show_id")
    seats = await seats_in_form(request)
    return see_other(_address(show_id, seats))


async def suggest(request: web.Request) -> web.Response:
    """Chooses the best seats for the party."""
    show_id = id_in_path(request, "show_id")
    party = number_in(await text_in_form(request, "party", 10), 1, SEAT_LIMIT, 2)
    category = await text_in_form(request, "category", 64)
    accessible = bool(await text_in_form(request, "accessible", 10))
    seats = await request.app[SEATS].suggest(show_id, party, category, accessible)
    if not seats:
        return see_other(f"/shows/{show_id}?party={party}&none=1")
    return see_other(_address(show_id, seats))


async def quote(request: web.Request) -> web.Response:
    """The price lines of the chosen seats as a part of a page; 204 without seats."""
    show_id = id_in_path(request, "show_id")
    seats = seats_in(request.query.getall("seat", []))
    if not seats or len(seats) > SEAT_LIMIT:
        return web.Response(status=204)
    priced = await request.app[BOOKINGS].quote(show_id, seats)
    return render_fragment(request, "quote.html", quote=present_quote(priced, seats, request[VISITOR_TEXTS]))


async def seat_events(request: web.Request) -> web.StreamResponse:
    """Server-sent events: a snapshot of all seats, then each change."""
    show_id = id_in_path(request, "show_id")
    await request.app[CATALOGUE].show(show_id)  # an unknown show is a 404 before the stream begins
    async with (
        request.app[LIVE].open(request, request.app[ADDRESSES].network(request)) as stream,
        request.app[SEAT_FEEDS].subscribe(show_id) as events,
    ):
        while True:
            try:
                async with asyncio.timeout(BEAT_SECONDS):
                    event = await events.get()
            except TimeoutError:
                await stream.beat()
                continue
            if event is None:
                break
            await stream.send(event)
    return stream.response


async def hold(request: web.Request) -> web.Response:
    """Makes a booking of the chosen seats; sending the same form again leads to the same booking."""
    show_id = id_in_path(request, "show_id")
    texts = request[VISITOR_TEXTS]
    seats = await seats_in_form(request)
    request_id = await request_id_in_form(request)
    if not seats:
        return await _page(request, show_id, (), nothing_chosen(texts), status=422)
    if len(seats) > SEAT_LIMIT:
        return await _page(request, show_id, seats, too_many(SEAT_LIMIT, texts), status=422)
    buyer_id = request[SESSION].buyer_id
    create = request.app[BOOKINGS].create(request_id, buyer_id, show_id, seats)
    try:
        # Finished even if the browser goes away: the booking is then found under /me.
        booking = await request.app[BACKGROUND].finish(create)
    except RemoteError as error:
        return await _refused(request, show_id, seats, error)
    request.app[JUST_MADE].keep(booking, buyer_id)
    return see_other(f"/bookings/{booking.booking_id}")


async def _refused(
    request: web.Request, show_id: str, seats: Sequence[str], error: RemoteError
) -> web.Response:
    texts = request[VISITOR_TEXTS]
    named = tuple(seat for seat in error.facts.get("seat_ids", "").split(",") if seat)
    if error.reason in _TAKEN:
        show = await request.app[CATALOGUE].show(show_id)
        response = await request.app[SEATS].seat_map(show_id, show.layout)
        plan = request.app[SEAT_PLANS].plan(response.layout, show.show.prices, texts)
        free = free_seats(plan, response.seat_map)
        gone = [seat for seat in seats if seat in named or seat not in free]
        offered = nearest_free(_places(response.layout), free - set(named), seats)
        return await _page(request, show_id, offered, seats_lost(gone or named, offered, texts), status=409)
    notice = hold_refused(error.reason, named, texts)
    if notice is None:
        raise error
    return await _page(request, show_id, seats, notice, status=409)


async def _page(
    request: web.Request,
    show_id: str,
    chosen: Sequence[str],
    notice: Notice | None,
    *,
    party: int = 2,
    status: int = 200,
) -> web.Response:
    texts = request[VISITOR_TEXTS]
    catalogue = request.app[CATALOGUE]
    show = await catalogue.show(show_id)
    seats = _watched(request, show_id, show.layout) if status == 200 and not chosen else None
    seats = seats or await request.app[SEATS].seat_map(show_id, show.layout)
    plan = request.app[SEAT_PLANS].plan(seats.layout, show.show.prices, texts)
    free = free_seats(plan, seats.seat_map) if chosen else frozenset()
    still_free = tuple(seat for seat in chosen if seat in free)[:SEAT_LIMIT]
    if notice is None and chosen and len(still_free) < len(chosen):
        notice = seats_lost([seat for seat in chosen if seat not in free], still_free, texts)
    priced = await request.app[BOOKINGS].quote(show_id, still_free) if still_free else None
    start = show.show.start_time.ToDatetime(dt.UTC)
    facts = present_show(show, texts)
    is_open = not facts.cancelled and request.app[CLOCK].now() < start + SALES_END_AFTER_START
    if not is_open:
        notice = show_closed(facts.cancelled, texts)
    view = SeatPageView(
        show=facts,
        map=present_seat_map(plan, seats.seat_map, still_free),
        quote=present_quote(priced, still_free, texts) if priced else None,
        notice=notice,
        party=len(still_free) or party,
        party_sizes=PARTY_SIZES,
        limit=SEAT_LIMIT,
        open=is_open,
        live=True,
    )
    city = present_city(await catalogue.city(show.theatre.city_id))
    return render(request, "show.html", view=view, city=city, status=status)


def _watched(request: web.Request, show_id: str, layout: layout_pb2.Layout) -> LaidOutSeats | None:
    """The seats without asking for them, when a watch for other browsers tells them already."""
    seat_map = request.app[SEAT_FEEDS].seat_map(show_id)
    if seat_map is None or seat_map.layout_id != layout.layout_id:
        return None
    return LaidOutSeats(seat_map, layout)


def _address(show_id: str, seats: Sequence[str]) -> str:
    return f"/shows/{show_id}?{urlencode([('seat', seat) for seat in seats])}"


def _places(layout: layout_pb2.Layout) -> list[Place]:
    return [Place(seat.seat_id, seat.category_id, seat.x, seat.y, seat.accessible) for seat in layout.seats]
