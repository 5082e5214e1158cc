"""Looking at seats."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from seat_svc.domain import fields
from seat_svc.domain.layout import Layout
from seat_svc.domain.seats import AVAILABLE, Occupancy, SeatDelta, SeatMap
from seat_svc.domain.seller import Seller
from seat_svc.domain.suggestion import Party
from seat_svc.domain.suggestion import suggest_seats as best_seats
from seat_svc.errors import NoSeatsLeft, TheatreUnavailable, UnknownShow
from seat_svc.usecases.inventory import Inventory

_SHOWS_AT_ONCE = 16


async def get_seat_map(inventory: Inventory, seller: Seller, show_id: str) -> tuple[SeatMap, Layout]:
    """The states of all seats now, with the layout that they follow."""
    show, theatre = await inventory.reach(show_id, seller)
    seat_map = await theatre.seat_map(show)
    if seat_map.layout_id != show.layout.layout_id:
        # It moved to another screen, of which the theatre heard just now.
        show, _ = await inventory.reach(show_id, seller)
        if seat_map.layout_id != show.layout.layout_id:
            raise TheatreUnavailable(show.theatre_id)
    return seat_map, show.layout


async def watch_seats(
    inventory: Inventory, seller: Seller, show_id: str, after_sequence: int
) -> AsyncGenerator[SeatMap | SeatDelta, None]:
    """A snapshot, or the changes after a sequence; then every change. See `TheatreConnector.watch`."""
    after = fields.checked_sequence(after_sequence)
    show, theatre = await inventory.reach(show_id, seller)
    async with aclosing(theatre.watch(show, after)) as updates:
        async for update in updates:
            yield update


async def list_occupancy(inventory: Inventory, seller: Seller, show_ids: Sequence[str]) -> list[Occupancy]:
    """How full shows are, in the order asked for; shows that cannot be reached are left out."""
    lanes = asyncio.Semaphore(_SHOWS_AT_ONCE)

    async def occupancy_of(show_id: str) -> Occupancy | None:
        async with lanes:
            try:
                seat_map, _ = await get_seat_map(inventory, seller, show_id)
            except (UnknownShow, TheatreUnavailable):
                return None
        return Occupancy(show_id, seat_map.states.count(AVAILABLE), len(seat_map.states))

    found = await asyncio.gather(*map(occupancy_of, fields.checked_show_ids(show_ids)))
    return [occupancy for occupancy in found if occupancy is not None]


async def suggest_seats(
    inventory: Inventory, seller: Seller, show_id: str, party_size: int, category_id: str, accessible: bool
) -> tuple[str, ...]:
    """The ids of the best free seats side by side; raises `NoSeatsLeft`."""
    party = Party(fields.checked_party_size(party_size), fields.checked_category_id(category_id), accessible)
    seat_map, layout = await get_seat_map(inventory, seller, show_id)
    seats = best_seats(layout, seat_map.states, party)
    if not seats:
        raise NoSeatsLeft
    return layout.seat_ids(seats)


async def refresh_show(inventory: Inventory, seller: Seller, show_id: str) -> None:
    """Takes over what the catalogue now says of the show."""
    show, theatre = await inventory.reach(show_id, seller)
    await theatre.refresh(show)
