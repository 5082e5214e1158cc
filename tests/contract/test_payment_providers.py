"""What booking_svc may rely on at every payment provider."""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from booking_svc.errors import PaymentProviderUnavailable, PaymentRefused, WebhookSignatureInvalid
from booking_svc.ports import PaymentEvent, RefundOutcome, SessionState
from mesh import deadlines
from mesh.errors import InvalidField
from mesh.money import Money
from mesh.testing import eventually
from tests.fixtures.providers import Tried, tried_sandbox, tried_stripe

TWELVE_FIFTY = Money("USD", 1250)
EVERYBODY = {"sandbox": tried_sandbox, "stripe": tried_stripe}


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=EVERYBODY)
async def tried(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Tried]:
    folder = tmp_path_factory.mktemp(request.param)
    async with EVERYBODY[request.param](folder) as running:
        yield running


async def test_a_session_opens_once_however_often_it_is_asked_for(tried: Tried) -> None:
    booking, payment = tried.payment()
    first = await tried.provider.open_session(booking, payment)
    assert first.state is SessionState.OPEN
    assert first.redirect_url.startswith("http")
    assert first.captured is None
    assert await tried.provider.open_session(booking, payment) == first
    assert (await tried.provider.get_session(first.session_id)).state is SessionState.OPEN


async def test_a_session_that_is_asked_for_at_once_opens_once(tried: Tried) -> None:
    booking, payment = tried.payment()
    opening = (tried.provider.open_session(booking, payment) for _ in range(5))
    answers = await asyncio.gather(*opening, return_exceptions=True)
    again = await tried.provider.open_session(booking, payment)
    for answer in answers:
        # Busy with the first is an answer, too: it is asked again.
        assert isinstance(answer, PaymentProviderUnavailable) or answer == again


async def test_the_same_payment_with_another_amount_never_opens_a_second_session(tried: Tried) -> None:
    booking, payment = tried.payment()
    first = await tried.provider.open_session(booking, payment)
    dearer = replace(payment, amount=Money("USD", 9900))
    try:
        answer = await tried.provider.open_session(booking, dearer)
    except (PaymentProviderUnavailable, PaymentRefused):
        return
    assert answer.session_id == first.session_id


async def test_what_is_paid_is_captured_whole(tried: Tried) -> None:
    _, payment = await tried.paid()
    session = await tried.provider.get_session(payment.session_id)
    assert (session.state, session.captured) == (SessionState.PAID, TWELVE_FIFTY)
    assert await tried.ways.movements(payment) == [("capture", 1250)]


async def test_a_session_that_has_ended_takes_no_money(tried: Tried) -> None:
    booking, payment = tried.payment()
    session = await tried.provider.open_session(booking, payment)
    assert (await tried.provider.expire_session(session.session_id)).state is SessionState.CLOSED
    assert (await tried.provider.expire_session(session.session_id)).state is SessionState.CLOSED
    await tried.ways.pay(session.redirect_url)
    assert (await tried.provider.get_session(session.session_id)).state is SessionState.CLOSED
    assert await tried.ways.movements(payment) == []
    assert (await tried.told(payment, "CLOSED")).booking_id == booking.booking_id


async def test_ending_a_session_that_is_paid_tells_that_it_is(tried: Tried) -> None:
    _, payment = await tried.paid()
    session = await tried.provider.expire_session(payment.session_id)
    assert (session.state, session.captured) == (SessionState.PAID, TWELVE_FIFTY)


async def test_paying_and_ending_at_once_come_to_one_end(tried: Tried) -> None:
    for _ in range(10):
        booking, payment = tried.payment()
        session = await tried.provider.open_session(booking, payment)
        ended, _ = await asyncio.gather(
            tried.provider.expire_session(session.session_id), tried.ways.pay(session.redirect_url)
        )
        final = await tried.provider.get_session(session.session_id)
        assert final.state is ended.state
        taken = [("capture", 1250)] if final.state is SessionState.PAID else []
        assert await tried.ways.movements(payment) == taken


