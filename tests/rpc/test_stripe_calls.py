"""Stripe's odder answers, one call at a time: what is proof, what is not, and what is never shown."""

import asyncio
import datetime as dt
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio
import structlog
from aiohttp import web
from pydantic import SecretStr

from booking_svc.domain.booking import Booking, Payment, PaymentMethod, Refund
from booking_svc.errors import PaymentProviderUnavailable, PaymentRefused
from booking_svc.payments.stripe import StripeCalls, StripePayments
from booking_svc.ports import RefundOutcome, SessionState
from mesh.money import Money
from tests.fixtures.bookings import a_payment, created
from tests.fixtures.stripe_emulator import API_KEY, NEW_SECRET, Fault, StripeEmulator, running_stripe

OPEN = "POST /v1/checkout/sessions"


@dataclass
class MovedClock:
    """The machine's clock, so many seconds later."""

    later: float = 0.0

    def now(self) -> dt.datetime:
        """The present."""
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.later)


@dataclass
class Shop:
    """Stripe with one who sells there."""

    stripe: StripeEmulator
    payments: StripePayments
    clock: MovedClock

    def payment(self, minutes: float = 5, **changes: Any) -> tuple[Booking, Payment]:
        """To be paid within so many minutes."""
        now = dt.datetime.now(dt.UTC)
        payment = replace(
            a_payment(f"payment-{uuid4().hex}"),
            start_time=now + dt.timedelta(minutes=min(0, minutes - 5)),
            expire_time=now + dt.timedelta(minutes=minutes),
            **changes,
        )
        return replace(created(), booking_id=f"booking-{uuid4().hex}"), payment

    def sessions(self, payment: Payment) -> list[dict[str, Any]]:
        """Those of the payment."""
        all_sessions = self.stripe.account.sessions.values()
        return [each for each in all_sessions if each["client_reference_id"] == payment.payment_id]

    def events(self, count: int, seconds_ago: int = 0) -> list[str]:
        """So many new events of ours."""
        booking_id = uuid4().hex
        about = {
            "id": f"cs_test_{uuid4().hex}",
            "status": "expired",
            "payment_status": "unpaid",
            "metadata": {"booking_id": booking_id, "payment_id": "p"},
        }
        for _ in range(count):
            self.stripe.account._event("checkout.session.expired", about)
        made = self.stripe.account.events[-count:]
        for event in made:
            event["created"] -= seconds_ago
        return [event["id"] for event in made]


@pytest_asyncio.fixture
async def shop() -> AsyncIterator[Shop]:
    async with running_stripe() as stripe, aiohttp.ClientSession() as client:
        calls = StripeCalls(client, SecretStr(API_KEY), stripe.url)
        clock = MovedClock()
        yield Shop(stripe, StripePayments(calls, (SecretStr(NEW_SECRET),), clock), clock)


async def test_a_session_outlives_the_time_to_pay_by_what_stripe_wants_at_least(shop: Shop) -> None:
    booking, payment = shop.payment()
    await shop.payments.open_session(booking, payment)
    (session,) = shop.sessions(payment)
    assert session["expires_at"] == int(payment.expire_time.timestamp()) + 31 * 60


async def test_it_can_be_opened_until_the_time_to_pay_is_up_and_not_after(shop: Shop) -> None:
    last = shop.payment(minutes=0)
    assert (await shop.payments.open_session(*last)).state is SessionState.OPEN
    late = shop.payment(minutes=-2)
    with pytest.raises(PaymentRefused):
        await shop.payments.open_session(*late)


async def test_a_late_repeat_finds_the_session_although_stripe_refuses_its_parameters(shop: Shop) -> None:
    """Stripe may look at `expires_at` before it looks at the key; here it has forgotten the key as well."""
    booking, payment = shop.payment()
    first = await shop.payments.open_session(booking, payment)
    shop.stripe.forget_keys()
    shop.stripe.faults[OPEN] = Fault(status=400, times=1)
    again = await shop.payments.open_session(booking, payment)
    assert again.session_id == first.session_id
    assert len(shop.sessions(payment)) == 1


async def test_after_a_day_no_second_session_is_opened(shop: Shop) -> None:
    booking, payment = shop.payment()
    first = await shop.payments.open_session(booking, payment)
    day = dt.timedelta(days=1)
    yesterday = replace(payment, start_time=payment.start_time - day, expire_time=payment.expire_time - day)
    (session,) = shop.sessions(payment)
    for moment in ("created", "expires_at"):
        session[moment] -= int(day.total_seconds())
    shop.stripe.forget_keys()
    again = await shop.payments.open_session(booking, yesterday)
    assert (again.session_id, again.state) == (first.session_id, SessionState.CLOSED)
    assert len(shop.sessions(payment)) == 1


