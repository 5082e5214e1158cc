"""Names, addresses and numbers as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.contacts import TypedContact, check_address, check_contact
from bff.texts import TextsByLanguage

TEXTS = TextsByLanguage().for_header("en")


def problems(**fields: str) -> set[str]:
    typed = TypedContact(**{"full_name": "Ada", "email": "ada@example.com", "phone": "", **fields})
    return set(check_contact(typed, TEXTS).problems)


def test_a_contact_comes_to_one_form() -> None:
    typed = TypedContact(" Ada \t Lovelace ".replace("\t", ""), "Ada@EXAMPLE.com", "+91 (22) 2778-2778")
    checked = check_contact(typed, TEXTS)
    assert checked.problems == {}
    assert checked.contact == TypedContact("Ada Lovelace", "Ada@example.com", "+912227782778")


def test_marks_that_nobody_sees_are_no_part_of_an_address() -> None:
    typed = TypedContact("Ada", "\u200fada@example.com\u200e", "\u202a+44 20 7946 0958\u202c")
    assert check_contact(typed, TEXTS).contact == TypedContact("Ada", "ada@example.com", "+442079460958")
    assert check_address("\ufeffada@example.com ", TEXTS).email == "ada@example.com"


def test_a_number_may_begin_with_what_one_dials() -> None:
    typed = TypedContact("Ada", "", "00 44 20 7946 0958")
    assert check_contact(typed, TEXTS).contact.phone == "+442079460958"


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"full_name": "  "}, {"full_name"}),
        ({"full_name": "x" * 101}, {"full_name"}),
        ({"full_name": "Ada\nBcc: x"}, {"full_name"}),
        ({"full_name": "\u200b \u200d"}, {"full_name"}),
        ({"full_name": "\u0622\u062f\u0627 \u200f\U0001f468\u200d\U0001f469"}, set()),
        ({"email": "j\u00fcrgen@example.com"}, {"email"}),
        ({"email": "ada@b\u00fccher.example"}, set()),
        ({"email": "\u200e", "phone": ""}, {"email"}),
        ({"email": "ada"}, {"email"}),
        ({"email": "a@b@c.example"}, {"email"}),
        ({"email": "ada@example.com\nBcc: eve@example.com"}, {"email"}),
        ({"email": "x" * 300 + "@example.com"}, {"email"}),
        ({"phone": "0123"}, {"phone"}),
        ({"phone": "+1"}, {"phone"}),
        ({"email": "", "phone": ""}, {"email"}),
        ({"email": "", "phone": "+442079460958"}, set()),
        ({"full_name": "Ægir Þór 🎬"}, set()),
    ],
)
def test_what_is_wrong_is_told_by_field(fields: dict[str, str], wrong: set[str]) -> None:
    assert problems(**fields) == wrong


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=100))
def test_nothing_that_is_typed_breaks_the_check_or_brings_a_line_break_along(
    name: str, email: str, phone: str
) -> None:
    checked = check_contact(TypedContact(name, email, phone), TEXTS)
    if not checked.problems:
        contact = checked.contact
        assert not any(
            character in contact.full_name + contact.email + contact.phone for character in "\r\n\0"
        )
