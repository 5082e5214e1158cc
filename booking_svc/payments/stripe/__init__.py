"""Stripe as a provider: Checkout on Stripe's own page, told of by signed events."""

from booking_svc.payments.stripe.calls import StripeCalls
from booking_svc.payments.stripe.provider import StripePayments

__all__ = ["StripeCalls", "StripePayments"]
