"""Paying at the sandbox: every way that a payment may go."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from matinee.booking.v1 import booking_pb2

from mesh.errors import RemoteError
from mesh.testing import eventually
from stack.engines import MongoEngine
from tests.fixtures import sandbox as cards
from tests.fixtures.booking_desk import CONTACT, Desk, new_database, open_desk
from tests.fixtures.engines import MongoDatabase

HOLD_SECONDS = 2.5
"""Long enough to come to the provider's page in, also when the machine pauses."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared_desk(mongo: MongoEngine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    async with new_database(mongo) as database, open_desk(database, folder) as running:
        yield running


@pytest.fixture
def desk(shared_desk: Desk) -> Desk:
    shared_desk.begin_anew()
    return shared_desk


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def short_desk(mongo: MongoEngine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    async with (
        new_database(mongo) as database,
        # What is late comes a second after the end, so that the end is seen.
        open_desk(database, folder, hold_seconds=HOLD_SECONDS, sandbox={"late_seconds": 1.0}) as running,
    ):
        yield running


@pytest.fixture
def short(short_desk: Desk) -> Desk:
    """Holds end while a test waits for it."""
    short_desk.begin_anew()
    return short_desk


async def _refused(call: object) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        await call  # type: ignore[misc]
    return caught.value


@pytest.mark.parametrize(
    "card",
    [cards.SUCCESS, cards.DOUBLE_WEBHOOK, cards.DELAYED_WEBHOOK, cards.REVERSED_WEBHOOKS, cards.LOST_WEBHOOK],
)
async def test_a_payment_ends_in_tickets_however_it_is_told(desk: Desk, card: str) -> None:
    booking = await desk.create("A1", "A2")
    await desk.pay(booking, card)
    confirmed = await desk.becomes(booking, "CONFIRMED")
    assert {ticket.seat_id for ticket in confirmed.tickets} == {"A1", "A2"}
    assert confirmed.payment.state == booking_pb2.PAYMENT_STATE_SUCCEEDED
    assert desk.office.sold_seats(booking.booking_id) == {"A1", "A2"}
    assert await desk.movements(booking) == [("capture", 2000)]


async def test_the_theatre_is_told_what_was_paid_for_each_seat(desk: Desk) -> None:
    booking = await desk.create("A1", "A2", "A3")
    await desk.pay(booking)
    await desk.becomes(booking, "CONFIRMED")
    assert len(desk.office.sales[booking.booking_id]) == 3


@pytest.mark.parametrize(
    "method",
    [
        booking_pb2.PAYMENT_METHOD_CREDIT_CARD,
        booking_pb2.PAYMENT_METHOD_DEBIT_CARD,
        booking_pb2.PAYMENT_METHOD_INTERNET_BANKING,
    ],
)
async def test_every_method_works(desk: Desk, method: Any) -> None:
    booking = await desk.create("A1")
    url = (await desk.start(booking, method=method)).redirect_url
    if method == booking_pb2.PAYMENT_METHOD_INTERNET_BANKING:
        form = {"bank": "first-demo-bank", "decision": "approve"}
        status, onward = await desk.sandbox.send(url, form)
    else:
        status, onward = await desk.sandbox.pay(url)
    assert (status, onward) == (303, f"http://shop.example/bookings/{booking.booking_id}")
    await desk.becomes(booking, "CONFIRMED")


async def test_a_second_click_on_pay_gets_the_same_page(desk: Desk) -> None:
    booking = await desk.create("A1")
    first = await desk.start(booking)
    assert first.booking.state == booking_pb2.BOOKING_STATE_AWAITING_PAYMENT
    assert (await desk.start(booking)).redirect_url == first.redirect_url
    at_once = await asyncio.gather(*(desk.start(booking) for _ in range(5)))
    assert {answer.redirect_url for answer in at_once} == {first.redirect_url}
    assert len(desk.stored(booking)["payments"]) == 1


async def test_first_clicks_at_once_open_one_payment(desk: Desk) -> None:
    booking = await desk.create("A1")
    answers = await asyncio.gather(*(desk.start(booking) for _ in range(6)))
    assert len({answer.redirect_url for answer in answers}) == 1
    assert len(desk.stored(booking)["payments"]) == 1


async def test_a_repeated_start_is_the_same_and_other_content_is_refused(desk: Desk) -> None:
    booking = await desk.create("A1")
    request = desk.payment(booking)
    first = await desk.stub.StartPayment(request)
    assert (await desk.stub.StartPayment(request)).redirect_url == first.redirect_url
    request.method = booking_pb2.PAYMENT_METHOD_DEBIT_CARD
    assert (await _refused(desk.stub.StartPayment(request))).reason == "REQUEST_ID_REUSED"


async def test_another_method_closes_the_first_page_before_a_new_one_opens(desk: Desk) -> None:
    booking = await desk.create("A1")
    first = (await desk.start(booking)).redirect_url
    second = (await desk.start(booking, method=booking_pb2.PAYMENT_METHOD_DEBIT_CARD)).redirect_url
    assert second != first
    assert (await desk.sandbox.session(first.rpartition("/")[2]))["status"] == "expired"
    await desk.sandbox.pay(first)
    await desk.sandbox.pay(second)
    await desk.becomes(booking, "CONFIRMED")
    assert await desk.kept(booking) == 1000


async def test_another_contact_replaces_the_first(desk: Desk) -> None:
    booking = await desk.create("A1")
    await desk.start(booking)
    corrected = booking_pb2.Contact(full_name="Ada Lovelace", email="ada@example.org")
    await desk.pay_with(booking, contact=corrected)
    assert (await desk.becomes(booking, "CONFIRMED")).contact.email == "ada@example.org"


@pytest.mark.parametrize("card", [cards.DECLINED, cards.INSUFFICIENT_FUNDS])
async def test_after_a_decline_another_card_may_be_tried(desk: Desk, card: str) -> None:
    booking = await desk.create("A1")
    await desk.pay(booking, card)
    declined = await desk.becomes(booking, "HELD")
    assert declined.payment.state == booking_pb2.PAYMENT_STATE_DECLINED
    assert declined.payment.decline_reason
    await desk.pay(booking)
    await desk.becomes(booking, "CONFIRMED")
    assert await desk.kept(booking) == 1000


async def test_going_back_from_the_providers_page_leaves_the_seats_held(desk: Desk) -> None:
    booking = await desk.create("A1")
    url = (await desk.start(booking)).redirect_url
    await desk.sandbox.send(f"{url}/cancel", {})
    await desk.becomes(booking, "HELD")
    await desk.pay(booking)
    await desk.becomes(booking, "CONFIRMED")


@pytest.mark.parametrize(("card", "amount"), [(cards.SURPLUS, 1001), (cards.SHORTFALL, 999)])
async def test_a_wrong_amount_goes_back_and_the_seats_are_free(desk: Desk, card: str, amount: int) -> None:
    booking = await desk.create("A1")
    await desk.pay(booking, card)
    refunded = await desk.becomes(booking, "REFUNDED")
    assert [(r.amount.minor_units, r.refund_reason, r.completed) for r in refunded.refunds] == [
        (amount, "amount_mismatch", True)
    ]
    assert await desk.kept(booking) == 0

    async def free() -> bool:
        return "A1" in desk.office.free_seats(desk.show_id)

    await eventually(free)


async def test_time_up_closes_the_page_first_and_then_frees_the_seats(short: Desk) -> None:
    booking = await short.create("A1")
    url = (await short.start(booking)).redirect_url
    await short.becomes(booking, "EXPIRED")
    assert (await short.sandbox.session(url.rpartition("/")[2]))["status"] == "expired"
    await short.sandbox.pay(url)
    assert await short.movements(booking) == []

    async def freed() -> bool:
        return "A1" in short.office.free_seats(short.show_id)

    await eventually(freed)


async def test_an_unpaid_hold_ends_by_itself(short: Desk) -> None:
    booking = await short.create("A1")
    assert not (await short.becomes(booking, "EXPIRED")).given_up
    assert (await _refused(short.start(booking))).reason == "HOLD_EXPIRED"


async def test_while_the_provider_is_silent_a_booking_with_an_open_page_does_not_expire(
    short: Desk,
) -> None:
    """It may have been paid: the provider has to be asked first."""
    booking = await short.create("A1")
    url = (await short.start(booking)).redirect_url
    short.page.lose = True
    await short.sandbox.stop()
    await asyncio.sleep(HOLD_SECONDS + 1)
    assert (await short.get(booking)).state == booking_pb2.BOOKING_STATE_AWAITING_PAYMENT
    await short.sandbox.start()
    await short.becomes(booking, "EXPIRED", within_seconds=30)
    assert (await short.sandbox.session(url.rpartition("/")[2]))["status"] == "expired"


@pytest.mark.parametrize("card", [cards.LATE_SUCCESS, cards.LATE_SUCCESS_LOST_WEBHOOK])
async def test_a_late_payment_takes_free_seats_again(short: Desk, card: str) -> None:
    booking = await short.create("A1")
    await short.pay(booking, card)
    await short.becomes(booking, "EXPIRED")
    confirmed = await short.becomes(booking, "CONFIRMED")
    assert [ticket.seat_id for ticket in confirmed.tickets] == ["A1"]
    assert await short.kept(booking) == 1000


@pytest.mark.parametrize("card", [cards.LATE_SUCCESS, cards.LATE_SUCCESS_LOST_WEBHOOK])
async def test_a_late_payment_for_seats_that_are_gone_goes_back(short: Desk, card: str) -> None:
    booking = await short.create("A1")
    await short.pay(booking, card)
    await short.becomes(booking, "EXPIRED")
    short.office.take(short.show_id, ["A1"])
    refunded = await short.becomes(booking, "REFUNDED")
    assert [(r.refund_reason, r.completed) for r in refunded.refunds] == [("seats_lost", True)]
    assert await short.kept(booking) == 0


async def test_a_late_second_payment_goes_back_and_the_tickets_stay(desk: Desk) -> None:
    booking = await desk.create("A1")
    await desk.pay(booking, cards.LATE_SUCCESS)
    # The first is still undecided at its bank when the buyer starts anew, which ends its session.
    await desk.pay_with(booking, method=booking_pb2.PAYMENT_METHOD_DEBIT_CARD)
    await desk.becomes(booking, "CONFIRMED")

    async def refunded() -> bool:
        refunds = (await desk.get(booking)).refunds
        return [(refund.refund_reason, refund.completed) for refund in refunds] == [("paid_twice", True)]

    await eventually(refunded)
    assert (await desk.get(booking)).state == booking_pb2.BOOKING_STATE_CONFIRMED
    assert await desk.kept(booking) == 1000


async def test_giving_up_closes_the_page_and_one_that_is_paid_cannot_be_given_up(desk: Desk) -> None:
    booking = await desk.create("A1")
    url = (await desk.start(booking)).redirect_url
    ended = await desk.abandon(booking)
    assert (ended.state, ended.given_up) == (booking_pb2.BOOKING_STATE_EXPIRED, True)
    assert (await desk.sandbox.session(url.rpartition("/")[2]))["status"] == "expired"

    paid = await desk.create("A2")
    desk.page.lose = True
    await desk.pay(paid)
    error = await _refused(desk.abandon(paid))
    assert (error.code, error.reason) == ("FAILED_PRECONDITION", "BOOKING_STATE")
    await desk.becomes(paid, "CONFIRMED")


async def test_a_booking_that_costs_nothing_needs_no_provider(desk: Desk) -> None:
    show_id = desk.office.add_show(price=0)
    booking = await desk.create("A1", show_id=show_id)
    answer = await desk.start(booking)
    assert answer.redirect_url == f"http://shop.example/bookings/{booking.booking_id}"
    await desk.becomes(booking, "CONFIRMED")
    cancelled = await desk.cancel(booking)
    assert cancelled.state == booking_pb2.BOOKING_STATE_REFUNDED
    assert await desk.movements(booking) == []


async def test_a_provider_that_is_away_is_told_and_the_payment_can_be_started_again(desk: Desk) -> None:
    booking = await desk.create("A1")
    await desk.sandbox.stop()
    error = await _refused(desk.start(booking))
    assert (error.code, error.reason) == ("UNAVAILABLE", "PAYMENT_PROVIDER_UNAVAILABLE")
    await desk.sandbox.start()
    await desk.pay(booking)
    await desk.becomes(booking, "CONFIRMED")
    assert len(desk.stored(booking)["payments"]) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"request_id": "x"}, "request_id"),
        ({"method": booking_pb2.PAYMENT_METHOD_UNSPECIFIED}, "method"),
        ({"return_url": "https://evil.example/"}, "return_url"),
        ({"contact": booking_pb2.Contact(full_name="", email="a@example.com")}, "contact.full_name"),
        ({"contact": booking_pb2.Contact(full_name="Ada")}, "contact.email"),
        ({"contact": booking_pb2.Contact(full_name="Ada", phone="12")}, "contact.phone"),
    ],
)
async def test_wrong_fields_start_nothing(desk: Desk, changes: dict[str, Any], field: str) -> None:
    booking = await desk.create("A1")
    error = await _refused(desk.start(booking, **changes))
    assert (error.code, error.reason, error.facts) == ("INVALID_ARGUMENT", "INVALID_FIELD", {"field": field})
    assert (await desk.get(booking)).state == booking_pb2.BOOKING_STATE_HELD
    assert desk.stored(booking)["payments"] == []


