"""Whatever happens in whatever order: every captured payment ends in tickets or in its refund."""

import datetime as dt

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from booking_svc.domain import duties, inputs
from booking_svc.domain.booking import Booking, BookingState, PaymentState, RefundState, Refusal, SeatStanding
from booking_svc.domain.duties import Pace
from booking_svc.domain.machine import apply
from booking_svc.domain.machine.change import known_refund
from booking_svc.errors import CancelTooLate, HoldExpired, PaymentLimit, StateForbids
from booking_svc.stores.documents import booking_of, changes_of, document_of
from mesh.money import Money
from tests.fixtures.bookings import (
    HOLD,
    NOW,
    PRICE,
    TICKETS,
    cancelled_by_buyer,
    created,
    in_state,
    opened,
    started,
)

PACE = Pace()
REFUSALS = (StateForbids, HoldExpired, CancelTooLate, PaymentLimit)
AMOUNTS = st.sampled_from([PRICE, PRICE, PRICE, Money("USD", 1999), Money("EUR", 2000)])


BEGINNINGS = (
    *(BookingState.CREATED, BookingState.HELD, BookingState.AWAITING_PAYMENT),
    *(BookingState.PAID, BookingState.CONFIRMED),
)


class OneBooking(RuleBasedStateMachine):
    """Throws every input at a booking; then the world behaves, and it must come to a good end."""

    @initialize(state=st.sampled_from(BEGINNINGS))
    def begin(self, state: BookingState) -> None:
        """Somewhere on the usual way: few would come to its end from the start."""
        self.now = NOW
        self.booking = in_state(state)
        self.document = document_of(self.booking)
        self.captured: dict[str, Money] = {
            payment.payment_id: payment.captured for payment in self.booking.payments if payment.captured
        }
        self.started = len(self.booking.payments)
        self.moves = 0

    def give(self, given: inputs.Input) -> None:
        before = self.booking
        try:
            self.booking = apply(before, given, self.now).booking
        except REFUSALS:
            self.booking = before
        self.document |= changes_of(before, self.booking)

    @invariant()
    def written_change_by_change_it_is_the_same(self) -> None:
        assert self.document == document_of(self.booking)
        assert booking_of({"_id": self.booking.booking_id, **self.document}) == self.booking

    @rule(seconds=st.sampled_from([1, 100, 300, 3600]))
    def time_passes(self, seconds: int) -> None:
        self.now += dt.timedelta(seconds=seconds)

    @rule()
    def hold(self) -> None:
        self.give(inputs.SeatsHeld(HOLD))

    @rule()
    def start(self) -> None:
        self.give(started(f"p{self.started}"))
        self.started = len(self.booking.payments)

    @precondition(lambda self: self.started)
    @rule(data=st.data())
    def open_session(self, data: st.DataObject) -> None:
        self.give(opened(self._some_payment(data)))

    @precondition(lambda self: self.started)
    @rule(data=st.data(), amount=AMOUNTS)
    def capture(self, data: st.DataObject, amount: Money) -> None:
        payment_id = self._some_payment(data)
        # A provider captures a payment once, and tells the same of it ever after.
        self.captured.setdefault(payment_id, amount)
        self.give(inputs.PaymentSucceeded(payment_id, self.captured[payment_id]))

    @precondition(lambda self: self.started)
    @rule(data=st.data())
    def decline(self, data: st.DataObject) -> None:
        self.give(inputs.PaymentDeclined(self._some_payment(data), "no"))

    @precondition(lambda self: self.started)
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        self.give(inputs.PaymentClosed(self._some_payment(data)))

    @rule()
    def look_at_the_time(self) -> None:
        self.give(inputs.TimeUp())

    @rule()
    def abandon(self) -> None:
        self.give(inputs.Abandoned(created().request))

    @rule()
    def cancel(self) -> None:
        self.give(cancelled_by_buyer())

    @rule(seat_id=st.sampled_from(["A1", "A2"]))
    def cancel_one(self, seat_id: str) -> None:
        self.give(cancelled_by_buyer(seat_id))

    @rule(seat_id=st.sampled_from(["A1", "A2"]))
    def give_one_back(self, seat_id: str) -> None:
        self.give(inputs.SeatsGivenBack(f"request-of-{seat_id}"))

    @rule()
    def call_the_show_off(self) -> None:
        self.give(inputs.ShowCalledOff("no projector"))

    @rule(hours=st.integers(-3, 30))
    def move_the_show(self, hours: int) -> None:
        self.moves += 1
        start = self.booking.show.start_time + dt.timedelta(hours=hours)
        self.give(inputs.ShowMoved(self.moves, start, ""))

    @rule()
    def old_ticket_answer(self) -> None:
        if self.booking.state is BookingState.PAID:
            self.give(inputs.SeatsConfirmed(TICKETS))

    @rule()
    def hear_late_that_the_hold_was_released(self) -> None:
        self.give(inputs.SeatsFreed())

    @rule()
    def lose_the_seats(self) -> None:
        self.give(inputs.SeatsMissed("seats_lost"))

    @rule()
    def the_world_does_one_thing(self) -> None:
        """Without it, few bookings would come far enough for what happens late in a life."""
        due = duties.due_duties(self.booking, PACE, self.now)
        for given in _as_the_world_does(self.booking, due[0], self.captured) if due else ():
            self.give(given)

    @precondition(lambda self: self.booking.refunds)
    @rule(
        data=st.data(), kind=st.sampled_from([inputs.RefundAccepted, inputs.RefundFailed]), old=st.booleans()
    )
    def refund_is_slow_or_fails(self, data: st.DataObject, kind: type, old: bool) -> None:
        owed = data.draw(st.sampled_from(self.booking.refunds))
        tries = max(0, owed.tries - old)
        if kind is inputs.RefundFailed:
            self.give(inputs.RefundFailed(owed.refund_id, tries))
        else:
            self.give(inputs.RefundAccepted(owed.refund_id, tries, "provider-refund"))

    @rule()
    def refuse_the_seats(self) -> None:
        self.give(inputs.HoldRefused(Refusal("SEAT_TAKEN", "", {})))

    @invariant()
    def money_is_never_promised_twice(self) -> None:
        for payment in self.booking.payments:
            refunds = [each for each in self.booking.refunds if each.payment_id == payment.payment_id]
            assert len({each.refund_id for each in refunds}) == len(refunds)
            total = sum(each.amount.minor_units for each in refunds)
            assert payment.captured is not None or not refunds
            if payment.captured is not None:
                assert total <= payment.captured.minor_units

    @invariant()
    def captured_money_pays_for_tickets_or_is_owed(self) -> None:
        for payment in self.booking.payments:
            if payment.state is not PaymentState.SUCCEEDED:
                continue
            owed = _sum_of_refunds(self.booking, payment.payment_id)
            keeping = self.booking.paid_by == payment.payment_id and self.booking.state in {
                BookingState.PAID,
                BookingState.CONFIRMED,
                BookingState.CANCELLED,
            }
            promised = sum(
                each.refund.minor_units for each in self.booking.partial_cancellations if not each.done
            )
            kept = self.booking.kept_quote.total.minor_units + promised if keeping else 0
            assert payment.captured is not None
            assert owed + kept == payment.captured.minor_units, (
                f"{payment.payment_id} in {self.booking.state}"
            )

    def teardown(self) -> None:
        if not hasattr(self, "booking"):
            return
        self.now += dt.timedelta(hours=1)
        for _ in range(100):
            due = duties.due_duties(self.booking, PACE, self.now)
            if not due:
                break
            for given in _as_the_world_does(self.booking, due[0], self.captured):
                self.give(given)
        _is_at_a_good_end(self.booking, self.captured)

    def _some_payment(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from([payment.payment_id for payment in self.booking.payments]))


