"""`./matinee books` at Stripe: what booking_svc did there balances, and nothing that differs goes unseen."""

import asyncio
import copy
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from matinee.booking.v1 import booking_pb2

from mesh.clock import SystemClock
from mesh.money import Money
from mesh.testing import eventually
from stack.books.mongo import MongoStores
from stack.books.reading import compare_books
from stack.books.records import Booking, Comparison, Kind, Sale, Ticket
from stack.books.stripe import StripeLedger
from stack.engines import MongoEngine
from stack.errors import StackError
from tests.fixtures.booking_desk import new_database
from tests.fixtures.stripe_desk import StripeDesk, open_stripe_desk
from tests.fixtures.stripe_emulator import API_KEY, Account, Fault, StripeEmulator, running_stripe
from tests.fixtures.stripe_emulator.charges import charge_of

CHARGES = "GET /v1/charges"
REFUNDS = "GET /v1/refunds"
EXTRA = "ch_extra"


@dataclass
class Kept:
    """The bookings as stored, and the sales as the box office of these tests has them."""

    desk: StripeDesk

    async def bookings(self) -> Sequence[Booking]:
        """See `Stores.bookings`."""
        with MongoStores(self.desk.settings.mongo_url, self.desk.settings.mongo_database, "none") as stores:
            return await stores.bookings()

    async def sales(self) -> Sequence[Sale]:
        """See `Stores.sales`."""
        return [
            self._sale(each) for each in await self.bookings() if each.booking_id in self.desk.office.sales
        ]

    def _sale(self, booking: Booking) -> Sale:
        sold = self.desk.office.sales[booking.booking_id]
        return Sale(
            sale_id=booking.booking_id,
            booking_id=booking.booking_id,
            seller="",
            show_id=booking.show_id,
            tickets=tuple(Ticket(each.ticket_id, seat, each.cancelled) for seat, each in sold.items()),
            paid=booking.seat_prices,
            guarded_seat_ids=frozenset(self.desk.office.sold_seats(booking.booking_id)),
            change_time=booking.update_time,
        )

    async def compared(self, **changes: Any) -> Comparison:
        """What `./matinee books` finds."""
        ledger = StripeLedger(API_KEY, self.desk.stripe.url, **changes)
        return await compare_books(self, [ledger], SystemClock().now, second_look_seconds=0)


@dataclass
class Traded:
    """A desk at which everything was bought that can be, with its books."""

    desk: StripeDesk
    books: Kept
    bought: str
    """The charge of a booking with tickets."""
    refund: str
    """That of a cancelled one."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def traded_once(mongo: MongoEngine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Traded]:
    folder = tmp_path_factory.mktemp("desk")
    async with new_database(mongo) as database, open_stripe_desk(database, folder) as desk:
        await desk.becomes(await _paid(desk, "A1", "A2"), "CONFIRMED")
        (bought,) = desk.stripe.account.charges
        await _cancelled(desk, "A3")
        refund = list(desk.stripe.account.refunds)[-1]
        desk.stripe.account.refund_plan = ["failed"]
        await _cancelled(desk, "A4")
        late = await desk.create("A5")
        url = (await desk.start(late)).redirect_url
        desk.office.holds.clear()
        desk.office.take(desk.show_id, ["A5"])
        await desk.stripe.pay(url)
        await desk.becomes(late, "REFUNDED")
        declined = await desk.create("A6")
        await desk.stripe.pay((await desk.start(declined)).redirect_url, "decline")
        await desk.abandon(declined)
        again = await desk.create("A7")
        url = (await desk.start(again)).redirect_url
        await desk.stripe.pay(url, "decline")
        await desk.stripe.pay(url)
        await desk.becomes(again, "CONFIRMED")
        # Stripe writes krónur as if they had two decimals.
        krona = await _paid(desk, "A1", show_id=desk.office.add_show(currency="ISK", price=2500))
        await desk.becomes(krona, "CONFIRMED")
        yield Traded(desk, Kept(desk), bought, refund)


@pytest.fixture
def traded(traded_once: Traded) -> Iterator[Traded]:
    """Whatever a test does to Stripe's account is undone."""
    account = traded_once.desk.stripe.account
    known = copy.deepcopy((account.charges, account.refunds, account.disputes))
    yield traded_once
    account.charges, account.refunds, account.disputes = known
    traded_once.desk.stripe.begin_anew()


