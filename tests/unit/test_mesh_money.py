"""Money is exact, and never adds up across currencies."""

from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.money import Money, zero

amounts = st.integers(min_value=-(10**12), max_value=10**12)


@pytest.mark.parametrize(
    ("minor_units", "fraction", "rounded"),
    [
        (250, Fraction(1, 5), 50),
        (1, Fraction(1, 2), 1),
        (3, Fraction(1, 2), 2),
        (5, Fraction(1, 10), 1),
        (4, Fraction(1, 10), 0),
        (-1, Fraction(1, 2), 0),
        (0, Fraction(1, 3), 0),
    ],
)
def test_a_share_is_rounded_half_up(minor_units: int, fraction: Fraction, rounded: int) -> None:
    assert Money("EUR", minor_units).share(fraction) == Money("EUR", rounded)


@given(amounts, st.integers(1, 1000), st.integers(1, 1000))
def test_a_share_agrees_with_decimal_arithmetic(minor_units: int, numerator: int, denominator: int) -> None:
    exact = Decimal(minor_units * numerator * 2 + denominator) / (2 * denominator)
    expected = int(exact.to_integral_value(ROUND_FLOOR))
    assert Money("JPY", minor_units).share(Fraction(numerator, denominator)).minor_units == expected


@given(amounts, amounts)
def test_adding_and_taking_away_are_inverse(first: int, second: int) -> None:
    a, b = Money("INR", first), Money("INR", second)
    assert a + b - b == a
    assert a + -a == zero("INR")


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="EUR and INR"):
        Money("EUR", 1) + Money("INR", 1)
    with pytest.raises(ValueError, match="EUR and INR"):
        Money("EUR", 1) - Money("INR", 1)
