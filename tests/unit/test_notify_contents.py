"""What comes from the queues may be anything."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matinee.booking.v1 import booking_pb2, events_pb2
from matinee.notify.v1 import notify_pb2

from notify_svc.convert.contents import content_of
from notify_svc.domain.contents import BookingEvent, DirectMessage
from notify_svc.domain.notifications import Channel, Notification
from notify_svc.errors import MalformedMessage
from tests.fixtures.booking_events import START, a_booking, a_header, event_type

CONFIRMED = "matinee.booking.v1.BookingConfirmed"


def reminder() -> BookingEvent:
    event = events_pb2.ShowReminder(header=a_header())
    content = content_of(event_type(event), event.SerializeToString())
    assert isinstance(content, BookingEvent)
    return content


@given(st.binary(max_size=200))
def test_bytes_that_are_no_event_are_malformed_and_nothing_else(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        content_of(CONFIRMED, body)


def broken(**changes: object) -> bytes:
    return events_pb2.BookingConfirmed(header=a_header(a_booking(**changes))).SerializeToString()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        events_pb2.BookingConfirmed(header=a_header()).SerializeToString()[:-7],
        broken(booking_id=""),
        broken(show=booking_pb2.ShowFacts(time_zone="Asia/Kolkata")),
        broken(show=booking_pb2.ShowFacts(time_zone="Middle/Earth")),
        broken(show=booking_pb2.ShowFacts(time_zone="../../etc/passwd")),
    ],
    ids=["empty", "cut off", "no booking id", "no start", "no such zone", "a path as zone"],
)
def test_an_event_that_lacks_what_a_letter_needs_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        content_of(CONFIRMED, body)


def test_a_type_of_tomorrow_is_malformed() -> None:
    with pytest.raises(MalformedMessage):
        content_of("matinee.booking.v1.BookingApplauded", broken())


REQUEST = notify_pb2.SendNotificationRequest(
    request_id="6f1c2a34-0000-4000-8000-000000000001",
    channel=notify_pb2.CHANNEL_EMAIL,
    recipient="ada@example.com",
    template_id="sign_in_code",
    values={"code": "271828", "minutes": "10"},
)


def test_a_request_from_the_queue_is_checked_as_one_from_a_caller() -> None:
    good = content_of("matinee.notify.v1.SendNotificationRequest", REQUEST.SerializeToString())
    assert good.recipient(Channel.EMAIL) == "ada@example.com"

    changes: list[tuple[str, Any]] = [
        ("template_id", "../../etc/passwd"),
        ("template_id", "layout"),
        ("channel", notify_pb2.CHANNEL_UNSPECIFIED),
        ("channel", notify_pb2.CHANNEL_SMS),
        ("recipient", "nobody"),
    ]
    for field, value in changes:
        request = notify_pb2.SendNotificationRequest()
        request.CopyFrom(REQUEST)
        setattr(request, field, value)
        with pytest.raises(MalformedMessage):
            content_of("matinee.notify.v1.SendNotificationRequest", request.SerializeToString())


def test_an_event_goes_to_what_the_buyer_gave_and_nowhere_else() -> None:
    event = reminder()
    assert event.recipient(Channel.EMAIL) == "ada@example.com"
    assert event.recipient(Channel.SMS) is None
    assert event.recipient(Channel.PUSH) is None


def test_a_direct_message_goes_only_where_it_was_asked_to_go() -> None:
    message = DirectMessage("r-1", Channel.EMAIL, "ada@example.com", "sign_in_code", {})
    assert message.recipient(Channel.EMAIL) == "ada@example.com"
    assert message.recipient(Channel.SMS) is None


def test_a_reminder_is_over_when_the_show_has_begun() -> None:
    event = reminder()
    assert not event.is_over(START - dt.timedelta(seconds=1))
    assert event.is_over(START)


def test_the_notification_id_stands_for_event_channel_and_recipient() -> None:
    def id_of(event_id: str, channel: Channel, recipient: str) -> str:
        return Notification(event_id, "any", "b-1", channel, recipient).notification_id

    one = id_of("e-1", Channel.EMAIL, "ada@example.com")
    assert one == id_of("e-1", Channel.EMAIL, "Ada@Example.com")
    others = {
        id_of("e-2", Channel.EMAIL, "ada@example.com"),
        id_of("e-1", Channel.SMS, "ada@example.com"),
        id_of("e-1", Channel.EMAIL, "eve@example.com"),
    }
    assert len(others | {one}) == 4


def test_personal_data_is_in_no_repr() -> None:
    shown = repr(reminder()) + repr(
        DirectMessage("r-1", Channel.EMAIL, "ada@example.com", "sign_in_code", {"code": "271828"})
    )
    for secret in ("ada@example.com", "Ada Lovelace", "k+y/with=signs", "271828"):
        assert secret not in shown
