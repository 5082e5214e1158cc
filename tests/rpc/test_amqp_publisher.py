"""Publishing to a real RabbitMQ: confirmed, or an error that says what is known."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from mesh import tracing
from mesh.amqp import (
    Binding,
    Broker,
    BrokerAway,
    Exchange,
    Message,
    MessageRefused,
    MessageReturned,
    Publisher,
    PublisherBusy,
    PublishUnconfirmed,
    Queue,
    Topology,
)
from mesh.testing import eventually
from stack.engines import RabbitEngine
from stack.ports import free_port
from tests.fixtures.amqp import Letter, QueueEye

BOOKINGS = Topology(
    exchanges=[Exchange("bookings")],
    queues=[Queue("mail", {"x-queue-type": "quorum"})],
    bindings=[Binding("bookings", "mail", "booking_confirmed")],
)


def confirmed(message_id: str, routing_key: str = "booking_confirmed") -> Message:
    return Message("bookings", routing_key, b"body", message_id, "matinee.booking.v1.BookingConfirmed")


async def test_a_message_is_in_the_queue_and_on_disk_when_publish_returns(
    broker: Broker, queues: QueueEye
) -> None:
    async with Publisher(broker, name="test", topology=BOOKINGS) as publisher:
        await publisher.publish(confirmed("event-1"), timeout=20)

        letter = await queues.take("mail")

    assert letter is not None
    assert (letter.message_id, letter.body) == ("event-1", b"body")
    assert letter.type == "matinee.booking.v1.BookingConfirmed"
    assert letter.delivery_mode == 2


async def test_many_messages_are_under_way_at_once_and_each_is_confirmed(
    broker: Broker, queues: QueueEye
) -> None:
    async with Publisher(broker, name="test", topology=BOOKINGS, max_in_flight=64) as publisher:
        await asyncio.gather(*(publisher.publish(confirmed(f"event-{n}"), timeout=30) for n in range(500)))

        await queues.until_ready_count("mail", 500)


async def test_a_message_that_no_queue_takes_is_an_error_of_that_message_alone(
    broker: Broker, queues: QueueEye
) -> None:
    messages = [
        confirmed(f"event-{n}", "nobody_listens" if n % 3 == 0 else "booking_confirmed") for n in range(30)
    ]
    async with Publisher(broker, name="test", topology=BOOKINGS) as publisher:
        outcomes = await asyncio.gather(
            *(publisher.publish(message, timeout=20) for message in messages), return_exceptions=True
        )

        returned = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, MessageReturned)]
        assert returned == list(range(0, 30, 3))
        assert [
            outcome
            for outcome in outcomes
            if outcome is not None and not isinstance(outcome, MessageReturned)
        ] == []
        await queues.until_ready_count("mail", 20)


async def test_a_full_queue_refuses_and_says_so(broker: Broker) -> None:
    full: dict[str, str | int] = {"x-queue-type": "quorum", "x-max-length": 2, "x-overflow": "reject-publish"}
    async with Publisher(broker, name="test", topology=Topology(queues=[Queue("small", full)])) as publisher:

        async def publish_until_refused() -> None:
            for n in range(100):
                await publisher.publish(Message("", "small", b"", f"event-{n}", "t"), timeout=20)

        with pytest.raises(MessageRefused) as refused:
            await publish_until_refused()
    assert not refused.value.outcome_unknown


async def test_without_a_broker_publishing_fails_when_its_time_is_up_and_nothing_was_sent() -> None:
    nobody = Broker(SecretStr(f"amqp://guest:guest@127.0.0.1:{free_port()}/%2F"), connect_seconds=1)
    async with Publisher(nobody, name="test") as publisher:
        with pytest.raises(BrokerAway) as away:
            await publisher.publish(confirmed("event-1"), timeout=0.3)
        assert not away.value.outcome_unknown
        with pytest.raises(BrokerAway, match="connecting"):
            await publisher.probe()


async def test_it_is_ready_after_connecting_and_closed_after_closing(broker: Broker) -> None:
    async with Publisher(broker, name="test", topology=BOOKINGS) as publisher:
        await publisher.publish(confirmed("event-1"), timeout=20)
        await publisher.probe()
    with pytest.raises(BrokerAway, match="closed"):
        await publisher.probe()
    with pytest.raises(BrokerAway):
        await publisher.publish(confirmed("event-2"), timeout=0.2)


async def test_a_queue_declared_otherwise_keeps_the_publisher_from_being_ready(
    broker: Broker, queues: QueueEye
) -> None:
    async with Publisher(broker, name="first", topology=BOOKINGS) as publisher:
        await publisher.publish(confirmed("event-1"), timeout=20)
    other = Topology(queues=[Queue("mail", {"x-queue-type": "quorum", "x-max-length": 7})])
    with capture_logs() as lines:
        async with Publisher(broker, name="second", topology=other) as publisher:
            with pytest.raises(BrokerAway):
                await publisher.publish(confirmed("event-2"), timeout=1)
            await _until_lost(lines, "PRECONDITION_FAILED")
    await queues.until_ready_count("mail", 1)


async def _until_lost(lines: Sequence[Mapping[str, Any]], reason: str) -> None:
    """Returns when a connection was lost for that reason, which the broker may take its time to tell."""

    async def told() -> bool:
        return any(line["event"] == "broker_lost" and reason in line["reason"] for line in lines)

    await eventually(told)


async def test_a_broker_that_hangs_leaves_the_outcome_unknown_and_no_more_than_so_many_under_way(
    broker: Broker, rabbitmq: RabbitEngine, queues: QueueEye
) -> None:
    async with Publisher(broker, name="test", topology=BOOKINGS, max_in_flight=2) as publisher:
        await publisher.publish(confirmed("event-0"), timeout=20)
        rabbitmq.pause()
        try:
            outcomes = await asyncio.gather(
                *(publisher.publish(confirmed(f"event-{n}"), timeout=0.5) for n in range(1, 4)),
                return_exceptions=True,
            )
        finally:
            rabbitmq.resume()
        assert [type(outcome) for outcome in outcomes] == [
            PublishUnconfirmed,
            PublishUnconfirmed,
            PublisherBusy,
        ]
        assert isinstance(outcomes[0], PublishUnconfirmed)
        assert outcomes[0].outcome_unknown

        await publisher.publish(confirmed("event-4"), timeout=20)
        letters = {letter.message_id async for letter in _all_letters(queues)}
    assert {"event-0", "event-4"} <= letters
    assert "event-3" not in letters


async def _all_letters(queues: QueueEye) -> AsyncIterator[Letter]:
    while (letter := await queues.take("mail")) is not None:
        yield letter


async def test_the_trace_goes_with_the_message(broker: Broker, queues: QueueEye) -> None:
    async with Publisher(broker, name="test", topology=BOOKINGS) as publisher:
        with tracing.entered(None) as position:
            await publisher.publish(confirmed("event-1"), timeout=20)

    letter = await queues.take("mail")
    assert letter is not None
    assert letter.headers["traceparent"] == position.traceparent()


async def test_a_wrong_password_is_told_without_the_password(
    amqp_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = Broker(SecretStr(amqp_url.replace("guest:guest", "guest:hush-hush")), connect_seconds=2)
    with capture_logs() as lines, caplog.at_level(logging.DEBUG):
        async with Publisher(wrong, name="test", topology=BOOKINGS) as publisher:
            with pytest.raises(BrokerAway) as away:
                await publisher.publish(confirmed("event-1"), timeout=1)
            await _until_lost(lines, "ACCESS_REFUSED")
    assert "hush-hush" not in f"{lines} {caplog.text} {away.value} {wrong}"


async def test_a_cancelled_caller_does_not_disturb_the_others(broker: Broker, queues: QueueEye) -> None:
    async with Publisher(broker, name="test", topology=BOOKINGS, max_in_flight=1) as publisher:
        for n in range(20):
            caller = asyncio.create_task(publisher.publish(confirmed(f"cancelled-{n}"), timeout=20))
            await asyncio.sleep(0)
            caller.cancel()
            await asyncio.gather(caller, return_exceptions=True)
        await publisher.publish(confirmed("event-1"), timeout=20)
        letters = {letter.message_id async for letter in _all_letters(queues)}
    assert "event-1" in letters


def test_what_amqp_cannot_carry_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ValueError, match="id"):
        confirmed("")
    with pytest.raises(ValueError, match="255"):
        confirmed("event-1", routing_key="é" * 128)
    with pytest.raises(ValueError, match="bytes"):
        Message("bookings", "k", b"x" * (1024 * 1024 + 1), "event-1", "t")
    with pytest.raises(ValueError, match="headers"):
        Message("bookings", "k", b"", "event-1", "t", {"a": "é" * 16_384, "b": "x" * 32_768})
    with pytest.raises(ValueError, match="surrogates"):
        Message("bookings", "k", b"", "event-1", "t", {"a": "\ud800"})
