"""Driving bookings on: whatever rests in a passing state is brought to its end.

A lease keeps two workers from taking the same step at the same time. It is not
what correctness hangs on (every write is conditional on the version, every
outside call repeatable) but it saves the work, and keeps a slow answer of one
worker from meeting the next step of another.

What is driven in the background has a bounded number of places for each
theatre: one that hangs keeps only its own bookings waiting.
"""

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Coroutine
from typing import Any, Final

import structlog
from prometheus_client import Counter as Count

from booking_svc.domain.booking import Booking
from booking_svc.domain.duties import Duty, due_duties, next_look
from booking_svc.domain.inputs import Input
from booking_svc.errors import TryAgain, UnknownProvider
from booking_svc.ports import Claimed, DueBooking, Lease, Ports
from booking_svc.usecases import steps
from booking_svc.usecases.changes import ALARMS, Changes, Saved, Wanted
from mesh.errors import StoreUnavailable
from mesh.ids import new_token

log = structlog.get_logger()

LEASE_SECONDS: Final = 12.0
_DRIVE_SECONDS: Final = 10.0
"""Less than the lease: whoever drives has stopped before anybody else may begin."""
_AT_ONCE_IN_THEATRE: Final = 16
_MOST_DUE: Final = 200
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 8.0

STEPS: Final = Count("booking_steps", "Steps taken for bookings, by duty and outcome.", ["duty", "outcome"])