async def test_only_so_many_payments_may_be_started(mongo_database: MongoDatabase, tmp_path: Path) -> None:
    async with open_desk(mongo_database, tmp_path, most_payments=2) as desk:
        booking = await desk.create("A1")
        for _ in range(2):
            await desk.pay(booking, cards.DECLINED)
            await desk.becomes(booking, "HELD")
        error = await _refused(desk.start(booking))
        assert (error.code, error.reason) == ("RESOURCE_EXHAUSTED", "PAYMENT_LIMIT")


@pytest.mark.parametrize("fault", ["away", "answers_lost"])
async def test_a_paid_booking_whose_theatre_stays_silent_is_refunded_and_sold_nothing(
    mongo_database: MongoDatabase, tmp_path: Path, fault: str
) -> None:
    async with open_desk(mongo_database, tmp_path, confirm_patience_seconds=1) as desk:
        booking = await desk.create("A1")
        getattr(desk.office, fault).add("ConfirmHold")
        await desk.pay(booking)
        refunded = await desk.becomes(booking, "REFUNDED")
        assert refunded.refunds[0].refund_reason == "theatre_unavailable"
        assert await desk.kept(booking) == 0

        async def free() -> bool:
            return "A1" in desk.office.free_seats(desk.show_id)

        # With the answers lost there was a sale, which nobody but the theatre knew of.
        await eventually(free)
        assert (booking.booking_id in desk.office.sales) == (fault == "answers_lost")
        assert desk.office.sold_seats(booking.booking_id) == set()


