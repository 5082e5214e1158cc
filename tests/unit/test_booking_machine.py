"""The booking's state machine: every state against every input, and the ways that money takes."""

import datetime as dt
from dataclasses import dataclass, replace

import pytest

from booking_svc.domain import inputs
from booking_svc.domain.booking import (
    AcceptedRequest,
    Booking,
    BookingState,
    PaymentState,
    RefundState,
    Refusal,
    SeatStanding,
)
from booking_svc.domain.duties import ClosePayment, Pace, VoidSale, due_duties, next_look
from booking_svc.domain.events import (
    BookingCancelled,
    BookingConfirmed,
    BookingExpired,
    PaymentFailed,
    RefundIssued,
    event_id,
)
from booking_svc.domain.inputs import Input
from booking_svc.domain.machine import apply
from booking_svc.domain.machine.change import UnknownPart
from booking_svc.errors import CancelTooLate, HoldExpired, PaymentLimit, StateForbids
from mesh.money import Money
from tests.fixtures.bookings import (
    AFTER_TIME_UP,
    CANCEL_UNTIL,
    CONTACT,
    FIRST,
    HOLD,
    NOW,
    PAY_UNTIL,
    SECOND,
    START,
    TICKETS,
    a_payment,
    after,
    awaiting,
    cancelled_by_buyer,
    costing_nothing,
    created,
    held,
    in_state,
    opened,
    paid,
    started,
)

S = BookingState
REFUND = "refund-of-the-first-payment"
NOTHING = "nothing"
"""In the table: the input changes nothing."""
CHANGED = "changed"
"""In the table: the state stays, but something in the booking changes."""


@dataclass(frozen=True)
class Row:
    """One input, when it comes, and what it does in each state."""

    name: str
    given: Input
    does: dict[BookingState, object]
    """A state to go to, `NOTHING`, `CHANGED`, or the error that is raised."""
    now: dt.datetime = NOW
    otherwise: object = NOTHING


