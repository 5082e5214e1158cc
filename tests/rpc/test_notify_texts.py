"""Text messages: by a gateway over a real socket, once for whoever can be told once."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
import pytest_asyncio
from matinee.booking.v1 import booking_pb2, events_pb2
from matinee.notify.v1 import notify_pb2
from pydantic import SecretStr

from mesh.amqp import Binding, Broker, Publisher
from mesh.errors import RemoteError
from mesh.probe import is_serving
from mesh.testing import eventually, serving
from notify_svc.app import build
from notify_svc.consumers.queues import BOOKINGS, sms_queue
from notify_svc.settings import Settings
from tests.fixtures.amqp import QueueEye
from tests.fixtures.booking_events import a_booking, a_header
from tests.fixtures.mail import MailServer
from tests.fixtures.notify import Events, declare, notifying
from tests.fixtures.text_gateway import TextGateway

NUMBER = "+351912345678"


@pytest_asyncio.fixture(loop_scope="session")
async def stub(notify_settings: Settings, text_gateway: TextGateway) -> AsyncIterator[Any]:
    changes = {
        "sms_gateway_url": text_gateway.url,
        "sms_gateway_token": SecretStr("a-gateway-token"),
        "sms_seconds": 2,
    }
    await declare(notify_settings, sms_queue(notify_settings.retry_delays_ms))
    async with notifying(notify_settings.model_copy(update=changes)) as stub:
        yield stub


def a_code(**changes: Any) -> notify_pb2.SendNotificationRequest:
    fields: dict[str, Any] = {
        "request_id": str(uuid4()),
        "channel": notify_pb2.CHANNEL_SMS,
        "recipient": NUMBER,
        "template_id": "sign_in_code",
        "values": {"code": "271828", "minutes": "10", "language": "en"},
    }
    return notify_pb2.SendNotificationRequest(**(fields | changes))


def reached_by(**contact: str) -> booking_pb2.Booking:
    return a_booking(contact=booking_pb2.Contact(full_name="Ada", **contact))


def link_of(booking: booking_pb2.Booking) -> str:
    return f"https://matinee.example/bookings/{booking.booking_id}?key={quote(booking.access_key, safe='')}"


async def sent(stub: Any, recipient: str = NUMBER) -> list[notify_pb2.Notification]:
    request = notify_pb2.ListNotificationsRequest(recipient=recipient)
    return list((await stub.ListNotifications(request)).notifications)


async def test_a_sign_in_code_is_a_text_message(stub: Any, text_gateway: TextGateway) -> None:
    request = a_code()
    answers = {(await stub.SendNotification(request)).notification_id for _ in range(3)}
    assert await text_gateway.received(1) == [{"to": NUMBER, "text": "271828 is your sign-in code"}]
    assert set(text_gateway.texts) == answers
    assert text_gateway.tokens == {"Bearer a-gateway-token"}


async def test_a_gateway_that_is_away_or_loses_its_answer_gets_the_same_key_again(
    stub: Any, text_gateway: TextGateway
) -> None:
    text_gateway.statuses = [503, 401, 0]
    await stub.SendNotification(a_code())

    async def told() -> bool:
        return [each.state for each in await sent(stub)] == [notify_pb2.NOTIFICATION_STATE_SENT]

    await eventually(told, within_seconds=20)
    assert text_gateway.posts == 4
    assert len(text_gateway.texts) == 1


async def test_a_number_that_the_gateway_refuses_is_given_up(stub: Any, text_gateway: TextGateway) -> None:
    text_gateway.statuses = [422]
    await stub.SendNotification(a_code())

    async def given_up() -> bool:
        return [each.state for each in await sent(stub)] == [notify_pb2.NOTIFICATION_STATE_DEAD]

    await eventually(given_up, within_seconds=15)
    assert text_gateway.posts == 1


@pytest.mark.parametrize(
    "number", ["", "912345678", "+0912345678", "+3519123456781234", "+351\n", "ada@example.com"]
)
async def test_what_is_no_number_is_refused(stub: Any, number: str) -> None:
    with pytest.raises(RemoteError) as refused:
        await stub.SendNotification(a_code(recipient=number))
    assert refused.value.facts == {"field": "recipient"}


async def test_who_gave_no_e_mail_address_gets_the_booking_as_a_text(
    stub: Any, text_gateway: TextGateway, events: Events, mail_server: MailServer
) -> None:
    by_mail, by_text = reached_by(email="ada@example.com", phone=NUMBER), reached_by(phone=NUMBER)
    for booking in (by_mail, by_text):
        await events.publish(events_pb2.BookingConfirmed(header=a_header(booking)))
    [text] = await text_gateway.received(1)
    assert text["to"] == NUMBER
    assert text["text"].startswith("Your tickets: Tears of Steel\n")
    assert "Seats: C7 and C8" in text["text"]
    assert text["text"].endswith(link_of(by_text))
    await mail_server.received(1)
    assert len(mail_server.mails) == len(text_gateway.texts) == 1


async def test_a_long_title_does_not_cut_the_link_off(
    stub: Any, text_gateway: TextGateway, events: Events
) -> None:
    booking = reached_by(phone=NUMBER)
    booking.show.movie_title = "A very long title " * 50
    await events.publish(events_pb2.BookingConfirmed(header=a_header(booking)))
    [text] = await text_gateway.received(1)
    assert len(text["text"]) <= 600
    assert text["text"].startswith("Your tickets: A very long title")
    assert text["text"].endswith(f"\n{link_of(booking)}")


@pytest.mark.parametrize("reached_by_phone", [".phone", ".email.phone", ""])
async def test_events_of_buyers_with_a_phone_come_to_texts_and_to_mails_by_one_message(
    stub: Any, events: Events, mail_server: MailServer, text_gateway: TextGateway, reached_by_phone: str
) -> None:
    await events.publish(
        events_pb2.BookingConfirmed(header=a_header(reached_by(phone=NUMBER))), reached_by_phone
    )
    await text_gateway.received(1)
    by_mail = reached_by(email="ada@example.com", phone=NUMBER)
    await events.publish(events_pb2.BookingConfirmed(header=a_header(by_mail)), reached_by_phone)
    await mail_server.received(1)


async def test_nobody_is_woken_for_a_buyer_without_a_phone_also_where_it_was_so_before(
    notify_settings: Settings,
    text_gateway: TextGateway,
    amqp_url: str,
    events: Events,
    mail_server: MailServer,
    queues: QueueEye,
) -> None:
    """The queue was bound to every event once; the service takes that away when it starts."""
    delays = notify_settings.retry_delays_ms
    before = replace(
        sms_queue(delays), bindings=[Binding(BOOKINGS.name, "notify.sms", "#")], former_bindings=()
    )
    event = events_pb2.BookingConfirmed(header=a_header(reached_by(email="ada@example.com")))
    async with Publisher(
        Broker(SecretStr(amqp_url)), name="before", topology=before.topology(BOOKINGS)
    ) as publisher:
        await Events(publisher).publish(event, ".email")
    await queues.until_ready_count("notify.sms", 1)  # the control: with that binding it is woken
    await queues.take("notify.sms")
    changes = {"sms_gateway_url": text_gateway.url, "role": "server"}
    async with serving(notify_settings.model_copy(update=changes), build) as address:
        await eventually(lambda: is_serving(address))  # the bindings are as they should be from then on
        await events.publish(event, ".email")
        assert await queues.take("notify.sms") is None
        await events.publish(event, ".phone")
        await queues.until_ready_count("notify.sms", 1)


async def test_a_persons_messages_are_listed_and_their_recipient_can_be_forgotten(
    stub: Any, text_gateway: TextGateway, events: Events
) -> None:
    booking = reached_by(phone=NUMBER)
    await events.publish(events_pb2.BookingConfirmed(header=a_header(booking)))
    await stub.SendNotification(a_code())
    await stub.SendNotification(a_code(recipient="+351912345679"))
    await text_gateway.received(3)
    assert {each.event_name for each in await sent(stub)} == {"booking_confirmed", "sign_in_code"}
    payments = notify_pb2.Preference(channel=notify_pb2.CHANNEL_SMS, news_kind=notify_pb2.NEWS_KIND_PAYMENTS)
    await stub.SetPreferences(
        notify_pb2.SetPreferencesRequest(request_id=str(uuid4()), address=NUMBER, preferences=[payments])
    )

    erase = notify_pb2.EraseRecipientsRequest(
        request_id=str(uuid4()), recipients=[NUMBER], booking_ids=[booking.booking_id]
    )
    for _ in range(2):
        await stub.EraseRecipients(erase)
    assert await sent(stub) == []
    assert len(await sent(stub, "+351912345679")) == 1
    request = notify_pb2.ListNotificationsRequest(booking_id=booking.booking_id, page_size=1)
    [about] = (await stub.ListNotifications(request)).notifications
    assert (about.recipient, about.notification_id in text_gateway.texts) == ("", True)
    answer = await stub.GetPreferences(notify_pb2.GetPreferencesRequest(address=NUMBER))
    assert all(each.wanted for each in answer.preferences)


async def test_wrong_requests_to_list_or_forget_are_named(stub: Any) -> None:
    for request, field in (
        (notify_pb2.ListNotificationsRequest(), "booking_id"),
        (notify_pb2.ListNotificationsRequest(booking_id="b", recipient="r"), "recipient"),
        (notify_pb2.ListNotificationsRequest(recipient="r" * 321), "recipient"),
    ):
        with pytest.raises(RemoteError) as refused:
            await stub.ListNotifications(request)
        assert refused.value.facts == {"field": field}
    for changes, field in (
        ({"request_id": "x"}, "request_id"),
        ({"recipients": ["r"] * 11}, "recipients"),
        ({"recipients": [""]}, "recipients"),
        ({"booking_ids": ["b"] * 101}, "booking_ids"),
    ):
        fields: dict[str, Any] = {"request_id": str(uuid4())} | changes
        with pytest.raises(RemoteError) as refused:
            await stub.EraseRecipients(notify_pb2.EraseRecipientsRequest(**fields))
        assert refused.value.facts == {"field": field}


async def test_a_message_that_is_over_is_not_sent_any_more(stub: Any, text_gateway: TextGateway) -> None:
    late, in_time = a_code(), a_code(values={"code": "314159", "minutes": "10"})
    late.expire_time.GetCurrentTime()
    in_time.expire_time.FromSeconds(late.expire_time.seconds + 600)
    await stub.SendNotification(late)
    await stub.SendNotification(in_time)
    [text] = await text_gateway.received(1)
    assert "314159" in text["text"]
    no_time = a_code()
    no_time.expire_time.seconds = 2**60
    with pytest.raises(RemoteError) as refused:
        await stub.SendNotification(no_time)
    assert refused.value.facts == {"field": "expire_time"}
