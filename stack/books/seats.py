"""Rules between bookings, their tickets, and the sales of the seat inventory."""

from collections import defaultdict
from collections.abc import Iterator

from stack.books.records import CANCELLED, CONFIRMED, PASSING, Booking, Books, Finding, Sale, Ticket


def seat_faults(books: Books) -> Iterator[Finding]:
    """A confirmed booking's tickets are its sale's, and every live sale is a confirmed booking's."""
    known = {booking.booking_id for booking in books.bookings}
    for booking in books.bookings:
        sale = books.sale_of_booking.get(booking.booking_id)
        if booking.state == CONFIRMED:
            yield from _of_confirmed(booking, sale)
        elif sale is not None:
            yield from _of_other(booking, sale)
    for sale in books.sales:
        yield from _of_sale(sale)
        if not sale.seller and sale.booking_id not in known:
            ids = {"sale": sale.sale_id, "show": sale.show_id}
            yield Finding("sale-of-nobody", ids, "no booking knows of this sale")
    yield from _sold_twice(books)


def _of_confirmed(booking: Booking, sale: Sale | None) -> Iterator[Finding]:
    ids = {"booking": booking.booking_id, "show": booking.show_id}
    seats = {ticket.seat_id for ticket in booking.tickets}
    if seats != set(booking.seat_ids) or len(booking.tickets) != len(booking.seat_ids):
        told = f"booked are {_seats(booking.seat_ids)}, its tickets are for {_seats(seats)}"
        yield Finding("tickets-incomplete", ids, told)
    cancelled = frozenset(ticket.seat_id for ticket in booking.tickets if ticket.cancelled)
    if cancelled != booking.given_back(done=True):
        back = _seats(booking.given_back(done=True))
        yield Finding("cancelled-tickets", ids, f"given back were {back}, cancelled are {_seats(cancelled)}")
    if sale is None:
        yield Finding("sale-missing", ids, "the booking has tickets, the inventory has no sale")
        return
    yield from _of_tickets(booking, sale)
    if sale.show_id != booking.show_id:
        yield Finding("sale-of-another-show", ids, f"the sale is of show {sale.show_id}")
    # By what the sale has back: of seats on their way the theatre may know already.
    if dict(sale.paid) != dict(booking.prices_without(sale.cancelled_seat_ids)):
        told = "the theatre was told of other prices than the buyer's"
        yield Finding("sale-prices", ids, told)


def _of_other(booking: Booking, sale: Sale) -> Iterator[Finding]:
    if booking.state == CANCELLED:
        return  # between the wish and the theatre's answer either may be true; its age is looked at elsewhere
    if sale.live_seat_ids and booking.state != "PAID":
        ids = {"booking": booking.booking_id, "show": booking.show_id}
        told = f"the booking is {booking.state}, {_seats(sale.live_seat_ids)} are still sold to it"
        # A sale that came about although its booking was given up is looked for and cancelled.
        since = max(booking.update_time, sale.change_time)
        yield Finding("sale-still-live", ids, told, under_way_since=since)
    elif booking.tickets and booking.state not in PASSING:
        yield from _of_tickets(booking, sale)


def _of_tickets(booking: Booking, sale: Sale) -> Iterator[Finding]:
    # Of seats on their way back the theatre may know already: their age is looked at elsewhere.
    ignored = booking.given_back(done=False)
    ours, theirs = _by_id(booking.tickets, ignored), _by_id(sale.tickets, ignored)
    for ticket_id in sorted(ours.keys() | theirs.keys()):
        if ours.get(ticket_id) != theirs.get(ticket_id):
            ids = {"booking": booking.booking_id, "ticket": ticket_id}
            told = (
                f"the booking has {_ticket(ours.get(ticket_id))}, the sale {_ticket(theirs.get(ticket_id))}"
            )
            yield Finding("ticket-differs", ids, told)


def _of_sale(sale: Sale) -> Iterator[Finding]:
    if sale.guarded_seat_ids != sale.live_seat_ids:
        ids = {"sale": sale.sale_id, "show": sale.show_id}
        told = f"good tickets for {_seats(sale.live_seat_ids)}, guarded are {_seats(sale.guarded_seat_ids)}"
        yield Finding("sale-guard", ids, told)


def _sold_twice(books: Books) -> Iterator[Finding]:
    seats: dict[tuple[str, str], list[str]] = defaultdict(list)
    tickets: dict[str, list[str]] = defaultdict(list)
    for sale in books.sales:
        for ticket in sale.tickets:
            tickets[ticket.ticket_id].append(sale.sale_id)
            if not ticket.cancelled:
                seats[sale.show_id, ticket.seat_id].append(sale.sale_id)
    for (show_id, seat_id), sales in seats.items():
        if len(sales) > 1:
            told = f"good tickets in the sales {', '.join(sorted(sales))}"
            yield Finding("seat-sold-twice", {"show": show_id, "seat": seat_id}, told)
    for ticket_id, sales in tickets.items():
        if len(sales) > 1:
            told = f"issued in the sales {', '.join(sorted(sales))}"
            yield Finding("ticket-issued-twice", {"ticket": ticket_id}, told)


def _by_id(tickets: tuple[Ticket, ...], ignored: frozenset[str]) -> dict[str, Ticket]:
    return {ticket.ticket_id: ticket for ticket in tickets if ticket.seat_id not in ignored}


def _ticket(ticket: Ticket | None) -> str:
    if ticket is None:
        return "none"
    return f"one for {ticket.seat_id}{', cancelled' if ticket.cancelled else ''}"


def _seats(seat_ids: "frozenset[str] | set[str] | tuple[str, ...]") -> str:
    return ", ".join(sorted(seat_ids)) or "no seats"
