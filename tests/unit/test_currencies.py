"""Amounts as people read them: a wrong decimal is a price ten or a hundred times off."""

from decimal import Decimal

import pytest
from babel import Locale
from babel.core import get_global
from hypothesis import given
from hypothesis import strategies as st

from mesh.currencies import decimals, plain, written

_CODES = sorted(get_global("all_currencies"))
_LANGUAGES = ("en", "en_IN", "de", "fr", "hi", "ja", "ar", "he", "nl", "da", "tr", "pt_BR", "sr")
_EASTERN = str.maketrans("٠١٢٣٤٥٦٧٨٩٫", "0123456789.")


@pytest.mark.parametrize(
    ("minor_units", "code", "language", "shown"),
    [
        (1250, "USD", "en", "$12.50"),
        (1250, "EUR", "de", "12,50\xa0€"),
        (1250, "JPY", "en", "¥1,250"),
        (3250, "KWD", "en", "KWD\xa03.250"),
        (123_456_700, "INR", "hi", "₹12,34,567.00"),
        # Unicode's data has no decimals for these.
        (120_050, "RSD", "en", "RSD\xa01,200.50"),
        (120_050, "LBP", "en", "LBP\xa01,200.50"),
        (120_050, "IQD", "en", "IQD\xa0120.050"),
        (-1250, "EUR", "nl", "€\xa0-12,50"),
        (0, "USD", "en", "$0.00"),
    ],
)
def test_amounts_have_iso_4217s_decimals(minor_units: int, code: str, language: str, shown: str) -> None:
    assert written(minor_units, code, Locale.parse(language)) == shown


@given(st.integers(0, 10**12), st.sampled_from(_CODES), st.sampled_from(_LANGUAGES))
def test_what_is_written_reads_as_the_amount_in_any_language(
    minor_units: int, code: str, language: str
) -> None:
    text = written(minor_units, code, Locale.parse(language)).translate(_EASTERN)
    digits = "".join(character for character in text if character.isdecimal())
    exact = Decimal(minor_units).scaleb(-decimals(code))
    assert int(digits) == minor_units
    assert Decimal(plain(minor_units, code).replace(",", "")) == exact