async def _paid(desk: StripeDesk, *seat_ids: str, **changes: Any) -> booking_pb2.Booking:
    booking = await desk.create(*seat_ids, **changes)
    await desk.pay(booking)
    return booking


async def _cancelled(desk: StripeDesk, seat_id: str) -> None:
    booking = await desk.becomes(await _paid(desk, seat_id), "CONFIRMED")
    await desk.cancel(booking)
    await desk.becomes(booking, "REFUNDED")


async def test_what_was_bought_cancelled_late_and_declined_balances(traded: Traded) -> None:
    comparison = await traded.books.compared()
    assert comparison.differences == ()
    assert comparison.under_way == ()
    usd = comparison.sums["USD"]
    assert (usd["captured by providers"], usd["refunded by providers"]) == (6000, 3000)
    assert usd["kept by providers"] == usd["price of tickets"] == usd["sold at theatres"] == 3000
    assert comparison.sums["ISK"]["captured by providers"] == 2500
    failed = [each["status"] for each in traded.desk.stripe.account.charges.values()].count("failed")
    assert failed == 2, "the cards that were declined are at Stripe, and are no money"
    assert {each["status"] for each in traded.desk.stripe.account.refunds.values()} == {"succeeded", "failed"}


async def test_a_refund_that_takes_its_time_is_under_way_until_it_arrives(traded_once: Traded) -> None:
    desk, account, books = traded_once.desk, traded_once.desk.stripe.account, traded_once.books
    booking = await desk.becomes(await _paid(desk, "A8"), "CONFIRMED")
    account.refund_plan = ["pending"]
    await desk.cancel(booking)
    await desk.becomes(booking, "REFUNDING")
    comparison = await books.compared()
    assert comparison.differences == ()
    assert {each.rule for each in comparison.under_way} <= {"refund-under-way", "booking-under-way"}
    assert comparison.under_way != ()
    (refund,) = [each for each in account.refunds.values() if each["status"] == "pending"]
    account.settle_refund(refund["id"], "succeeded")
    await desk.becomes(booking, "REFUNDED")
    comparison = await books.compared()
    assert (comparison.differences, comparison.under_way) == ((), ())


Meddle = Callable[[Account, Traded], object]


def _charged(**changes: Any) -> Meddle:
    """The bought tickets' charge is another than it was."""
    return lambda account, traded: account.charges[traded.bought].update(changes)


def _refunded(**changes: Any) -> Meddle:
    return lambda account, traded: account.refunds[traded.refund].update(changes)


def _one_more(**changes: Any) -> Meddle:
    """One more charge, like the bought tickets'."""

    def meddle(account: Account, traded: Traded) -> None:
        account.charges[EXTRA] = copy.deepcopy(account.charges[traded.bought]) | {"id": EXTRA} | changes

    return meddle


def _sent_back(**changes: Any) -> Meddle:
    """One more refund, of the bought tickets."""

    def meddle(account: Account, traded: Traded) -> None:
        of = {"id": "re_extra", "charge": traded.bought, "metadata": {}}
        account.refunds["re_extra"] = copy.deepcopy(account.refunds[traded.refund]) | of | changes

    return meddle


def _disputed(*statuses: str, **changes: Any) -> Meddle:
    """The bought tickets' buyer disputes the charge."""

    def meddle(account: Account, traded: Traded) -> None:
        for status in statuses:
            account.dispute(traded.bought, status, **changes)

    return meddle


def _off_by_one(account: Account, traded: Traded) -> None:
    account.charges[traded.bought]["amount_captured"] -= 1


