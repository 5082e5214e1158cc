"""Dead letters of a real RabbitMQ: looked at, sent on their way again, thrown away; none is lost by it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from matinee.booking.v1 import events_pb2
from matinee.notify.v1 import notify_pb2
from pydantic import SecretStr

from mesh.amqp import (
    Binding,
    Broker,
    BrokerAway,
    Consumer,
    DeadLetter,
    Delivery,
    Exchange,
    Fate,
    Message,
    MessageReturned,
    Outcome,
    Publisher,
    WorkQueue,
    sort_out,
)
from mesh.testing import eventually
from notify_svc.settings import Settings
from tests.fixtures.amqp import QueueEye
from tests.fixtures.booking_events import a_booking, a_header
from tests.fixtures.mail import MailServer
from tests.fixtures.notify import Events, notifying

ROOT = Path(__file__).parents[2]
BOOKINGS = Exchange("bookings")
MAIL = WorkQueue("mail", dead_letters="dead", bindings=[Binding("bookings", "mail", "#")], delays_ms=(100,))


async def die(broker: Broker, queues: QueueEye, *message_ids: str) -> None:
    """Publishes messages of which each fails at its two tries."""

    async def handle(_delivery: Delivery) -> Outcome:
        return Outcome.RETRY

    async with (
        Publisher(broker, name="test", topology=MAIL.topology(BOOKINGS)) as publisher,
        Consumer(broker, MAIL, handle, exchanges=(BOOKINGS,)),
    ):
        for n, message_id in enumerate(message_ids, 1):
            event = Message("bookings", "booking_confirmed", b"body", message_id, "BookingConfirmed")
            await publisher.publish(event, timeout=20)
            await queues.until_ready_count("dead", n)


async def sorted_out(broker: Broker, fates: dict[str, Fate]) -> list[tuple[DeadLetter, Fate]]:
    """By message id; the others are kept."""

    def all_of_them() -> list[tuple[DeadLetter, Fate]]:
        return list(sort_out(broker, "dead", lambda letter: fates.get(letter.message_id, Fate.KEPT)))

    return await asyncio.to_thread(all_of_them)


async def test_looking_tells_where_and_why_they_died_and_changes_nothing_however_often(
    broker: Broker, queues: QueueEye
) -> None:
    await die(broker, queues, "event-1", "event-2")
    for _ in range(25):  # more often than a message may crash its consumer
        looked_at = await sorted_out(broker, {})
    assert [(letter.message_id, fate) for letter, fate in looked_at] == [
        ("event-1", Fate.KEPT),
        ("event-2", Fate.KEPT),
    ]
    letter = looked_at[0][0]
    assert (letter.type, letter.queue, letter.reason, letter.attempt) == (
        "BookingConfirmed",
        "mail",
        "rejected",
        2,
    )
    assert letter.death_time is not None
    await queues.until_ready_count("dead", 2)


async def test_a_letter_is_replayed_as_it_was_published_with_all_its_tries_before_it(
    broker: Broker, queues: QueueEye
) -> None:
    await die(broker, queues, "event-1", "event-2", "event-3")
    fates = {"event-2": Fate.REPLAYED, "event-3": Fate.DROPPED}
    assert [fate for _, fate in await sorted_out(broker, fates)] == [Fate.KEPT, *fates.values()]
    await queues.until_ready_count("dead", 1)
    deliveries: list[Delivery] = []

    async def handle(delivery: Delivery) -> Outcome:
        deliveries.append(delivery)
        return Outcome.RETRY

    async with Consumer(broker, MAIL, handle, exchanges=(BOOKINGS,)):
        await queues.until_ready_count("dead", 2)
    assert [delivery.attempt for delivery in deliveries] == [1, 2]
    for delivery in deliveries:
        message = delivery.message
        assert (message.message_id, message.body) == ("event-2", b"body")
        assert (message.exchange, message.routing_key) == ("bookings", "booking_confirmed")
    assert [letter.attempt for letter, _ in await sorted_out(broker, {})] == [2, 2]


async def test_what_came_from_nowhere_is_kept_and_may_be_dropped(broker: Broker, queues: QueueEye) -> None:
    await die(broker, queues, "event-1")
    await queues.put("dead", b"hello", headers={"x-death": "never", "x-matinee-attempt": "many"})
    replayed = {"event-1": Fate.REPLAYED, "": Fate.REPLAYED}
    assert [fate for _, fate in await sorted_out(broker, replayed)] == [Fate.REPLAYED, Fate.KEPT]
    assert [fate for _, fate in await sorted_out(broker, {"": Fate.DROPPED})] == [Fate.DROPPED]
    assert await sorted_out(broker, {}) == []


async def test_a_letter_whose_queue_is_gone_stays_among_the_dead(broker: Broker, queues: QueueEye) -> None:
    await die(broker, queues, "event-1")
    await queues.delete("mail")
    with pytest.raises(MessageReturned):
        await sorted_out(broker, {"event-1": Fate.REPLAYED})
    await queues.until_ready_count("dead", 1)


async def test_a_queue_that_is_not_there_holds_nothing_and_a_broker_that_is_away_is_told(
    broker: Broker,
) -> None:
    assert await sorted_out(broker, {}) == []
    with pytest.raises(BrokerAway) as away:
        await sorted_out(Broker(SecretStr("amqp://user:s3cret@127.0.0.1:1/"), connect_seconds=1), {})
    assert "s3cret" not in str(away.value)


async def matinee(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(ROOT), str(ROOT / "protos" / "gen")))
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "stack", *arguments],
        env=os.environ | {"PYTHONPATH": path} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_tickets_that_a_mail_server_refused_are_sent_when_it_was_put_right_and_they_are_replayed(
    notify_settings: Settings, events: Events, mail_server: MailServer, queues: QueueEye, tmp_path: Path
) -> None:
    mail_server.answers["ada@example.com"] = "550 relaying denied"
    booking = a_booking()
    event = events_pb2.BookingConfirmed(header=a_header(booking))
    amqp = {"AMQP_URL": queues.url}
    async with notifying(notify_settings) as stub:
        await events.publish(event)
        await queues.until_ready_count("notify.dead", 1)
        listed = await matinee("dead", "list", **amqp)
        assert (listed.returncode, listed.stderr) == (0, "")
        assert f"{event.header.event_id}  BookingConfirmed  notify.email  rejected  try 1\n" in listed.stdout
        assert listed.stdout.endswith("\ndead letters: 1\n")
        assert "ada" not in listed.stdout.lower()

        del mail_server.answers["ada@example.com"]
        unknown = await matinee("dead", "replay", "another-event", **amqp)
        assert (unknown.returncode, unknown.stdout) == (1, "0 replayed, 1 kept\n")
        replayed = await matinee("dead", "replay", **amqp)
        assert replayed.stdout.endswith("\n1 replayed, 0 kept\n")
        await mail_server.received(1)

        async def sent() -> Any:
            request = notify_pb2.ListNotificationsRequest(booking_id=booking.booking_id)
            [told] = (await stub.ListNotifications(request)).notifications
            return told.state == notify_pb2.NOTIFICATION_STATE_SENT

        await eventually(sent)
    assert (await matinee("dead", "list", **amqp)).stdout == "dead letters: 0\n"
    nothing = await matinee("dead", "list", "--data", str(tmp_path), AMQP_URL="")
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert "set AMQP_URL" in nothing.stderr
