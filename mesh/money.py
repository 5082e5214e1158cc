"""Money in integers."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount: an ISO 4217 code and an integer number of minor units."""

    currency_code: str
    minor_units: int

    def __add__(self, other: "Money") -> "Money":
        self._require_same_currency(other)
        return Money(self.currency_code, self.minor_units + other.minor_units)

    def __sub__(self, other: "Money") -> "Money":
        self._require_same_currency(other)
        return Money(self.currency_code, self.minor_units - other.minor_units)

    def __neg__(self) -> "Money":
        return Money(self.currency_code, -self.minor_units)

    def share(self, fraction: Fraction) -> "Money":
        """That fraction of the amount, rounded half up to the minor unit.

        A half goes towards positive infinity, also for a negative amount.
        """
        scaled = self.minor_units * fraction
        return Money(
            self.currency_code, (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
        )

    def _require_same_currency(self, other: "Money") -> None:
        if self.currency_code != other.currency_code:
            raise ValueError(f"{self.currency_code} and {other.currency_code} do not add up")


def zero(currency_code: str) -> Money:
    """No money, in that currency."""
    return Money(currency_code, 0)
