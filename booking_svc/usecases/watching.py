"""Following a booking: told at once of changes made here, soon of those made elsewhere."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from typing import Final

from prometheus_client import Gauge

from booking_svc.domain.booking import Booking, BookingState
from booking_svc.domain.proof import Viewer
from booking_svc.errors import WatcherLimit
from booking_svc.ports import Ports
from booking_svc.usecases.viewing import get_booking
from mesh import deadlines
from mesh.errors import InvalidField

_MOST_WATCHERS: Final = 5000
_LONGEST_SECONDS: Final = 900.0
_LONGEST_WAIT_SECONDS: Final = 10.0

WATCHERS: Final = Gauge("booking_watchers", "Callers that follow or wait for a booking.")


class _Watcher:
    def __init__(self) -> None:
        self.latest: Booking | None = None
        self.changed = asyncio.Event()

    @property
    def version(self) -> int:
        return self.latest.version if self.latest is not None else 0

    def take(self, booking: Booking) -> None:
        if booking.version > self.version:
            self.latest = booking
            self.changed.set()


class BookingWatch:
    """All watchers of this process share one query for what other replicas have changed."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._watchers: dict[str, set[_Watcher]] = {}
        self._count = 0

    def changed(self, booking: Booking) -> None:
        """Tells the booking's watchers."""
        for watcher in self._watchers.get(booking.booking_id, ()):
            watcher.take(booking)

    async def poll(self) -> None:
        """Looks once for changes made elsewhere, of all watched bookings together."""
        if not self._watchers:
            return
        versions = await self._ports.bookings.versions(list(self._watchers))
        for booking_id, version in versions.items():
            watchers = self._watchers.get(booking_id, ())
            if any(watcher.version < version for watcher in watchers):
                booking = await self._ports.bookings.find(booking_id)
                if booking is not None:
                    self.changed(booking)

    async def watch_booking(self, booking_id: str, viewer: Viewer) -> AsyncIterator[Booking]:
        """The booking as it is, then after changes: the newest each time, so some may be passed over.

        Ends after a quarter of an hour at the latest. Raises `UnknownBooking` and `WatcherLimit`.
        """
        if self._count >= _MOST_WATCHERS:
            raise WatcherLimit
        watcher = _Watcher()
        # Watched before it is read: what changes in between is not missed.
        self._begin(booking_id, watcher)
        try:
            watcher.take(await get_booking(self._ports, booking_id, viewer))
            async for changed in self._changes(watcher):
                yield changed
        finally:
            self._end(booking_id, watcher)

    async def booking_past(
        self, booking_id: str, viewer: Viewer, states: Collection[BookingState], at_most_seconds: float
    ) -> Booking:
        """The booking as soon as it is in none of the states, or as it stands when the time is over.

        As it stands, too, when as many watch already as may. Raises `UnknownBooking`, and `InvalidField`
        for a time that is none.
        """
        if not 0 <= at_most_seconds <= _LONGEST_WAIT_SECONDS:
            raise InvalidField("wait_milliseconds", f"must be from 0 to {_LONGEST_WAIT_SECONDS * 1000:.0f}")
        if not states or self._count >= _MOST_WATCHERS:
            return await get_booking(self._ports, booking_id, viewer)
        watcher = _Watcher()
        self._begin(booking_id, watcher)
        try:
            latest = await get_booking(self._ports, booking_id, viewer)
            watcher.take(latest)
            with suppress(TimeoutError):
                async with asyncio.timeout(deadlines.budget(at_most_seconds)):
                    while latest.state in states:
                        await watcher.changed.wait()
                        watcher.changed.clear()
                        latest = watcher.latest or latest
            return latest
        finally:
            self._end(booking_id, watcher)

    @staticmethod
    async def _changes(watcher: _Watcher) -> AsyncIterator[Booking]:
        end = asyncio.get_running_loop().time() + _LONGEST_SECONDS
        while True:
            try:
                async with asyncio.timeout_at(end):
                    await watcher.changed.wait()
            except TimeoutError:
                return
            watcher.changed.clear()
            if watcher.latest is not None:
                yield watcher.latest

    def _begin(self, booking_id: str, watcher: _Watcher) -> None:
        self._watchers.setdefault(booking_id, set()).add(watcher)
        self._count += 1
        WATCHERS.set(self._count)

    def _end(self, booking_id: str, watcher: _Watcher) -> None:
        watchers = self._watchers[booking_id]
        watchers.discard(watcher)
        if not watchers:
            del self._watchers[booking_id]
        self._count -= 1
        WATCHERS.set(self._count)