async def test_money_goes_back_once_for_a_key(tried: Tried) -> None:
    booking, payment = await tried.paid()
    refund = tried.refund(payment)
    first = await tried.provider.refund(booking, payment, refund)
    assert first.outcome is RefundOutcome.SUCCEEDED
    assert first.idempotency_key == refund.idempotency_key
    assert await tried.provider.refund(booking, payment, refund) == first
    assert await tried.provider.get_refund(first.provider_refund_id) == first
    assert await tried.ways.movements(payment) == [("capture", 1250), ("refund", 1250)]
    event = await tried.told(payment, "SUCCEEDED")
    assert (event.booking_id, event.refund) == (booking.booking_id, first)


async def test_parts_of_the_money_go_back_each_by_its_own_refund(tried: Tried) -> None:
    booking, payment = await tried.paid()
    for part in ("a", "b"):
        refund = replace(tried.refund(payment, 500), refund_id=f"part-{part}-{payment.payment_id}")
        for _ in range(2):
            assert (await tried.provider.refund(booking, payment, refund)).outcome is RefundOutcome.SUCCEEDED
    assert await tried.ways.movements(payment) == [("capture", 1250), ("refund", 500), ("refund", 500)]


async def test_a_part_that_is_asked_for_at_once_goes_back_once(tried: Tried) -> None:
    booking, payment = await tried.paid()
    refund = tried.refund(payment, 500)
    asking = (tried.provider.refund(booking, payment, refund) for _ in range(5))
    await asyncio.gather(*asking, return_exceptions=True)
    assert (await tried.provider.refund(booking, payment, refund)).outcome is RefundOutcome.SUCCEEDED
    assert await tried.ways.movements(payment) == [("capture", 1250), ("refund", 500)]


async def test_more_than_was_taken_does_not_go_back(tried: Tried) -> None:
    booking, payment = await tried.paid()
    try:
        answer = await tried.provider.refund(booking, payment, tried.refund(payment, 1251))
    except PaymentProviderUnavailable:
        pass
    else:
        assert answer.outcome is RefundOutcome.FAILED
    assert await tried.ways.movements(payment) == [("capture", 1250)]


async def test_a_refund_that_takes_its_time_is_pending_and_then_told(tried: Tried) -> None:
    booking, payment = await tried.paid(tried.ways.pay_for_slow_refund)
    pending = await tried.provider.refund(booking, payment, tried.refund(payment))
    assert pending.outcome is RefundOutcome.PENDING
    await tried.ways.finish_refund(pending.provider_refund_id)

    async def arrived() -> bool:
        return (
            await tried.provider.get_refund(pending.provider_refund_id)
        ).outcome is RefundOutcome.SUCCEEDED

    await eventually(arrived)
    event = await tried.told(payment, "SUCCEEDED")
    assert event.refund is not None
    assert event.refund.provider_refund_id == pending.provider_refund_id


async def test_a_refund_that_has_failed_works_under_another_key(tried: Tried) -> None:
    booking, payment = await tried.paid(tried.ways.pay_for_failing_refund)
    first = tried.refund(payment)
    begun = await tried.provider.refund(booking, payment, first)
    event = await tried.told(payment, "FAILED")
    assert event.refund is not None
    assert event.refund.idempotency_key == first.idempotency_key
    assert (await tried.provider.get_refund(begun.provider_refund_id)).outcome is RefundOutcome.FAILED
    again = await tried.provider.refund(booking, payment, tried.refund(payment, tries=1))
    assert again.outcome is RefundOutcome.SUCCEEDED
    assert await tried.ways.movements(payment) == [("capture", 1250), ("refund", 1250)]


async def test_a_webhook_tells_of_the_payment(tried: Tried) -> None:
    booking, payment = await tried.paid()
    event = await tried.told(payment, "PAID")
    assert event.booking_id == booking.booking_id
    assert event.session is not None
    assert (event.session.session_id, event.session.captured) == (payment.session_id, TWELVE_FIFTY)


async def _one_posting(tried: Tried) -> bytes:
    _, payment = await tried.paid()
    event = await tried.told(payment, "PAID")
    return next(body for body, _ in tried.posted if event.event_id.encode() in body)