TABLE = [
    Row(
        "seats held",
        inputs.SeatsHeld(replace(HOLD, hold_id="hold-2")),
        {S.CREATED: S.HELD},
        otherwise=StateForbids,
    ),
    Row("the same hold again", inputs.SeatsHeld(HOLD), {S.CREATED: S.HELD}),
    Row("seats refused", inputs.HoldRefused(Refusal("SEAT_TAKEN", "", {})), {S.CREATED: S.EXPIRED}),
    Row("creation given up", inputs.CreationGivenUp(), {S.CREATED: S.EXPIRED}),
    Row(
        "payment started",
        started(SECOND),
        {S.HELD: S.AWAITING_PAYMENT, S.EXPIRED: HoldExpired},
        otherwise=StateForbids,
    ),
    Row(
        "payment started too late",
        started(SECOND),
        {S.HELD: HoldExpired, S.EXPIRED: HoldExpired},
        now=PAY_UNTIL,
        otherwise=StateForbids,
    ),
    Row("payment opened again", opened(), {}),
    Row(
        "payment succeeded",
        paid(),
        {S.AWAITING_PAYMENT: S.PAID, S.EXPIRED: S.PAID},
    ),
    Row(
        "wrong amount",
        paid(amount=Money("USD", 1999)),
        {S.AWAITING_PAYMENT: S.REFUNDING, S.EXPIRED: S.REFUNDING},
    ),
    Row(
        "wrong currency",
        paid(amount=Money("EUR", 2000)),
        {S.AWAITING_PAYMENT: S.REFUNDING, S.EXPIRED: S.REFUNDING},
    ),
    Row("payment declined", inputs.PaymentDeclined(FIRST, "no"), {S.AWAITING_PAYMENT: S.HELD}),
    Row("payment closed in time", inputs.PaymentClosed(FIRST), {S.AWAITING_PAYMENT: S.HELD}),
    Row(
        "payment closed when time is up",
        inputs.PaymentClosed(FIRST),
        {S.AWAITING_PAYMENT: S.EXPIRED},
        now=PAY_UNTIL,
    ),
    Row("looked too early", inputs.TimeUp(), {}),
    Row("time is up", inputs.TimeUp(), {S.HELD: S.EXPIRED}, now=PAY_UNTIL),
    Row(
        "abandoned",
        inputs.Abandoned(AcceptedRequest("r", "c")),
        {S.CREATED: S.EXPIRED, S.HELD: S.EXPIRED, S.EXPIRED: NOTHING},
        otherwise=StateForbids,
    ),
    # After SEATS_LOST a sale is in doubt, of which a hold that is released says nothing.
    Row("seats freed", inputs.SeatsFreed(), {S.EXPIRED: CHANGED}),
    Row("sale voided", inputs.SaleVoided(), {S.REFUNDING: CHANGED, S.REFUNDED: CHANGED}),
    Row(
        "seats confirmed",
        inputs.SeatsConfirmed(TICKETS),
        # Too late for a booking that was given up; its tickets stay in doubt until they are cancelled.
        {S.PAID: S.CONFIRMED, S.EXPIRED: CHANGED},
    ),
    Row("seats missed", inputs.SeatsMissed("seats_lost"), {S.PAID: S.REFUNDING}),
    Row(
        "cancelled",
        cancelled_by_buyer(),
        {S.CONFIRMED: S.CANCELLED, S.CANCELLED: NOTHING},
        otherwise=StateForbids,
    ),
    Row(
        "cancelled at the last moment",
        cancelled_by_buyer(),
        {S.CONFIRMED: S.CANCELLED, S.CANCELLED: NOTHING},
        now=CANCEL_UNTIL,
        otherwise=StateForbids,
    ),
    Row(
        "cancelled too late",
        cancelled_by_buyer(),
        {S.CONFIRMED: CancelTooLate, S.CANCELLED: NOTHING},
        now=CANCEL_UNTIL + dt.timedelta(milliseconds=1),
        otherwise=StateForbids,
    ),
    Row(
        "cancelled late by the theatre",
        inputs.CancelRequested(AcceptedRequest("r", "c"), "show_cancelled"),
        {S.CONFIRMED: S.CANCELLED, S.CANCELLED: NOTHING},
        now=CANCEL_UNTIL + dt.timedelta(hours=1),
        otherwise=StateForbids,
    ),
    Row(
        "one seat cancelled",
        cancelled_by_buyer("A2"),
        {S.CONFIRMED: CHANGED, S.CANCELLED: NOTHING},
        otherwise=StateForbids,
    ),
    Row(
        "one seat cancelled too late",
        cancelled_by_buyer("A2"),
        {S.CONFIRMED: CancelTooLate, S.CANCELLED: NOTHING},
        now=CANCEL_UNTIL + dt.timedelta(milliseconds=1),
        otherwise=StateForbids,
    ),
    Row("tickets cancelled", inputs.TicketsCancelled(TICKETS), {S.CANCELLED: S.REFUNDING}),
    Row("seats given back that nobody cancelled", inputs.SeatsGivenBack("r"), {}),
    Row(
        "show called off",
        inputs.ShowCalledOff("no projector"),
        {
            S.CREATED: CHANGED,
            S.HELD: S.EXPIRED,
            S.AWAITING_PAYMENT: CHANGED,
            S.EXPIRED: CHANGED,
            S.PAID: S.REFUNDING,
            S.CONFIRMED: S.REFUNDING,
        },
    ),
    Row(
        "show moved",
        inputs.ShowMoved(1, START + dt.timedelta(hours=1), "late film"),
        dict.fromkeys((S.CREATED, S.HELD, S.AWAITING_PAYMENT, S.PAID, S.CONFIRMED, S.EXPIRED), CHANGED),
    ),
    Row("show moved to where it is", inputs.ShowMoved(1, START, ""), {}),
]
CALLED_OFF_TABLE = [
    Row("seats held", inputs.SeatsHeld(HOLD), {S.CREATED: S.EXPIRED}),
    Row("seats refused", inputs.HoldRefused(Refusal("SHOW_CLOSED", "", {})), {S.CREATED: S.EXPIRED}),
    Row("creation given up", inputs.CreationGivenUp(), {S.CREATED: S.EXPIRED}),
    Row("payment succeeded", paid(), {S.AWAITING_PAYMENT: S.REFUNDING, S.EXPIRED: S.REFUNDING}),
    Row("payment declined", inputs.PaymentDeclined(FIRST, "no"), {S.AWAITING_PAYMENT: S.EXPIRED}),
    Row("payment closed in time", inputs.PaymentClosed(FIRST), {S.AWAITING_PAYMENT: S.EXPIRED}),
    Row("called off again", inputs.ShowCalledOff("again"), {}),
    Row("moved after all", inputs.ShowMoved(9, START + dt.timedelta(hours=1), ""), {}),
]
SEAT_TABLE = [
    Row("the seat given back", inputs.SeatsGivenBack("request-of-A2"), {S.CONFIRMED: CHANGED}),
    Row("the same seat cancelled again", cancelled_by_buyer("A2"), {}),
    Row("the other seat cancelled", cancelled_by_buyer("A1"), {S.CONFIRMED: S.CANCELLED}),
    Row("the rest cancelled", cancelled_by_buyer(), {S.CONFIRMED: S.CANCELLED}),
    Row("tickets cancelled", inputs.TicketsCancelled(TICKETS), {S.CANCELLED: S.REFUNDING}),
]
REFUND_TABLE = [
    Row("refund accepted", inputs.RefundAccepted(REFUND, 0, "p"), {S.REFUNDING: CHANGED}),
    Row("refund succeeded", inputs.RefundSucceeded(REFUND, 0, "p"), {S.REFUNDING: S.REFUNDED}),
    Row("refund failed", inputs.RefundFailed(REFUND, 0), {S.REFUNDING: CHANGED, S.REFUNDED: S.REFUNDING}),
    Row("old news of an accepted refund", inputs.RefundAccepted(REFUND, 7, "p"), {}),
    Row("old news of a refund that succeeded", inputs.RefundSucceeded(REFUND, 7, "p"), {}),
    Row("old news of a failed refund", inputs.RefundFailed(REFUND, 7), {}),
]


