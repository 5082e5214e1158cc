"""Messages when the broker, or a consumer, fails half-way."""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr
from structlog.testing import capture_logs

from mesh.amqp import (
    Binding,
    Broker,
    Consumer,
    Delivery,
    Exchange,
    LinkState,
    Message,
    Outcome,
    Publisher,
    PublishFailed,
    PublishUnconfirmed,
    WorkQueue,
)
from mesh.testing import eventually
from stack.engines import RabbitEngine
from tests.fixtures.amqp import QueueEye

BOOKINGS = Exchange("bookings")
MAIL = WorkQueue("mail", dead_letters="dead", bindings=[Binding("bookings", "mail", "#")], delays_ms=(100,))
CONSUMER_TIMEOUT_MS = 1_000


class ImpatientRabbit(RabbitEngine):
    """Closes a channel whose consumer keeps a message for more than a second, not for half an hour."""

    def _write_configuration(self) -> None:
        super()._write_configuration()
        (self.folder / "advanced.config").write_text(
            f"[{{rabbit, [{{consumer_timeout, {CONSUMER_TIMEOUT_MS}}}, {{channel_tick_interval, 200}}]}}].\n"
        )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def impatient(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RabbitEngine]:
    async with ImpatientRabbit(tmp_path_factory.mktemp("impatient")) as engine:
        yield engine


def message(message_id: str) -> Message:
    return Message("bookings", "booking_confirmed", b"body", message_id, "BookingConfirmed")


