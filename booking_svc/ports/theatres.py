"""The catalogue and the seats."""

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

from booking_svc.domain.booking import Booking, PartialCancellation, Ticket
from booking_svc.domain.show import ShowOnSale


class ShowDirectory(Protocol):
    """The catalogue."""

    async def find(self, show_id: str) -> ShowOnSale:
        """The show with its prices; raises `UnknownShow` or `CatalogUnavailable`."""
        ...

    async def is_cancelled(self, show_id: str) -> bool:
        """Whether the show was cancelled by now, not some moment ago; raises as `find` does."""
        ...


@dataclass(frozen=True, slots=True)
class HeldSeats:
    """A hold as the inventory told it: how long it lasts from its answer on."""

    hold_id: str
    time_left: dt.timedelta


class SeatInventory(Protocol):
    """The seats of every show.

    Every call is the same for the same booking, so it may be repeated; every
    method raises `SeatServiceUnavailable` or `TheatreUnavailable` when the
    outcome is unknown.
    """

    async def hold(self, booking: Booking) -> HeldSeats:
        """Holds the booking's seats; raises `SeatsRefused`."""
        ...

    async def release(self, booking: Booking, hold_id: str) -> None:
        """Gives a hold up; harmless when it is over."""
        ...

    async def confirm(self, booking: Booking) -> tuple[Ticket, ...]:
        """Sells the booking's seats; raises `SeatsLost`."""
        ...

    async def cancel(self, booking: Booking) -> tuple[Ticket, ...]:
        """Cancels all tickets of the booking and answers with them; with none when nothing was sold."""
        ...

    async def give_back(self, booking: Booking, partial: PartialCancellation) -> None:
        """Cancels the tickets of single seats and tells what the kept ones cost from now on.

        Changes nothing when they are cancelled, or nothing was sold.
        """
        ...

    async def refresh(self, show_id: str) -> None:
        """Has the inventory look at once what the catalogue now says of the show."""
        ...