async def test_only_what_is_signed_here_and_now_is_believed(tried: Tried) -> None:
    body, now = await _one_posting(tried), int(time.time())
    present = dt.datetime.fromtimestamp(now, dt.UTC)
    assert tried.provider.parse_event(body, tried.ways.sign(body, now), present) is not None
    assert tried.provider.parse_event(body, tried.ways.sign(body, now - 299), present) is not None
    for refused in (
        "",
        "t=1",
        "garbage",
        tried.ways.sign(body, now - 302),
        tried.ways.sign(body, now + 302),
        tried.ways.sign(body + b" ", now),
        tried.ways.sign(body, now).replace("v1=", "v1=0"),
    ):
        with pytest.raises(WebhookSignatureInvalid):
            tried.provider.parse_event(body, refused, present)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'"text"',
        b"{}",
        b"1e999",
        b'{"id": "", "type": "session.paid", "livemode": false, "data": {"object": {}}}',
        b'{"id": "e", "type": "checkout.session.completed", "livemode": false, "data": null}',
        b'{"id": "e", "type": "checkout.session.completed", "livemode": false, "data": {"object": null}}',
        b'{"id": 7, "type": "x", "livemode": false, "data": {"object": {}}}',
        b"[" * 50_000,
    ],
)
async def test_a_signed_body_that_is_no_event_is_told_as_such(tried: Tried, body: bytes) -> None:
    now = int(time.time())
    try:
        event = tried.provider.parse_event(
            body, tried.ways.sign(body, now), dt.datetime.fromtimestamp(now, dt.UTC)
        )
    except InvalidField:
        return
    assert event is None, "of no interest there"


async def _read_on(tried: Tried, cursor: str) -> tuple[list[PaymentEvent], str]:
    found: list[PaymentEvent] = []
    for _ in range(20):
        page = await tried.provider.list_events(cursor)
        found += page.events
        cursor = page.cursor
        if not page.more:
            return found, cursor
    raise AssertionError("there is no end to the events")


async def test_the_list_of_events_tells_what_the_webhooks_do_and_goes_on_from_its_cursor(
    tried: Tried,
) -> None:
    _, cursor = await _read_on(tried, "")
    _, first = await tried.paid()
    told = await tried.told(first, "PAID")
    events, cursor = await _read_on(tried, cursor)
    assert [event for event in events if event.payment_id == first.payment_id] == [told]
    _, second = await tried.paid()
    later, cursor = await _read_on(tried, cursor)
    assert second.payment_id in [event.payment_id for event in later]
    # What is read twice is the same event.
    known = {event.event_id: event for event in events}
    assert all(known.get(event.event_id, event) == event for event in later)
    assert (await _read_on(tried, cursor))[1] == cursor


async def test_what_it_does_not_know_is_no_news(tried: Tried) -> None:
    for call in (tried.provider.get_session, tried.provider.expire_session, tried.provider.get_refund):
        with pytest.raises(PaymentProviderUnavailable):
            await call("no-such-thing")


async def test_when_it_is_away_every_call_says_so_and_nothing_is_lost(tried: Tried) -> None:
    booking, payment = await tried.paid()
    await tried.ways.stop()
    try:
        calls: list[Any] = [
            tried.provider.open_session(*tried.payment()),
            tried.provider.get_session(payment.session_id),
            tried.provider.expire_session(payment.session_id),
            tried.provider.refund(booking, payment, tried.refund(payment)),
            tried.provider.get_refund("re_1"),
            tried.provider.list_events((await _cursor(tried)) or "1"),
        ]
        for call in calls:
            with pytest.raises(PaymentProviderUnavailable):
                await call
    finally:
        await tried.ways.start()
    assert (await tried.provider.get_session(payment.session_id)).state is SessionState.PAID


async def _cursor(tried: Tried) -> str:
    return "since:0" if tried.provider.name == "stripe" else ""


async def test_no_call_waits_longer_than_the_caller(tried: Tried) -> None:
    booking, payment = await tried.paid()
    calls: list[Any] = [
        tried.provider.open_session(*tried.payment()),
        tried.provider.get_session(payment.session_id),
        tried.provider.refund(booking, payment, tried.refund(payment)),
        tried.provider.list_events(await _cursor(tried)),
    ]
    async with tried.network.deaf():
        for call in calls:
            deadlines.set_remaining(0.3)
            begun = time.monotonic()
            try:
                with pytest.raises(PaymentProviderUnavailable):
                    await call
            finally:
                deadlines.set_remaining(None)
            assert time.monotonic() - begun < 3  # a call by itself waits for five
    assert (await tried.provider.get_session(payment.session_id)).state is SessionState.PAID
