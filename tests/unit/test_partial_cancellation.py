"""Cancelling single seats: what goes back, what the others cost then, and that it always adds up."""

import datetime as dt
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking_svc.domain import inputs
from booking_svc.domain.booking import AcceptedRequest, Booking, BookingState, Ticket
from booking_svc.domain.duties import GiveSeatsBack, Pace, SendRefund, due_duties
from booking_svc.domain.events import BookingCancelled
from booking_svc.domain.machine import apply
from booking_svc.domain.machine.cancelling import settlement
from booking_svc.domain.prices import RULES, PriceRule, quote
from booking_svc.errors import RefundChanged
from booking_svc.stores.documents import booking_of, document_of
from mesh.errors import RequestIdReused
from mesh.money import Money
from tests.fixtures.bookings import CONTACT, FIRST, HOLD, NOW, a_payment, a_show, after, created, opened

CURRENCIES = ("USD", "JPY", "KWD")
PARTY = (PriceRule("party", "Half for three or more", Fraction(1, 2), party=3),)
"""With it, cancelling one of three makes the others dearer than all were."""
prices = st.dictionaries(
    st.from_regex(r"[A-Z][1-9]", fullmatch=True), st.integers(0, 10**6), min_size=1, max_size=8
)
rules = st.sampled_from([RULES, PARTY, (), (*PARTY, *RULES)])
starts = st.sampled_from([dt.datetime(2026, 6, 1, hour, 0, tzinfo=dt.UTC) for hour in (13, 19)])


def bought(
    costs: dict[str, int], which: tuple[PriceRule, ...] = RULES, currency: str = "USD", **show: Any
) -> Booking:
    """A confirmed booking of all these seats."""
    priced = quote(a_show(costs, currency=currency, **show), tuple(costs), which)
    held = after(replace(created(), seat_ids=tuple(costs), quote=priced), inputs.SeatsHeld(HOLD))
    started = inputs.PaymentStarted(a_payment(amount=priced.total), CONTACT, 10)
    tickets = tuple(Ticket(f"ticket-{seat_id}", seat_id) for seat_id in costs)
    free = priced.total.minor_units == 0
    money: tuple[inputs.Input, ...] = () if free else (opened(), inputs.PaymentSucceeded(FIRST, priced.total))
    return after(held, started, *money, inputs.SeatsConfirmed(tickets))


def asked(*seat_ids: str, **changes: Any) -> inputs.CancelRequested:
    request = AcceptedRequest(f"request-of-{'-'.join(seat_ids)}", "content")
    return replace(inputs.CancelRequested(request, inputs.BUYER, seat_ids), **changes)


def cancelled(booking: Booking, *seat_ids: str) -> Booking:
    """The booking after the seats were cancelled, by itself and at the theatre."""
    request = asked(*seat_ids)
    return after(
        booking, request, inputs.SeatsGivenBack(request.request.request_id), inputs.TicketsCancelled(())
    )


def refunds_of(booking: Booking) -> list[int]:
    return [refund.amount.minor_units for refund in booking.refunds]


def test_cancelling_one_of_three_loses_the_third_tickets_discount() -> None:
    booking = bought({"A1": 1000, "A2": 1000, "A3": 1000})
    assert booking.quote.total.minor_units == 2500
    for seat_id in ("A1", "A2", "A3"):
        told = settlement(booking, [seat_id])
        assert told.kept is not None
        assert [(line.rule_id, line.amount.minor_units) for line in told.kept.lines] == [("base", 1000)] * 2
        assert (told.paid.minor_units, told.kept.total.minor_units, told.refund.minor_units) == (
            2500,
            2000,
            500,
        )
        assert refunds_of(cancelled(booking, seat_id)) == [500]