OF_A_PAYMENT = (
    inputs.PaymentOpened,
    inputs.PaymentSucceeded,
    inputs.PaymentDeclined,
    inputs.PaymentClosed,
)


def _cases(table: list[Row], states: list[BookingState]) -> list[object]:
    """All states, but for news of a payment those in which there may be one."""
    return [
        pytest.param(row, state, id=f"{state.value}-{row.name}")
        for row in table
        for state in states
        if not (isinstance(row.given, OF_A_PAYMENT) and state in {S.CREATED, S.HELD})
    ]


def test_every_input_is_in_the_table() -> None:
    tabled = {type(row.given) for row in (*TABLE, *SEAT_TABLE, *REFUND_TABLE)}
    assert tabled == set(inputs.Input.__args__)


@pytest.mark.parametrize(("row", "state"), _cases(TABLE, list(BookingState)))
def test_every_state_against_every_input(row: Row, state: BookingState) -> None:
    booking = in_state(state)
    assert booking.state is state
    _check(booking, row, row.does.get(state, row.otherwise))


@pytest.mark.parametrize(("row", "state"), _cases(REFUND_TABLE, [S.REFUNDING, S.REFUNDED]))
def test_every_state_with_a_refund_against_its_news(row: Row, state: BookingState) -> None:
    booking = in_state(state)
    named = replace(booking, refunds=(replace(booking.refunds[0], refund_id=REFUND),))
    _check(named, row, row.does.get(state, row.otherwise))


@pytest.mark.parametrize(("row", "state"), _cases(SEAT_TABLE, [S.CONFIRMED, S.CANCELLED]))
def test_every_state_with_a_seat_on_its_way_back(row: Row, state: BookingState) -> None:
    booking = after(in_state(S.CONFIRMED), cancelled_by_buyer("A2"))
    if state is S.CANCELLED:
        booking = after(booking, cancelled_by_buyer("A1"))
    _check(booking, row, row.does.get(state, row.otherwise))


@pytest.mark.parametrize(
    ("row", "state"), _cases(CALLED_OFF_TABLE, [S.CREATED, S.AWAITING_PAYMENT, S.EXPIRED, S.REFUNDING])
)
def test_every_state_of_a_show_that_was_called_off(row: Row, state: BookingState) -> None:
    before = S.CONFIRMED if state is S.REFUNDING else state
    booking = after(in_state(before), inputs.ShowCalledOff("no projector"))
    assert booking.state is state
    if isinstance(row.given, inputs.SeatsHeld) and state is not S.CREATED:
        return  # it is their own hold, in the table above
    expected = row.does.get(state, row.otherwise)
    if isinstance(row.given, inputs.PaymentSucceeded) and state is S.REFUNDING:
        expected = NOTHING
    _check(booking, row, expected)


