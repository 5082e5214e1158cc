"""Changing a booking: read, decide, and one conditional write that also keeps the events."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog
from prometheus_client import Counter

from booking_svc.domain.booking import Booking
from booking_svc.domain.duties import due_duties, next_look
from booking_svc.domain.inputs import Input
from booking_svc.domain.machine import Outcome, apply
from booking_svc.errors import BookingBusy, UnknownBooking
from booking_svc.ports import Lease, LeaseChange, Ports
from mesh.errors import MatineeError
from mesh.recent import Recent

log = structlog.get_logger()

_MOST_TRIES: Final = 10
_MOST_REMEMBERED: Final = 2_000
"""Bookings under way, of a few kB each; nothing hangs on it."""

ALARMS: Final = Counter("booking_alarms", "Things that a person should look at, by kind.", ["kind"])
CHANGES: Final = Counter("booking_changes", "Changes of bookings, by the state they led to.", ["state"])


@dataclass(frozen=True, slots=True)
class Saved:
    """A booking after an input: whether that changed it, and whether the lease that was wanted was had."""

    booking: Booking
    changed: bool
    leased: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to happen to a booking, and what is to be saved with it.

    `lease` is taken if it is free; `driving` is for whoever has it, and gives it up when nothing more is
    due; `heard` is the key of the provider's event that the input comes from.
    """

    given: Input
    lease: Lease | None = None
    driving: bool = False
    heard: str = ""


class Changes:
    """Applies inputs to bookings; who listens hears of every change that was made here."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._listeners: list[Callable[[Booking], None]] = []
        self._recent: Recent[str, Booking] = Recent(_MOST_REMEMBERED)

    def listen(self, listener: Callable[[Booking], None]) -> None:
        """Calls it after each change with the booking."""
        self._listeners.append(listener)

    def remembered(self, booking_id: str) -> Booking | None:
        """The booking as it was last saved here, if something is still to come; others may have changed it.

        Only to begin an `attempt` with: that one is written if nobody has, and is nothing if not.
        """
        return self._recent.get(booking_id)

    async def apply(self, booking: Booking, given: Input) -> Booking:
        """The booking after the input; read again and judged anew when others were faster.

        Raises what the machine raises, `BookingBusy` and `StoreUnavailable`.
        """
        return (await self.change(booking, Wanted(given))).booking

    async def change(self, booking: Booking, wanted: Wanted) -> Saved:
        """As `apply`, with what else is wanted."""
        for _ in range(_MOST_TRIES):
            now = self._ports.now()
            outcome = apply(booking, wanted.given, now)
            if outcome.booking is booking:
                return Saved(booking, changed=False, leased=wanted.driving)
            saved = await self._save(booking, outcome, wanted, now)
            if saved is not None:
                return saved
            # Either the booking or its lease went to somebody else: the next try asks for no lease.
            wanted = replace(wanted, lease=None)
            booking = await self._fresh(booking.booking_id)
        raise BookingBusy("this booking is being changed by others; ask again")

    async def attempt(self, remembered: Booking, wanted: Wanted) -> Saved | None:
        """One try that reads nothing: the booking after the input if that was saved.

        None says nothing about the booking: what is refused, known or overtaken by the booking as it is
        remembered has to be judged by what is stored. Raises `StoreUnavailable`.
        """
        now = self._ports.now()
        try:
            outcome = apply(remembered, wanted.given, now)
        except MatineeError:
            return None
        if outcome.booking is remembered:
            return None
        saved = await self._save(remembered, outcome, wanted, now)
        if saved is None:
            self._recent.forget(remembered.booking_id)
        return saved

    async def _save(
        self, before: Booking, outcome: Outcome, wanted: Wanted, now: dt.datetime
    ) -> Saved | None:
        """None when somebody else was faster."""
        booking = outcome.booking.having_heard(wanted.heard) if wanted.heard else outcome.booking
        pace = self._ports.terms.pace
        more = bool(due_duties(booking, pace, now))
        lease: Lease | LeaseChange = LeaseChange.KEEP
        if wanted.lease is not None and more:
            lease = wanted.lease
        elif wanted.driving and not more:
            lease = LeaseChange.END
        look = next_look(booking, pace, now)
        if not await self._ports.bookings.save(before, booking, outcome.events, look, lease, now):
            return None
        if look is None:
            self._recent.forget(booking.booking_id)
        else:
            self._recent.put(booking.booking_id, booking)
        self._tell(booking, outcome.alarms, wanted.given)
        return Saved(booking, changed=True, leased=isinstance(lease, Lease) or (wanted.driving and more))

    async def _fresh(self, booking_id: str) -> Booking:
        booking = await self._ports.bookings.find(booking_id)
        if booking is None:
            raise UnknownBooking
        return booking

    def _tell(self, booking: Booking, alarms: Sequence[str], given: Input) -> None:
        CHANGES.labels(booking.state.value).inc()
        log.info(
            "booking_changed",
            booking_id=booking.booking_id,
            state=booking.state.value,
            version=booking.version,
            cause=type(given).__name__,
        )
        for alarm in alarms:
            ALARMS.labels(alarm).inc()
            log.error("booking_alarm", alarm=alarm, booking_id=booking.booking_id)
        for listener in self._listeners:
            listener(booking)
