"""From an event on the exchange to a mail at somebody else's server."""

import datetime as dt

from matinee.booking.v1 import booking_pb2, events_pb2
from matinee.notify.v1 import notify_pb2
from structlog.testing import capture_logs

from mesh.testing import FakeClock, eventually
from notify_svc.settings import Settings
from tests.fixtures.amqp import QueueEye
from tests.fixtures.booking_events import START, a_booking, a_header
from tests.fixtures.mail import MailServer
from tests.fixtures.notify import Events, notifying


async def until_dead(queues: QueueEye, count: int) -> None:
    await queues.until_ready_count("notify.dead", count)


async def until_idle(queues: QueueEye, settings: Settings) -> None:
    """Nothing waits in the queue or in a delay queue; what was taken from it has an outcome or a claim."""

    async def idle() -> bool:
        names = ["notify.email", *(f"notify.email.retry.{name}" for name in ("200ms", "400ms", "1s"))]
        return [await queues.ready_count(name) for name in names] == [0] * len(names)

    await eventually(idle, 15, 0.1)


async def test_a_confirmed_booking_becomes_a_mail_with_its_tickets(
    notify_settings: Settings, events: Events, mail_server: MailServer
) -> None:
    booking = a_booking()
    async with notifying(notify_settings) as stub:
        await events.publish(events_pb2.BookingConfirmed(header=a_header(booking, "event-1")))
        [mail] = await mail_server.received(1)

        answer = await stub.ListNotifications(
            notify_pb2.ListNotificationsRequest(booking_id=booking.booking_id)
        )
    assert mail.recipients == ["ada@example.com"]
    assert sorted(mail.qr_codes().values()) == ["REX-2026-000017", "REX-2026-000018"]
    assert f"https://matinee.example/bookings/{booking.booking_id}?key=" in mail.text
    [told] = answer.notifications
    assert (told.event_id, told.event_name, told.recipient) == (
        "event-1", "booking_confirmed", "ada@example.com",
    )  # fmt: skip
    assert str(mail.message["Message-ID"]) == f"<{told.notification_id}@matinee.example>"


async def test_an_event_that_comes_twice_is_told_once(
    notify_settings: Settings, events: Events, mail_server: MailServer, queues: QueueEye
) -> None:
    event = events_pb2.BookingConfirmed(header=a_header())
    async with notifying(notify_settings):
        for _ in range(5):
            await events.publish(event)
        await mail_server.received(1)
        await events.publish(event)
        other = events_pb2.BookingConfirmed(header=a_header())
        await events.publish(other)
        await mail_server.received(2)
        await until_idle(queues, notify_settings)
    assert len(mail_server.mails) == 2
    assert len({str(mail.message["Message-ID"]) for mail in mail_server.mails}) == 2


async def test_a_message_that_makes_no_sense_goes_to_the_dead_letters_and_work_goes_on(
    notify_settings: Settings, events: Events, mail_server: MailServer, queues: QueueEye
) -> None:
    confirmed = "matinee.booking.v1.BookingConfirmed"
    async with notifying(notify_settings):
        await events.publish_bytes(b"\xff\xff\xff", confirmed, "nonsense-1")
        await events.publish_bytes(b"", confirmed, "nonsense-2")
        await events.publish_bytes(b"", "no.such.Type", "nonsense-3")
        await events.publish(events_pb2.BookingConfirmed(header=a_header()))
        await mail_server.received(1)
        await until_dead(queues, 3)
    letters = [await queues.take("notify.dead") for _ in range(3)]
    assert {letter.message_id for letter in letters if letter} == {"nonsense-1", "nonsense-2", "nonsense-3"}


async def test_a_buyer_without_an_address_is_no_error(
    notify_settings: Settings, events: Events, mail_server: MailServer, queues: QueueEye
) -> None:
    phone_only = a_booking(contact=booking_pb2.Contact(full_name="Ada", phone="+912255501234"))
    async with notifying(notify_settings):
        await events.publish(events_pb2.BookingConfirmed(header=a_header(phone_only)))
        await events.publish(events_pb2.BookingConfirmed(header=a_header()))
        await mail_server.received(1)
        await until_idle(queues, notify_settings)
    assert len(mail_server.mails) == 1
    assert await queues.ready_count("notify.dead") == 0


async def test_a_reminder_is_told_before_the_show_and_not_after_its_start(
    notify_settings: Settings, events: Events, mail_server: MailServer, queues: QueueEye
) -> None:
    clock = FakeClock(START - dt.timedelta(hours=2))
    async with notifying(notify_settings, clock):
        await events.publish(events_pb2.ShowReminder(header=a_header()))
        await mail_server.received(1)
        clock.advance(3 * 3600)
        await events.publish(events_pb2.ShowReminder(header=a_header()))
        await events.publish(events_pb2.ShowCancelled(header=a_header()))
        await mail_server.received(2)
        await until_idle(queues, notify_settings)
    subjects = [str(mail.message["Subject"]) for mail in mail_server.mails]
    assert subjects == ["Today at 14:30: Tears of Steel", "Show cancelled: Tears of Steel"]


async def test_a_recipient_that_the_mail_server_refuses_is_given_up_at_once(
    notify_settings: Settings, events: Events, mail_server: MailServer, queues: QueueEye
) -> None:
    mail_server.answers["ada@example.com"] = "550 5.1.1 <ada@example.com>: no such user"
    booking = a_booking()
    with capture_logs() as lines:
        async with notifying(notify_settings) as stub:
            await events.publish(events_pb2.BookingConfirmed(header=a_header(booking)))
            await until_dead(queues, 1)
            answer = await stub.ListNotifications(
                notify_pb2.ListNotificationsRequest(booking_id=booking.booking_id)
            )
    assert [told.state for told in answer.notifications] == [notify_pb2.NOTIFICATION_STATE_DEAD]
    assert mail_server.handovers == 0
    assert any(line["event"] == "notification_refused" for line in lines)
    assert "ada@example.com" not in str(lines)
    assert "Ada" not in str(lines)


async def test_a_mail_server_that_says_later_is_asked_again_until_the_tries_are_used_up(
    notify_settings: Settings, events: Events, mail_server: MailServer, queues: QueueEye
) -> None:
    mail_server.answers["ada@example.com"] = "451 greylisted, come again"
    booking = a_booking()
    with capture_logs() as lines:
        async with notifying(notify_settings) as stub:
            await events.publish(events_pb2.BookingConfirmed(header=a_header(booking)))
            await until_dead(queues, 1)
            request = notify_pb2.ListNotificationsRequest(booking_id=booking.booking_id)
            [told] = (await stub.ListNotifications(request)).notifications
            assert told.state == notify_pb2.NOTIFICATION_STATE_DEAD

            # Replayed by hand after the server was mended, it is sent.
            del mail_server.answers["ada@example.com"]
            letter = await queues.take("notify.dead")
            assert letter is not None
            await events.publish_bytes(letter.body, letter.type, letter.message_id)
            await mail_server.received(1)
    tries = [line["last_attempt"] for line in lines if line["event"] == "notification_not_sent"]
    assert tries == [False] * len(notify_settings.retry_delays_ms) + [True]
    assert "ada@example.com" not in str(lines)