def _check(booking: Booking, row: Row, expected: object) -> None:
    if isinstance(expected, type):
        with pytest.raises(expected):
            apply(booking, row.given, row.now)
        return
    outcome = apply(booking, row.given, row.now)
    if expected == NOTHING:
        assert outcome.booking is booking
        assert outcome.events == ()
        return
    assert outcome.booking.version == booking.version + 1
    assert outcome.booking.update_time == row.now
    assert outcome.booking.state is (booking.state if expected == CHANGED else expected)
    if not isinstance(row.given, inputs.PaymentStarted):
        again = apply(outcome.booking, row.given, row.now)
        assert again.booking is outcome.booking, "a repetition is no news"


@pytest.mark.parametrize(
    "given", [opened(), paid(), inputs.PaymentDeclined(FIRST, ""), inputs.PaymentClosed(FIRST)]
)
@pytest.mark.parametrize("state", [S.CREATED, S.HELD])
def test_news_of_a_payment_that_was_never_started_is_a_fault(state: BookingState, given: Input) -> None:
    with pytest.raises(UnknownPart):
        apply(in_state(state), given, NOW)


def test_news_of_a_former_payment_after_a_decline() -> None:
    """HELD again: the table above has it only without any payment."""
    declined = after(awaiting(), inputs.PaymentDeclined(FIRST, "no"))
    assert after(declined, paid()).state is S.PAID
    assert after(declined, paid(amount=Money("USD", 1))).state is S.REFUNDING
    assert after(declined, inputs.PaymentDeclined(FIRST, "again")) is declined
    assert after(declined, inputs.PaymentClosed(FIRST)) is declined
    assert after(declined, opened()) is declined


def test_each_way_tells_what_it_should() -> None:
    confirmed = apply(in_state(S.PAID), inputs.SeatsConfirmed(TICKETS), NOW)
    assert confirmed.events == (BookingConfirmed(),)
    assert (confirmed.booking.tickets, confirmed.booking.seats) == (TICKETS, SeatStanding.SOLD)

    declined = apply(awaiting(), inputs.PaymentDeclined(FIRST, "no money"), NOW)
    assert declined.events == (PaymentFailed(),)
    assert declined.booking.payments[0].decline_reason == "no money"

    closed = apply(awaiting(), inputs.PaymentClosed(FIRST), AFTER_TIME_UP)
    assert closed.events == (BookingExpired(),)

    cancelled = in_state(S.CANCELLED)
    assert apply(in_state(S.CONFIRMED), cancelled_by_buyer(), NOW).events == ()
    freed = apply(cancelled, inputs.TicketsCancelled(()), NOW)
    assert freed.events == (BookingCancelled(("A1", "A2")),)
    assert all(ticket.cancelled for ticket in freed.booking.tickets)
    assert freed.booking.seats is SeatStanding.FREED
    refund = freed.booking.refunds[0]
    assert (refund.amount, refund.reason) == (Money("USD", 2000), "cancelled_by_buyer")

    refunded = apply(freed.booking, inputs.RefundSucceeded(refund.refund_id, 0, "p"), NOW)
    assert refunded.events == (RefundIssued(refund.refund_id),)


def test_a_hold_that_runs_out_is_told_only_to_who_has_tried_to_pay() -> None:
    assert apply(held(), inputs.TimeUp(), AFTER_TIME_UP).events == ()
    tried = after(awaiting(), inputs.PaymentDeclined(FIRST, "no"))
    assert apply(tried, inputs.TimeUp(), AFTER_TIME_UP).events == (BookingExpired(),)


def test_a_refusal_is_remembered() -> None:
    refusal = Refusal("SEAT_TAKEN", "A1 is taken", {"seat_ids": "A1"})
    assert after(created(), inputs.HoldRefused(refusal)).refusal == refusal


def test_an_event_id_is_the_same_for_the_same_version_and_no_other() -> None:
    confirmed = in_state(S.CONFIRMED)
    assert event_id(confirmed, BookingConfirmed()) == event_id(confirmed, BookingConfirmed())
    assert event_id(confirmed, BookingConfirmed()) != event_id(
        replace(confirmed, version=99), BookingConfirmed()
    )
    assert event_id(confirmed, RefundIssued("a")) != event_id(confirmed, RefundIssued("b"))


def test_a_late_payment_takes_the_seats_again() -> None:
    expired = after(in_state(S.EXPIRED), inputs.SeatsFreed())
    assert expired.seats is SeatStanding.FREED
    late = after(expired, paid(), now=AFTER_TIME_UP)
    assert (late.state, late.seats, late.paid_by) == (S.PAID, SeatStanding.HELD, FIRST)


