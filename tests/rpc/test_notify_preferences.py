"""Preferences over a socket, and what a worker makes of them."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from matinee.booking.v1 import booking_pb2, events_pb2
from matinee.notify.v1 import notify_pb2
from structlog.testing import capture_logs

from mesh.clock import SystemClock
from mesh.errors import RemoteError
from mesh.mongo import close, open_client
from mesh.testing import eventually
from notify_svc.consumers.queues import sms_queue
from notify_svc.domain.news import NewsKind
from notify_svc.domain.notifications import Channel
from notify_svc.domain.preferences import Preferences
from notify_svc.settings import Settings
from notify_svc.stores.mongo import NotifyDatabase
from notify_svc.stores.preferences import MongoPreferences
from tests.fixtures.booking_events import START, a_booking, a_header, timestamp
from tests.fixtures.mail import MailServer, ReceivedMail
from tests.fixtures.notify import Events, declare, notifying
from tests.fixtures.text_gateway import TextGateway

ADA = "ada@example.com"
NUMBER = "+351912345678"
EMAIL, SMS, PUSH = notify_pb2.CHANNEL_EMAIL, notify_pb2.CHANNEL_SMS, notify_pb2.CHANNEL_PUSH
PAYMENTS, CANCELLATIONS = notify_pb2.NEWS_KIND_PAYMENTS, notify_pb2.NEWS_KIND_CANCELLATIONS
TICKETS, REFUNDS = notify_pb2.NEWS_KIND_TICKETS, notify_pb2.NEWS_KIND_REFUNDS
FIXED = {notify_pb2.NEWS_KIND_SIGN_IN, TICKETS, REFUNDS, notify_pb2.NEWS_KIND_SHOW_CHANGES}


@pytest_asyncio.fixture(loop_scope="session")
async def stub(notify_settings: Settings) -> AsyncIterator[Any]:
    async with notifying(notify_settings) as stub:
        yield stub


@pytest_asyncio.fixture(loop_scope="session")
async def texting(notify_settings: Settings, text_gateway: TextGateway) -> AsyncIterator[Any]:
    changes = {"sms_gateway_url": text_gateway.url, "sms_seconds": 2}
    await declare(notify_settings, sms_queue(notify_settings.retry_delays_ms))
    async with notifying(notify_settings.model_copy(update=changes)) as stub:
        yield stub


def switched(
    *kinds: "notify_pb2.NewsKind.ValueType",
    wanted: bool = False,
    address: str = ADA,
    channel: "notify_pb2.Channel.ValueType" = EMAIL,
    request_id: str = "",
) -> notify_pb2.SetPreferencesRequest:
    return notify_pb2.SetPreferencesRequest(
        request_id=request_id or str(uuid4()),
        address=address,
        preferences=[notify_pb2.Preference(channel=channel, news_kind=kind, wanted=wanted) for kind in kinds],
    )


async def preferences(stub: Any, address: str = ADA) -> list[notify_pb2.Preference]:
    return list((await stub.GetPreferences(notify_pb2.GetPreferencesRequest(address=address))).preferences)


async def unwanted(stub: Any, address: str = ADA) -> set[int]:
    return {each.news_kind for each in await preferences(stub, address) if not each.wanted}


async def refused(call: Any) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        await call
    return caught.value


async def test_everything_is_told_until_it_is_switched_off(stub: Any) -> None:
    usual = await preferences(stub)
    assert {each.channel for each in usual} == {EMAIL}
    assert {each.news_kind for each in usual} == set(notify_pb2.NewsKind.values()) - {0}
    assert all(each.wanted for each in usual)
    assert {each.news_kind for each in usual if each.always_told} == FIXED
    answer = await stub.SetPreferences(switched(PAYMENTS, CANCELLATIONS))
    assert list(answer.preferences) == await preferences(stub)
    assert await unwanted(stub) == {PAYMENTS, CANCELLATIONS}
    assert await unwanted(stub, "ADA@Example.com") == {PAYMENTS, CANCELLATIONS}
    await stub.SetPreferences(switched(PAYMENTS, wanted=True))
    assert await unwanted(stub) == {CANCELLATIONS}
    assert await unwanted(stub, "eve@example.com") == set()


async def test_a_late_repeat_does_not_undo_a_newer_choice(stub: Any) -> None:
    first = switched(PAYMENTS)
    await stub.SetPreferences(first)
    await stub.SetPreferences(switched(PAYMENTS, wanted=True))
    await stub.SetPreferences(first)
    assert await unwanted(stub) == set()
    error = await refused(stub.SetPreferences(switched(CANCELLATIONS, request_id=first.request_id)))
    assert (error.code, error.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
    assert await unwanted(stub) == set()


@pytest.mark.parametrize("kind", sorted(FIXED))
async def test_what_must_be_told_cannot_be_switched_off_and_nothing_else_of_the_request_is(
    stub: Any, kind: "notify_pb2.NewsKind.ValueType"
) -> None:
    error = await refused(stub.SetPreferences(switched(PAYMENTS, kind)))
    assert (error.code, error.reason) == ("FAILED_PRECONDITION", "ALWAYS_TOLD")
    name = notify_pb2.NewsKind.Name(kind).removeprefix("NEWS_KIND_").lower()
    assert error.facts == {"channel": "email", "news_kind": name}
    assert await unwanted(stub) == set()
    await stub.SetPreferences(switched(kind, wanted=True))  # that it is wanted is no error


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"request_id": "1"}, "request_id"),
    ({"address": ""}, "address"),
    ({"address": "ada"}, "address"),
    ({"address": "ada@example.com, eve@example.com"}, "address"),
    ({"address": "ada@example.com\r\nBcc: eve@example.com"}, "address"),
    ({"address": "912345678"}, "address"),
    ({"address": "a" * 400 + "@example.com"}, "address"),
    ({"preferences": []}, "preferences"),
    ({"preferences": [notify_pb2.Preference(channel=EMAIL)]}, "preferences"),
    ({"preferences": [notify_pb2.Preference(channel=EMAIL, news_kind=99)]}, "preferences"),  # type: ignore[arg-type]
    ({"preferences": [notify_pb2.Preference(news_kind=PAYMENTS)]}, "preferences"),
    ({"preferences": [notify_pb2.Preference(channel=77, news_kind=PAYMENTS)]}, "preferences"),  # type: ignore[arg-type]
    ({"preferences": [notify_pb2.Preference(channel=SMS, news_kind=PAYMENTS)]}, "preferences"),
    (
        {
            "preferences": [
                notify_pb2.Preference(channel=EMAIL, news_kind=PAYMENTS, wanted=wanted)
                for wanted in (True, False)
            ]
        },
        "preferences",
    ),
    ({"preferences": [notify_pb2.Preference(channel=EMAIL, news_kind=PAYMENTS)] * 5_000}, "preferences"),
]


async def test_what_makes_no_sense_is_named_and_changes_nothing(stub: Any) -> None:
    for changes, field in WRONG:
        good = switched(PAYMENTS)
        fields = {"request_id": good.request_id, "address": ADA, "preferences": good.preferences} | changes
        error = await refused(stub.SetPreferences(notify_pb2.SetPreferencesRequest(**fields)))
        assert (error.reason, error.facts) == ("INVALID_FIELD", {"field": field}), changes
    assert await unwanted(stub) == set()
    error = await refused(stub.GetPreferences(notify_pb2.GetPreferencesRequest(address="ada")))
    assert error.facts == {"field": "address"}
    error = await refused(stub.SetPreferences(switched(PAYMENTS, channel=PUSH)))
    assert (error.code, error.reason) == ("UNIMPLEMENTED", "CHANNEL_NOT_OFFERED")
    error = await refused(stub.SetPreferences(switched(PAYMENTS, channel=SMS, address=NUMBER)))
    assert (error.code, error.reason) == ("UNIMPLEMENTED", "CHANNEL_NOT_OFFERED")


# Workers


def declined(booking: booking_pb2.Booking) -> events_pb2.PaymentFailed:
    return events_pb2.PaymentFailed(header=a_header(booking))


def told_of(stub: Any, booking: booking_pb2.Booking, count: int) -> Any:
    async def settled() -> list[notify_pb2.Notification]:
        request = notify_pb2.ListNotificationsRequest(booking_id=booking.booking_id)
        found = list((await stub.ListNotifications(request)).notifications)
        sending = [each for each in found if each.state == notify_pb2.NOTIFICATION_STATE_SENDING]
        return found if len(found) == count and not sending else []

    return eventually(settled, within_seconds=15)


async def test_what_is_switched_off_is_skipped_and_what_must_be_told_is_sent(
    stub: Any, events: Events, mail_server: MailServer
) -> None:
    booking = a_booking(contact=booking_pb2.Contact(full_name="Ada", email="Ada@Example.com"))
    called_off = a_booking(
        booking_id=booking.booking_id,
        state=booking_pb2.BOOKING_STATE_EXPIRED,
        show_cancellation=booking_pb2.ShowCancellation(cancel_time=timestamp(START)),
    )
    await stub.SetPreferences(switched(PAYMENTS, CANCELLATIONS))
    with capture_logs() as lines:
        for event in (
            declined(booking),
            events_pb2.BookingCancelled(header=a_header(booking)),
            events_pb2.BookingConfirmed(header=a_header(booking)),
            events_pb2.RefundIssued(header=a_header(booking), refund=booking_pb2.Refund(refund_id="r")),
            events_pb2.ShowCancelled(header=a_header(booking)),
            events_pb2.ShowRescheduled(header=a_header(booking), previous_start_time=timestamp(START)),
            events_pb2.BookingExpired(header=a_header(called_off)),
        ):
            await events.publish(event)
        found = await told_of(stub, booking, 7)
    skipped = {each.event_name for each in found if each.state == notify_pb2.NOTIFICATION_STATE_SKIPPED}
    assert skipped == {"payment_failed", "booking_cancelled"}
    for each in found:
        reason = notify_pb2.SKIP_REASON_UNWANTED if each.event_name in skipped else 0
        assert (each.skip_reason, each.HasField("sent_time")) == (reason, each.event_name not in skipped)
    assert len(mail_server.mails) == 5
    assert ADA not in str(lines).lower()


async def test_nobodys_mailbox_is_filled_with_news_of_bookings_that_nobody_paid_for(
    stub: Any, events: Events, mail_server: MailServer
) -> None:
    for number in range(9):
        booking = a_booking(booking_id=f"unpaid-{number}")
        news = declined(booking) if number % 2 else events_pb2.BookingExpired(header=a_header(booking))
        await events.publish(news)
        (told,) = await told_of(stub, booking, 1)
        assert told.skip_reason == (notify_pb2.SKIP_REASON_TOO_MANY if number >= 6 else 0), number
    assert len(mail_server.mails) == 6
    paid = a_booking(booking_id="paid")
    await events.publish(events_pb2.BookingConfirmed(header=a_header(paid)))
    somebody_else = a_booking(
        booking_id="bert", contact=booking_pb2.Contact(full_name="Bert", email="bert@example.com")
    )
    await events.publish(declined(somebody_else))
    for booking in (paid, somebody_else):
        (told,) = await told_of(stub, booking, 1)
        assert told.skip_reason == 0


async def test_what_is_stored_against_the_rule_does_not_keep_back_what_must_be_told(
    notify_settings: Settings, stub: Any, events: Events, mail_server: MailServer
) -> None:
    client = open_client(notify_settings.mongo_url, "test")
    store = MongoPreferences(NotifyDatabase(client, notify_settings.mongo_database))
    everything = Preferences(frozenset((channel, kind) for channel in Channel for kind in NewsKind), 1)
    assert await store.put(ADA, Preferences(), everything, SystemClock().now())
    await close(client)
    booking = a_booking()
    await events.publish(events_pb2.BookingConfirmed(header=a_header(booking)))
    await events.publish(events_pb2.ShowCancelled(header=a_header(booking)))
    await events.publish(declined(booking))
    found = await told_of(stub, booking, 3)
    assert {each.event_name for each in found if each.skip_reason} == {"payment_failed"}
    assert len(mail_server.mails) == 2


async def test_it_is_the_time_of_sending_that_counts_and_a_skipped_event_stays_skipped(
    notify_settings: Settings, events: Events, mail_server: MailServer
) -> None:
    booking = a_booking()
    event = declined(booking)
    async with notifying(notify_settings.model_copy(update={"role": "server"})) as stub:
        await events.publish(event)  # waits: there is no worker
        await stub.SetPreferences(switched(PAYMENTS))
    async with notifying(notify_settings) as stub:
        [skipped] = await told_of(stub, booking, 1)
        assert skipped.state == notify_pb2.NOTIFICATION_STATE_SKIPPED
        await stub.SetPreferences(switched(PAYMENTS, wanted=True))
        await events.publish(event)
        await events.publish(declined(booking))
        await mail_server.received(1)
        found = await told_of(stub, booking, 2)
    assert sorted(each.state for each in found) == [
        notify_pb2.NOTIFICATION_STATE_SENT,
        notify_pb2.NOTIFICATION_STATE_SKIPPED,
    ]
    assert len(mail_server.mails) == 1


async def test_an_address_decides_for_itself_alone(
    texting: Any, events: Events, mail_server: MailServer, text_gateway: TextGateway
) -> None:
    by_text = a_booking(contact=booking_pb2.Contact(full_name="Ada", phone=NUMBER))
    by_both = a_booking(contact=booking_pb2.Contact(full_name="Ada", phone=NUMBER, email=ADA))
    await texting.SetPreferences(switched(PAYMENTS, channel=SMS, address=NUMBER))
    for booking in (by_text, by_both):
        await events.publish(declined(booking))
    await mail_server.received(1)
    [skipped] = await told_of(texting, by_text, 1)
    assert (skipped.channel, skipped.state) == (SMS, notify_pb2.NOTIFICATION_STATE_SKIPPED)
    assert {each.channel for each in await preferences(texting, NUMBER)} == {SMS}
    assert text_gateway.texts == {}


# Links


async def a_letter(events: Events, mail_server: MailServer, event: Any, count: int = 1) -> ReceivedMail:
    await events.publish(event)
    return (await mail_server.received(count))[-1]


def token_in(mail: ReceivedMail) -> str:
    link = str(mail.message["List-Unsubscribe"])
    assert link.startswith("<https://matinee.example/unsubscribe/")
    assert link.endswith(">")
    return link.rpartition("/")[2].rstrip(">")


def unsubscribing(token: str, request_id: str = "") -> notify_pb2.UnsubscribeRequest:
    return notify_pb2.UnsubscribeRequest(request_id=request_id or str(uuid4()), token=token)


async def test_the_link_in_a_letter_switches_off_that_kind_for_that_address(
    stub: Any, events: Events, mail_server: MailServer
) -> None:
    mail = await a_letter(events, mail_server, declined(a_booking()))
    token = token_in(mail)
    assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"https://matinee.example/unsubscribe/{token}" in mail.text
    assert f'href="https://matinee.example/unsubscribe/{token}"' in mail.html
    assert "https://matinee.example/me#news" in mail.text
    asked = await stub.GetUnsubscription(notify_pb2.GetUnsubscriptionRequest(token=token))
    assert (asked.preference.news_kind, asked.preference.wanted) == (PAYMENTS, True)
    assert asked.address_hint == "a…@example.com"
    assert await unwanted(stub) == set(), "looking changes nothing"
    for _ in range(2):
        answer = await stub.Unsubscribe(unsubscribing(token))
        assert not answer.preference.wanted
    assert await unwanted(stub) == {PAYMENTS}
    assert await unwanted(stub, "eve@example.com") == set()


async def test_a_link_works_again_after_its_kind_was_switched_on_again_but_a_repeat_does_not(
    stub: Any, events: Events, mail_server: MailServer
) -> None:
    token = token_in(await a_letter(events, mail_server, declined(a_booking())))
    first = unsubscribing(token)
    await stub.Unsubscribe(first)
    await stub.SetPreferences(switched(PAYMENTS, wanted=True))
    answer = await stub.Unsubscribe(first)
    assert answer.preference.wanted
    await stub.Unsubscribe(unsubscribing(token))
    assert await unwanted(stub) == {PAYMENTS}


async def test_a_letter_that_must_come_has_no_link(
    stub: Any, events: Events, mail_server: MailServer
) -> None:
    booking = a_booking()
    for n, event in enumerate(
        (
            events_pb2.BookingConfirmed(header=a_header(booking)),
            events_pb2.ShowCancelled(header=a_header(booking)),
            events_pb2.RefundIssued(header=a_header(booking), refund=booking_pb2.Refund(refund_id="r")),
        )
    ):
        mail = await a_letter(events, mail_server, event, n + 1)
        assert mail.message["List-Unsubscribe"] is None
        assert mail.message["List-Unsubscribe-Post"] is None
        assert "unsubscribe" not in mail.text + mail.html


async def test_a_text_message_has_the_link_as_well(
    texting: Any, events: Events, text_gateway: TextGateway
) -> None:
    booking = a_booking(contact=booking_pb2.Contact(full_name="Ada", phone=NUMBER))
    booking.show.movie_title = "A very long title " * 50
    await events.publish(declined(booking))
    [text] = await text_gateway.received(1)
    token = text["text"].rpartition("https://matinee.example/unsubscribe/")[2]
    await texting.Unsubscribe(unsubscribing(token))
    assert await unwanted(texting, NUMBER) == {PAYMENTS}


async def test_forged_tokens_are_all_the_same_to_us(
    notify_settings: Settings, stub: Any, events: Events, mail_server: MailServer
) -> None:
    token = token_in(await a_letter(events, mail_server, declined(a_booking())))
    for forged in ("", "x", token[:-1], token + "A", "0" * 54, token[::-1], "ü" * 54, "x" * 100_000):
        for call in (
            stub.GetUnsubscription(notify_pb2.GetUnsubscriptionRequest(token=forged)),
            stub.Unsubscribe(unsubscribing(forged)),
        ):
            error = await refused(call)
            assert (error.code, error.reason, error.facts) == ("NOT_FOUND", "LINK_OVER", {})
    error = await refused(stub.Unsubscribe(unsubscribing(token, "1")))
    assert error.facts == {"field": "request_id"}
    assert await unwanted(stub) == set()


async def test_after_an_erasure_preferences_are_the_usual_ones_and_links_lead_nowhere(
    stub: Any, events: Events, mail_server: MailServer
) -> None:
    token = token_in(await a_letter(events, mail_server, declined(a_booking())))
    await stub.Unsubscribe(unsubscribing(token))
    await stub.SetPreferences(switched(PAYMENTS, address="eve@example.com"))
    await stub.EraseRecipients(
        notify_pb2.EraseRecipientsRequest(request_id=str(uuid4()), recipients=["ADA@example.com"])
    )
    assert await unwanted(stub) == set()
    assert await unwanted(stub, "eve@example.com") == {PAYMENTS}
    assert (await refused(stub.Unsubscribe(unsubscribing(token)))).reason == "LINK_OVER"
    assert await unwanted(stub) == set()


async def test_a_reminder_can_be_switched_off_by_its_link(
    stub: Any, events: Events, mail_server: MailServer
) -> None:
    booking = a_booking()
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(hours=2)
    booking.show.start_time.CopyFrom(timestamp(soon))
    mail = await a_letter(events, mail_server, events_pb2.ShowReminder(header=a_header(booking)))
    answer = await stub.Unsubscribe(unsubscribing(token_in(mail)))
    assert answer.preference.news_kind == notify_pb2.NEWS_KIND_REMINDERS