async def test_a_theatre_that_hangs_keeps_only_its_own_buyers_waiting(desk: Desk) -> None:
    hung_show = desk.office.add_show(seats=40, theatre_id="hung")
    waiting = [await desk.create(f"A{number}", show_id=hung_show) for number in range(1, 31)]
    desk.office.hung_theatres.add("hung")
    for booking in waiting:
        await desk.pay(booking)
    await desk.becomes(waiting[-1], "PAID")
    booking = await desk.create("A1")
    await desk.pay(booking)
    await desk.becomes(booking, "CONFIRMED", within_seconds=5)
    assert (await desk.get(waiting[0])).state == booking_pb2.BOOKING_STATE_PAID
    desk.office.hung_theatres.clear()
    for booking in waiting:
        await desk.becomes(booking, "CONFIRMED", within_seconds=30)


async def test_a_confirmation_whose_answer_is_lost_still_ends_in_tickets(desk: Desk) -> None:
    booking = await desk.create("A1")
    desk.office.answers_lost.add("ConfirmHold")
    await desk.pay(booking)

    async def asked_again() -> bool:
        return desk.office.calls["ConfirmHold"] >= 5

    await eventually(asked_again)
    assert (await desk.get(booking)).state == booking_pb2.BOOKING_STATE_PAID
    desk.office.answers_lost.clear()
    await desk.becomes(booking, "CONFIRMED")
    assert desk.office.sold_seats(booking.booking_id) == {"A1"}