def test_seats_that_are_freed_after_a_late_payment_came_are_still_wanted() -> None:
    late = after(in_state(S.EXPIRED), paid(), now=AFTER_TIME_UP)
    assert after(late, inputs.SeatsFreed()) is late


def test_a_hold_whose_release_is_told_late_does_not_settle_a_sale_that_is_in_doubt() -> None:
    """One worker is slow to say so; meanwhile a late payment comes, and the theatre does not answer."""
    late = after(in_state(S.EXPIRED), paid(), now=AFTER_TIME_UP)
    in_doubt = after(late, inputs.SeatsMissed("theatre_unavailable"))
    assert after(in_doubt, inputs.SeatsFreed()) is in_doubt
    assert VoidSale() in due_duties(in_doubt, Pace(), AFTER_TIME_UP)
    assert after(in_doubt, inputs.SaleVoided()).seats is SeatStanding.FREED


def test_a_second_payment_goes_back_and_the_tickets_stay() -> None:
    declined = after(awaiting(), inputs.PaymentDeclined(FIRST, "no"))
    twice = after(declined, started(SECOND), opened(SECOND), paid(SECOND), inputs.SeatsConfirmed(TICKETS))
    outcome = apply(twice, paid(FIRST), NOW)
    assert outcome.booking.state is S.CONFIRMED
    assert [(refund.payment_id, refund.reason) for refund in outcome.booking.refunds] == [
        (FIRST, "paid_twice")
    ]
    assert outcome.alarms == ("paid_twice",)
    done = apply(outcome.booking, inputs.RefundSucceeded(outcome.booking.refunds[0].refund_id, 0, "p"), NOW)
    assert (done.booking.state, done.events) == (
        S.CONFIRMED,
        (RefundIssued(outcome.booking.refunds[0].refund_id),),
    )


def test_an_old_payment_that_succeeds_while_a_new_one_is_open_pays_for_the_tickets() -> None:
    declined = after(awaiting(), inputs.PaymentDeclined(FIRST, "no"))
    late = after(declined, started(SECOND), opened(SECOND), paid(FIRST))
    assert (late.state, late.paid_by) == (S.PAID, FIRST)
    assert late.open_payment is not None, "the new one is still open at the provider: it has to be closed"
    assert late.open_payment.payment_id == SECOND
    assert ClosePayment(SECOND) in due_duties(late, Pace(), NOW)
    also = after(late, paid(SECOND))
    assert [(refund.payment_id, refund.reason) for refund in also.refunds] == [(SECOND, "paid_twice")]


def test_a_wrong_amount_is_an_alarm_and_goes_back_as_it_came() -> None:
    outcome = apply(awaiting(), paid(amount=Money("USD", 2001)), NOW)
    assert outcome.alarms == ("amount_mismatch",)
    assert outcome.booking.refunds[0].amount == Money("USD", 2001)
    assert outcome.booking.paid_by == ""


def test_a_session_that_becomes_known_after_the_end_can_be_closed() -> None:
    starting = after(held(), started())
    ended = after(starting, inputs.PaymentClosed(FIRST), now=AFTER_TIME_UP)
    assert ended.state is S.EXPIRED
    assert after(ended, opened()) is ended
    paid_meanwhile = after(starting, opened(), paid())
    assert paid_meanwhile.payments[0].state is PaymentState.SUCCEEDED


def test_only_so_many_payments_may_be_started() -> None:
    booking = held()
    for number in range(10):
        declined = inputs.PaymentDeclined(f"p{number}", "no")
        booking = after(booking, started(f"p{number}"), opened(f"p{number}"), declined)
    with pytest.raises(PaymentLimit):
        apply(booking, started("p10"), NOW)


def test_a_booking_that_costs_nothing_is_paid_without_a_provider() -> None:
    free = costing_nothing()
    begun = after(
        free,
        inputs.PaymentStarted(a_payment(amount=Money("USD", 0)), in_state(S.PAID).contact, 10),  # type: ignore[arg-type]
    )
    assert begun.state is S.PAID
    cancelled = after(begun, inputs.SeatsConfirmed(TICKETS), cancelled_by_buyer())
    assert after(cancelled, inputs.TicketsCancelled(TICKETS)).state is S.REFUNDED


