"""A booking's page in each state, and what its buyer does there: pay, give up."""

from collections.abc import Mapping

from aiohttp import hdrs, web
from matinee.booking.v1 import booking_pb2

from bff.contacts import TypedContact, check_contact
from bff.keys import BACKGROUND, BOOKINGS, JUST_MADE, NOTIFICATIONS, SESSION, SETTINGS, VISITOR_TEXTS
from bff.presenters.bookingpage import (
    METHODS,
    HeldView,
    LeavingView,
    StateView,
    TicketPicture,
    TicketsView,
    method_names,
)
from bff.presenters.bookings import PASSING, BookingView, payment_url_of, present_booking
from bff.presenters.seatpage import Notice
from bff.respond import render, see_other
from bff.tickets import calendar_file, qr_code
from bff.views.fields import id_in_path, request_id_in_form, text_in_form
from mesh.errors import RemoteError
from mesh.ids import new_request_id

_LONGEST_KEY = 200
_BACK = "from=payment"
_MOMENT_SECONDS = 1.5
_SIDE_SECONDS = 1.0
_FORM_FIELDS = frozenset({"full_name", "email", "phone", "method"})


def viewer_of(request: web.Request, booking_id: str) -> booking_pb2.BookingViewer:
    """What shows that this browser may see the booking: a key that it was given, its buyer, a sign-in."""
    session = request[SESSION]
    key = session.booking_keys.get(booking_id)
    if key:
        return booking_pb2.BookingViewer(access_key=key, sign_in_token=session.sign_in)
    return booking_pb2.BookingViewer(buyer_id=session.buyer_id, sign_in_token=session.sign_in)


async def booking_page(request: web.Request) -> web.Response:
    """The booking as it stands. With `key`, the link of an e-mail: kept, and taken out of the address."""
    booking_id = id_in_path(request, "booking_id")
    key = request.query.get("key", "")
    if key and len(key) <= _LONGEST_KEY:
        viewer = booking_pb2.BookingViewer(access_key=key)
        await request.app[BOOKINGS].get(booking_id, viewer)  # a wrong key is a 404 and is not kept
        request[SESSION].remember_key(booking_id, key)
        return see_other(f"/bookings/{booking_id}")
    viewer = viewer_of(request, booking_id)
    if request.query_string == _BACK:
        # Who comes back from paying mostly has the tickets in a moment: one page instead of two.
        booking = await request.app[BOOKINGS].get_past(PASSING, booking_id, viewer, _MOMENT_SECONDS)
    else:
        just_made = request.app[JUST_MADE].take(booking_id, request[SESSION].buyer_id)
        booking = just_made or await request.app[BOOKINGS].get(booking_id, viewer)
    return show_booking(request, booking)


async def pay(request: web.Request) -> web.Response:
    """Opens the payment; sending the same form again opens the same one."""
    booking_id = id_in_path(request, "booking_id")
    texts = request[VISITOR_TEXTS]
    request_id = await request_id_in_form(request)
    typed = TypedContact(
        full_name=await text_in_form(request, "full_name", 1000),
        email=await text_in_form(request, "email", 1000),
        phone=await text_in_form(request, "phone", 1000),
    )
    method = await text_in_form(request, "method", 50)
    checked = check_contact(typed, texts)
    problems = dict(checked.problems)
    if method not in METHODS:
        problems["method"] = texts.gettext("Choose how you pay.")
    if not problems and not await _reaches(request, checked.contact):
        problems["email"] = texts.gettext(
            "We cannot send text messages here. Please use your e-mail address."
        )
    if problems:
        return await _held_again(request, booking_id, typed, method, problems)
    payment = booking_pb2.StartPaymentRequest(
        request_id=request_id,
        booking_id=booking_id,
        viewer=viewer_of(request, booking_id),
        method=METHODS[method],
        contact=booking_pb2.Contact(
            full_name=checked.contact.full_name,
            email=checked.contact.email,
            phone=checked.contact.phone,
            language=texts.language_tag,
        ),
        return_url=f"{request.app[SETTINGS].public_url}/bookings/{booking_id}?{_BACK}",
    )
    try:
        booking = await request.app[BACKGROUND].finish(request.app[BOOKINGS].start_payment(payment))
    except RemoteError as error:
        problem = _payment_problem(request, error)
        if problem is None:
            # The page tells what became of the booking: it ran out, was paid meanwhile, …
            return see_other(f"/bookings/{booking_id}")
        return await _held_again(request, booking_id, typed, method, problem)
    return _to_provider(request, booking)


