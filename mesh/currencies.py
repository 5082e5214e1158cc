"""How an amount of money is written for people: with ISO 4217's decimals, in their language's way.

Amounts are kept, charged and compared in ISO 4217's minor units. Unicode's data, which Babel follows, has
fewer decimals for currencies whose small coins nobody uses, such as RSD and LBP: read by those, an amount
would be shown as a hundred times what is charged.
"""

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final, Protocol

from babel import Locale
from babel.numbers import format_currency

_DECIMALS: Final = dict.fromkeys(
    (
        *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV"),
        *("XAF", "XOF", "XPF"),
    ),
    0,
) | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
"""All but two decimals: ISO 4217's list one, https://www.six-group.com/en/products-services/financial-information/data-standards.html"""
_FRACTION: Final = re.compile(r"(?<=0)\.0+")
# CLDR's currencySpacing, which Babel leaves out: "KWD 3.250", but "€3.25"
_LETTER_BEFORE_DIGIT: Final = re.compile(r"(?<=[^\W\d_])(?=\d)")


class Amount(Protocol):
    """An amount of money as the protos and `mesh.money` both spell it."""

    @property
    def currency_code(self) -> str:
        """ISO 4217 code."""
        ...

    @property
    def minor_units(self) -> int:
        """Amount in the currency's minor unit."""
        ...


def decimals(currency_code: str) -> int:
    """How many decimals the currency's minor unit is: 2 for USD, 0 for JPY, 3 for KWD."""
    return _DECIMALS.get(currency_code, 2)


def plain(minor_units: int, currency_code: str) -> str:
    """The number alone, in no language, such as `1,234.50`."""
    digits = decimals(currency_code)
    return f"{Decimal(minor_units).scaleb(-digits):,.{digits}f}"


def written(minor_units: int, currency_code: str, locale: Locale) -> str:
    """The amount in the locale's way, such as "€3.25" or "3,25 €"."""
    digits = decimals(currency_code)
    text = format_currency(
        Decimal(minor_units).scaleb(-digits),
        currency_code,
        format=_pattern(locale, digits),
        locale=locale,
        currency_digits=False,
    )
    return _LETTER_BEFORE_DIGIT.sub("\u00a0", text)


@lru_cache(500)
def _pattern(locale: Locale, digits: int) -> str:
    """The locale's own pattern, with so many decimals."""
    usual: str = locale.currency_formats["standard"].pattern
    return _FRACTION.sub(f".{'0' * digits}" if digits else "", usual)
