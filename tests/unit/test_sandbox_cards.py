"""The sandbox's test cards and signature."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.sandbox import cards
from stack.sandbox.pages import amount_text
from stack.sandbox.settings import SandboxSettings, WrongSettings
from stack.sandbox.signatures import signature


def test_every_listed_card_is_well_formed_and_accepted_as_it_is_shown() -> None:
    assert len(cards.listed()) > 10
    for number, title in cards.listed():
        assert cards.behaviour_of_card(number).title == title


@given(st.sampled_from([number.replace(" ", "") for number, _ in cards.listed()]), st.data())
def test_one_wrong_digit_is_always_found(number: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(number) - 1))
    digit = data.draw(st.sampled_from([d for d in "0123456789" if d != number[position]]))
    assert not cards.passes_luhn(number[:position] + digit + number[position + 1 :])


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        ("", "12 to 19 digits"),
        ("4242", "12 to 19 digits"),
        ("4242 4242 4242 424x", "12 to 19 digits"),
        ("٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", "12 to 19 digits"),
        ("4242 4242 4242 4241", "typing error"),
        ("4111 1111 1111 1111", "never enter a real one"),
    ],
)
def test_other_numbers_are_refused(number: str, problem: str) -> None:
    with pytest.raises(cards.CardRefused, match=problem):
        cards.behaviour_of_card(number)


def test_the_signature_is_the_documented_one() -> None:
    # printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret
    assert signature(b'{"a":1}', "secret", 1700000000) == (
        "t=1700000000,v1=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686"
    )


@pytest.mark.parametrize(
    ("minor_units", "currency", "text"),
    [
        (1250, "USD", "USD 12.50"),
        (1250, "JPY", "JPY 1,250"),
        (1250, "KWD", "KWD 1.250"),
        (5, "INR", "INR 0.05"),
    ],
)
def test_amounts_are_written_with_the_digits_of_their_currency(
    minor_units: int, currency: str, text: str
) -> None:
    assert amount_text(minor_units, currency) == text


def test_missing_settings_are_all_told_at_once_and_without_values(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SANDBOX_DATA", "SANDBOX_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SANDBOX_WEBHOOK_SECRET", "hunter2")
    with pytest.raises(WrongSettings) as caught:
        SandboxSettings.from_environment()
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "SANDBOX_DATA",
        "SANDBOX_API_KEY",
        "SANDBOX_WEBHOOK_SECRET",
    ]
    assert "hunter2" not in str(caught.value)


def test_the_page_for_developers_lists_every_card_with_what_it_does() -> None:
    page = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()
    for number, title in cards.listed():
        assert number in page
        assert title.split(",")[0] in page