def test_a_failed_refund_is_asked_for_again_under_a_new_key() -> None:
    refunding = in_state(S.REFUNDING)
    refund = refunding.refunds[0]
    accepted = after(refunding, inputs.RefundAccepted(refund.refund_id, 0, "p1"))
    assert accepted.refunds[0].state is RefundState.ACCEPTED
    outcome = apply(accepted, inputs.RefundFailed(refund.refund_id, 0), NOW)
    again = outcome.booking.refunds[0]
    assert (again.state, again.tries) == (RefundState.OWED, 1)
    assert again.idempotency_key != refund.idempotency_key
    assert outcome.alarms == ("refund_failed",)
    assert apply(outcome.booking, inputs.RefundFailed(refund.refund_id, 0), NOW).booking is outcome.booking


def test_a_refund_that_the_bank_sends_back_is_owed_again_and_old_news_does_not_settle_it() -> None:
    refunded = in_state(S.REFUNDED)
    refund = refunded.refunds[0]
    outcome = apply(refunded, inputs.RefundFailed(refund.refund_id, refund.tries), NOW)
    assert (outcome.booking.state, outcome.alarms) == (S.REFUNDING, ("refund_failed",))
    for old in (
        inputs.RefundSucceeded(refund.refund_id, refund.tries, "p1"),
        inputs.RefundAccepted(refund.refund_id, refund.tries, "p1"),
        inputs.RefundFailed(refund.refund_id, refund.tries),
    ):
        assert apply(outcome.booking, old, NOW).booking is outcome.booking
    again = inputs.RefundSucceeded(refund.refund_id, refund.tries + 1, "p2")
    assert apply(outcome.booking, again, NOW).booking.state is S.REFUNDED


def test_a_refund_that_a_bank_takes_days_over_is_asked_about_more_and_more_seldom() -> None:
    refunding = after(in_state(S.REFUNDING), inputs.SaleVoided())
    accepted = after(refunding, inputs.RefundAccepted(refunding.refunds[0].refund_id, 0, "p1"))
    pauses: list[float] = []
    now = NOW
    while now < NOW + dt.timedelta(days=3):
        look = next_look(accepted, Pace(), now)
        assert look is not None
        pauses.append((look - now).total_seconds())
        now = look
    assert pauses[0] == 10.0
    assert pauses == sorted(pauses)
    assert len(pauses) < 200
    assert sum(pauses[:7]) <= 71, "and for the first minute as often as ever"


def test_tickets_that_come_after_a_booking_was_given_up_are_in_doubt() -> None:
    refunding = after(in_state(S.REFUNDING), inputs.SaleVoided())
    assert refunding.seats is SeatStanding.FREED
    assert after(refunding, inputs.SeatsConfirmed(TICKETS)).seats is SeatStanding.IN_DOUBT


def test_what_is_captured_must_be_the_quote_and_not_only_what_was_asked_for() -> None:
    asked_too_little = inputs.PaymentStarted(a_payment(amount=Money("USD", 1999)), CONTACT, 10)
    outcome = apply(after(held(), asked_too_little, opened()), paid(amount=Money("USD", 1999)), NOW)
    assert (outcome.booking.state, outcome.alarms) == (S.REFUNDING, ("amount_mismatch",))
    assert outcome.booking.refunds[0].amount == Money("USD", 1999)


def test_a_wrong_amount_of_nothing_ends_the_booking_and_owes_nothing() -> None:
    outcome = apply(awaiting(), paid(amount=Money("USD", 0)), NOW)
    assert (outcome.booking.state, outcome.booking.refunds) == (S.REFUNDED, ())


@pytest.mark.parametrize("news", [inputs.PaymentDeclined(FIRST, "no"), inputs.PaymentClosed(FIRST)])
def test_a_booking_awaits_its_payment_while_any_of_them_is_open(news: Input) -> None:
    """The machine opens one at a time; what is stored may still come from a version that did not."""
    first = awaiting()
    both = replace(first, payments=(*first.payments, replace(a_payment(SECOND), state=PaymentState.OPEN)))
    assert ClosePayment(FIRST) in due_duties(both, Pace(), NOW), "the older one at once"
    assert ClosePayment(SECOND) not in due_duties(both, Pace(), NOW)
    one_left = apply(both, news, NOW)
    assert (one_left.booking.state, one_left.events) == (S.AWAITING_PAYMENT, ())
    assert one_left.booking.open_payment is not None
    assert one_left.booking.open_payment.payment_id == SECOND