_PLAIN_ANSWERS: dict[type, inputs.Input] = {
    duties.GiveUpCreation: inputs.CreationGivenUp(),
    duties.EndHold: inputs.TimeUp(),
    duties.ConfirmSeats: inputs.SeatsConfirmed(TICKETS),
    duties.CancelTickets: inputs.TicketsCancelled(()),
    duties.FreeSeats: inputs.SeatsFreed(),
    duties.VoidSale: inputs.SaleVoided(),
}


def _as_the_world_does(
    booking: Booking, duty: duties.Duty, captured: dict[str, Money]
) -> tuple[inputs.Input, ...]:
    """What the other side answers to a duty when nothing goes wrong."""
    match duty:
        case duties.GiveSeatsBack(request_id):
            return (inputs.SeatsGivenBack(request_id),)
        case duties.SendRefund(refund_id) | duties.AskRefund(refund_id):
            tries = known_refund(booking, refund_id).tries
            return (inputs.RefundSucceeded(refund_id, tries, "provider-refund"),)
        case duties.OpenPayment(payment_id) | duties.AskPayment(payment_id) | duties.ClosePayment(payment_id):
            if payment_id in captured:
                return (opened(payment_id), inputs.PaymentSucceeded(payment_id, captured[payment_id]))
            return (opened(payment_id), inputs.PaymentClosed(payment_id))
        case _:
            return (_PLAIN_ANSWERS[type(duty)],)


def _sum_of_refunds(booking: Booking, payment_id: str) -> int:
    return sum(each.amount.minor_units for each in booking.refunds if each.payment_id == payment_id)


def _is_at_a_good_end(booking: Booking, captured: dict[str, Money]) -> None:
    assert duties.next_look(booking, PACE, NOW) is None, "nothing is left to do"
    assert booking.state in {BookingState.CONFIRMED, BookingState.EXPIRED, BookingState.REFUNDED}
    assert not any(payment.is_open for payment in booking.payments), "nobody can pay for it any more"
    assert all(refund.state is RefundState.COMPLETED for refund in booking.refunds)
    assert all(each.done for each in booking.partial_cancellations) or booking.state is BookingState.REFUNDED
    for payment_id, amount in captured.items():
        kept = 0
        if booking.state is BookingState.CONFIRMED and payment_id == booking.paid_by:
            kept = booking.kept_quote.total.minor_units
        assert _sum_of_refunds(booking, payment_id) + kept == amount.minor_units
    if booking.state is BookingState.CONFIRMED:
        assert booking.seats is SeatStanding.SOLD
        assert captured[booking.paid_by] == booking.quote.total
    else:
        assert booking.seats in {SeatStanding.NONE, SeatStanding.FREED}


TestOneBooking = OneBooking.TestCase
TestOneBooking.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