async def test_a_request_that_is_not_the_same_any_more_finds_what_the_first_one_opened(shop: Shop) -> None:
    booking, payment = shop.payment()
    first = await shop.payments.open_session(booking, payment)
    renamed = replace(booking, show=replace(booking.show, movie_title="Sintel (restored)"))
    assert (await shop.payments.open_session(renamed, payment)).session_id == first.session_id


async def test_a_fault_that_is_kept_is_not_known_until_any_session_would_be_over(shop: Shop) -> None:
    booking, payment = shop.payment()
    shop.stripe.faults[OPEN] = Fault(status=500, kept=True)
    for _ in range(3):
        with pytest.raises(PaymentProviderUnavailable):
            await shop.payments.open_session(booking, payment)
    shop.clock.later = (5 + 31) * 60 + 61
    with pytest.raises(PaymentRefused):
        await shop.payments.open_session(booking, payment)
    assert shop.sessions(payment) == []


async def test_a_session_among_hundreds_is_found(shop: Shop) -> None:
    booking, payment = shop.payment()
    shop.stripe.faults[OPEN] = Fault(status=500, done=True, kept=True)
    with pytest.raises(PaymentProviderUnavailable):
        await shop.payments.open_session(booking, payment)
    (wanted,) = shop.sessions(payment)
    for _ in range(250):
        copy = wanted | {"id": f"cs_test_{uuid4().hex}", "client_reference_id": None}
        shop.stripe.account.sessions[copy["id"]] = copy
    assert (await shop.payments.open_session(booking, payment)).session_id == wanted["id"]


async def test_too_many_to_look_through_is_not_known(shop: Shop) -> None:
    booking, payment = shop.payment(method=PaymentMethod.CREDIT_CARD, amount=Money("USD", 1))
    _, other = shop.payment()
    session_id = (await shop.payments.open_session(booking, other)).session_id
    for _ in range(600):
        copy = shop.stripe.account.sessions[session_id] | {"id": f"cs_test_{uuid4().hex}"}
        shop.stripe.account.sessions[copy["id"]] = copy
    with pytest.raises(PaymentProviderUnavailable):
        await shop.payments.open_session(booking, payment)
    shop.clock.later = 40 * 60
    with pytest.raises(PaymentRefused, match="amount_too_small"):
        await shop.payments.open_session(booking, payment)


@pytest.mark.parametrize(
    ("amount", "reason"),
    [(Money("KWD", 1001), "multiple"), (Money("MGA", 10_000), "certain"), (Money("USD", 49), "minimum")],
)
async def test_amounts_that_cannot_be_taken_are_refused(shop: Shop, amount: Money, reason: str) -> None:
    booking, payment = shop.payment(amount=amount)
    with pytest.raises(PaymentRefused, match=reason):
        await shop.payments.open_session(booking, payment)
    assert shop.sessions(payment) == []


@pytest.mark.parametrize(
    ("amount", "wire"),
    [(Money("JPY", 1800), 1800), (Money("ISK", 1800), 180_000), (Money("KWD", 4500), 4500)],
)
async def test_other_decimals_are_charged_captured_and_sent_back_exactly(
    shop: Shop, amount: Money, wire: int
) -> None:
    booking, payment = shop.payment(amount=amount)
    session = await shop.payments.open_session(booking, payment)
    assert shop.sessions(payment)[0]["amount_total"] == wire
    await shop.stripe.pay(session.redirect_url)
    paid = await shop.payments.get_session(session.session_id)
    assert paid.captured == amount
    refund = Refund(uuid4().hex, payment.payment_id, amount, "cancelled")
    payment = replace(payment, session_id=session.session_id)
    assert (await shop.payments.refund(booking, payment, refund)).outcome is RefundOutcome.SUCCEEDED
    assert shop.stripe.account.movements(payment.payment_id) == [("capture", wire), ("refund", wire)]


async def test_a_refund_of_a_payment_whose_session_was_never_stored_finds_it(shop: Shop) -> None:
    booking, payment = shop.payment()
    await shop.stripe.pay((await shop.payments.open_session(booking, payment)).redirect_url)
    refund = Refund(uuid4().hex, payment.payment_id, payment.amount, "paid_twice")
    assert payment.session_id == ""
    assert (await shop.payments.refund(booking, payment, refund)).outcome is RefundOutcome.SUCCEEDED


async def test_a_refund_after_stripe_forgot_its_key_is_not_sent_twice(shop: Shop) -> None:
    booking, payment = shop.payment()
    session = await shop.payments.open_session(booking, payment)
    await shop.stripe.pay(session.redirect_url)
    payment = replace(payment, session_id=session.session_id)
    refund = Refund(uuid4().hex, payment.payment_id, Money("USD", 500), "cancelled")
    first = await shop.payments.refund(booking, payment, refund)
    shop.stripe.forget_keys()
    assert await shop.payments.refund(booking, payment, refund) == first
    assert len(shop.stripe.account.movements(payment.payment_id)) == 2


