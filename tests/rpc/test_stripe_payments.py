"""Paying at Stripe, from the buyer's click to tickets or a refund, whatever happens between."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from matinee.booking.v1 import booking_pb2
from prometheus_client import REGISTRY

from mesh.errors import RemoteError
from mesh.testing import eventually
from stack.engines import MongoEngine
from tests.fixtures.booking_desk import new_database
from tests.fixtures.stripe_desk import StripeDesk, open_stripe_desk
from tests.fixtures.stripe_emulator import NEW_SECRET, OLD_SECRET, Fault, signed_header

OPEN = "POST /v1/checkout/sessions"
EXPIRE = "POST /v1/checkout/sessions/{id}/expire"
READ = "GET /v1/checkout/sessions/{id}"
LIST = "GET /v1/events"
REFUND = "POST /v1/refunds"
HOLD_SECONDS = 2.5
"""Long enough to come to the provider's page in, also when the machine pauses."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared_desk(
    mongo: MongoEngine, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[StripeDesk]:
    folder = tmp_path_factory.mktemp("desk")
    async with new_database(mongo) as database, open_stripe_desk(database, folder) as running:
        yield running


@pytest.fixture
def desk(shared_desk: StripeDesk) -> StripeDesk:
    shared_desk.begin_anew()
    return shared_desk


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def short_desk(
    mongo: MongoEngine, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[StripeDesk]:
    folder = tmp_path_factory.mktemp("desk")
    async with (
        new_database(mongo) as database,
        open_stripe_desk(database, folder, hold_seconds=HOLD_SECONDS) as running,
    ):
        yield running


@pytest.fixture
def short(short_desk: StripeDesk) -> StripeDesk:
    """Holds end while a test waits for it."""
    short_desk.begin_anew()
    return short_desk


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def told_desk(
    mongo: MongoEngine, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[StripeDesk]:
    """Nothing but webhooks tells of payments here: nobody asks Stripe."""
    folder = tmp_path_factory.mktemp("desk")
    async with (
        new_database(mongo) as database,
        open_stripe_desk(database, folder, catch_up_seconds=300, payment_poll_seconds=300) as running,
    ):
        yield running


@pytest.fixture
def told(told_desk: StripeDesk) -> StripeDesk:
    told_desk.begin_anew()
    return told_desk


async def _refused(call: object) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        await call  # type: ignore[misc]
    return caught.value


def _alarms(kind: str) -> float:
    return REGISTRY.get_sample_value("booking_alarms_total", {"kind": kind}) or 0.0


async def test_a_payment_ends_in_tickets(desk: StripeDesk) -> None:
    booking = await desk.create("A1", "A2")
    url = (await desk.start(booking)).redirect_url
    session = desk.session(url)
    payment = desk.stored(booking)["payments"][0]
    assert session["metadata"] == {
        "booking_id": booking.booking_id,
        "payment_id": payment["payment_id"],
    }
    assert session["client_reference_id"] == payment["payment_id"]
    assert (session["currency"], session["amount_total"]) == ("usd", 2000)
    assert session["payment_method_types"] == ["card"]
    status, onward = await desk.stripe.pay(url)
    assert (status, onward) == (303, f"http://shop.example/bookings/{booking.booking_id}")
    confirmed = await desk.becomes(booking, "CONFIRMED")
    assert {ticket.seat_id for ticket in confirmed.tickets} == {"A1", "A2"}
    assert await desk.movements(booking) == [("capture", 2000)]


async def test_a_declined_card_stays_on_stripes_page(desk: StripeDesk) -> None:
    booking = await desk.create("A1")
    url = (await desk.start(booking)).redirect_url
    assert (await desk.stripe.pay(url, "decline"))[0] == 402
    assert (await desk.start(booking)).redirect_url == url
    await desk.stripe.pay(url)
    await desk.becomes(booking, "CONFIRMED")
    assert await desk.kept(booking) == 1000


async def test_time_up_ends_the_page_first_and_then_frees_the_seats(short: StripeDesk) -> None:
    booking = await short.create("A1")
    url = (await short.start(booking)).redirect_url
    await short.becomes(booking, "EXPIRED")
    assert short.session(url)["status"] == "expired"
    assert (await short.stripe.pay(url))[0] == 410
    assert await short.movements(booking) == []

    async def freed() -> bool:
        return "A1" in short.office.free_seats(short.show_id)

    await eventually(freed)


async def test_a_payment_that_wins_the_race_against_the_end_gets_its_tickets(short: StripeDesk) -> None:
    """Stripe says that the session is complete: it is read back, not taken for expired."""
    booking = await short.create("A1")
    url = (await short.start(booking)).redirect_url
    await _pay_unheard(short, url)
    await eventually(lambda: _called(short, EXPIRE))
    assert (await short.get(booking)).state == booking_pb2.BOOKING_STATE_AWAITING_PAYMENT
    del short.stripe.faults[READ]
    await short.becomes(booking, "CONFIRMED", within_seconds=30)
    assert await short.kept(booking) == 1000


async def test_a_payment_that_wins_the_race_for_seats_that_are_gone_goes_back(short: StripeDesk) -> None:
    booking = await short.create("A1")
    url = (await short.start(booking)).redirect_url
    await _pay_unheard(short, url)
    await eventually(lambda: _called(short, EXPIRE))
    short.office.holds.clear()
    short.office.take(short.show_id, ["A1"])
    del short.stripe.faults[READ]
    refunded = await short.becomes(booking, "REFUNDED", within_seconds=30)
    assert [(r.refund_reason, r.completed) for r in refunded.refunds] == [("seats_lost", True)]
    assert await short.movements(booking) == [("capture", 1000), ("refund", 1000)]


async def _pay_unheard(desk: StripeDesk, url: str) -> None:
    """Pays, and nothing tells of it: no webhook, no list, and the session cannot be read."""
    desk.stripe.webhooks.lose = True
    desk.stripe.faults[LIST] = desk.stripe.faults[READ] = Fault(status=500, times=10_000)
    await desk.stripe.pay(url)


async def _called(desk: StripeDesk, route: str) -> bool:
    return desk.stripe.calls[route] > 0


@pytest.mark.parametrize("paid", [True, False], ids=["paid", "refused"])
async def test_a_bank_that_decides_later_is_waited_for(short: StripeDesk, paid: bool) -> None:
    show_id = short.office.add_show(currency="EUR")
    booking = await short.create("A1", show_id=show_id)
    method = booking_pb2.PAYMENT_METHOD_INTERNET_BANKING
    url = (await short.start(booking, method=method)).redirect_url
    assert short.session(url)["payment_method_types"] == ["ideal", "p24"]
    await short.stripe.pay(url, "bank")
    await asyncio.sleep(HOLD_SECONDS + 0.5)
    assert (await short.get(booking)).state == booking_pb2.BOOKING_STATE_AWAITING_PAYMENT
    short.stripe.account.bank_decides(url.rpartition("/")[2], paid)
    await short.becomes(booking, "CONFIRMED" if paid else "EXPIRED")
    assert await short.kept(booking) == (1000 if paid else 0)


async def test_internet_banking_where_there_is_none_is_refused_and_the_seats_stay_held(
    desk: StripeDesk,
) -> None:
    booking = await desk.create("A1")
    wish = desk.payment(booking, method=booking_pb2.PAYMENT_METHOD_INTERNET_BANKING)
    for _ in range(2):
        error = await _refused(desk.stub.StartPayment(wish))
        assert (error.code, error.reason) == ("FAILED_PRECONDITION", "PAYMENT_METHOD_REFUSED")
    assert (await desk.get(booking)).state == booking_pb2.BOOKING_STATE_HELD
    assert desk.stripe.calls[OPEN] == 0
    await desk.pay(booking)
    await desk.becomes(booking, "CONFIRMED")


async def test_a_currency_whose_banks_the_account_has_not_switched_on_is_refused(desk: StripeDesk) -> None:
    booking = await desk.create("A1", show_id=desk.office.add_show(currency="MYR"))
    method = booking_pb2.PAYMENT_METHOD_INTERNET_BANKING
    assert (await _refused(desk.start(booking, method=method))).reason == "PAYMENT_METHOD_REFUSED"
    (session,) = [each for each in desk.stripe.account.sessions.values() if each["currency"] == "myr"]
    assert session["status"] == "expired"


async def test_another_method_ends_the_first_page(desk: StripeDesk) -> None:
    booking = await desk.create("A1")
    first = (await desk.start(booking)).redirect_url
    second = (await desk.start(booking, method=booking_pb2.PAYMENT_METHOD_DEBIT_CARD)).redirect_url
    assert desk.session(first)["status"] == "expired"
    assert (await desk.stripe.pay(first))[0] == 410
    await desk.stripe.pay(second)
    await desk.becomes(booking, "CONFIRMED")
    assert await desk.kept(booking) == 1000


async def test_a_wrong_amount_is_an_alarm_and_goes_back(desk: StripeDesk) -> None:
    before = _alarms("amount_mismatch")
    desk.stripe.account.surplus = 1
    booking = await desk.create("A1")
    await desk.pay(booking)
    await desk.becomes(booking, "REFUNDED")
    assert await desk.movements(booking) == [("capture", 1001), ("refund", 1001)]
    assert _alarms("amount_mismatch") == before + 1


async def test_cancelling_sends_the_money_back(desk: StripeDesk) -> None:
    booking = await desk.create("A1", "A2")
    await desk.pay(booking)
    await desk.becomes(booking, "CONFIRMED")
    await desk.cancel(booking)
    await desk.becomes(booking, "REFUNDED")
    assert await desk.movements(booking) == [("capture", 2000), ("refund", 2000)]


@pytest.mark.parametrize("lost", [False, True], ids=["told", "webhook lost"])
async def test_a_refund_that_takes_its_time_is_waited_for(desk: StripeDesk, lost: bool) -> None:
    booking = await desk.create("A1")
    await desk.pay(booking)
    await desk.becomes(booking, "CONFIRMED")
    desk.stripe.account.refund_plan = ["pending"]
    await desk.cancel(booking)
    await desk.becomes(booking, "REFUNDING")
    (refund,) = [each for each in desk.stripe.account.refunds.values() if each["status"] == "pending"]
    desk.stripe.webhooks.lose = lost
    desk.stripe.account.settle_refund(refund["id"], "succeeded")
    await desk.becomes(booking, "REFUNDED")
    assert await desk.movements(booking) == [("capture", 1000), ("refund", 1000)]


async def test_a_refund_that_fails_is_asked_for_again_and_arrives_once(desk: StripeDesk) -> None:
    booking = await desk.create("A1")
    await desk.pay(booking)
    await desk.becomes(booking, "CONFIRMED")
    desk.stripe.account.refund_plan = ["failed", "failed"]
    await desk.cancel(booking)
    await desk.becomes(booking, "REFUNDED", within_seconds=30)
    assert await desk.movements(booking) == [("capture", 1000), ("refund", 1000)]


async def test_a_refund_that_the_bank_sends_back_is_sent_again(desk: StripeDesk) -> None:
    booking = await desk.create("A1")
    await desk.pay(booking)
    await desk.becomes(booking, "CONFIRMED")
    await desk.cancel(booking)
    await desk.becomes(booking, "REFUNDED")
    refund_id = desk.stored(booking)["refunds"][0]["provider_refund_id"]
    desk.stripe.account.settle_refund(refund_id, "failed")

    async def sent_again() -> bool:
        return bool(desk.stored(booking)["refunds"][0]["tries"] == 1)

    await eventually(sent_again)
    await desk.becomes(booking, "REFUNDED")
    assert await desk.movements(booking) == [("capture", 1000), ("refund", 1000)]


@pytest.mark.parametrize("plan", ["succeeded", "pending"])
async def test_a_refund_made_by_hand_counts(desk: StripeDesk, plan: str) -> None:
    booking = await desk.create("A1")
    url = await desk.pay(booking)
    await desk.becomes(booking, "CONFIRMED")
    intent = desk.session(url)["payment_intent"]
    desk.stripe.account.refund_plan = [plan]
    by_hand = desk.stripe.account.create_refund({"payment_intent": intent, "amount": 1000})
    await desk.cancel(booking)
    if plan == "pending":
        await desk.becomes(booking, "REFUNDING")
        await asyncio.sleep(1)
        desk.stripe.account.settle_refund(by_hand["id"], "succeeded")
    await desk.becomes(booking, "REFUNDED")
    assert await desk.movements(booking) == [("capture", 1000), ("refund", 1000)]


FAULTS = {
    "answer lost": Fault(done=True, times=2),
    "cut off before": Fault(times=2),
    "rate limited": Fault(status=429, times=2),
    "503 before": Fault(status=503, times=2),
    "503 after the write": Fault(status=503, done=True, times=2),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_opening_is_repeated_and_opens_one_page(desk: StripeDesk, fault: Fault) -> None:
    booking = await desk.create("A1")
    desk.stripe.faults[OPEN] = Fault(**vars(fault))
    wish = desk.payment(booking)
    for _ in range(fault.times):
        error = await _refused(desk.stub.StartPayment(wish))
        assert (error.code, error.reason) == ("UNAVAILABLE", "PAYMENT_PROVIDER_UNAVAILABLE")
    url = (await desk.stub.StartPayment(wish)).redirect_url
    payment_id = desk.stored(booking)["payments"][0]["payment_id"]
    opened = [
        each for each in desk.stripe.account.sessions.values() if each["client_reference_id"] == payment_id
    ]
    assert [each["url"] for each in opened] == [url]
    await desk.stripe.pay(url)
    await desk.becomes(booking, "CONFIRMED")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_a_refund_is_repeated_and_sent_once(desk: StripeDesk, fault: Fault) -> None:
    booking = await desk.create("A1")
    await desk.pay(booking)
    await desk.becomes(booking, "CONFIRMED")
    desk.stripe.faults[REFUND] = Fault(**vars(fault))
    await desk.cancel(booking)
    await desk.becomes(booking, "REFUNDED", within_seconds=30)
    assert await desk.movements(booking) == [("capture", 1000), ("refund", 1000)]


@pytest.mark.parametrize("done", [True, False], ids=["after the write", "before it"])
async def test_a_fault_that_stripe_keeps_for_a_refunds_key_is_looked_behind(
    desk: StripeDesk, done: bool
) -> None:
    booking = await desk.create("A1")
    await desk.pay(booking)
    await desk.becomes(booking, "CONFIRMED")
    desk.stripe.faults[REFUND] = Fault(status=500, done=done, kept=True)
    await desk.cancel(booking)
    await desk.becomes(booking, "REFUNDED", within_seconds=30)
    assert await desk.movements(booking) == [("capture", 1000), ("refund", 1000)]


async def test_a_fault_that_stripe_keeps_for_an_opened_page_is_looked_behind(desk: StripeDesk) -> None:
    booking = await desk.create("A1")
    desk.stripe.faults[OPEN] = Fault(status=500, done=True, kept=True)
    wish = desk.payment(booking)
    assert (await _refused(desk.stub.StartPayment(wish))).reason == "PAYMENT_PROVIDER_UNAVAILABLE"
    url = (await desk.stub.StartPayment(wish)).redirect_url
    await desk.stripe.pay(url)
    await desk.becomes(booking, "CONFIRMED")
    assert await desk.kept(booking) == 1000


async def test_a_provider_that_is_slow_does_not_keep_the_buyer_waiting(desk: StripeDesk) -> None:
    booking = await desk.create("A1")
    desk.stripe.faults[OPEN] = Fault(slow_seconds=30)
    begun = asyncio.get_running_loop().time()
    wish = desk.payment(booking)
    error = await _refused(desk.stub.StartPayment(wish, timeout=2.0))
    assert error.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
    assert asyncio.get_running_loop().time() - begun < 10
    await desk.stripe.pay((await desk.stub.StartPayment(wish)).redirect_url)
    await desk.becomes(booking, "CONFIRMED")


async def test_while_stripe_is_away_a_booking_with_an_open_page_does_not_expire(short: StripeDesk) -> None:
    booking = await short.create("A1")
    url = (await short.start(booking)).redirect_url
    await short.stripe.stop()
    await asyncio.sleep(HOLD_SECONDS + 1)
    assert (await short.get(booking)).state == booking_pb2.BOOKING_STATE_AWAITING_PAYMENT
    await short.stripe.start()
    await short.becomes(booking, "EXPIRED", within_seconds=30)
    assert short.session(url)["status"] == "expired"


async def test_a_payment_that_stripe_never_heard_of_ends_with_its_time(short: StripeDesk) -> None:
    booking = await short.create("A1")
    await short.stripe.stop()
    wish = short.payment(booking)
    assert (await _refused(short.stub.StartPayment(wish))).reason == "PAYMENT_PROVIDER_UNAVAILABLE"
    await asyncio.sleep(HOLD_SECONDS)
    await short.stripe.start()
    await short.becomes(booking, "EXPIRED", within_seconds=30)
    payment = short.stored(booking)["payments"][0]
    found = [
        each["status"]
        for each in short.stripe.account.sessions.values()
        if each["client_reference_id"] == payment["payment_id"]
    ]
    assert found == ["expired"], "opened to be sure that it is ended"
    assert (await _refused(short.start(booking))).reason == "HOLD_EXPIRED"


async def test_what_was_started_at_one_provider_ends_there_after_another_was_chosen(desk: StripeDesk) -> None:
    chosen = desk.settings
    desk.settings = chosen.model_copy(update={"payment_provider": "sandbox"})
    try:
        before = await desk.replica()
    finally:
        desk.settings = chosen
    booking = await desk.create("A1")
    url = (await before.StartPayment(desk.payment(booking))).redirect_url
    assert url.startswith(desk.sandbox.url)
    # The replica that has Stripe chosen takes the webhook, sells the seats, and sends the money back.
    assert (await desk.start(booking)).redirect_url == url
    await desk.sandbox.pay(url)
    await desk.becomes(booking, "CONFIRMED")
    await desk.cancel(booking)
    await desk.becomes(booking, "REFUNDED")
    payment_id = desk.stored(booking)["payments"][0]["payment_id"]
    rows = [row for row in await desk.sandbox.ledger() if row["reference"] == payment_id]
    assert [(row["kind"], row["amount"]) for row in rows] == [("capture", 1000), ("refund", 1000)]
    assert await desk.movements(booking) == []


async def test_lost_webhooks_are_read_from_the_list_of_events(desk: StripeDesk) -> None:
    desk.stripe.webhooks.lose = True
    # Nor is anything learnt by asking for the session.
    desk.stripe.faults[READ] = Fault(status=500, times=10_000)
    booking = await desk.create("A1")
    await desk.pay(booking)
    await desk.becomes(booking, "CONFIRMED")


async def test_repeated_and_reordered_webhooks_buy_the_tickets_once(told: StripeDesk) -> None:
    told.stripe.webhooks.hold = True
    booking = await told.create("A1")
    url = (await told.start(booking)).redirect_url
    await told.stripe.pay(url, "bank")
    told.stripe.account.bank_decides(url.rpartition("/")[2], paid=True)
    for event in [*reversed(told.stripe.webhooks.held), *told.stripe.webhooks.held] * 2:
        told.stripe.webhooks.send(event)
    confirmed = await told.becomes(booking, "CONFIRMED")
    assert list(confirmed.refunds) == []
    assert await told.kept(booking) == 1000


async def _send(desk: StripeDesk, body: bytes, header: str) -> bool:
    request = booking_pb2.RecordPaymentEventRequest(provider="stripe", body=body, signature=header)
    return (await desk.stub.RecordPaymentEvent(request)).repeated_event


async def _paid_event(desk: StripeDesk) -> tuple[booking_pb2.Booking, bytes]:
    desk.stripe.webhooks.hold = True
    booking = await desk.create("A1")
    await desk.pay(booking)
    return booking, json.dumps(desk.stripe.webhooks.held[-1]).encode()


@pytest.mark.parametrize("secrets", [[NEW_SECRET], [OLD_SECRET], [NEW_SECRET, OLD_SECRET]])
async def test_while_a_secret_is_rolled_both_are_good(told: StripeDesk, secrets: list[str]) -> None:
    booking, body = await _paid_event(told)
    assert await _send(told, body, signed_header(body, secrets)) is False
    await told.becomes(booking, "CONFIRMED")
    assert await _send(told, body, signed_header(body, secrets)) is True


async def test_forged_and_stale_webhooks_change_nothing(told: StripeDesk) -> None:
    booking, body = await _paid_event(told)
    now = int(asyncio.get_running_loop().time())  # any number that is not the time
    for header in (
        signed_header(body, ["whsec_forged"]),
        signed_header(body + b" ", [NEW_SECRET]),
        signed_header(body, [NEW_SECRET], seconds=now),
        "",
    ):
        error = await _refused(_send(told, body, header))
        assert (error.code, error.reason) == ("UNAUTHENTICATED", "WEBHOOK_SIGNATURE")
    assert (await told.get(booking)).state == booking_pb2.BOOKING_STATE_AWAITING_PAYMENT


async def test_what_is_not_ours_is_passed_over(told: StripeDesk) -> None:
    _, body = await _paid_event(told)
    event = json.loads(body)
    before = _alarms("payment_event_unmatched")
    foreign: list[dict[str, Any]] = [
        event | {"type": "customer.created"},
        event | {"data": {"object": event["data"]["object"] | {"metadata": {}}}},
        event | {"type": "refund.created", "data": {"object": {"id": "re_1", "metadata": {}}}},
    ]
    for each in foreign:
        sent = json.dumps(each | {"id": "evt_foreign"}).encode()
        assert await _send(told, sent, signed_header(sent, [NEW_SECRET])) is False
    assert _alarms("payment_event_unmatched") == before


async def test_nothing_of_the_machine_or_the_buyer_is_told_to_stripe_without_need(desk: StripeDesk) -> None:
    booking = await desk.create("A1")
    await desk.pay(booking)
    await desk.becomes(booking, "CONFIRMED")
    assert desk.stripe.headers
    for headers in desk.stripe.headers:
        assert headers["Stripe-Version"] == "2026-10-28.endive"
        assert "X-Stripe-Client-Telemetry" not in headers
        assert "platform" not in headers["X-Stripe-Client-User-Agent"]
        assert "telemetry_id" not in headers["X-Stripe-Client-User-Agent"]
    asked = desk.stripe.headers and desk.session((await desk.start(await desk.create("A2"))).redirect_url)
    assert "ada@example.com" not in json.dumps(asked)