async def test_cancelling_frees_the_seats_and_sends_the_money_back(desk: Desk) -> None:
    booking = await desk.create("A1", "A2")
    await desk.pay(booking)
    await desk.becomes(booking, "CONFIRMED")
    request_id = str(uuid4())
    await desk.cancel(booking, request_id=request_id)
    refunded = await desk.becomes(booking, "REFUNDED")
    assert [(r.amount.minor_units, r.refund_reason) for r in refunded.refunds] == [
        (2000, "cancelled_by_buyer")
    ]
    assert all(ticket.cancelled for ticket in refunded.tickets)
    assert {"A1", "A2"} <= desk.office.free_seats(desk.show_id)
    assert await desk.kept(booking) == 0
    again = await desk.cancel(booking, request_id=request_id)
    assert again.state == booking_pb2.BOOKING_STATE_REFUNDED
    assert await desk.movements(booking) == [("capture", 2000), ("refund", 2000)]


@pytest.mark.parametrize("card", [cards.SLOW_REFUND, cards.FAILING_REFUND])
async def test_a_refund_that_is_slow_or_fails_at_first_arrives_once(desk: Desk, card: str) -> None:
    booking = await desk.create("A1")
    await desk.pay(booking, card)
    await desk.becomes(booking, "CONFIRMED")
    await desk.cancel(booking)
    await desk.becomes(booking, "REFUNDED")
    assert await desk.movements(booking) == [("capture", 1000), ("refund", 1000)]


