"""Following the schedule: bookings of a show that was cancelled or moved come to know of it.

The catalogue's list of changes is read on by one replica at a time; what is
read is kept before its place is passed. Each kept change is then a walk through
the bookings of its show, page by page, leased by one replica and taken up where
it stopped. A booking that has followed the change already is left as it is, so
nothing is done twice however often a walk begins again.

Every show is walked through twice, for bookings that were being made while it
was changed: before the first walk the inventory is told, and no seat of a
cancelled show is held or sold from then on.
"""

import asyncio
import datetime as dt
from typing import Final

import structlog
from prometheus_client import Counter, Gauge

from booking_svc.domain import inputs
from booking_svc.domain.booking import Booking
from booking_svc.errors import BookingBusy, TryAgain, UnknownBooking
from booking_svc.ports import Lease, Ports, ScheduleChangeKind, ScheduleFeed, ShowWalks, Walk
from booking_svc.usecases.changes import ALARMS
from booking_svc.usecases.driving import Driver
from mesh.errors import StoreUnavailable
from mesh.ids import new_token

log = structlog.get_logger()

_READ_SECONDS: Final = 10.0
_WALK_SECONDS: Final = 15.0
_PAGE: Final = 100
_AT_ONCE: Final = 16
_MOST_PAGES: Final = 20
_SECOND_LOOK_SECONDS: Final = 8.0
"""Longer than a booking takes to be made: whoever looked at the show before the change has stored it."""
_ROUNDS: Final = 2
_MOST_ROUNDS: Final = 30
"""An inventory that cannot be told for so long looks by itself."""
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 30.0
_WALKS_AT_ONCE: Final = 4

FOLLOWED: Final = Counter("booking_show_changes", "Bookings that followed a change of their show.", ["kind"])
WALKS: Final = Gauge("booking_show_walks", "Changed shows whose bookings this process is walking through.")


class ScheduleFollower:
    """Reads the list of changes on, and walks; both may be done by any replica at any time."""

    def __init__(self, ports: Ports, driver: Driver, feed: ScheduleFeed, walks: ShowWalks) -> None:
        self._ports = ports
        self._driver = driver
        self._feed = feed
        self._walks = walks
        self._owner = new_token()
        self._read_to = 0
        self.wake = asyncio.Event()
        """Set when there is something new to walk."""

    async def read(self) -> None:
        """Keeps what is new in the catalogue's list."""
        try:
            # The place only ever goes on: nothing after one that was read to once is nothing new at all.
            if not await self._feed.changes_after(self._read_to, limit=1):
                return
            for _ in range(_MOST_PAGES):
                now = self._ports.now()
                position = await self._walks.claim_position(self._lease(_READ_SECONDS), now)
                if position is None:
                    return
                changes = await self._feed.changes_after(position, _PAGE)
                await self._walks.keep(changes, self._owner, now)
                self._read_to = changes[-1].sequence if changes else position
                if changes:
                    self.wake.set()
                if len(changes) < _PAGE:
                    return
        except (TryAgain, StoreUnavailable) as error:
            log.warning("schedule_put_off", reason=error.reason)

    async def walk(self) -> None:
        """Walks all that is due, several shows at once."""
        try:
            first = await self._claim()
            if first is None:
                return
            async with asyncio.TaskGroup() as group:
                group.create_task(self._walk_on(first))
                for _ in range(1, _WALKS_AT_ONCE):
                    group.create_task(self._walk_on(None))
        except* StoreUnavailable:
            log.warning("walks_put_off", reason="STORE_UNAVAILABLE")

    async def _walk_on(self, claimed: Walk | None) -> None:
        walk = claimed or await self._claim()
        while walk is not None:
            with WALKS.track_inprogress():
                await self._take(walk)
            walk = await self._claim()

    async def _claim(self) -> Walk | None:
        return await self._walks.claim(self._lease(_WALK_SECONDS), self._ports.now())

    async def _take(self, walk: Walk) -> None:
        change = walk.change
        if walk.superseded and change.kind is ScheduleChangeKind.MOVED:
            await self._walks.end_round(change.sequence, self._owner, None)
            return
        try:
            told = await self._tell_inventory(walk)
            if not await self._walk(walk):
                return
        except TryAgain as error:
            pause = min(_FIRST_PAUSE_SECONDS * 2 ** min(walk.failures, 10), _LONGEST_PAUSE_SECONDS)
            log.warning("walk_put_off", show_id=change.show_id, reason=error.reason)
            await self._walks.put_off(change.sequence, self._owner, self._later(pause))
            return
        done = (walk.round + 1 >= _ROUNDS and told) or walk.round + 1 >= _MOST_ROUNDS
        again = None if done else self._later(_SECOND_LOOK_SECONDS)
        await self._walks.end_round(change.sequence, self._owner, again)
        log.info("show_walked", show_id=change.show_id, kind=change.kind.value, round=walk.round, done=done)

    async def _tell_inventory(self, walk: Walk) -> bool:
        """A theatre that is away must not keep its visitors from their money: it is told the next time."""
        try:
            await self._ports.seats.refresh(walk.change.show_id)
        except TryAgain as error:
            log.warning("inventory_not_told", show_id=walk.change.show_id, reason=error.reason)
            return False
        return True

    async def _walk(self, walk: Walk) -> bool:
        """Goes on from where the walk stopped; False when it went to somebody else meanwhile.

        Raises `BookingBusy` at the end when bookings could not follow: these are met again.
        """
        after = followed_to = walk.after
        missed = 0
        while True:
            page = await self._ports.bookings.of_show(walk.change.show_id, after, _PAGE)
            places = asyncio.Semaphore(_AT_ONCE)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._follow(booking, walk, places)) for booking in page]
            missed += [task.result() for task in tasks].count(False)
            if len(page) < _PAGE:
                break
            after = page[-1].booking_id
            if not missed:
                followed_to = after
            # Who goes on from here, should this one die, has to meet again what could not follow.
            if not await self._walks.come_to(walk.change.sequence, self._lease(_WALK_SECONDS), followed_to):
                return False
        if missed:
            raise BookingBusy(f"{missed} bookings could not follow their show")
        return True

    async def _follow(self, booking: Booking, walk: Walk, places: asyncio.Semaphore) -> bool:
        """True when the booking has followed; False when it has to be met again."""
        change = walk.change
        given: inputs.Input = inputs.ShowCalledOff(change.reason)
        if change.kind is ScheduleChangeKind.MOVED:
            given = inputs.ShowMoved(change.sequence, change.start_time, change.reason)
        async with places:
            try:
                await self._driver.change_and_begin(booking, given)
            except (BookingBusy, StoreUnavailable):
                return False
            except UnknownBooking:
                return True  # gone meanwhile
            except Exception:  # one faulty booking must not keep the others from following
                ALARMS.labels("show_change_failed").inc()
                log.exception("show_change_failed", booking_id=booking.booking_id)
                return False
        FOLLOWED.labels(change.kind.value).inc()
        return True

    def _lease(self, seconds: float) -> Lease:
        return Lease(self._owner, self._later(seconds))

    def _later(self, seconds: float) -> dt.datetime:
        return self._ports.now() + dt.timedelta(seconds=seconds)
