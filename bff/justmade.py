"""Bookings that were made a moment ago, for the page that making one leads to.

Making a booking answers with all of it, and the browser comes straight back for its page: what was
answered is shown there, once, instead of being asked for again. Another process that gets that
request asks, and so does every later one; but where the balancer sent the first one elsewhere, one that
comes here within two seconds is still shown what was answered.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from matinee.booking.v1 import booking_pb2

from mesh.recent import Recent


@dataclass(frozen=True, slots=True)
class _Made:
    booking: booking_pb2.Booking
    buyer_id: str
    kept_at: float


class JustMade:
    """At most so many bookings, each for two seconds, for the buyer who made it."""

    _SECONDS: Final = 2.0
    _MOST: Final = 1000

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._made: Recent[str, _Made] = Recent(self._MOST)

    def keep(self, booking: booking_pb2.Booking, buyer_id: str) -> None:
        """Remembers what was answered just now."""
        self._made.put(booking.booking_id, _Made(booking, buyer_id, self._monotonic()))

    def take(self, booking_id: str, buyer_id: str) -> booking_pb2.Booking | None:
        """What this buyer was answered, told by the time that it is now; None when it has to be asked for."""
        made = self._made.get(booking_id)
        if made is None or made.buyer_id != buyer_id:
            return None
        self._made.forget(booking_id)
        age = self._monotonic() - made.kept_at
        if age > self._SECONDS:
            return None
        as_of = made.booking.as_of_time
        as_of.FromDatetime(as_of.ToDatetime(dt.UTC) + dt.timedelta(seconds=age))
        return made.booking
