"""Holding seats and giving them up."""

import datetime as dt
from collections.abc import Sequence

from seat_svc.domain import fields
from seat_svc.domain.orders import HoldOrder
from seat_svc.domain.seats import Hold
from seat_svc.domain.seller import Seller
from seat_svc.errors import HoldLimit
from seat_svc.usecases.inventory import Inventory


async def hold_seats(
    inventory: Inventory,
    seller: Seller,
    show_id: str,
    seat_ids: Sequence[str],
    holder_id: str,
    request_id: str,
    hold_seconds: int = 0,
) -> Hold:
    """Holds all the seats or none, for the usual time or `hold_seconds`.

    Raises what `TheatreConnector.hold` and `Inventory.reach` raise.
    """
    rules = inventory.rules
    seconds = fields.checked_hold_seconds(hold_seconds)
    order = HoldOrder(
        fields.checked_request_id(request_id),
        fields.checked_seat_ids(seat_ids),
        fields.checked_holder_id(holder_id),
        seller.own(holder_id),
        dt.timedelta(seconds=seconds) if seconds else rules.hold_for,
    )
    show, theatre = await inventory.reach(show_id, seller)
    if len(order.seat_ids) > rules.seats_per_hold:
        raise HoldLimit(rules.seats_per_hold)
    return await theatre.hold(show, order)


async def get_hold(inventory: Inventory, seller: Seller, show_id: str, hold_id: str) -> Hold:
    """The live hold; raises `UnknownHold` once it is over."""
    fields.checked_hold_id(hold_id)
    show, theatre = await inventory.reach(show_id, seller)
    return await theatre.find_hold(show, hold_id)


async def release_hold(
    inventory: Inventory, seller: Seller, show_id: str, hold_id: str, request_id: str
) -> None:
    """Gives a hold up; one that is over already changes nothing."""
    fields.checked_request_id(request_id)
    fields.checked_hold_id(hold_id)
    show, theatre = await inventory.reach(show_id, seller)
    await theatre.release(show, hold_id, request_id)