def answering(condition: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def answer() -> bool:
        return condition()

    return answer


async def test_a_broker_that_restarts_mid_stream_loses_nothing(impatient: RabbitEngine) -> None:
    broker = Broker(SecretStr(await impatient.add_virtual_host("restart")), connect_seconds=2)
    arrived: set[str] = set()
    wanted: set[str] = set()
    restarted = asyncio.Event()

    async def handle(delivery: Delivery) -> Outcome:
        arrived.add(delivery.message.message_id)
        return Outcome.ACK

    async def publish(message_id: str) -> int:
        failures = 0
        while True:
            try:
                await publisher.publish(message(message_id), timeout=2)
            except PublishFailed:
                failures += 1
                await asyncio.sleep(0.1)
            else:
                return failures

    async def publish_until_restarted() -> int:
        failures = 0
        while not restarted.is_set():
            batch = [f"event-{len(wanted) + n}" for n in range(20)]
            wanted.update(batch)
            failures += sum(await asyncio.gather(*map(publish, batch)))
            await asyncio.sleep(0.02)
        return failures

    async with (
        Publisher(broker, name="test", topology=MAIL.topology(BOOKINGS)) as publisher,
        Consumer(broker, MAIL, handle, exchanges=(BOOKINGS,)),
    ):
        publishing = asyncio.create_task(publish_until_restarted())
        await eventually(answering(lambda: len(arrived) >= 50))
        await impatient.kill()
        await impatient.restart()
        restarted.set()
        failures = await publishing
        await eventually(answering(lambda: arrived == wanted), 30)
    assert failures > 0, "the restart was in nobody's way"


async def test_a_consumer_that_the_broker_cut_off_for_its_slowness_is_not_deaf_afterwards(
    impatient: RabbitEngine,
) -> None:
    broker = Broker(SecretStr(await impatient.add_virtual_host("slow")), connect_seconds=2)
    arrived: list[str] = []

    async def handle(delivery: Delivery) -> Outcome:
        arrived.append(delivery.message.message_id)
        if arrived.count("slow") == 1:
            await asyncio.sleep(3 * CONSUMER_TIMEOUT_MS / 1000)
        return Outcome.ACK

    with capture_logs() as lines:
        async with (
            Publisher(broker, name="test", topology=MAIL.topology(BOOKINGS)) as publisher,
            Consumer(broker, MAIL, handle, exchanges=(BOOKINGS,)),
        ):
            await publisher.publish(message("slow"), timeout=20)
            await eventually(answering(lambda: arrived.count("slow") >= 2), 20)
            await publisher.publish(message("next"), timeout=20)
            await eventually(answering(lambda: "next" in arrived))
    assert any(
        line["event"] == "broker_lost" and "delivery acknowledgement" in line["reason"] for line in lines
    )


async def test_what_a_killed_consumer_had_under_way_comes_to_another(
    broker: Broker, queues: QueueEye, tmp_path: Path
) -> None:
    arrived: list[str] = []

    async def handle(delivery: Delivery) -> Outcome:
        arrived.append(delivery.message.message_id)
        return Outcome.ACK

    async with Publisher(broker, name="test", topology=MAIL.topology(BOOKINGS)) as publisher:
        await publisher.publish(message("event-1"), timeout=20)
        taken = tmp_path / "taken"
        victim = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            VICTIM,
            queues.url,
            str(taken),
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        try:
            await eventually(answering(taken.exists), 30)
        finally:
            victim.send_signal(signal.SIGKILL)
            await victim.wait()
        async with Consumer(broker, MAIL, handle, exchanges=(BOOKINGS,)):
            await eventually(answering(lambda: arrived == ["event-1"]))


VICTIM = """
import asyncio, sys, pathlib
from pydantic import SecretStr
from mesh.amqp import Binding, Broker, Consumer, Exchange, WorkQueue

async def handle(delivery):
    pathlib.Path(sys.argv[2]).touch()
    await asyncio.Event().wait()

async def main():
    every_event = Binding("bookings", "mail", "#")
    mail = WorkQueue("mail", dead_letters="dead", bindings=[every_event], delays_ms=(100,))
    async with Consumer(Broker(SecretStr(sys.argv[1])), mail, handle, exchanges=(Exchange("bookings"),)):
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_silent_broker_counts_as_lost_after_the_heartbeat_and_is_found_again(
    broker: Broker, rabbitmq: RabbitEngine
) -> None:
    async with Publisher(broker, name="test", topology=MAIL.topology(BOOKINGS)) as publisher:
        await publisher.publish(message("event-1"), timeout=20)
        rabbitmq.pause()
        try:
            await eventually(
                answering(lambda: publisher.state is LinkState.CONNECTING),
                within_seconds=2 * (broker.heartbeat_seconds + 5) + 15,
            )
        finally:
            rabbitmq.resume()
        await publisher.publish(message("event-2"), timeout=20)


async def test_a_process_that_had_no_file_left_for_a_connection_connects_when_it_has(broker: Broker) -> None:
    most, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with capture_logs() as lines:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            publisher = Publisher(broker, name="test", topology=MAIL.topology(BOOKINGS))
            publisher.start()
            await eventually(answering(lambda: "broker_session_failed" in {line["event"] for line in lines}))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        await publisher.publish(message("event-1"), timeout=20)
        await publisher.close()


async def test_a_broker_out_of_memory_blocks_publishing_for_no_longer_than_was_said(
    impatient: RabbitEngine,
) -> None:
    url = SecretStr(await impatient.add_virtual_host("blocked"))
    broker = Broker(url, connect_seconds=2, blocked_seconds=1)
    async with Publisher(broker, name="test", topology=MAIL.topology(BOOKINGS)) as publisher:
        await publisher.publish(message("event-1"), timeout=20)
        # The alarm is only notified of; asking for it afterwards waits until the connections were told.
        await impatient._evaluate(
            "rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []}), rabbit_alarm:get_alarms()."
        )
        try:
            with pytest.raises(PublishUnconfirmed) as unconfirmed:
                await publisher.publish(message("event-2"), timeout=10)
        finally:
            await impatient._evaluate("rabbit_alarm:clear_alarm({resource_limit, memory, node()}).")
        assert "blocked" in unconfirmed.value.message.lower()
        await publisher.publish(message("event-2"), timeout=20)


async def test_a_retry_that_a_broker_out_of_memory_does_not_take_is_kept_and_not_counted_as_crashes(
    broker: Broker, rabbitmq: RabbitEngine
) -> None:
    attempts: list[int] = []

    async def handle(delivery: Delivery) -> Outcome:
        attempts.append(delivery.attempt)
        return Outcome.RETRY if delivery.attempt == 1 else Outcome.ACK

    impatient = replace(broker, blocked_seconds=1)
    async with Publisher(broker, name="test", topology=MAIL.topology(BOOKINGS)) as publisher:
        await publisher.publish(message("event-1"), timeout=20)
    await rabbitmq._evaluate(
        "rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []}), rabbit_alarm:get_alarms()."
    )
    try:
        with capture_logs() as lines:
            async with Consumer(impatient, MAIL, handle, exchanges=(BOOKINGS,)) as consumer:
                # Each time that it was given back the broker would count it, up to the dead letters.
                not_delayed = "delivery_not_delayed"
                await eventually(
                    answering(lambda: [line["event"] for line in lines].count(not_delayed) >= 2), 40
                )
                assert attempts == [1]
                await rabbitmq._evaluate("rabbit_alarm:clear_alarm({resource_limit, memory, node()}).")
                await eventually(answering(lambda: 2 in attempts and consumer.under_way == 0))
    finally:
        await rabbitmq._evaluate("rabbit_alarm:clear_alarm({resource_limit, memory, node()}).")
    assert attempts.count(1) == 1
