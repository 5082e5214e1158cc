"""Telling many watchers of a show's changes: read once for the process, however many there are."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final

import structlog

from mesh.errors import MatineeError
from seat_svc.domain.seats import SeatDelta, SeatMap
from seat_svc.domain.show import Show
from seat_svc.errors import WatcherTooSlow
from seat_svc.ports import ChangeHints, MapReading
from seat_svc.theatres.hosted.metrics import WATCHED_SHOWS, WATCHERS

log = structlog.get_logger()

Update = SeatMap | SeatDelta
ReadChanges = Callable[[Show, int], Awaitable[list[SeatDelta] | MapReading]]
"""The changes of a show after a sequence, or its map where they are no longer known; 0 asks for the map."""

REMEMBERED: Final = 256
"""Updates that a watcher may be behind before it is cut off."""
_READINGS: Final = 2
"""By one who joins: somebody who was answered first may have begun the feed after what this one knows."""
_MOST_READ: Final = 500
"""Shows that are read at once."""
_PATIENCE_SECONDS: Final = 0.25
"""A sweep waits no longer for what it reads: shows on a server that hangs must not hold up the others."""


class ShowFeed:
    """The latest updates of one show, once for all its watchers; each has a position of its own in it."""

    def __init__(self, show: Show, remembered: int = REMEMBERED) -> None:
        self.show = show
        self.sequence = 0
        self.begun_after = 0
        self.watcher_count = 0
        self._updates: deque[Update] = deque(maxlen=remembered)
        self._told = 0
        self._news = asyncio.Event()

    @property
    def position(self) -> int:
        """Where a watcher that joins now begins to read."""
        return self._told

    def begin(self, sequence: int) -> int:
        """Changes after this one will be told, if none were so far; returns after which they are."""
        if not self.sequence:
            self.sequence = self.begun_after = sequence
        return self.begun_after

    def tell(self, delta: SeatDelta) -> bool:
        """Adds a change if it is the next one; whether changes are missing before it."""
        if not self.sequence:
            return False
        if delta.sequence == self.sequence + 1:
            self._add(delta)
        return delta.sequence > self.sequence

    def restart(self, seat_map: SeatMap) -> None:
        """Adds a snapshot: what came between is not known."""
        self.begun_after = seat_map.sequence
        self._add(seat_map)

    async def after(self, position: int) -> tuple[int, list[Update]]:
        """Waits for updates beyond the position; returns the new position with them.

        Raises `WatcherTooSlow` when they are no longer all remembered.
        """
        while position == self._told:
            await self._news.wait()
        missed = self._told - position
        if missed > len(self._updates):
            raise WatcherTooSlow
        return self._told, [self._updates[at] for at in range(-missed, 0)]

    def _add(self, update: Update) -> None:
        self.sequence = update.sequence
        self._updates.append(update)
        self._told += 1
        news, self._news = self._news, asyncio.Event()
        news.set()


class Watching:
    """The feeds of the shows that are watched in this process."""

    def __init__(self, read: ReadChanges, hints: ChangeHints) -> None:
        self._read = read
        self._hints = hints
        self._feeds: dict[str, ShowFeed] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}
        self.wake = asyncio.Event()

    async def watch(self, show: Show, after_sequence: int) -> AsyncGenerator[Update, None]:
        """See `TheatreConnector.watch`."""
        feed = self._join(show)
        try:
            # What happens from here on is in the feed; what happened before is read now.
            position, last = feed.position, after_sequence
            for _ in range(_READINGS):
                reading = await self._read(show, last)
                known = [reading.seat_map] if isinstance(reading, MapReading) else reading
                last = known[-1].sequence if known else last
                # Before anything is told: who is slow to take it must find the feed begun after it.
                begun_after = feed.begin(last)
                for update in known:
                    yield update
                if begun_after <= last:
                    break
            while True:
                position, updates = await feed.after(position)
                for update in updates:
                    if update.sequence > last or isinstance(update, SeatMap):
                        yield update
                        last = update.sequence
        finally:
            self._leave(feed)

    async def sweep(self) -> None:
        """Looks for changes of every watched show that no hint told of.

        Reading also ends the holds whose time has passed: this is what tells
        watchers of it, and all that a sweeper is needed for.
        """
        unread = [feed for feed in self._feeds.values() if feed.show.show_id not in self._reading]
        # Those that were read longest ago come first, should there be too many.
        begun = [self._begin_to_read(feed) for feed in unread[: _MOST_READ - len(self._reading)]]
        if begun:
            await asyncio.wait(begun, timeout=_PATIENCE_SECONDS)

    def _begin_to_read(self, feed: ShowFeed) -> asyncio.Task[None]:
        show_id = feed.show.show_id
        self._feeds[show_id] = self._feeds.pop(show_id)
        reading = asyncio.create_task(self._catch_up(feed), name="watch-catch-up")
        self._reading[show_id] = reading
        reading.add_done_callback(lambda _: self._reading.pop(show_id))
        return reading

    async def _catch_up(self, feed: ShowFeed) -> None:
        asked = feed.sequence
        if not asked:
            return
        try:
            reading = await self._read(feed.show, asked)
        except MatineeError as error:
            log.warning("watched_show_unreadable", show_id=feed.show.show_id, reason=error.reason)
            return
        if not isinstance(reading, MapReading):
            for delta in reading:
                feed.tell(delta)
        elif feed.sequence == asked:
            feed.restart(reading.seat_map)

    def _join(self, show: Show) -> ShowFeed:
        feed = self._feeds.get(show.show_id)
        if feed is None:
            feed = self._feeds[show.show_id] = ShowFeed(show)
            self._hints.follow(show.show_id, lambda delta: self._hint(feed, delta))
            WATCHED_SHOWS.inc()
        feed.watcher_count += 1
        WATCHERS.inc()
        return feed

    def _leave(self, feed: ShowFeed) -> None:
        WATCHERS.dec()
        feed.watcher_count -= 1
        if feed.watcher_count == 0:
            self._hints.unfollow(feed.show.show_id)
            del self._feeds[feed.show.show_id]
            WATCHED_SHOWS.dec()

    def _hint(self, feed: ShowFeed, delta: SeatDelta) -> None:
        if feed.tell(delta):
            self.wake.set()
