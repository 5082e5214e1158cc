"""What a Checkout Session is asked for with.

All of it follows from what is stored: the same idempotency key with anything else is refused.
"""

from typing import TYPE_CHECKING, Final

from booking_svc.domain.booking import Booking, Payment
from booking_svc.payments.stripe.amounts import require_chargeable, to_wire
from booking_svc.payments.stripe.answers import BOOKING_ID, PAYMENT_ID
from booking_svc.payments.stripe.methods import method_types

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParams

_SHORTEST_SECONDS: Final = 31 * 60
"""Stripe takes nothing shorter than 30 minutes from its own now; a minute for clocks that differ."""
_LONGEST_NAME: Final = 250


def expires_at(payment: Payment) -> int:
    """When Stripe itself ends the session, if we have not done so when the time to pay was up.

    Counted from that time, so that the session can be opened until then.
    """
    return int(payment.expire_time.timestamp()) + _SHORTEST_SECONDS


def opening(booking: Booking, payment: Payment) -> "SessionCreateParams":
    """The parameters; raises `PaymentRefused` for what Stripe cannot take."""
    require_chargeable(payment.amount)
    currency, amount = to_wire(payment.amount)
    metadata = {BOOKING_ID: booking.booking_id, PAYMENT_ID: payment.payment_id}
    name = f"{booking.show.movie_title}, {booking.show.theatre_name}"[:_LONGEST_NAME]
    return {
        "mode": "payment",
        # `payment_method_types` is gone since API version 2026-09-30.endive; this narrows down what the
        # account has switched on, so that a type that it has not is no error.
        "allowed_payment_method_types": method_types(payment.method, payment.amount.currency_code),
        "line_items": [
            {
                "quantity": 1,
                "price_data": {"currency": currency, "unit_amount": amount, "product_data": {"name": name}},
            }
        ],
        # Nothing that the account's settings may add to the price: what was quoted is what is taken.
        "adaptive_pricing": {"enabled": False},
        "automatic_tax": {"enabled": False},
        "allow_promotion_codes": False,
        "client_reference_id": payment.payment_id,
        "metadata": metadata,
        "payment_intent_data": {"description": name, "metadata": metadata},
        "success_url": payment.return_url,
        "cancel_url": payment.return_url,
        "expires_at": expires_at(payment),
    }