async def _reaches(request: web.Request, contact: TypedContact) -> bool:
    """Whether tickets can be sent there, as far as it can be told: to a number, only where texts are sent."""
    if contact.email:
        return True
    try:
        return bool(await request.app[NOTIFICATIONS].preferences(contact.phone, timeout=_SIDE_SECONDS))
    except RemoteError:
        return True  # the booking's page shows the tickets in any case


def _to_provider(request: web.Request, booking: booking_pb2.Booking) -> web.Response:
    """Sends the browser on to the provider's page.

    Not a redirect: the policy `form-action 'self'` holds for redirects after a form too, and it
    should go on holding.
    """
    url = payment_url_of(booking)
    if not url.startswith(("https://", "http://")):
        return see_other(f"/bookings/{booking.booking_id}")
    response = _page(request, "booking_leaving.html", LeavingView(url))
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


async def abandon(request: web.Request) -> web.Response:
    """Gives the seats up."""
    booking_id = id_in_path(request, "booking_id")
    request_id = await request_id_in_form(request)
    step = request.app[BOOKINGS].abandon(request_id, booking_id, viewer_of(request, booking_id))
    try:
        await request.app[BACKGROUND].finish(step)
    except RemoteError as error:
        if error.reason != "BOOKING_STATE":
            raise
    return see_other(f"/bookings/{booking_id}")


async def calendar(request: web.Request) -> web.Response:
    """The show as a calendar file."""
    booking_id = id_in_path(request, "booking_id")
    booking = await request.app[BOOKINGS].get(booking_id, viewer_of(request, booking_id))
    url = f"{request.app[SETTINGS].public_url}/bookings/{booking_id}"
    return web.Response(
        body=calendar_file(booking, url, request[VISITOR_TEXTS]),
        content_type="text/calendar",
        charset="utf-8",
        headers={
            hdrs.CONTENT_DISPOSITION: 'attachment; filename="matinee.ics"',
            hdrs.CACHE_CONTROL: "no-store",
        },
    )


def show_booking(
    request: web.Request, booking: booking_pb2.Booking, notice: Notice | None = None, status: int = 200
) -> web.Response:
    """The page of the booking's state, with something to tell above it."""
    texts = request[VISITOR_TEXTS]
    view = present_booking(booking, texts)
    if view.face == "held":
        return _held(request, view, view.contact, "credit_card", {}, status)
    if view.face == "tickets":
        tickets = tuple(
            TicketPicture(ticket.ticket_id, ticket.seat_id, ticket.cancelled, qr_code(ticket.ticket_id))
            for ticket in view.tickets
        )
        return _page(
            request,
            "booking_tickets.html",
            TicketsView(view, tickets, notice),
            status,
        )
    return _page(request, f"booking_{view.face}.html", StateView(view), status)


async def _held_again(
    request: web.Request, booking_id: str, typed: TypedContact, method: str, problems: Mapping[str, str]
) -> web.Response:
    booking = await request.app[BOOKINGS].get(booking_id, viewer_of(request, booking_id))
    view = present_booking(booking, request[VISITOR_TEXTS])
    if view.face != "held":
        return see_other(view.url)
    return _held(request, view, typed, method, problems, 422)


def _held(
    request: web.Request,
    view: BookingView,
    typed: TypedContact,
    method: str,
    problems: Mapping[str, str],
    status: int,
) -> web.Response:
    held = HeldView(
        booking=view,
        contact=typed,
        problems=problems,
        methods=method_names(request[VISITOR_TEXTS]),
        method=method,
        payment_request_id=new_request_id(),
    )
    return _page(request, "booking_held.html", held, status)


def _page(request: web.Request, template: str, view: object, status: int = 200) -> web.Response:
    response = render(request, template, view=view, status=status)
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
    return response


def _payment_problem(request: web.Request, error: RemoteError) -> dict[str, str] | None:
    """What to tell beside the form; None when the booking's own page tells it."""
    texts = request[VISITOR_TEXTS]
    if error.reason == "INVALID_FIELD":
        field = error.facts.get("field", "").rpartition(".")[2]
        beside = field if field in _FORM_FIELDS else "email"
        return {beside: texts.gettext("This was not accepted. Please check it.")}
    about_paying = {
        "PAYMENT_PROVIDER_UNAVAILABLE": texts.gettext(
            "The payment provider does not answer. Please try again in a moment."
        ),
        "PAYMENT_METHOD_REFUSED": texts.gettext(
            "This method is not possible here. Please choose another one."
        ),
        "PAYMENT_LIMIT": texts.gettext(
            "These seats were tried to be paid too often. Give them up and choose seats again."
        ),
    }
    if error.reason in about_paying:
        return {"method": about_paying[error.reason]}
    if error.reason in ("HOLD_EXPIRED", "BOOKING_STATE", "REQUEST_ID_REUSED"):
        return None
    raise error