async def test_cancelling_waits_for_a_theatre_that_is_away(desk: Desk) -> None:
    booking = await desk.create("A1")
    await desk.pay(booking)
    await desk.becomes(booking, "CONFIRMED")
    desk.office.away.add("CancelTickets")
    cancelled = await desk.cancel(booking)
    assert cancelled.state == booking_pb2.BOOKING_STATE_CANCELLED
    assert await desk.kept(booking) == 1000, "no money goes back before the seats do"
    desk.office.away.clear()
    await desk.becomes(booking, "REFUNDED", within_seconds=30)


async def test_cancelling_too_late_or_too_early_is_refused(desk: Desk) -> None:
    held = await desk.create("A1")
    assert (await _refused(desk.cancel(held))).reason == "BOOKING_STATE"
    await desk.pay(held)
    await desk.becomes(held, "CONFIRMED")
    assert (await _refused(desk.cancel(held, seat_ids=["Z9"]))).reason == "UNKNOWN_SEAT"
    desk.change_stored(held, {"$set": {"cancel_until": held.create_time.ToDatetime()}})
    error = await _refused(desk.cancel(held))
    assert (error.code, error.reason) == ("FAILED_PRECONDITION", "CANCEL_TOO_LATE")
    two = await desk.create("A2", "A3")
    await desk.pay(two)
    await desk.becomes(two, "CONFIRMED")
    assert (await desk.cancel(two, seat_ids=["A3", "A2"])).refunds
    assert CONTACT.email == (await desk.get(two)).contact.email