NOBODYS = {"booking_id": "b-x", "payment_id": "p-x"}
MEDDLED: dict[str, tuple[Meddle, set[str]]] = {
    "a capture that nobody knows": (_one_more(metadata=NOBODYS), {"capture-of-nobody"}),
    "a capture without the payment's mark": (_one_more(metadata={"booking_id": "b"}), {"capture-of-nobody"}),
    "one payment, taken twice": (_one_more(), {"captured-twice"}),
    "a capture that is gone": (lambda account, traded: account.charges.pop(traded.bought),
                               {"capture-missing"}),
    "a capture that has lost its marks": (_charged(metadata={}), {"capture-missing"}),
    "a capture that failed after all": (_charged(status="failed"), {"capture-missing"}),
    "a capture off by one": (_off_by_one, {"capture-amount"}),
    "a capture in another currency": (_charged(currency="eur"), {"capture-amount"}),
    "a refund that is gone": (lambda account, traded: account.refunds.pop(traded.refund),
                              {"refund-missing"}),
    "a refund that failed after all": (_refunded(status="failed"), {"refund-missing"}),
    "a refund that was cancelled": (_refunded(status="canceled"), {"refund-missing"}),
    "a refund that never began": (_refunded(status="pending"), {"refund-missing"}),
    "a refund that waits for the buyer": (_refunded(status="requires_action"), {"refund-missing"}),
    "a refund off by one": (_refunded(amount=999), {"refund-amount"}),
    "a refund in another currency": (_refunded(currency="eur"), {"refund-amount"}),
    "a refund by hand": (_sent_back(), {"refund-unknown"}),
    "a refund of nobody's": (_sent_back(charge="ch_x", metadata={"refund_key": "r-0"}),
                             {"refund-of-nobody"}),
    "somebody else's capture and refund": (
        lambda account, traded: (_one_more(metadata={})(account, traded),
                                 _sent_back(charge=EXTRA)(account, traded)),
        set()),
    "a dispute that is open": (_disputed("needs_response"), {"payment-disputed"}),
    "a dispute that is lost": (_disputed("lost"), {"payment-disputed"}),
    "a dispute of a part": (_disputed("under_review", amount=300), {"payment-disputed"}),
    "a dispute after an inquiry": (_disputed("warning_closed", "lost"), {"payment-disputed"}),
    "inquiries, and a dispute that was won": (_disputed("warning_needs_response", "won"), set()),
    "somebody else's dispute": (
        lambda account, traded: (_one_more(metadata={})(account, traded), account.dispute(EXTRA)), set()),
    "an attempt that is pending": (_one_more(status="pending", amount_captured=0), set()),
    "an amount that is only reserved": (_one_more(captured=False, amount_captured=0), set()),
}  # fmt: skip


@pytest.mark.parametrize("name", MEDDLED)
async def test_what_differs_at_stripe_is_found(traded: Traded, name: str) -> None:
    meddle, rules = MEDDLED[name]
    meddle(traded.desk.stripe.account, traded)
    comparison = await traded.books.compared()
    assert {each.rule for each in comparison.differences} == rules
    assert comparison.under_way == ()
    lost = name in {
        "a capture that has lost its marks",
        "somebody else's capture and refund",
        "somebody else's dispute",
    }
    assert comparison.figures.get("captures passed over", 0) == lost


async def test_what_a_bank_took_back_is_told_with_its_amount(traded: Traded) -> None:
    account = traded.desk.stripe.account
    dispute = account.dispute(traded.bought, "lost", amount=1500)
    before = (await traded.books.compared()).sums["USD"]
    (found,) = (await traded.books.compared()).differences
    booking_id = account.charges[traded.bought]["metadata"]["booking_id"]
    assert (found.ids["booking"], found.ids["dispute"]) == (booking_id, dispute["id"])
    assert found.told == "the buyer's bank took 1500 USD (minor units) back, the booking is CONFIRMED"
    assert before["disputed at providers"] == 1500
    assert before["price of tickets"] - before["kept by providers"] == 1500


async def test_two_payments_of_one_booking_are_told_apart(traded: Traded) -> None:
    """The booking has heard of the second, and kept it."""
    account = traded.desk.stripe.account
    marks = dict(account.charges[traded.bought]["metadata"])
    stored = traded.desk.stored(marks["booking_id"])
    second = stored["payments"][0] | {"payment_id": "p-second"}
    traded.desk.change_stored(marks["booking_id"], {"$push": {"payments": second}})
    try:
        assert {each.rule for each in (await traded.books.compared()).differences} == {
            "capture-missing",
            "kept-money",
        }
        _one_more(metadata=marks | {"payment_id": "p-second"})(account, traded)
        comparison = await traded.books.compared()
        assert [each.rule for each in comparison.differences] == ["kept-money"]
    finally:
        traded.desk.change_stored(marks["booking_id"], {"$set": {"payments": stored["payments"]}})


async def test_stripe_away_is_a_difference_and_no_end(traded: Traded) -> None:
    await traded.desk.stripe.stop()
    try:
        comparison = await traded.books.compared()
    finally:
        await traded.desk.stripe.start()
    (found,) = comparison.differences
    assert (found.rule, found.ids) == ("provider-unread", {"provider": "stripe"})
    assert found.told.endswith("payments were not compared: Stripe does not answer")
    assert comparison.sums["USD"]["captured by bookings"] > 0
    assert (await traded.books.compared()).differences == ()


