"""Changing a booking: read, decide, and one conditional write that also keeps the events."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog
from prometheus_client import Counter

from booking_svc.domain.booking import Booking
from booking_svc.domain.duties import due_duties, next_look
from booking_svc.domain.inputs import Input
from booking_svc.domain.machine import Outcome, apply
from booking_svc.errors import BookingBusy, UnknownBooking
from booking_svc.ports import Lease, LeaseChange, Ports

log = structlog.get_logger()

_MOST_TRIES: Final = 10

ALARMS: Final = Counter("booking_alarms", "Things that a person should look at, by kind.", ["kind"])
CHANGES: Final = Counter("booking_changes", "Changes of bookings, by the state they led to.", ["state"])


@dataclass(frozen=True, slots=True)
class Saved:
    """A booking after an input, and whether the lease that was wanted with it was had."""

    booking: Booking
    leased: bool


class Changes:
    """Applies inputs to bookings; who listens hears of every change that was made here."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._listeners: list[Callable[[Booking], None]] = []

    def listen(self, listener: Callable[[Booking], None]) -> None:
        """Calls it after each change with the booking."""
        self._listeners.append(listener)

    async def apply(self, booking: Booking, given: Input) -> Booking:
        """The booking after the input; read again and judged anew when others were faster.

        Raises what the machine raises, `BookingBusy` and `StoreUnavailable`.
        """
        return (await self._apply(booking, given, lease=None, driving=False)).booking

    async def apply_driving(self, booking: Booking, given: Input) -> Saved:
        """As `apply`, by whoever has the lease; gives it up in the same write when nothing more is due."""
        return await self._apply(booking, given, lease=None, driving=True)

    async def apply_and_claim(self, booking: Booking, given: Input, lease: Lease) -> Saved:
        """As `apply`, and takes the lease in the same write if it is free."""
        return await self._apply(booking, given, lease=lease, driving=False)

    async def _apply(self, booking: Booking, given: Input, *, lease: Lease | None, driving: bool) -> Saved:
        for _ in range(_MOST_TRIES):
            now = self._ports.now()
            outcome = apply(booking, given, now)
            if outcome.booking is booking:
                return Saved(booking, leased=driving)
            pace = self._ports.terms.pace
            more = bool(due_duties(outcome.booking, pace, now))
            change = (
                lease if lease and more else LeaseChange.END if driving and not more else LeaseChange.KEEP
            )
            look = next_look(outcome.booking, pace, now)
            if await self._ports.bookings.save(booking, outcome.booking, outcome.events, look, change, now):
                self._tell(outcome, given)
                return Saved(outcome.booking, leased=isinstance(change, Lease) or (driving and more))
            # Either the booking or its lease went to somebody else: the next try asks for no lease.
            lease = None
            booking = await self._fresh(booking.booking_id)
        raise BookingBusy("this booking is being changed by others; ask again")

    async def _fresh(self, booking_id: str) -> Booking:
        booking = await self._ports.bookings.find(booking_id)
        if booking is None:
            raise UnknownBooking
        return booking

    def _tell(self, outcome: Outcome, given: Input) -> None:
        booking = outcome.booking
        CHANGES.labels(booking.state.value).inc()
        log.info(
            "booking_changed",
            booking_id=booking.booking_id,
            state=booking.state.value,
            version=booking.version,
            cause=type(given).__name__,
        )
        for alarm in outcome.alarms:
            ALARMS.labels(alarm).inc()
            log.error("booking_alarm", alarm=alarm, booking_id=booking.booking_id)
        for listener in self._listeners:
            listener(booking)
