"""Cancelling tickets: which ones, what goes back, and then the last word."""

from aiohttp import hdrs, web
from matinee.booking.v1 import booking_pb2
from matinee.type.v1 import money_pb2

from bff.errors import FormMalformed
from bff.keys import BACKGROUND, BOOKINGS, VISITOR_TEXTS
from bff.presenters.bookings import present_booking
from bff.presenters.cancelling import CancelView, cancel_refused, present_sums
from bff.presenters.seatpage import Notice
from bff.respond import render, render_fragment, see_other
from bff.views.bookings import show_booking, viewer_of
from bff.views.fields import id_in_path, request_id_in_form, seats_in, seats_in_form, text_in_form
from mesh.errors import RemoteError
from mesh.ids import new_request_id

_MOST_DIGITS = 15


async def preview(request: web.Request) -> web.Response:
    """What goes back for the chosen tickets, and the form that cancels them; with `part`, the sums alone."""
    booking_id = id_in_path(request, "booking_id")
    seats = seats_in(request.query.getall("seat", []))
    if "part" in request.query:
        return await _sums(request, booking_id, seats)
    return await _preview(request, booking_id, seats)


async def cancel(request: web.Request) -> web.Response:
    """Cancels the tickets if what goes back is what was told; the refund follows."""
    booking_id = id_in_path(request, "booking_id")
    seats = await seats_in_form(request)
    request_id = await request_id_in_form(request)
    if not seats:
        return await _refused(request, booking_id, "NO_SEAT", 422)
    wanted = booking_pb2.CancelBookingRequest(
        request_id=request_id,
        booking_id=booking_id,
        viewer=viewer_of(request, booking_id),
        seat_ids=seats,
        expected_refund=await _told_refund(request),
    )
    try:
        await request.app[BACKGROUND].finish(request.app[BOOKINGS].cancel(wanted))
    except RemoteError as error:
        if error.reason == "REFUND_CHANGED":
            notice = cancel_refused(error.reason, request[VISITOR_TEXTS])
            return await _preview(request, booking_id, seats, notice, 409)
        return await _answer(request, booking_id, error)
    return see_other(f"/bookings/{booking_id}")


async def _sums(request: web.Request, booking_id: str, seats: tuple[str, ...]) -> web.Response:
    if not seats:
        return web.Response(status=204)
    viewer = viewer_of(request, booking_id)
    booking = await request.app[BOOKINGS].get(booking_id, viewer)
    try:
        told = await request.app[BOOKINGS].preview_cancellation(booking_id, viewer, seats)
    except RemoteError as error:
        if error.code != "FAILED_PRECONDITION":
            raise
        return web.Response(status=204)  # the page behind the button says why
    sums = present_sums(told, booking, request[VISITOR_TEXTS])
    return _unstored(render_fragment(request, "cancel_sums.html", sums=sums))


async def _preview(
    request: web.Request,
    booking_id: str,
    seats: tuple[str, ...],
    notice: Notice | None = None,
    status: int = 200,
) -> web.Response:
    if not seats:
        return await _refused(request, booking_id, "NO_SEAT", 422)
    texts = request[VISITOR_TEXTS]
    viewer = viewer_of(request, booking_id)
    booking = await request.app[BOOKINGS].get(booking_id, viewer)
    try:
        told = await request.app[BOOKINGS].preview_cancellation(booking_id, viewer, seats)
    except RemoteError as error:
        return await _answer(request, booking_id, error)
    view = CancelView(
        booking=present_booking(booking, texts),
        sums=present_sums(told, booking, texts),
        seat_ids=tuple(told.seat_ids),
        request_id=new_request_id(),
        refund_minor_units=told.refund_amount.minor_units,
        currency_code=told.refund_amount.currency_code,
        notice=notice,
    )
    return _unstored(render(request, "booking_cancel.html", view=view, status=status))


async def _answer(request: web.Request, booking_id: str, error: RemoteError) -> web.Response:
    """The booking's own page tells what became of it, or why it is refused."""
    if error.reason == "BOOKING_STATE":
        return see_other(f"/bookings/{booking_id}")
    if cancel_refused(error.reason, request[VISITOR_TEXTS]) is None:
        raise error
    return await _refused(request, booking_id, error.reason, 409)


async def _refused(request: web.Request, booking_id: str, reason: str, status: int) -> web.Response:
    booking = await request.app[BOOKINGS].get(booking_id, viewer_of(request, booking_id))
    return show_booking(request, booking, cancel_refused(reason, request[VISITOR_TEXTS]), status)


async def _told_refund(request: web.Request) -> money_pb2.Money:
    minor_units = await text_in_form(request, "refund", _MOST_DIGITS)
    currency_code = await text_in_form(request, "currency", 3)
    if not (minor_units.isascii() and minor_units.isdigit()) or not currency_code:
        raise FormMalformed
    return money_pb2.Money(currency_code=currency_code, minor_units=int(minor_units))


def _unstored(response: web.Response) -> web.Response:
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
    return response
