"""Consuming from a real RabbitMQ: nothing is forgotten before its outcome."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from mesh import tracing
from mesh.amqp import (
    Binding,
    Broker,
    Consumer,
    Delivery,
    Exchange,
    Handle,
    Message,
    Outcome,
    Publisher,
    PublishFailed,
    WorkQueue,
)
from mesh.testing import eventually
from tests.fixtures.amqp import QueueEye

BOOKINGS = Exchange("bookings")
MAIL = WorkQueue(
    "mail", dead_letters="dead", bindings=[Binding("bookings", "mail", "#")], delays_ms=(100, 200)
)


class Handler:
    """Remembers what came and answers as told, ACK when nothing is left to say."""

    def __init__(self, *outcomes: Outcome) -> None:
        self._outcomes = list(outcomes)
        self.deliveries: list[Delivery] = []

    async def __call__(self, delivery: Delivery) -> Outcome:
        self.deliveries.append(delivery)
        return self._outcomes.pop(0) if self._outcomes else Outcome.ACK

    @property
    def attempts(self) -> list[int]:
        return [delivery.attempt for delivery in self.deliveries]


@asynccontextmanager
async def consuming(broker: Broker, handle: Handle, **options: int) -> AsyncIterator[Consumer]:
    async with Consumer(broker, MAIL, handle, exchanges=(BOOKINGS,), **options) as consumer:
        yield consumer


@pytest.fixture
async def publish(broker: Broker) -> AsyncIterator["Publish"]:
    async with Publisher(broker, name="test", topology=MAIL.topology(BOOKINGS)) as publisher:
        yield Publish(publisher)


class Publish:
    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def __call__(self, message_id: str, body: bytes = b"body") -> None:
        await self._publisher.publish(
            Message("bookings", "booking_confirmed", body, message_id, "BookingConfirmed"), timeout=20
        )


async def until(condition: Callable[[], bool], within_seconds: float = 20) -> None:
    async def answer() -> bool:
        return condition()

    await eventually(answer, within_seconds)


async def test_a_message_arrives_as_it_was_published_and_is_gone_after_its_ack(
    broker: Broker, publish: Publish, queues: QueueEye
) -> None:
    handler = Handler()
    async with consuming(broker, handler):
        await publish("event-1", b"\x00\xff")
        await until(lambda: len(handler.deliveries) == 1)

    delivery = handler.deliveries[0]
    assert delivery.message == Message(
        "bookings", "booking_confirmed", b"\x00\xff", "event-1", "BookingConfirmed"
    )
    assert (delivery.attempt, delivery.last_attempt) == (1, False)
    assert await queues.ready_count("mail") == 0


async def test_a_retried_message_comes_back_after_each_delay_and_then_goes_to_the_dead_letters(
    broker: Broker, publish: Publish, queues: QueueEye
) -> None:
    handler = Handler(*[Outcome.RETRY] * 9)
    async with consuming(broker, handler):
        await publish("event-1")
        await queues.until_ready_count("dead", 1)

    assert handler.attempts == [1, 2, 3]
    assert [delivery.last_attempt for delivery in handler.deliveries] == [False, False, True]
    assert {(d.message.exchange, d.message.routing_key) for d in handler.deliveries} == {
        ("bookings", "booking_confirmed")
    }
    letter = await queues.take("dead")
    assert letter is not None
    assert (letter.message_id, letter.body) == ("event-1", b"body")


async def test_a_message_that_succeeds_on_its_second_try_is_done(
    broker: Broker, publish: Publish, queues: QueueEye
) -> None:
    handler = Handler(Outcome.RETRY)
    async with consuming(broker, handler):
        await publish("event-1")
        await until(lambda: len(handler.deliveries) == 2)
        await queues.until_ready_count("mail", 0)
    assert handler.attempts == [1, 2]
    assert await queues.ready_count("dead") == 0


async def test_postponing_does_not_count_as_a_try(broker: Broker, publish: Publish) -> None:
    handler = Handler(*[Outcome.POSTPONE] * 4)
    async with consuming(broker, handler):
        await publish("event-1")
        await until(lambda: len(handler.deliveries) == 5)
    assert handler.attempts == [1] * 5


async def test_a_rejected_message_goes_to_the_dead_letters_at_once(
    broker: Broker, publish: Publish, queues: QueueEye
) -> None:
    handler = Handler(Outcome.REJECT)
    async with consuming(broker, handler):
        await publish("event-1")
        await queues.until_ready_count("dead", 1)
    assert handler.attempts == [1]


async def test_a_handler_that_raises_or_gives_itself_up_is_tried_again(
    broker: Broker, publish: Publish
) -> None:
    attempts: list[int] = []

    async def handle(delivery: Delivery) -> Outcome:
        attempts.append(delivery.attempt)
        if delivery.attempt == 1:
            raise RuntimeError("a bug")
        if delivery.attempt == 2:
            raise asyncio.CancelledError
        return Outcome.ACK

    async with consuming(broker, handle):
        with capture_logs() as lines:
            await publish("event-1")
            await until(lambda: attempts == [1, 2, 3])
    assert {"delivery_failed", "delivery_cancelled"} <= {line["event"] for line in lines}


async def test_a_handler_that_takes_too_long_is_tried_again(broker: Broker, publish: Publish) -> None:
    attempts: list[int] = []

    async def handle(delivery: Delivery) -> Outcome:
        attempts.append(delivery.attempt)
        if delivery.attempt == 1:
            await asyncio.Event().wait()
        return Outcome.ACK

    async with consuming(broker, handle, handle_seconds=1):
        await publish("event-1")
        await until(lambda: attempts == [1, 2])


async def test_a_message_of_a_stranger_that_has_no_id_goes_to_the_dead_letters_and_work_goes_on(
    broker: Broker, publish: Publish, queues: QueueEye
) -> None:
    handler = Handler()
    async with consuming(broker, handler):
        await publish("event-1")
        await queues.put("mail", b"hello")
        await queues.put("mail", b"hello", message_id="event-2", headers={"x-matinee-attempt": "many"})
        await publish("event-3")
        await until(lambda: len(handler.deliveries) == 2)
        await queues.until_ready_count("dead", 2)
    assert [delivery.message.message_id for delivery in handler.deliveries] == ["event-1", "event-3"]


async def test_headers_that_leave_no_room_for_ours_go_to_the_dead_letters(
    broker: Broker, publish: Publish, queues: QueueEye
) -> None:
    async def handle(_delivery: Delivery) -> Outcome:
        return Outcome.RETRY

    with capture_logs() as lines:
        async with consuming(broker, handle):
            await publish("event-1")
            # With three more it would be more than RabbitMQ takes in one frame, 128 KiB.
            await queues.put("mail", b"hello", message_id="event-2", headers={"a": "x" * 130_900})
            await queues.until_ready_count("dead", 2)
    assert "broker_lost" not in {line["event"] for line in lines}


@pytest.mark.parametrize("names", [{"message_id": b"\xff"}, {"message_id": "event-2", "type": b"\xff"}])
async def test_a_name_that_is_no_text_goes_to_the_dead_letters_and_costs_no_connection(
    broker: Broker, publish: Publish, queues: QueueEye, names: dict[str, Any]
) -> None:
    handler = Handler()
    with capture_logs() as lines:
        async with consuming(broker, handler):
            await publish("event-1")
            await queues.put("mail", b"hello", **names)
            await queues.put("mail", b"hello", message_id="event-3", headers={b"\xff": "text", "a": "b"})
            await until(lambda: len(handler.deliveries) >= 2)
            await queues.until_ready_count("dead", 1)
    messages = [delivery.message for delivery in handler.deliveries]
    assert [message.message_id for message in messages] == ["event-1", "event-3"]
    assert messages[1].headers == {"a": "b"}
    assert "broker_lost" not in {line["event"] for line in lines}


async def test_a_handler_slower_than_the_heartbeat_keeps_its_connection(
    broker: Broker, publish: Publish, queues: QueueEye
) -> None:
    assert broker.heartbeat_seconds == 2
    started: list[int] = []

    async def handle(delivery: Delivery) -> Outcome:
        started.append(delivery.attempt)
        await asyncio.sleep(3 * broker.heartbeat_seconds)
        return Outcome.ACK

    with capture_logs() as lines:
        async with consuming(broker, handle) as consumer:
            await publish("event-1")
            await queues.until_ready_count("mail", 0)
            await until(lambda: bool(started) and consumer.under_way == 0)
    assert started == [1]
    assert not [line for line in lines if line["event"] in {"broker_lost", "deliveries_cut_off"}]
    assert await queues.ready_count("mail") == 0


async def test_no_more_than_the_prefetch_are_handled_at_once(broker: Broker, publish: Publish) -> None:
    running, most, done = 0, 0, 0
    full = asyncio.Event()

    async def handle(_delivery: Delivery) -> Outcome:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        if running == 3:
            full.set()
        await full.wait()
        await asyncio.sleep(0.02)
        running -= 1
        done += 1
        return Outcome.ACK

    for n in range(30):
        await publish(f"event-{n}")
    async with consuming(broker, handle, prefetch=3):
        await until(lambda: done == 30)
    assert most == 3


async def test_closing_lets_work_under_way_end_and_leaves_the_rest_in_the_queue(
    broker: Broker, publish: Publish, queues: QueueEye
) -> None:
    go_on, handled = asyncio.Event(), list[str]()

    async def handle(delivery: Delivery) -> Outcome:
        handled.append(delivery.message.message_id)
        await go_on.wait()
        return Outcome.ACK

    for n in range(5):
        await publish(f"event-{n}")
    consumer = Consumer(broker, MAIL, handle, exchanges=(BOOKINGS,), prefetch=2)
    consumer.start()
    await until(lambda: len(handled) == 2)
    closing = asyncio.create_task(consumer.close(grace_seconds=5))
    await asyncio.sleep(0)
    go_on.set()
    await closing

    assert handled == ["event-0", "event-1"]
    await queues.until_ready_count("mail", 3)
    assert await message_ids(queues) == ["event-2", "event-3", "event-4"]


async def test_work_that_outlasts_the_grace_is_cut_off_and_returns_to_the_queue(
    broker: Broker, publish: Publish, queues: QueueEye
) -> None:
    begun, cut_off = asyncio.Event(), asyncio.Event()

    async def handle(_delivery: Delivery) -> Outcome:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut_off.set()
        return Outcome.ACK

    await publish("event-1")
    consumer = Consumer(broker, MAIL, handle, exchanges=(BOOKINGS,))
    consumer.start()
    await until(begun.is_set)  # a delivery counts as under way a moment before its handler begins
    await consumer.close(grace_seconds=0.2)

    assert cut_off.is_set()
    await queues.until_ready_count("mail", 1)
    assert await message_ids(queues) == ["event-1"]


async def message_ids(queues: QueueEye) -> Sequence[str]:
    ids = []
    while (letter := await queues.take("mail")) is not None:
        ids.append(letter.message_id)
    return ids


async def test_a_queue_that_was_deleted_is_declared_and_consumed_again(
    broker: Broker, publish: Publish, queues: QueueEye
) -> None:
    handler = Handler()
    async with consuming(broker, handler):
        await publish("event-1")
        await until(lambda: len(handler.deliveries) == 1)
        await queues.delete("mail")

        async def published() -> bool:
            try:
                await publish("event-2")
            except PublishFailed:  # no queue takes it until the consumer is back
                return False
            return True

        await eventually(published, every_seconds=0.1)
        await until(lambda: len(handler.deliveries) == 2)


async def test_a_message_that_crashed_its_consumer_too_often_goes_to_the_dead_letters(
    publish: Publish, queues: QueueEye
) -> None:
    await publish("event-1")
    await queues.crash_on_first("mail", times=21)
    await queues.until_ready_count("dead", 1)
    assert await queues.ready_count("mail") == 0


async def test_the_handler_works_in_the_publishers_trace(broker: Broker, publish: Publish) -> None:
    traces: list[tracing.TraceContext | None] = []

    async def handle(_delivery: Delivery) -> Outcome:
        traces.append(tracing.current())
        return Outcome.RETRY if len(traces) == 1 else Outcome.ACK

    async with consuming(broker, handle):
        with tracing.entered(None) as position:
            await publish("event-1")
        await until(lambda: len(traces) == 2)
    assert {trace.trace_id for trace in traces if trace} == {position.trace_id}
