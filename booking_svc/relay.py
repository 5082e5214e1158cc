"""The outbox relay: publishes what bookings have to tell, in order for each booking, at least once.

A turn is one booking's events, one process's alone for some seconds: whoever
saves events has the turn with the same write if nothing stands before them in
the outbox (`OutboxRelay.offer`, `take`), and what is nobody's turn is claimed
by any replica (`relay`). A turn's events are published one after the other,
each with the broker's confirm, and only then taken out. A process that dies
between the two leaves them to the next, which publishes them again: consumers
remember event ids. See docs/decisions/0004-outbox-in-the-document.md.
"""

import asyncio
import datetime as dt
from typing import Final

import structlog
from prometheus_client import Counter, Gauge

from booking_svc.ports import Bookings
from booking_svc.stores.outbox import MongoOutbox, OutboxEntry, OutboxTurn, TurnEnd
from mesh import tracing
from mesh.amqp import BrokerAway, Message, Publisher, PublishFailed
from mesh.background import Background
from mesh.clock import Clock
from mesh.errors import StoreUnavailable
from mesh.gathering import Gathering

log = structlog.get_logger()

EXCHANGE: Final = "bookings"
_TURN_SECONDS: Final = 12.0
_MARGIN_SECONDS: Final = 2.0
"""Whoever publishes stops so long before the turn is over: before anybody else may begin."""
_CONFIRM_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 2.0
_AT_ONCE: Final = 32
_MOST_OWN: Final = 64
"""When so many turns of events that were saved here are under way, no more are begun."""
_GATHER_SECONDS: Final = 0.1
_MOST_GATHERED: Final = 32
"""As many as are claimed at once: a backlog does not wait for the time to be over."""

PUBLISHED: Final = Counter("booking_events_published", "Events that the broker has confirmed.", ["event"])
LAG: Final = Gauge("booking_outbox_lag_seconds", "How long the oldest unpublished event has waited.")
OVERDUE: Final = Gauge("bookings_overdue", "Bookings that somebody should have looked at 5 s ago.")


class OutboxRelay:
    """Publishes the events that were saved here, and what else lies in outboxes; an `Outlet`."""

    def __init__(
        self, outbox: MongoOutbox, publisher: Publisher, clock: Clock, background: Background
    ) -> None:
        self._outbox = outbox
        self._publisher = publisher
        self._clock = clock
        self._background = background
        self._ends = Gathering(outbox.ended, _GATHER_SECONDS, _MOST_GATHERED)
        self._own: dict[asyncio.Task[None], str] = {}
        self._left: set[str] = set()
        self._broker_away = False
        self.wake = asyncio.Event()
        """Set when there may be something to claim."""

    def offer(self, now: dt.datetime) -> dt.datetime | None:
        """See `Outlet.offer`."""
        if self._broker_away or len(self._own) >= _MOST_OWN:
            return None
        return now + dt.timedelta(seconds=_TURN_SECONDS)

    def take(self, turn: OutboxTurn) -> None:
        """See `Outlet.take`: publishes in the background, to its end also when the process drains."""
        task = self._background.begin(self._take_own(turn), "publish")
        self._own[task] = turn.booking_id
        task.add_done_callback(self._own.pop)

    def look(self, booking_id: str) -> None:
        """See `Outlet.look`."""
        if booking_id in self._own.values():
            # They stand behind a turn that is taken here just now, and can be claimed when it ends.
            self._left.add(booking_id)
        self.wake.set()

    async def relay(self) -> None:
        """Publishes all that can be claimed, several bookings at once."""
        places = asyncio.Semaphore(_AT_ONCE)
        self._broker_away = False
        try:
            async with asyncio.TaskGroup() as group:
                while not self._broker_away:
                    await places.acquire()
                    if (turn := await self._claim()) is None:
                        break
                    group.create_task(self._take(turn)).add_done_callback(lambda _: places.release())
        except* StoreUnavailable:
            log.warning("relay_put_off", reason="STORE_UNAVAILABLE")

    async def _take_own(self, turn: OutboxTurn) -> None:
        try:
            await self._take(turn)
        except StoreUnavailable:
            # Published or not, they are claimed when the turn is over.
            log.warning("relay_put_off", reason="STORE_UNAVAILABLE", booking_id=turn.booking_id)
        except Exception:
            log.exception("relay_failed", booking_id=turn.booking_id)
        if turn.booking_id in self._left:
            self._left.discard(turn.booking_id)
            self.wake.set()

    async def _take(self, turn: OutboxTurn) -> None:
        published: list[str] = []
        pause = 0.0
        try:
            async with asyncio.timeout(self._seconds_left(turn)):
                await self._publish(turn, published)
        except (PublishFailed, TimeoutError) as error:
            # Another turn may fare better: one event that no queue takes does not hold up the rest.
            pause = _PAUSE_SECONDS
            self._broker_away = isinstance(error, BrokerAway)
            reason = error.reason if isinstance(error, PublishFailed) else "TOO_SLOW"
            log.warning("relay_put_off", reason=reason, booking_id=turn.booking_id)
        finally:
            again = self._clock.now() + dt.timedelta(seconds=pause)
            await asyncio.shield(self._ends.put(TurnEnd(turn, tuple(published), again)))

    def _seconds_left(self, turn: OutboxTurn) -> float:
        return (turn.until - self._clock.now()).total_seconds() - _MARGIN_SECONDS

    async def _claim(self) -> OutboxTurn | None:
        now = self._clock.now()
        return await self._outbox.claim(now, now + dt.timedelta(seconds=_TURN_SECONDS))

    async def _publish(self, turn: OutboxTurn, published: list[str]) -> None:
        for entry in turn.entries:
            with tracing.entered(entry.traceparent or None):
                await self._publisher.publish(_message(entry), timeout=_CONFIRM_SECONDS)
            published.append(entry.event_id)
            PUBLISHED.labels(entry.name).inc()


class Gauges:
    """Looks now and then at how much lies overdue."""

    def __init__(self, bookings: Bookings, clock: Clock) -> None:
        self._bookings = bookings
        self._clock = clock

    async def look(self) -> None:
        """Sets the gauges once."""
        try:
            resting = await self._bookings.resting(self._clock.now())
        except StoreUnavailable:
            return
        LAG.set(resting.outbox_lag.total_seconds())
        OVERDUE.set(resting.overdue_count)


def _message(entry: OutboxEntry) -> Message:
    headers = {tracing.TRACEPARENT: entry.traceparent} if entry.traceparent else {}
    return Message(
        exchange=EXCHANGE,
        routing_key=entry.routing_key,
        body=entry.body,
        message_id=entry.event_id,
        type=entry.type,
        headers=headers,
    )
