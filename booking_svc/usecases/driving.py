"""Driving bookings on: whatever rests in a passing state is brought to its end.

A lease keeps two workers from taking the same step at the same time. It is not
what correctness hangs on (every write is conditional on the version, every
outside call repeatable) but it saves the work, and keeps a slow answer of one
worker from meeting the next step of another.
"""

import asyncio
import contextlib
import datetime as dt
from typing import Final

import structlog
from prometheus_client import Counter

from booking_svc.domain.booking import Booking
from booking_svc.domain.duties import Duty, due_duties, next_look
from booking_svc.domain.inputs import Input
from booking_svc.errors import TryAgain, UnknownProvider
from booking_svc.ports import Claimed, Lease, Ports
from booking_svc.usecases import steps
from booking_svc.usecases.changes import ALARMS, Changes
from mesh.errors import StoreUnavailable
from mesh.ids import new_token

log = structlog.get_logger()

LEASE_SECONDS: Final = 20.0
_DRIVE_SECONDS: Final = 18.0
"""Less than the lease: whoever drives has stopped before anybody else may begin."""
_AT_ONCE: Final = 32
_MOST_DUE: Final = 200
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 8.0

STEPS: Final = Counter("booking_steps", "Steps taken for bookings, by duty and outcome.", ["duty", "outcome"])


class Driver:
    """Drives bookings, a bounded number at once."""

    def __init__(self, ports: Ports, changes: Changes) -> None:
        self._ports = ports
        self._changes = changes
        self._owner = new_token()
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def drive(self, booking_id: str) -> None:
        """Takes all steps that are due, unless somebody else does so already."""
        async with self._places:
            claimed = await self._ports.bookings.claim(booking_id, self._lease(), self._ports.now())
            if claimed is not None:
                await self._drive(claimed)

    async def change_and_drive(self, booking: Booking, given: Input) -> None:
        """Applies the input and takes the steps that are due from it, with one write less than apart."""
        saved = await self._changes.apply_and_claim(booking, given, self._lease())
        if saved.leased:
            async with self._places:
                await self._drive(Claimed(saved.booking, failures=0))
        elif due_duties(saved.booking, self._ports.terms.pace, self._ports.now()):
            await self.drive(booking.booking_id)

    async def drive_due(self) -> None:
        """Drives every booking that is due now; returns when that is done."""
        try:
            ids = await self._ports.bookings.due(self._ports.now(), _MOST_DUE)
            async with asyncio.TaskGroup() as group:
                for booking_id in ids:
                    group.create_task(self._drive_due(booking_id))
        except StoreUnavailable:
            log.warning("recovery_put_off")

    async def _drive_due(self, booking_id: str) -> None:
        with contextlib.suppress(StoreUnavailable):
            await self.drive(booking_id)

    def _lease(self) -> Lease:
        return Lease(self._owner, self._ports.now() + dt.timedelta(seconds=LEASE_SECONDS))

    async def _drive(self, claimed: Claimed) -> None:
        drive = _Drive(self._ports, self._changes, claimed)
        try:
            async with asyncio.timeout(_DRIVE_SECONDS):
                await drive.run()
        except StoreUnavailable:
            # Not even the lease can be given up: it ends by itself, and somebody looks again.
            log.warning("drive_cut_off", booking_id=claimed.booking.booking_id)
            return
        except TimeoutError:
            log.warning("drive_too_slow", booking_id=claimed.booking.booking_id)
            drive.stuck = True
        except Exception:  # one faulty booking must not keep the others from being driven
            log.exception("drive_failed", booking_id=claimed.booking.booking_id)
            ALARMS.labels("drive_failed").inc()
            drive.stuck = True
        if drive.leased:
            await self._release(drive, claimed.failures)

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
                saved = await self._changes.apply_driving(self.booking, given)
                self.booking, self.leased = saved.booking, saved.leased

    def _next(self) -> Duty | None:
        due = due_duties(self.booking, self._ports.terms.pace, self._ports.now())
        return next((duty for duty in due if duty not in self._tried), None)
