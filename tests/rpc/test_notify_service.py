"""NotificationService over a real socket."""

import datetime as dt
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from matinee.booking.v1 import events_pb2
from matinee.notify.v1 import notify_pb2

from mesh.errors import RemoteError
from mesh.testing import FakeClock, calling, serving
from notify_svc.app import build
from notify_svc.settings import Settings
from tests.fixtures.booking_events import START, a_booking, a_header
from tests.fixtures.mail import MailServer
from tests.fixtures.notify import Events, notifying


@pytest_asyncio.fixture(loop_scope="session")
async def stub(notify_settings: Settings) -> Any:
    async with notifying(notify_settings) as stub:
        yield stub


def sign_in_code(**changes: Any) -> notify_pb2.SendNotificationRequest:
    fields: dict[str, Any] = {
        "request_id": str(uuid4()),
        "channel": notify_pb2.CHANNEL_EMAIL,
        "recipient": "ada@example.com",
        "template_id": "sign_in_code",
        "values": {"code": "271828", "minutes": "10"},
    }
    return notify_pb2.SendNotificationRequest(**(fields | changes))


async def test_a_sign_in_code_arrives(stub: Any, mail_server: MailServer) -> None:
    answer = await stub.SendNotification(sign_in_code())
    [mail] = await mail_server.received(1)
    assert mail.message["Subject"] == "271828 is your sign-in code"
    assert str(mail.message["Message-ID"]) == f"<{answer.notification_id}@matinee.example>"


async def test_a_repeated_request_gives_the_first_answer_and_one_mail(
    stub: Any, mail_server: MailServer
) -> None:
    request = sign_in_code()
    answers = [await stub.SendNotification(request) for _ in range(3)]
    await stub.SendNotification(sign_in_code(recipient="eve@example.com"))
    await mail_server.received(2)
    assert len({answer.notification_id for answer in answers}) == 1
    assert sorted(mail.recipients[0] for mail in mail_server.mails) == ["ada@example.com", "eve@example.com"]


