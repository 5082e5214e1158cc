"""Which of Stripe's payment method types stand for our methods."""

from collections.abc import Mapping
from typing import Final

from booking_svc.domain.booking import PaymentMethod
from booking_svc.errors import PaymentRefused

BANK_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "CHF": ("twint",),
    "EUR": ("bancontact", "eps", "ideal", "p24", "pay_by_bank"),
    "GBP": ("pay_by_bank",),
    "MYR": ("fpx",),
    "PLN": ("blik", "p24"),
}
"""By currency, those that send the buyer to a bank and tell at once how it went.

From https://docs.stripe.com/payments/payment-methods/payment-method-support (currencies)
and https://docs.stripe.com/payments/bank-redirects. Debits that take days, such as
`sepa_debit` and `us_bank_account`, are left out: the seats would be gone by then.
"""


def method_types(method: PaymentMethod, currency: str) -> list[str]:
    """The session's `allowed_payment_method_types`, always in the same order.

    Credit and debit cards are one type at Stripe. Of the bank types Stripe shows those that
    the account has switched on. Raises `PaymentRefused` where there is none for the currency.
    """
    if method is not PaymentMethod.INTERNET_BANKING:
        return ["card"]
    if currency not in BANK_TYPES:
        raise PaymentRefused(f"there is no internet banking in {currency}")
    return list(BANK_TYPES[currency])