def test_the_last_seat_ends_the_booking_and_brings_the_rest_back() -> None:
    booking = bought({"A1": 1000, "A2": 1000, "A3": 1000})
    one = cancelled(booking, "A2")
    assert (one.state, one.kept_seat_ids) == (BookingState.CONFIRMED, ("A1", "A3"))
    assert [ticket.seat_id for ticket in one.tickets if ticket.cancelled] == ["A2"]
    two = cancelled(one, "A1")
    assert two.state is BookingState.CONFIRMED
    three = cancelled(two, "A3")
    assert three.state is BookingState.REFUNDING
    assert refunds_of(three) == [500, 1000, 1000]
    assert len({refund.idempotency_key for refund in three.refunds}) == 3


@given(prices, rules, starts, st.sampled_from(CURRENCIES), st.data())
def test_refunds_and_kept_tickets_always_make_up_what_was_paid(
    costs: dict[str, int],
    which: tuple[PriceRule, ...],
    start: dt.datetime,
    currency: str,
    data: st.DataObject,
) -> None:
    booking = bought(costs, which, currency, start_time=start)
    paid = booking.quote.total.minor_units
    while booking.state is BookingState.CONFIRMED:
        left = booking.kept_seat_ids
        chosen = data.draw(st.lists(st.sampled_from(left), min_size=1, unique=True))
        told = settlement(booking, chosen)
        assert settlement(booking, chosen[::-1]) == told, "the order of the seats changes nothing"
        assert told.refund.minor_units >= 0
        booking = cancelled(booking, *chosen)
        kept = 0
        if booking.state is BookingState.CONFIRMED:
            priced = booking.kept_quote
            kept = priced.total.minor_units
            assert sum(line.amount.minor_units for line in priced.lines) == kept
            assert sum(each.amount.minor_units for each in priced.seat_prices) == kept
            assert all(each.amount.minor_units >= 0 for each in priced.seat_prices)
            assert {each.seat_id for each in priced.seat_prices} == set(booking.kept_seat_ids)
        assert sum(refunds_of(booking)) + kept == paid
    assert {refund.amount.currency_code for refund in booking.refunds} <= {currency}
    assert booking_of({"_id": booking.booking_id, **document_of(booking)}) == booking


@given(prices, st.randoms(use_true_random=False))
def test_the_order_of_the_booked_seats_changes_no_refund(costs: dict[str, int], random: Any) -> None:
    shuffled = list(costs.items())
    random.shuffle(shuffled)
    gone = sorted(costs)[0]
    first, second = settlement(bought(costs), [gone]), settlement(bought(dict(shuffled)), [gone])
    assert first.refund == second.refund


def test_nothing_goes_back_where_the_rest_costs_as_much_as_all_did_and_no_more_is_asked_for() -> None:
    booking = bought({"A1": 1000, "A2": 900, "A3": 800}, PARTY)
    told = settlement(booking, ["A3"])
    assert told.kept is not None
    assert (told.paid.minor_units, told.kept.total.minor_units, told.refund.minor_units) == (1350, 1350, 0)
    assert [line.amount.minor_units for line in told.kept.lines] == [1000, 900, -550]
    after_it = cancelled(booking, "A3")
    assert after_it.refunds == ()
    assert refunds_of(cancelled(after_it, "A1")) == [450]


def test_a_change_of_the_rules_changes_no_refund() -> None:
    """The rules are stored: the show's time and the theatre's wishes of today play no part."""
    booking = bought(
        {"A1": 1000, "A2": 1000, "A3": 1000}, start_time=dt.datetime(2026, 6, 1, 13, tzinfo=dt.UTC)
    )
    assert booking.quote.total.minor_units == 2000
    stored = document_of(booking)
    moved = replace(booking.show, start_time=dt.datetime(2026, 6, 1, 20, tzinfo=dt.UTC))
    again = replace(booking_of({"_id": "b", **stored}), show=moved)
    told = settlement(again, ["A1"])
    assert told.kept is not None
    assert told.kept.total.minor_units == 1600