async def test_a_try_that_was_taken_for_failed_and_has_worked_is_not_followed_by_another(shop: Shop) -> None:
    booking, payment = shop.payment()
    session = await shop.payments.open_session(booking, payment)
    await shop.stripe.pay(session.redirect_url)
    payment = replace(payment, session_id=session.session_id)
    refund = Refund(uuid4().hex, payment.payment_id, Money("USD", 500), "cancelled")
    first = await shop.payments.refund(booking, payment, refund)
    again = await shop.payments.refund(booking, payment, replace(refund, tries=1))
    assert again == replace(first, idempotency_key=f"{refund.refund_id}-1")
    # From now on its news is this try's.
    assert await shop.payments.get_refund(first.provider_refund_id) == again


async def test_refunds_that_look_at_once_and_see_nothing_are_one_by_their_key(shop: Shop) -> None:
    booking, payment = shop.payment()
    session = await shop.payments.open_session(booking, payment)
    await shop.stripe.pay(session.redirect_url)
    payment = replace(payment, session_id=session.session_id)
    refund = Refund(uuid4().hex, payment.payment_id, Money("USD", 500), "cancelled")
    shop.stripe.faults["GET /v1/refunds"] = Fault(slow_seconds=0.3, times=4)
    asking = (shop.payments.refund(booking, payment, refund) for _ in range(4))
    await asyncio.gather(*asking, return_exceptions=True)
    assert shop.stripe.account.movements(payment.payment_id) == [("capture", 2000), ("refund", 500)]


async def test_one_refund_by_hand_does_not_count_for_two(shop: Shop) -> None:
    booking, payment = shop.payment()
    session = await shop.payments.open_session(booking, payment)
    await shop.stripe.pay(session.redirect_url)
    payment = replace(payment, session_id=session.session_id)
    halves = [Refund(uuid4().hex, payment.payment_id, Money("USD", 1000), "cancelled") for _ in range(2)]
    intent = shop.sessions(payment)[0]["payment_intent"]
    for _ in range(2):
        shop.stripe.account.create_refund({"payment_intent": intent, "amount": 1000})
    first = await shop.payments.refund(booking, payment, halves[0])
    second = await shop.payments.refund(booking, payment, halves[1])
    assert second.outcome is RefundOutcome.SUCCEEDED
    assert second.provider_refund_id != first.provider_refund_id


async def test_events_begin_with_the_present(shop: Shop) -> None:
    shop.events(3, seconds_ago=3600)
    page = await shop.payments.list_events("")
    assert (page.events, page.more) == ((), False)
    page = await shop.payments.list_events(page.cursor)
    assert page.events == ()
    made = shop.events(2)
    page = await shop.payments.list_events(page.cursor)
    assert [event.event_id for event in page.events] == made


async def test_the_cursor_stays_behind_what_may_still_get_company(shop: Shop) -> None:
    cursor = (await shop.payments.list_events("")).cursor
    (early,) = shop.events(1, seconds_ago=45)
    (late,) = shop.events(1)
    page = await shop.payments.list_events(cursor)
    assert [event.event_id for event in page.events] == [early, late]
    assert page.cursor == early
    # One of the same second turns up before the one that was seen already.
    shop.events(1)
    events = shop.stripe.account.events
    events[-2:] = reversed(events[-2:])
    page = await shop.payments.list_events(early)
    assert [event.event_id for event in page.events] == [events[-2]["id"], late]
    shop.clock.later = 31
    assert (await shop.payments.list_events(early)).cursor == late


@pytest.mark.parametrize("count", [99, 100, 101, 250])
async def test_many_events_come_page_by_page_in_their_order(shop: Shop, count: int) -> None:
    (first,) = shop.events(1, seconds_ago=50)
    made = shop.events(count, seconds_ago=40)
    found, cursor, more = [], first, True
    while more:
        page = await shop.payments.list_events(cursor)
        found += [event.event_id for event in page.events]
        cursor, more = page.cursor, page.more
    assert found == made
    assert cursor == made[-1]


async def test_many_events_since_a_time_come_in_their_order(shop: Shop) -> None:
    cursor = (await shop.payments.list_events("")).cursor
    made = shop.events(250, seconds_ago=40)
    page = await shop.payments.list_events(cursor)
    assert [event.event_id for event in page.events] == made
    assert page.cursor == made[-1]