@pytest_asyncio.fixture(loop_scope="session")
async def stripe() -> AsyncIterator[StripeEmulator]:
    async with running_stripe() as emulator:
        yield emulator


def _fill(account: Account, charges: int, refunds: int) -> None:
    for number in range(charges):
        marks = {"booking_id": f"b-{number}", "payment_id": f"p-{number}"}
        intent = {"id": f"pi_{number}", "amount": 1000 + number, "currency": "usd", "metadata": marks}
        charge = account.charges[f"ch_{number}"] = charge_of(intent, f"ch_{number}", "succeeded")
        intent |= {"status": "succeeded", "amount_received": intent["amount"], "latest_charge": charge["id"]}
        account.intents[f"pi_{number}"] = intent
        if number < refunds:
            marks = {"refund_key": f"r-{number}-0"}
            account.create_refund({"payment_intent": f"pi_{number}", "amount": 1000, "metadata": marks})


async def test_every_page_is_read_and_each_object_once(stripe: StripeEmulator) -> None:
    ledger = StripeLedger(API_KEY, stripe.url)
    assert await ledger.movements() == []
    stripe.calls.clear()
    _fill(stripe.account, 250, 101)
    moved = await ledger.movements()
    assert (stripe.calls[CHARGES], stripe.calls[REFUNDS]) == (3, 2)
    captures = {each.payment_id: each.amount for each in moved if each.kind is Kind.CAPTURE}
    assert captures == {f"p-{number}": Money("USD", 1000 + number) for number in range(250)}
    refunds = [each.payment_id for each in moved if each.kind is Kind.REFUND]
    assert sorted(refunds) == sorted(f"p-{number}" for number in range(101))
    assert len(moved) == 351
    assert await StripeLedger(API_KEY, stripe.url, most_pages=3).movements() == moved
    with pytest.raises(StackError, match="longer than 200 objects"):
        await StripeLedger(API_KEY, stripe.url, most_pages=2).movements()


async def test_what_is_bought_and_refunded_while_the_lists_are_read_is_no_refund_of_nobody(
    stripe: StripeEmulator,
) -> None:
    stripe.faults[CHARGES] = Fault(slow_seconds=0.3)
    stripe.faults[REFUNDS] = Fault(slow_seconds=0.3)
    reading = asyncio.create_task(StripeLedger(API_KEY, stripe.url).movements())

    async def second_list_is_asked_for() -> bool:
        return stripe.calls[CHARGES] == stripe.calls[REFUNDS] == 1

    await eventually(second_list_is_asked_for)
    _fill(stripe.account, 1, 1)
    assert [(each.kind, each.payment_id) for each in await reading] == [(Kind.CAPTURE, "p-0")]


async def test_a_passing_fault_is_got_over(stripe: StripeEmulator) -> None:
    _fill(stripe.account, 1, 1)
    stripe.faults[REFUNDS] = Fault(status=503)
    stripe.faults[CHARGES] = Fault()
    assert len(await StripeLedger(API_KEY, stripe.url).movements()) == 2


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault(status=500, times=100), "Stripe answered 500"),
        (Fault(status=429, times=100), "Stripe answered 429"),
        (Fault(status=200, times=100), "Stripe's answer cannot be read"),
        (Fault(slow_seconds=5, times=100), "Stripe does not answer"),
    ],
    ids=["500", "429", "another's answer", "silence"],
)
async def test_whatever_stripe_answers_is_one_line(stripe: StripeEmulator, fault: Fault, told: str) -> None:
    stripe.faults[CHARGES] = fault
    with pytest.raises(StackError) as caught:
        await StripeLedger(API_KEY, stripe.url, call_seconds=0.5 if fault.slow_seconds else 5).movements()
    assert str(caught.value) == told


async def test_a_key_that_is_refused_is_not_shown(stripe: StripeEmulator) -> None:
    with pytest.raises(StackError, match="answered 401: STRIPE_API_KEY may not read") as caught:
        await StripeLedger("sk_test_hidden", stripe.url).movements()
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("changes", [{"amount_captured": "10"}, {"currency": None}, {"created": "x"}])
async def test_an_object_that_is_not_stripes_is_no_traceback(
    stripe: StripeEmulator, changes: dict[str, Any]
) -> None:
    _fill(stripe.account, 1, 0)
    stripe.account.charges["ch_0"].update(changes)
    with pytest.raises(StackError, match="cannot be read"):
        await StripeLedger(API_KEY, stripe.url).movements()