class Driver:
    """Drives bookings, for a caller that waits or in the background."""

    def __init__(self, ports: Ports, changes: Changes) -> None:
        self._ports = ports
        self._changes = changes
        self._owner = new_token()
        self._busy: Counter[str] = Counter()
        self._left_over = False
        self.under_way: set[asyncio.Task[None]] = set()
        self.wake = asyncio.Event()
        """Set when there is place again for bookings that are due."""

    async def drive(self, booking_id: str) -> None:
        """Takes all steps that are due, unless somebody else does so already."""
        claimed = await self._ports.bookings.claim(booking_id, self._lease(), self._ports.now())
        if claimed is not None:
            await self._drive(claimed)

    async def change_and_begin(self, booking: Booking, given: Input, heard: str = "") -> Saved:
        """Applies the input and begins with the steps that are due from it, in the background.

        Where there is no place for that just now, the recovery loop takes them.
        """
        saved = await self._changes.change(booking, self._wanted(booking, given, heard))
        self._begin_after(saved)
        return saved

    async def attempt_and_begin(self, remembered: Booking, given: Input, heard: str) -> bool:
        """As `change_and_begin` by `Changes.attempt`: whether the booking was changed."""
        saved = await self._changes.attempt(remembered, self._wanted(remembered, given, heard))
        if saved is not None:
            self._begin_after(saved)
        return saved is not None

    async def begin_due(self) -> None:
        """Begins to drive bookings that are due now; returns without waiting for that."""
        full = [theatre_id for theatre_id in self._busy if not self._has_place(theatre_id)]
        try:
            due = await self._ports.bookings.due(self._ports.now(), _MOST_DUE, full)
        except StoreUnavailable:
            log.warning("recovery_put_off")
            return
        self._left_over = bool(full)
        for each in due:
            if self._has_place(each.theatre_id):
                self._begin(each.theatre_id, self._drive_due(each))
            else:
                self._left_over = True

    async def settled(self) -> None:
        """Waits until nothing is driven in the background."""
        while self.under_way:
            await asyncio.wait(self.under_way)

    def _wanted(self, booking: Booking, given: Input, heard: str) -> Wanted:
        if self._has_place(booking.show.theatre_id):
            return Wanted(given, lease=self._lease(), heard=heard)
        self._left_over = True
        return Wanted(given, heard=heard)

    def _begin_after(self, saved: Saved) -> None:
        if saved.leased:
            drive = self._drive(Claimed(saved.booking, failures=0))
            self._begin(saved.booking.show.theatre_id, drive)

    def _has_place(self, theatre_id: str) -> bool:
        return self._busy[theatre_id] < _AT_ONCE_IN_THEATRE

    def _begin(self, theatre_id: str, work: Coroutine[Any, Any, None]) -> None:
        def ended(task: asyncio.Task[None]) -> None:
            self.under_way.discard(task)
            self._busy[theatre_id] -= 1
            if self._left_over and self._busy[theatre_id] <= _AT_ONCE_IN_THEATRE // 2:
                self._left_over = False
                self.wake.set()
            if not self._busy[theatre_id]:
                del self._busy[theatre_id]

        self._busy[theatre_id] += 1
        task = self._ports.background.begin(work, "drive")
        self.under_way.add(task)
        task.add_done_callback(ended)

    async def _drive_due(self, due: DueBooking) -> None:
        try:
            await self.drive(due.booking_id)
        except StoreUnavailable:
            log.warning("recovery_put_off", booking_id=due.booking_id)

    def _lease(self) -> Lease:
        return Lease(self._owner, self._ports.now() + dt.timedelta(seconds=LEASE_SECONDS))

    async def _drive(self, claimed: Claimed) -> None:
        drive = _Drive(self._ports, self._changes, claimed)
        booking_id = claimed.booking.booking_id
        try:
            try:
                async with asyncio.timeout(_DRIVE_SECONDS):
                    await drive.run()
            except TimeoutError:
                drive.stuck = True
                log.warning("drive_too_slow", booking_id=booking_id)
            if drive.leased:
                await self._release(drive, claimed.failures)
        except StoreUnavailable:
            # Not even the lease can be given up: it ends by itself, and somebody looks again.
            log.warning("drive_cut_off", booking_id=booking_id)
        except Exception:  # one faulty booking must not keep the others from being driven
            ALARMS.labels("drive_failed").inc()
            log.exception("drive_failed", booking_id=booking_id)

    async def _release(self, drive: "_Drive", failures: int) -> None:
        now = self._ports.now()
        look = next_look(drive.booking, self._ports.terms.pace, now)
        if drive.stuck or (look is not None and look <= now):
            failures += 1
            pause = min(_FIRST_PAUSE_SECONDS * 2 ** min(failures, 10), _LONGEST_PAUSE_SECONDS)
            again = now + dt.timedelta(seconds=pause)
            look = again if look is None or look <= now else min(look, again)
        else:
            failures = 0
        booking = drive.booking
        await self._ports.bookings.release(booking.booking_id, self._owner, look, booking.version, failures)


class _Drive:
    """One worker's turn with one booking; each duty is taken at most once in it."""

    def __init__(self, ports: Ports, changes: Changes, claimed: Claimed) -> None:
        self._ports = ports
        self._changes = changes
        self._tried: set[Duty] = set()
        self.booking = claimed.booking
        self.leased = True
        self.stuck = False

    async def run(self) -> None:
        """Takes duties until none is due that was not tried."""
        while self.leased and (duty := self._next()) is not None:
            self._tried.add(duty)
            name = type(duty).__name__
            try:
                news = await steps.take(self._ports, self.booking, duty)
            except (TryAgain, UnknownProvider) as error:
                # One duty that cannot be done now does not keep others from being done.
                self.stuck = True
                STEPS.labels(name, "later").inc()
                log.warning(
                    "step_put_off", duty=name, booking_id=self.booking.booking_id, reason=error.reason
                )
                continue
            STEPS.labels(name, "news" if news else "nothing_new").inc()
            for given in news:
                saved = await self._changes.change(self.booking, Wanted(given, driving=True))
                self.booking, self.leased = saved.booking, saved.leased

    def _next(self) -> Duty | None:
        due = due_duties(self.booking, self._ports.terms.pace, self._ports.now())
        return next((duty for duty in due if duty not in self._tried), None)