def test_a_booking_that_was_stored_without_its_rules_finds_them_in_its_lines() -> None:
    booking = bought({"A1": 1000, "A2": 1000, "A3": 1000})
    stored = document_of(booking)
    del stored["quote"]["rules"]
    del stored["partial_cancellations"]
    read = booking_of({"_id": booking.booking_id, **stored})
    assert settlement(read, ["A1"]).refund == settlement(booking, ["A1"]).refund


def test_each_step_is_a_duty_until_it_is_done() -> None:
    asking = after(bought({"A1": 1000, "A2": 1000}), asked("A1"))
    assert due_duties(asking, Pace(), NOW) == (GiveSeatsBack("request-of-A1"),)
    outcome = apply(asking, inputs.SeatsGivenBack("request-of-A1"), NOW)
    assert outcome.events == (BookingCancelled(("A1",)),)
    refund = outcome.booking.refunds[0]
    assert due_duties(outcome.booking, Pace(), NOW) == (SendRefund(refund.refund_id),)
    done = after(outcome.booking, inputs.RefundSucceeded(refund.refund_id, 0, "p"))
    assert done.state is BookingState.CONFIRMED
    assert due_duties(done, Pace(), NOW) == ()


def test_the_theatre_is_told_of_one_cancellation_after_the_other_in_their_order() -> None:
    both = after(bought({"A1": 1000, "A2": 1000, "A3": 1000}), asked("A2"), asked("A1"))
    assert due_duties(both, Pace(), NOW) == (GiveSeatsBack("request-of-A2"),)
    first = after(both, inputs.SeatsGivenBack("request-of-A2"))
    assert GiveSeatsBack("request-of-A1") in due_duties(first, Pace(), NOW)


def test_a_seat_on_its_way_back_goes_with_the_rest_and_its_refund_is_not_lost() -> None:
    both = after(bought({"A1": 1000, "A2": 1000, "A3": 1000}), asked("A1"), asked("A2", "A3"))
    assert both.state is BookingState.CANCELLED
    outcome = apply(both, inputs.TicketsCancelled(()), NOW)
    assert refunds_of(outcome.booking) == [500, 2000]
    assert outcome.events == (BookingCancelled(("A1", "A2", "A3")),)
    late = after(outcome.booking, inputs.SeatsGivenBack("request-of-A1"))
    assert late is outcome.booking


def test_two_on_their_way_back_are_each_owed_once() -> None:
    both = after(bought({"A1": 1000, "A2": 1000, "A3": 1000}), asked("A1"), asked("A2"))
    done = after(both, inputs.SeatsGivenBack("request-of-A2"), inputs.SeatsGivenBack("request-of-A1"))
    assert sorted(refunds_of(done)) == [500, 1000]
    assert done.kept_seat_ids == ("A3",)


def test_nothing_is_cancelled_when_the_buyer_was_told_another_amount() -> None:
    booking = bought({"A1": 1000, "A2": 1000, "A3": 1000})
    told = settlement(booking, ["A1"]).refund
    meanwhile = cancelled(booking, "A2")
    with pytest.raises(RefundChanged) as caught:
        apply(meanwhile, asked("A1", expected_refund=told), NOW)
    assert caught.value.facts == {"minor_units": "1000", "currency_code": "USD"}
    right = asked("A1", expected_refund=Money("USD", 1000))
    assert after(meanwhile, right).kept_seat_ids == ("A3",)


def test_one_request_id_stands_for_one_content() -> None:
    one = after(bought({"A1": 1000, "A2": 1000, "A3": 1000}), asked("A1"))
    with pytest.raises(RequestIdReused):
        apply(one, asked("A2", request=AcceptedRequest("request-of-A1", "other")), NOW)


def test_a_free_booking_gives_nothing_back_and_still_ends() -> None:
    free = bought({"A1": 0, "A2": 0})
    one = cancelled(free, "A1")
    assert (one.state, one.refunds) == (BookingState.CONFIRMED, ())
    assert cancelled(one, "A2").state is BookingState.REFUNDED
