"""One watch of each show's seats for all browsers that look at it, whatever their number.

A browser that takes events in more slowly than they come is cut off; it connects again and gets a
snapshot. Nothing is kept for it meanwhile.
"""

import asyncio
import contextvars
import json
import random
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Protocol

import structlog
from matinee.seat.v1 import seat_pb2
from matinee.theatre.v1 import seats_pb2

from bff.live.streams import encode_event
from mesh.errors import RemoteError

log = structlog.get_logger()

QUEUE_LENGTH = 64
LINGER_SECONDS = 10.0
LINGERING = 256
_WATCH_SECONDS = 300.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0
# Answers after which asking again is of no use.
_FINAL = frozenset({"NOT_FOUND", "INVALID_ARGUMENT", "UNIMPLEMENTED", "UNAUTHENTICATED", "PERMISSION_DENIED"})

LETTERS = {
    seats_pb2.SEAT_STATE_AVAILABLE: "f",
    seats_pb2.SEAT_STATE_HELD: "h",
    seats_pb2.SEAT_STATE_CLAIMED: "s",
    seats_pb2.SEAT_STATE_SOLD: "s",
    seats_pb2.SEAT_STATE_BLOCKED: "b",
}

Events = asyncio.Queue[bytes | None]
"""Encoded events; None ends them."""


class SeatSource(Protocol):
    """Where changes of seats come from."""

    def watch(
        self, show_id: str, after: int, timeout: float
    ) -> AsyncGenerator[seat_pb2.WatchSeatsResponse, None]:
        """A snapshot, then changes."""
        ...


class SeatFeeds:
    """Shares one upstream watch for each show.

    A watch is kept for a while after its last browser left: the page is loaded again, or somebody else
    looks at the show. Setting one up and ending it costs both sides more than some changes that nobody
    hears of. At most `LINGERING` are kept so.
    """

    def __init__(self, source: SeatSource, linger_seconds: float = LINGER_SECONDS) -> None:
        self._source = source
        self._linger_seconds = linger_seconds
        self._feeds: dict[str, _Feed] = {}
        self._lingering: OrderedDict[str, asyncio.TimerHandle] = OrderedDict()

    @asynccontextmanager
    async def subscribe(self, show_id: str) -> AsyncIterator[Events]:
        """Events of a show: a snapshot first, then changes."""
        feed = self._feeds.get(show_id)
        if feed is None or feed.ended:
            feed = self._feeds[show_id] = _Feed(show_id, self._source)
        if (timer := self._lingering.pop(show_id, None)) is not None:
            timer.cancel()
        events = feed.join()
        try:
            yield events
        finally:
            feed.leave(events)
            if not feed.watched and self._feeds.get(show_id) is feed:
                self._linger(show_id)

    def seat_map(self, show_id: str) -> seats_pb2.SeatMap | None:
        """The show's seats as they are, if a watch of them is under way; not to be changed or kept."""
        feed = self._feeds.get(show_id)
        return feed.seat_map if feed is not None else None

    async def close(self) -> None:
        """Ends every watch."""
        for timer in self._lingering.values():
            timer.cancel()
        self._lingering.clear()
        feeds, self._feeds = list(self._feeds.values()), {}
        for feed in feeds:
            await feed.close()

    def _linger(self, show_id: str) -> None:
        loop = asyncio.get_running_loop()
        self._lingering[show_id] = loop.call_later(self._linger_seconds, self._end, show_id)
        if len(self._lingering) > LINGERING:
            self._end(next(iter(self._lingering)))

    def _end(self, show_id: str) -> None:
        self._lingering.pop(show_id).cancel()
        self._feeds.pop(show_id).cancel()


class _Feed:
    """One show's watch and those who listen to it."""

    def __init__(self, show_id: str, source: SeatSource) -> None:
        self._show_id = show_id
        self._source = source
        self._listeners: set[Events] = set()
        self._states: list[str] = []
        self._map = seats_pb2.SeatMap()
        self._is_told = False
        # An empty context: the first browser's deadline and trace are not the feed's.
        self._task = asyncio.create_task(self._run(), context=contextvars.Context())

    @property
    def watched(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    @property
    def seat_map(self) -> seats_pb2.SeatMap | None:
        """All states, while changes of them are being told."""
        return self._map if self._is_told else None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self._task.done()

    def join(self) -> Events:
        """A new listener's events, beginning with what is known."""
        events: Events = asyncio.Queue(QUEUE_LENGTH)
        if self._states:
            events.put_nowait(self._snapshot_event())
        self._listeners.add(events)
        return events

    def leave(self, events: Events) -> None:
        """Forgets a listener."""
        self._listeners.discard(events)

    def cancel(self) -> None:
        """Ends the watch soon; for one that nobody listens to."""
        self._task.cancel()

    async def close(self) -> None:
        """Ends the watch and tells the listeners."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._end_all()

    async def _run(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                async with aclosing(
                    self._source.watch(self._show_id, self._map.sequence, _WATCH_SECONDS)
                ) as updates:
                    async for update in updates:
                        self._take(update)
                        self._is_told = True
                        pause = _FIRST_PAUSE
            except RemoteError as error:
                if error.code in _FINAL:
                    log.info("seat_watch_ended", show_id=self._show_id, reason=error.reason or error.code)
                    self._end_all()
                    return
                log.warning("seat_watch_interrupted", show_id=self._show_id, code=error.code)
            finally:
                self._is_told = False
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load, no secret
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _take(self, update: seat_pb2.WatchSeatsResponse) -> None:
        if update.HasField("snapshot"):
            self._map.CopyFrom(update.snapshot)
            self._states = [LETTERS.get(state, "b") for state in update.snapshot.seat_states]
            self._tell(self._snapshot_event())
            return
        changes = []
        for change in update.delta.changes:
            if 0 <= change.seat_index < len(self._states):
                letter = LETTERS.get(change.state, "b")
                self._states[change.seat_index] = letter
                self._map.seat_states[change.seat_index] = change.state
                changes.append((change.seat_index, letter))
        sequence = self._map.sequence = update.delta.sequence
        self._tell(encode_event("delta", json.dumps({"sequence": sequence, "changes": changes})))

    def _snapshot_event(self) -> bytes:
        return encode_event(
            "snapshot", json.dumps({"sequence": self._map.sequence, "states": "".join(self._states)})
        )

    def _tell(self, event: bytes) -> None:
        for events in list(self._listeners):
            try:
                events.put_nowait(event)
            except asyncio.QueueFull:
                self._end(events)

    def _end_all(self) -> None:
        for events in list(self._listeners):
            self._end(events)

    def _end(self, events: Events) -> None:
        self._listeners.discard(events)
        while not events.empty():
            events.get_nowait()
        events.put_nowait(None)
