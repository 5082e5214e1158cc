"""The booking's state machine: `apply(booking, input, now) -> Outcome`.

    CREATED ──▶ HELD ──▶ AWAITING_PAYMENT ──▶ PAID ──▶ CONFIRMED ──▶ CANCELLED ──▶ REFUNDING ──▶ REFUNDED
       │         │ ▲          │   │             ▲  │ seats missed                    ▲
       ▼         ▼ └─declined─┘   ▼             │  └────────────────────────────────┤
     EXPIRED   EXPIRED          EXPIRED ──late──┘            captured a wrong amount ┘

Beside the state, a booking carries duties (`duties`): open payments to close,
seats to free, refunds to send. They do not depend on the state alone, because
money may arrive in any of them. A CONFIRMED booking may have seats to give back
and refunds to send, while its other tickets stay good. A show that is cancelled
takes PAID and CONFIRMED bookings straight to REFUNDING, and the others to their
end (`rescheduling`).
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from booking_svc.domain import inputs
from booking_svc.domain.booking import Booking
from booking_svc.domain.events import Event
from booking_svc.domain.machine import cancelling, holding, paying, refunding, rescheduling, seating
from booking_svc.domain.machine.change import Change

__all__ = ["Outcome", "apply"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A booking after an input. Without a change it is the very same object and says nothing.

    `alarms` name what a person should look at, such as `amount_mismatch`.
    """

    booking: Booking
    events: tuple[Event, ...] = ()
    alarms: tuple[str, ...] = ()


_RULES: Final[dict[type, Callable[[Booking, Any, dt.datetime], Change]]] = {
    inputs.SeatsHeld: holding.seats_held,
    inputs.HoldRefused: holding.hold_refused,
    inputs.CreationGivenUp: holding.creation_given_up,
    inputs.TimeUp: holding.time_up,
    inputs.Abandoned: holding.abandoned,
    inputs.PaymentStarted: paying.payment_started,
    inputs.PaymentOpened: paying.payment_opened,
    inputs.PaymentSucceeded: paying.payment_succeeded,
    inputs.PaymentDeclined: paying.payment_declined,
    inputs.PaymentClosed: paying.payment_closed,
    inputs.SeatsFreed: seating.seats_freed,
    inputs.SaleVoided: seating.sale_voided,
    inputs.SeatsConfirmed: seating.seats_confirmed,
    inputs.SeatsMissed: seating.seats_missed,
    inputs.CancelRequested: cancelling.cancel_requested,
    inputs.TicketsCancelled: cancelling.tickets_cancelled,
    inputs.SeatsGivenBack: cancelling.seats_given_back,
    inputs.ShowCalledOff: rescheduling.show_called_off,
    inputs.ShowMoved: rescheduling.show_moved,
    inputs.RefundAccepted: refunding.refund_accepted,
    inputs.RefundSucceeded: refunding.refund_succeeded,
    inputs.RefundFailed: refunding.refund_failed,
}


def apply(booking: Booking, given: inputs.Input, now: dt.datetime) -> Outcome:
    """What becomes of the booking.

    An input that says nothing new changes nothing. Raises `StateForbids`,
    `HoldExpired`, `CancelTooLate`, `RefundChanged` or `PaymentLimit` for one that is not allowed.
    """
    change = _RULES[type(given)](booking, given, now)
    if change.booking == booking:
        return Outcome(booking)
    changed = replace(change.booking, version=booking.version + 1, update_time=now)
    return Outcome(changed, change.events, change.alarms)
