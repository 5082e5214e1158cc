"""What becomes of a booking whose show was cancelled or moved."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking_svc.domain import inputs
from booking_svc.domain.booking import BookingState, SeatStanding
from booking_svc.domain.duties import ClosePayment, GiveUpCreation, Pace, SendRefund, VoidSale, due_duties
from booking_svc.domain.events import BookingConfirmed, BookingExpired, ShowCancelled, ShowRescheduled
from booking_svc.domain.machine import apply
from booking_svc.errors import CancelTooLate
from booking_svc.stores.documents import booking_of, document_of
from mesh.money import Money
from tests.fixtures.bookings import (
    CANCEL_UNTIL,
    FIRST,
    NOW,
    START,
    TICKETS,
    after,
    awaiting,
    cancelled_by_buyer,
    in_state,
    paid,
)

S = BookingState
OFF = inputs.ShowCalledOff("The projector broke.")
NOTICE = START - CANCEL_UNTIL


def moved(sequence: int, start: dt.datetime) -> inputs.ShowMoved:
    return inputs.ShowMoved(sequence, start, "The film was late.")


@pytest.mark.parametrize("state", [S.PAID, S.CONFIRMED])
def test_whoever_paid_is_told_and_owed_all_of_it_at_once(state: BookingState) -> None:
    outcome = apply(in_state(state), OFF, NOW)
    booking = outcome.booking
    assert outcome.events == (ShowCancelled(),)
    (refund,) = booking.refunds
    assert (refund.amount, refund.reason) == (Money("USD", 2000), "show_cancelled")
    assert all(ticket.cancelled for ticket in booking.tickets)
    assert booking.show_cancellation is not None
    assert booking.show_cancellation.reason == "The projector broke."
    # The money does not wait for a theatre that is away.
    assert due_duties(booking, Pace(), NOW) == (SendRefund(refund.refund_id), VoidSale())


def test_seats_that_were_on_their_way_back_are_refunded_with_the_rest_and_no_more() -> None:
    one = after(in_state(S.CONFIRMED), cancelled_by_buyer("A1"))
    booking = after(one, OFF)
    assert sum(refund.amount.minor_units for refund in booking.refunds) == 2000
    given_back = after(one, inputs.SeatsGivenBack("request-of-A1"), OFF)
    assert [refund.amount.minor_units for refund in given_back.refunds] == [1000, 1000]


def test_whoever_is_at_the_provider_cannot_pay_any_more() -> None:
    waiting = after(awaiting(), OFF)
    assert due_duties(waiting, Pace(), NOW)[0] == ClosePayment(FIRST)
    closed = apply(waiting, inputs.PaymentClosed(FIRST), NOW)
    assert (closed.booking.state, closed.events) == (S.EXPIRED, (BookingExpired(),))
    late = apply(closed.booking, paid(), NOW)
    assert (late.booking.state, late.events) == (S.REFUNDING, (ShowCancelled(),))
    assert late.booking.refunds[0].reason == "show_cancelled"
    assert late.alarms == ()


def test_a_wrong_amount_is_still_an_alarm() -> None:
    outcome = apply(after(awaiting(), OFF), paid(amount=Money("USD", 1)), NOW)
    assert (outcome.booking.state, outcome.alarms) == (S.REFUNDING, ("amount_mismatch",))


def test_a_booking_that_is_being_made_is_given_up_at_once() -> None:
    assert due_duties(after(in_state(S.CREATED), OFF), Pace(), NOW) == (GiveUpCreation(),)


def test_tickets_that_come_too_late_are_cancelled_again() -> None:
    off = after(in_state(S.PAID), OFF, inputs.SaleVoided())
    assert after(off, inputs.SeatsConfirmed(TICKETS)).seats is SeatStanding.IN_DOUBT


def test_what_a_buyer_cancelled_before_stays_that() -> None:
    cancelled = in_state(S.CANCELLED)
    assert after(cancelled, OFF) is cancelled


def test_a_moved_show_is_told_with_its_former_time_and_the_tickets_stay_good() -> None:
    later = START + dt.timedelta(days=1)
    outcome = apply(in_state(S.CONFIRMED), moved(1, later), NOW)
    booking = outcome.booking
    assert outcome.events == (ShowRescheduled(),)
    assert (booking.state, booking.show.start_time) == (S.CONFIRMED, later)
    assert booking.show_move is not None
    assert booking.show_move.previous_start_time == START
    assert booking.cancel_until == later - NOTICE
    assert after(booking, moved(1, START)) is booking, "an old change"
    assert booking_of({"_id": booking.booking_id, **document_of(booking)}) == booking


@pytest.mark.parametrize("state", [S.HELD, S.AWAITING_PAYMENT, S.PAID, S.EXPIRED])
def test_who_has_no_tickets_yet_is_told_with_them(state: BookingState) -> None:
    outcome = apply(in_state(state), moved(1, START + dt.timedelta(hours=2)), NOW)
    assert outcome.events == ()
    if state is S.PAID:
        confirmed = apply(outcome.booking, inputs.SeatsConfirmed(TICKETS), NOW)
        assert confirmed.events == (BookingConfirmed(), ShowRescheduled())


@pytest.mark.parametrize(
    ("told_before_start", "moved_by", "until"),
    [
        # Days ahead: as the policy says, by the new start.
        (dt.timedelta(days=5), dt.timedelta(hours=3), START + dt.timedelta(hours=3) - NOTICE),
        # Earlier: not less than the buyer had.
        (dt.timedelta(hours=20), dt.timedelta(hours=-3), CANCEL_UNTIL),
        # Days ahead and earlier: until the new start, and not when the film has been seen.
        (dt.timedelta(days=5), dt.timedelta(hours=-3), START - dt.timedelta(hours=3)),
        # When it was too late by the policy: until the new start.
        (dt.timedelta(minutes=20), dt.timedelta(minutes=30), START + dt.timedelta(minutes=30)),
        # Far away: the policy leaves more than a day.
        (dt.timedelta(minutes=20), dt.timedelta(days=7), START + dt.timedelta(days=7) - NOTICE),
    ],
)
def test_the_money_may_be_had_until(
    told_before_start: dt.timedelta, moved_by: dt.timedelta, until: dt.datetime
) -> None:
    now = START - told_before_start
    booking = apply(in_state(S.CONFIRMED), moved(1, START + moved_by), now).booking
    assert booking.cancel_until == until
    refunding = apply(booking, cancelled_by_buyer(), until).booking
    assert refunding.state is S.CANCELLED
    with pytest.raises(CancelTooLate):
        apply(booking, cancelled_by_buyer(), until + dt.timedelta(seconds=1))


@given(st.lists(st.tuples(st.integers(-48, 200), st.integers(0, 30)), min_size=1, max_size=5))
def test_no_move_takes_time_to_cancel_away_but_when_the_show_has_begun(moves: list[tuple[int, int]]) -> None:
    booking, now = in_state(S.CONFIRMED), NOW
    for sequence, (hours, wait) in enumerate(moves, 1):
        now += dt.timedelta(hours=wait)
        before = booking
        start = booking.show.start_time + dt.timedelta(hours=hours)
        booking = apply(before, moved(sequence, start), now).booking
        told_in_time = start >= now + dt.timedelta(hours=24)
        assert booking.cancel_until >= (
            min(before.cancel_until, start) if told_in_time else before.cancel_until
        )
        if booking is not before:
            assert booking.cancel_until >= start - NOTICE
            assert booking.show_move is not None
            assert booking.show_move.notice_seconds == NOTICE.total_seconds()
