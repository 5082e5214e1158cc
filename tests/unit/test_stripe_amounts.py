"""Amounts and methods at Stripe: exactly what was quoted, or nothing."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking_svc.domain.booking import PaymentMethod
from booking_svc.errors import PaymentRefused
from booking_svc.payments.stripe.amounts import from_wire, require_chargeable, to_wire
from booking_svc.payments.stripe.methods import BANK_TYPES, method_types
from mesh.currencies import decimals
from mesh.money import Money

# https://docs.stripe.com/currencies, copied here apart from the code: how many decimals Stripe's integer has.
ZERO = ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
THREE = ["BHD", "JOD", "KWD", "OMR", "TND"]
TWO = ["AED", "ARS", "AUD", "BRL", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "IDR", "ILS"]
TWO += ["INR", "ISK", "MXN", "MYR", "NOK", "NZD", "PEN", "PHP", "PLN", "RON", "SAR", "SEK", "SGD", "THB"]
TWO += ["TRY", "TWD", "UAH", "UGX", "USD", "ZAR"]
DECIMALS = dict.fromkeys(ZERO, 0) | dict.fromkeys(TWO, 2) | dict.fromkeys(THREE, 3)

currencies = st.sampled_from(sorted(DECIMALS))


@given(currencies, st.integers(1, 10**9))
def test_what_is_charged_is_what_was_shown(code: str, minor_units: int) -> None:
    """The pages show an amount by Unicode's decimals, Stripe charges it by its own."""
    amount = Money(code, minor_units)
    try:
        require_chargeable(amount)
    except PaymentRefused:
        assert code in THREE
        assert minor_units % 10 != 0
        return
    currency, number = to_wire(amount)
    shown = Decimal(minor_units).scaleb(-decimals(code))
    charged = Decimal(number).scaleb(-DECIMALS[code])
    assert (currency, charged) == (code.lower(), shown)
    if code in ("ISK", "UGX"):
        assert number % 100 == 0
    if code in THREE:
        assert number % 10 == 0


@given(currencies, st.integers(0, 10**9))
def test_what_comes_back_is_what_was_sent(code: str, minor_units: int) -> None:
    assert from_wire(*to_wire(Money(code, minor_units))) == Money(code, minor_units)


@pytest.mark.parametrize("code", ["ISK", "UGX"])
def test_a_fraction_that_a_currency_does_not_have_is_not_rounded(code: str) -> None:
    with pytest.raises(ValueError, match="hundredths"):
        from_wire(code.lower(), 1050)


@pytest.mark.parametrize("code", ["IQD", "LYD", "MGA", "STD"])
def test_a_currency_whose_decimals_are_in_dispute_is_refused(code: str) -> None:
    with pytest.raises(PaymentRefused):
        require_chargeable(Money(code, 10_000))


@pytest.mark.parametrize("minor_units", [0, -1])
def test_nothing_and_less_is_refused(minor_units: int) -> None:
    with pytest.raises(PaymentRefused):
        require_chargeable(Money("USD", minor_units))


@pytest.mark.parametrize("method", [PaymentMethod.CREDIT_CARD, PaymentMethod.DEBIT_CARD])
def test_both_cards_are_one_type(method: PaymentMethod) -> None:
    assert method_types(method, "USD") == ["card"]


@pytest.mark.parametrize("code", sorted(BANK_TYPES))
def test_banks_by_currency(code: str) -> None:
    kinds = method_types(PaymentMethod.INTERNET_BANKING, code)
    assert kinds
    assert "card" not in kinds


@pytest.mark.parametrize("code", ["USD", "JPY", "KWD"])
def test_no_banks_are_a_refusal(code: str) -> None:
    with pytest.raises(PaymentRefused):
        method_types(PaymentMethod.INTERNET_BANKING, code)