async def test_an_event_that_stripe_does_not_keep_any_more_begins_the_list_anew(shop: Shop) -> None:
    made = shop.events(3, seconds_ago=3600)
    page = await shop.payments.list_events("evt_of_last_year")
    assert page.more
    page = await shop.payments.list_events(page.cursor)
    assert [event.event_id for event in page.events] == made


async def test_an_event_that_cannot_be_read_does_not_hide_the_others(shop: Shop) -> None:
    (first,) = shop.events(1, seconds_ago=50)
    (strange,) = shop.events(1, seconds_ago=40)
    shop.stripe.account.events[-1]["data"]["object"]["status"] = "melted"
    (last,) = shop.events(1, seconds_ago=40)
    page = await shop.payments.list_events(first)
    assert [event.event_id for event in page.events] == [last]
    assert strange != last == page.cursor


@pytest_asyncio.fixture
async def strange() -> AsyncIterator[tuple[list[web.Response], StripePayments]]:
    """A server that answers whatever it is told to."""
    answers: list[web.Response] = []

    async def answer(_request: web.Request) -> web.Response:
        return answers.pop()

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession() as client:
        calls = StripeCalls(client, SecretStr(API_KEY), f"http://{host}:{port}")
        yield answers, StripePayments(calls, (SecretStr(NEW_SECRET),), MovedClock())
    await runner.cleanup()


@pytest.mark.parametrize(
    "answer",
    [
        {"text": ""},
        {"text": "<html>maintenance</html>"},
        {"body": b"\xff\xfe"},
        {"text": "[]"},
        {"text": '"text"'},
        {"text": "{}"},
        {"text": '{"id": "cs_1"}'},
        {"text": '{"id": "cs_1", "status": "melted", "payment_status": "paid"}'},
        {"text": '{"id": "cs_1", "status": "complete", "payment_status": "paid", "amount_total": "12"}'},
        {"text": '{"error": "text"}', "status": 400},
        {"text": "null", "status": 500},
        {"body": b"x" * (5 * 1024 * 1024)},
        {"status": 307, "headers": {"Location": "http://127.0.0.1:9/elsewhere"}},
    ],
)
async def test_what_cannot_be_read_is_no_news(
    strange: tuple[list[web.Response], StripePayments], answer: dict[str, Any]
) -> None:
    answers, payments = strange
    answers.append(web.Response(**answer))
    with pytest.raises(PaymentProviderUnavailable):
        await payments.get_session("cs_1")


@pytest.mark.parametrize(
    "text", ["{}", '{"data": null}', '{"data": [7]}', '{"data": [{}], "has_more": true}']
)
async def test_a_list_that_cannot_be_read_is_no_news(
    strange: tuple[list[web.Response], StripePayments], text: str
) -> None:
    answers, payments = strange
    for cursor in ("since:0", "evt_1"):
        answers.append(web.Response(text=text))
        with pytest.raises(PaymentProviderUnavailable):
            await payments.list_events(cursor)


async def test_the_event_loop_turns_while_stripe_thinks(shop: Shop) -> None:
    shop.stripe.faults[OPEN] = Fault(slow_seconds=1.5)
    call = asyncio.create_task(shop.payments.open_session(*shop.payment()))
    turns = 0
    while not call.done():
        await asyncio.sleep(0.005)
        turns += 1
    await call
    assert turns > 20, "of three hundred; if the call kept the loop there would be hardly any"


async def test_neither_keys_nor_buyers_are_logged_or_shown(
    shop: Shop, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("stripe").setLevel(logging.DEBUG)
    with structlog.testing.capture_logs() as logs:
        async with aiohttp.ClientSession() as client:
            calls = StripeCalls(client, SecretStr(API_KEY), shop.stripe.url)
            payments = StripePayments(calls, (SecretStr(NEW_SECRET),), MovedClock())
            booking, payment = shop.payment()
            session = await payments.open_session(booking, payment)
            await shop.stripe.pay(session.redirect_url)
            await payments.get_session(session.session_id)
            shop.stripe.faults["GET /v1/checkout/sessions/{id}"] = Fault(status=500)
            with pytest.raises(PaymentProviderUnavailable) as caught:
                await payments.get_session(session.session_id)
            wrong = StripeCalls(client, SecretStr("sk_test_wrong0123456789"), shop.stripe.url)
            with pytest.raises(PaymentProviderUnavailable):
                await StripePayments(wrong, (), MovedClock()).get_session(session.session_id)
    assert "stripe_key_refused" in str(logs)
    out = "".join(capfd.readouterr())
    told = f"{caplog.text}{logs}{out}{caught.value!r}{payments!r}{calls!r}{vars(payments)!r}"
    for private in (API_KEY, "sk_test_wrong0123456789", NEW_SECRET, "private@example.com", "Ada Private"):
        assert private not in told
