"""Selling seats, cancelling tickets, and the books."""

import datetime as dt
from collections.abc import Sequence

from seat_svc.domain import fields
from seat_svc.domain.sale import Purchase, Sale, SeatPayment, Ticket
from seat_svc.domain.seller import Seller
from seat_svc.usecases.inventory import Inventory

_USUAL_PAGE, _LARGEST_PAGE = 100, 1_000

SalePosition = tuple[dt.datetime, str]
"""Where a page of sales ended: time and id of its last sale."""


async def confirm_hold(
    inventory: Inventory,
    seller: Seller,
    show_id: str,
    hold_id: str,
    booking_id: str,
    payments: Sequence[SeatPayment],
    request_id: str,
) -> tuple[Ticket, ...]:
    """Sells the seats that were paid for; the same booking always gets the same tickets.

    Seats whose hold is over are taken again where nobody else has them and
    sales have not ended; else raises `SeatsLost`. Once begun it is carried
    through, whatever becomes of the caller.
    """
    fields.checked_request_id(request_id)
    purchase = Purchase(
        sale_id=seller.own(fields.checked_booking_id(booking_id)),
        booking_id=booking_id,
        seller=seller.name,
        hold_id=fields.checked_hold_id(hold_id),
        payments=fields.checked_payments(payments),
    )
    show, theatre = await inventory.reach(show_id, seller)
    return await theatre.confirm(show, purchase, request_id)


async def cancel_tickets(
    inventory: Inventory,
    seller: Seller,
    show_id: str,
    booking_id: str,
    seat_ids: Sequence[str],
    payments: Sequence[SeatPayment],
    request_id: str,
) -> tuple[Ticket, ...]:
    """Cancels tickets of some seats of a booking, or of all; answers with all its tickets.

    `payments` are what kept seats cost from now on. Nothing changes where the tickets were cancelled before.
    """
    fields.checked_request_id(request_id)
    chosen = fields.checked_optional_seat_ids(seat_ids)
    kept = fields.checked_kept_payments(payments, chosen)
    sale_id = seller.own(fields.checked_booking_id(booking_id))
    show, theatre = await inventory.reach(show_id, seller)
    return await theatre.cancel(show, sale_id, chosen, request_id, kept)


async def list_sales(
    inventory: Inventory,
    seller: Seller,
    theatre_id: str,
    business_date: str,
    page_size: int,
    after: SalePosition | None,
) -> tuple[list[Sale], SalePosition | None]:
    """A page of what was sold for a theatre's shows of one date, and where the next one begins, if any."""
    date = fields.checked_date(business_date)
    size = fields.checked_page_size(page_size, _USUAL_PAGE, _LARGEST_PAGE)
    seller.require(fields.checked_theatre_id(theatre_id))
    found = await inventory.sales.of_date(theatre_id, date, after, size + 1)
    page = found[:size]
    return page, (page[-1].sale_time, page[-1].sale_id) if len(found) > size else None
