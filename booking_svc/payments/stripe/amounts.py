"""Amounts as Stripe writes them.

Ours are in ISO 4217's minor units. Stripe's are the same, with exceptions that
https://docs.stripe.com/currencies lists ("Zero-decimal currencies", "Three-decimal
currencies", "Special cases"). A wrong factor charges a hundred times too much or too
little: what is not certain is refused.
"""

from typing import Final

from booking_svc.errors import PaymentRefused
from mesh.money import Money

_WRITTEN_WITH_TWO_DECIMALS: Final = frozenset({"ISK", "UGX"})
"""Have no minor unit, but Stripe writes them as if they had: 500 is sent as 50000, and ends in 00."""

_LAST_DIGIT_ZERO: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
"""Three decimals, the last of which must be 0, as the card networks want it."""

_DISPUTED: Final = frozenset({"IQD", "LYD", "MGA", "STD"})
"""Stripe has no minor unit for MGA where ISO 4217 has one, and does not say how many decimals the others
have: what was shown and what would be charged may differ, so nothing is charged."""

_FACTOR: Final = 100


def require_chargeable(amount: Money) -> None:
    """Raises `PaymentRefused` for an amount that Stripe cannot take exactly as it is."""
    currency = amount.currency_code
    if currency in _DISPUTED:
        raise PaymentRefused(f"amounts in {currency} are not certain enough to be charged")
    if currency in _LAST_DIGIT_ZERO and amount.minor_units % 10:
        raise PaymentRefused(f"amounts in {currency} must be a multiple of 10 minor units")
    if amount.minor_units <= 0:
        raise PaymentRefused("there is nothing to pay")


def to_wire(amount: Money) -> tuple[str, int]:
    """The currency and the integer that Stripe is sent."""
    factor = _FACTOR if amount.currency_code in _WRITTEN_WITH_TWO_DECIMALS else 1
    return amount.currency_code.lower(), amount.minor_units * factor


def from_wire(currency: str, number: int) -> Money:
    """The amount that Stripe's currency and integer stand for; raises `ValueError` for a fraction."""
    code = currency.upper()
    if code not in _WRITTEN_WITH_TWO_DECIMALS:
        return Money(code, number)
    whole, rest = divmod(number, _FACTOR)
    if rest:
        raise ValueError(f"{code} has no hundredths")
    return Money(code, whole)
