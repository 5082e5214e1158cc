"""Consuming with acknowledgement after the work."""

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Any, Self

import structlog
from pika.channel import Channel
from prometheus_client import Counter, Gauge

from mesh import tracing
from mesh.amqp.broker import Broker
from mesh.amqp.errors import PublishFailed
from mesh.amqp.link import Link, LinkState
from mesh.amqp.message import (
    ATTEMPT_HEADER,
    EXCHANGE_HEADER,
    ROUTING_KEY_HEADER,
    Delivery,
    Message,
    Outcome,
)
from mesh.amqp.publisher import Publisher
from mesh.amqp.topology import Exchange, WorkQueue

log = structlog.get_logger()

DELIVERIES = Counter(
    "amqp_deliveries", "Deliveries with an outcome, by queue and outcome.", ["queue", "outcome"]
)
UNDER_WAY = Gauge("amqp_deliveries_under_way", "Deliveries without an outcome yet, by queue.", ["queue"])

Handle = Callable[[Delivery], Awaitable[Outcome]]

_OWN_HEADERS = (ATTEMPT_HEADER, EXCHANGE_HEADER, ROUTING_KEY_HEADER)
_MOVE_SECONDS = 10.0
_MOVE_PAUSE_SECONDS = 5.0
_CLOSE_SECONDS = 5.0
_GATHER_SECONDS = 0.02
"""So long an answer to the broker may wait for others, unless half of what may be under way has one."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    channel: Channel
    tag: int
    message: Message
    attempt: int


class Consumer:
    """Hands each message of a work queue to an async function, at least once.

    At most `prefetch` at a time, on the event loop that called `start`. The
    broker forgets a message only after the outcome; when the connection or the
    process is lost before that, it comes again, possibly while the first try
    is still running. A handler that raises, or takes longer than
    `handle_seconds`, counts as `Outcome.RETRY`.
    """

    def __init__(
        self,
        broker: Broker,
        queue: WorkQueue,
        handle: Handle,
        *,
        exchanges: tuple[Exchange, ...] = (),
        prefetch: int = 16,
        handle_seconds: float = 60.0,
    ) -> None:
        self._queue = queue
        self._handle = handle
        self._prefetch = prefetch
        self._handle_seconds = handle_seconds
        self._link = Link(broker, f"{queue.name}.consumer", queue.topology(*exchanges), self)
        # Moves to delay queues go by a connection of their own: a broker that runs out of memory
        # blocks the connections that publish, and acknowledgements must go on.
        self._mover = Publisher(broker, name=f"{queue.name}.mover", max_in_flight=prefetch)
        self._room = asyncio.Semaphore(prefetch)
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers: deque[Callable[[], None]] = deque()  # filled on the loop, emptied on the link's thread
        self._telling: asyncio.TimerHandle | None = None
        self._draining = False
        self._channel: Channel | None = None
        self._tag = ""

    @property
    def state(self) -> LinkState:
        """How it stands with the broker."""
        return self._link.state

    @property
    def under_way(self) -> int:
        """How many deliveries have no outcome yet."""
        return len(self._tasks)

    async def probe(self) -> None:
        """Returns when messages can flow, else raises `BrokerAway`; for health checks."""
        await self._link.probe()

    def start(self) -> None:
        """Starts connecting and returns at once."""
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._mover.start()
        self._link.start()

    async def close(self, grace_seconds: float = _CLOSE_SECONDS) -> None:
        """Takes no more, lets the work under way end within the grace; the rest returns to the queue."""
        self._draining = True
        self._link.call(self._cancel)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_seconds)
        if self._tasks:
            log.warning("deliveries_cut_off", queue=self._queue.name, count=len(self._tasks))
        cut_off = list(self._tasks)
        for task in cut_off:
            task.cancel()
        await asyncio.gather(*cut_off, return_exceptions=True)
        self._tell_answers()
        await asyncio.gather(self._link.close(_CLOSE_SECONDS), self._mover.close(_CLOSE_SECONDS))

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self.close()

    # ---- on the event loop ----

    def _accept(self, arrival: _Arrival) -> None:
        if self._draining:
            return
        task = self._loop.create_task(self._work(arrival), context=self._context.copy())
        self._tasks.add(task)
        UNDER_WAY.labels(self._queue.name).inc()
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        UNDER_WAY.labels(self._queue.name).dec()

    async def _work(self, arrival: _Arrival) -> None:
        async with self._room:
            # Whoever waited for room here may have lost the channel meanwhile: it comes again.
            if self._draining or arrival.channel is not self._channel:
                return
            last = arrival.attempt > len(self._queue.delays_ms)
            delivery = Delivery(arrival.message, arrival.attempt, last)
            with tracing.entered(arrival.message.headers.get(tracing.TRACEPARENT)):
                await self._settle(arrival, delivery, await self._outcome(delivery))

    async def _outcome(self, delivery: Delivery) -> Outcome:
        try:
            async with asyncio.timeout(self._handle_seconds):
                return await self._handle(delivery)
        except TimeoutError:
            log.warning("delivery_timed_out", queue=self._queue.name, message_id=delivery.message.message_id)
        except asyncio.CancelledError:
            if self._cut_off():
                raise
            # Something inside gave up on itself: without an outcome the message would rest here.
            log.warning("delivery_cancelled", queue=self._queue.name, message_id=delivery.message.message_id)
        except Exception:
            log.exception("delivery_failed", queue=self._queue.name, message_id=delivery.message.message_id)
        return Outcome.RETRY

    @staticmethod
    def _cut_off() -> bool:
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

    async def _settle(self, arrival: _Arrival, delivery: Delivery, outcome: Outcome) -> None:
        DELIVERIES.labels(self._queue.name, outcome.value).inc()
        if outcome is Outcome.RETRY and not delivery.last_attempt:
            delay = self._queue.delays_ms[arrival.attempt - 1]
            await self._move(arrival, delay, arrival.attempt + 1)
        elif outcome is Outcome.POSTPONE:
            await self._move(arrival, min(self._queue.delays_ms), arrival.attempt)
        elif outcome is Outcome.ACK:
            self._answer(partial(_ack, arrival))
        else:
            log.error(
                "dead_letter",
                queue=self._queue.name,
                message_id=arrival.message.message_id,
                attempt=arrival.attempt,
                outcome=outcome.value,
            )
            self._answer(partial(_reject, arrival))

    async def _move(self, arrival: _Arrival, delay_ms: int, attempt: int) -> None:
        message = arrival.message
        headers = dict(message.headers) | {
            ATTEMPT_HEADER: str(attempt),
            EXCHANGE_HEADER: message.exchange,
            ROUTING_KEY_HEADER: message.routing_key,
        }
        moved = replace(message, exchange="", routing_key=self._queue.delay_queue(delay_ms), headers=headers)
        while not await self._moved(moved):
            # Kept, not given back: the broker counts that as it counts crashes, up to the dead letters.
            await asyncio.sleep(_MOVE_PAUSE_SECONDS)
            if self._draining or arrival.channel is not self._channel:
                return  # it comes again
        self._answer(partial(_ack, arrival))

    async def _moved(self, message: Message) -> bool:
        try:
            await self._mover.publish(message, timeout=_MOVE_SECONDS)
        except PublishFailed as error:
            log.warning("delivery_not_delayed", queue=self._queue.name, reason=error.reason)
            return False
        return True

    def _answer(self, step: Callable[[], None]) -> None:
        """Tells the broker, together with what else there is to tell it: waking the thread costs most."""
        self._answers.append(step)
        if len(self._answers) * 2 >= self._prefetch:
            self._tell_answers()
        elif self._telling is None:
            self._telling = self._loop.call_later(_GATHER_SECONDS, self._tell_answers)

    def _tell_answers(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        self._link.call(self._take_answers)

    # ---- on the link's thread ----

    def _take_answers(self) -> None:
        # Those to a channel that is gone find it closed: their messages come again.
        while self._answers:
            self._answers.popleft()()

    def channel_opened(self, channel: Channel) -> None:
        self._channel = channel
        # The queue was deleted or moved: a channel that only lost its consumer would be deaf.
        channel.add_on_cancel_callback(lambda _frame: channel.close())
        channel.basic_qos(prefetch_count=self._prefetch, callback=lambda _frame: self._consume(channel))

    def channel_lost(self, _reason: str) -> None:
        self._channel = None

    def _consume(self, channel: Channel) -> None:
        self._tag = channel.basic_consume(
            self._queue.name,
            self._on_message,
            callback=lambda _frame: log.info("consumer_ready", queue=self._queue.name),
        )

    def _cancel(self) -> None:
        if self._channel is not None and self._channel.is_open and self._tag:
            self._channel.basic_cancel(self._tag)

    def _on_message(self, channel: Channel, method: Any, properties: Any, body: bytes) -> None:
        headers = {
            key: value
            for key, value in (properties.headers or {}).items()
            if isinstance(key, str) and isinstance(value, str)
        }
        try:
            message = Message(
                exchange=headers.get(EXCHANGE_HEADER, _text(method.exchange)),
                routing_key=headers.get(ROUTING_KEY_HEADER, _text(method.routing_key)),
                body=body,
                message_id=_text(properties.message_id or ""),
                type=_text(properties.type or ""),
                headers={key: value for key, value in headers.items() if key not in _OWN_HEADERS},
            )
            attempt = _attempt(headers)
        except ValueError as error:
            log.error("message_refused", queue=self._queue.name, problem=str(error))
            channel.basic_reject(method.delivery_tag, requeue=False)
            return
        self._tell(_Arrival(channel, method.delivery_tag, message, attempt))
        self._take_answers()  # the thread is awake anyway

    def _tell(self, arrival: _Arrival) -> None:
        try:
            self._loop.call_soon_threadsafe(self._accept, arrival)
        except RuntimeError:
            log.debug("event_loop_closed_before_consumer")


def _text(name: str | bytes) -> str:
    # pika leaves what is not UTF-8 as bytes; an error in its callback would cost the connection, again
    # and again, until the broker gives up the message and all that were under way beside it.
    if isinstance(name, str):
        return name
    raise ValueError("a name that is no text")


def _attempt(headers: Mapping[str, str]) -> int:
    return max(1, int(headers.get(ATTEMPT_HEADER, "1")))


def _ack(arrival: _Arrival) -> None:
    if arrival.channel.is_open:
        arrival.channel.basic_ack(arrival.tag)


def _reject(arrival: _Arrival) -> None:
    if arrival.channel.is_open:
        arrival.channel.basic_reject(arrival.tag, requeue=False)