async def test_a_request_id_with_other_content_is_refused(stub: Any) -> None:
    request = sign_in_code()
    await stub.SendNotification(request)
    request.values["code"] = "314159"
    with pytest.raises(RemoteError) as refused:
        await stub.SendNotification(request)
    assert (refused.value.code, refused.value.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
    with pytest.raises(RemoteError) as refused:
        await stub.SetPreferences(
            notify_pb2.SetPreferencesRequest(
                request_id=request.request_id,
                address="ada@example.com",
                preferences=[
                    notify_pb2.Preference(
                        channel=notify_pb2.CHANNEL_EMAIL, news_kind=notify_pb2.NEWS_KIND_PAYMENTS
                    )
                ],
            )
        )
    assert refused.value.reason == "REQUEST_ID_REUSED"


WRONG_REQUESTS: list[tuple[dict[str, Any], str]] = [
    ({"request_id": "1"}, "request_id"),
    ({"channel": notify_pb2.CHANNEL_UNSPECIFIED}, "channel"),
    ({"channel": 99}, "channel"),
    ({"recipient": ""}, "recipient"),
    ({"recipient": "ada@example.com\r\nBcc: eve@example.com"}, "recipient"),
    ({"recipient": "a" * 300 + "@example.com"}, "recipient"),
    ({"template_id": ""}, "template_id"),
    ({"template_id": "../layout"}, "template_id"),
    ({"values": {"code": "271828"}}, "values"),
    ({"values": {"code": "1", "minutes": "10", "secret": "x"}}, "values"),
    ({"values": {"code": "1\r\nBcc: x", "minutes": "10"}}, "values"),
    ({"values": {"code": "1" * 201, "minutes": "10"}}, "values"),
]


async def test_a_wrong_field_is_named(stub: Any) -> None:
    for changes, field in WRONG_REQUESTS:
        with pytest.raises(RemoteError) as refused:
            await stub.SendNotification(sign_in_code(**changes))
        assert invalid_field(refused.value) == field, changes


def invalid_field(error: RemoteError) -> str:
    assert (error.code, error.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    return error.facts["field"]


async def test_channels_without_a_worker_say_so(stub: Any) -> None:
    with pytest.raises(RemoteError) as refused:
        await stub.SendNotification(sign_in_code(channel=notify_pb2.CHANNEL_SMS, recipient="+912255501234"))
    assert (refused.value.code, refused.value.reason) == ("UNIMPLEMENTED", "CHANNEL_NOT_OFFERED")
    with pytest.raises(RemoteError) as refused:
        await stub.RegisterPushSubscription(notify_pb2.RegisterPushSubscriptionRequest())
    assert (refused.value.code, refused.value.reason) == ("UNIMPLEMENTED", "CHANNEL_NOT_OFFERED")


async def test_a_bookings_messages_are_listed_newest_first_in_pages(
    notify_settings: Settings, events: Events, mail_server: MailServer
) -> None:
    clock = FakeClock(START - dt.timedelta(hours=20))
    booking = a_booking()
    async with notifying(notify_settings, clock) as stub:
        # The second and third at the same instant, as the fourth and fifth.
        for n, pause in enumerate((60, 0, 60, 0, 60)):
            await events.publish(events_pb2.ShowRescheduled(header=a_header(booking, f"event-{n}")))
            await mail_server.received(n + 1)
            clock.advance(pause)

        listed: list[str] = []
        token = ""
        for _ in range(3):
            page = await stub.ListNotifications(
                notify_pb2.ListNotificationsRequest(
                    booking_id=booking.booking_id, page_size=2, page_token=token
                )
            )
            listed += [told.event_id for told in page.notifications]
            token = page.next_page_token
        nothing = await stub.ListNotifications(notify_pb2.ListNotificationsRequest(booking_id="other"))
    assert token == ""
    assert [set(listed[:2]), set(listed[2:4]), listed[4:]] == [
        {"event-3", "event-4"},
        {"event-1", "event-2"},
        ["event-0"],
    ]
    assert list(nothing.notifications) == []


async def test_mailboxes_that_only_look_alike_have_messages_of_their_own(
    stub: Any, mail_server: MailServer
) -> None:
    sharp, double = "ada@stra\u00dfe.example", "Ada@strasse.example"

    async def messages_to(recipient: str) -> list[str]:
        wanted = notify_pb2.ListNotificationsRequest(recipient=recipient)
        return [told.recipient for told in (await stub.ListNotifications(wanted)).notifications]

    for recipient in (sharp, double):
        await stub.SendNotification(sign_in_code(recipient=recipient))
    await mail_server.received(2)
    assert await messages_to(sharp) == [sharp]
    assert await messages_to("ada@STRASSE.example") == [double]
    await stub.EraseRecipients(
        notify_pb2.EraseRecipientsRequest(request_id=str(uuid4()), recipients=[double.lower()])
    )
    assert await messages_to(double) == []
    assert await messages_to(sharp) == [sharp]


WRONG_LISTS: list[tuple[dict[str, Any], str]] = [
    ({"booking_id": ""}, "booking_id"),
    ({"booking_id": "b" * 65}, "booking_id"),
    ({"page_size": -1}, "page_size"),
    ({"page_token": "ü"}, "page_token"),
    ({"page_token": "AAAA"}, "page_token"),
    ({"page_token": "OTk5OTk5OTk5OTk5OTk5OmFi"}, "page_token"),
]


async def test_a_wrong_list_request_is_named(stub: Any) -> None:
    for changes, field in WRONG_LISTS:
        request = notify_pb2.ListNotificationsRequest(**({"booking_id": "b-1"} | changes))
        with pytest.raises(RemoteError) as refused:
            await stub.ListNotifications(request)
        assert invalid_field(refused.value) == field, changes


async def test_a_server_alone_takes_requests_and_a_worker_alone_sends_them(
    notify_settings: Settings, mail_server: MailServer
) -> None:
    async with notifying(notify_settings.model_copy(update={"role": "server"})) as stub:
        await stub.SendNotification(sign_in_code())
    assert mail_server.mails == []

    async with notifying(notify_settings.model_copy(update={"role": "worker"})) as stub:
        await mail_server.received(1)
        with pytest.raises(RemoteError) as refused:
            await stub.SendNotification(sign_in_code())
    assert refused.value.code == "UNIMPLEMENTED"
    assert refused.value.reason != "CHANNEL_NOT_OFFERED"


async def test_somebody_without_the_token_is_sent_away(notify_settings: Settings) -> None:
    async with serving(notify_settings, build) as address, calling(address, token="another") as channel:
        call = channel.unary_unary(
            "/matinee.notify.v1.NotificationService/SendNotification",
            request_serializer=notify_pb2.SendNotificationRequest.SerializeToString,
            response_deserializer=notify_pb2.SendNotificationResponse.FromString,
        )
        with pytest.raises(RemoteError) as refused:
            await call(sign_in_code())
    assert refused.value.code == "UNAUTHENTICATED"
