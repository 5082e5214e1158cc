"""The outbox relay: publishes what bookings have to tell, in order for each booking, at least once.

Any replica may do it. A turn is one booking's events, leased by a conditional
update; they are published one after the other, each with the broker's confirm,
and only then taken out. A relay that dies between the two publishes again:
consumers remember event ids.
"""

import asyncio
import datetime as dt
from typing import Final

import structlog
from prometheus_client import Counter, Gauge

from booking_svc.domain.booking import Booking
from booking_svc.ports import Bookings
from booking_svc.stores.outbox import MongoOutbox, OutboxEntry, OutboxTurn
from mesh import tracing
from mesh.amqp import BrokerAway, Message, Publisher, PublishFailed
from mesh.clock import Clock
from mesh.errors import StoreUnavailable

log = structlog.get_logger()

EXCHANGE: Final = "bookings"
_TURN_SECONDS: Final = 12.0
_PUBLISH_SECONDS: Final = 10.0
"""Less than the turn: whoever publishes has stopped before anybody else may begin."""
_CONFIRM_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 2.0
_AT_ONCE: Final = 8

PUBLISHED: Final = Counter("booking_events_published", "Events that the broker has confirmed.", ["event"])
LAG: Final = Gauge("booking_outbox_lag_seconds", "How long the oldest unpublished event has waited.")
OVERDUE: Final = Gauge("bookings_overdue", "Bookings that somebody should have looked at 5 s ago.")


class OutboxRelay:
    """Publishes until nothing is left; woken by changes made here, and looks by itself."""

    def __init__(self, outbox: MongoOutbox, publisher: Publisher, clock: Clock) -> None:
        self._outbox = outbox
        self._publisher = publisher
        self._clock = clock
        self._broker_away = False
        self.wake = asyncio.Event()

    def changed(self, _booking: Booking, has_events: bool) -> None:
        """A booking was changed here."""
        if has_events:
            self.wake.set()

    async def relay(self) -> None:
        """Publishes all that is there, several bookings at once."""
        places = asyncio.Semaphore(_AT_ONCE)
        self._broker_away = False
        try:
            async with asyncio.TaskGroup() as group:
                while not self._broker_away and (turn := await self._claim()) is not None:
                    await places.acquire()
                    group.create_task(self._take(turn)).add_done_callback(lambda _: places.release())
        except* StoreUnavailable:
            log.warning("relay_put_off", reason="STORE_UNAVAILABLE")

    async def _take(self, turn: OutboxTurn) -> None:
        published: list[str] = []
        pause = 0.0
        try:
            async with asyncio.timeout(_PUBLISH_SECONDS):
                await self._publish(turn, published)
        except (PublishFailed, TimeoutError) as error:
            # Another turn may fare better: one event that no queue takes does not hold up the rest.
            pause = _PAUSE_SECONDS
            self._broker_away = isinstance(error, BrokerAway)
            reason = error.reason if isinstance(error, PublishFailed) else "TOO_SLOW"
            log.warning("relay_put_off", reason=reason, booking_id=turn.booking_id)
        finally:
            again = self._clock.now() + dt.timedelta(seconds=pause)
            await self._outbox.published(turn.booking_id, published, again)

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
        routing_key=entry.name,
        body=entry.body,
        message_id=entry.event_id,
        type=entry.type,
        headers=headers,
    )
