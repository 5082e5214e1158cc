"""Addresses as people are known by, and bookings without their person."""

import dataclasses
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking_svc.domain.booking import BookingState, SeatStanding
from booking_svc.domain.contact import Contact
from booking_svc.domain.duties import Pace
from booking_svc.domain.erasing import is_settled, without_person
from booking_svc.domain.people import Address, AddressKind, addresses_of, email_address, phone_address
from booking_svc.domain.proof import Viewer
from booking_svc.domain.sign_in import SignInKeys, network_of, new_code
from booking_svc.stores.documents import document_of
from mesh.errors import InvalidField
from tests.fixtures.bookings import CONTACT, START, in_state

KEYS = SignInKeys(b"a-sign-in-secret-for-tests")


def test_an_e_mail_address_is_the_same_in_any_case() -> None:
    assert email_address("Ada@Example.COM").key == email_address("ada@example.com").key


@given(st.text(min_size=1, max_size=5), st.text(min_size=1, max_size=5))
def test_only_the_case_of_latin_letters_makes_two_addresses_one(one: str, other: str) -> None:
    keys = {Address(AddressKind.EMAIL, f"{name}@example.com").key for name in (one, other)}
    if len(keys) == 1:
        assert all(a == b or {a, b} <= set(map(chr, range(128))) for a, b in zip(one, other, strict=True))


def test_the_kelvin_sign_is_no_k_and_a_sharp_s_no_ss() -> None:
    def key(name: str) -> str:
        return Address(AddressKind.EMAIL, f"{name}@example.com").key

    assert key("\u212aate") != key("kate")
    assert key("stra\u00dfe") != key("strasse")
    assert key("\u0130da") != key("ida")


def test_a_phone_number_and_an_e_mail_address_are_never_the_same_person() -> None:
    assert phone_address("+351 912 345 678").key == "phone:+351912345678"
    contact = Contact("Ada", "ada@example.com", "+351912345678")
    assert [address.key for address in addresses_of(contact)] == [
        "email:ada@example.com",
        "phone:+351912345678",
    ]
    assert addresses_of(None) == ()


@pytest.mark.parametrize(
    ("client_ip", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1:2:3", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("", "unknown"),
    ],
)
def test_an_ip_address_is_counted_under_its_network(client_ip: str, network: str) -> None:
    assert network_of(client_ip) == network


@pytest.mark.parametrize(
    "client_ip", ["x", "192.0.2", "192.0.2.1/8", "192.0.2.1, 192.0.2.2", "١٩٢.0.2.1", " "]
)
def test_what_is_no_ip_address_is_refused(client_ip: str) -> None:
    with pytest.raises(InvalidField):
        network_of(client_ip)


def test_a_codes_hash_is_good_for_its_challenge_and_address_alone() -> None:
    ada, eve = email_address("ada@example.com"), email_address("eve@example.com")
    hashes = {
        KEYS.code_hash("challenge-1", ada, "271828"),
        KEYS.code_hash("challenge-2", ada, "271828"),
        KEYS.code_hash("challenge-1", eve, "271828"),
        KEYS.code_hash("challenge-1", ada, "271829"),
        SignInKeys(b"another-secret-of-16").code_hash("challenge-1", ada, "271828"),
    }
    assert len(hashes) == 5
    assert KEYS.code_hash("challenge-1", ada, "271828") in hashes


def test_codes_have_six_digits_and_are_not_all_large() -> None:
    codes = [new_code() for _ in range(2000)]
    assert {len(code) for code in codes} == {6}
    assert all(code.isascii() and code.isdigit() for code in codes)
    assert any(code.startswith("0") for code in codes)
    assert len(set(codes)) > 1980


def test_secrets_do_not_show_in_a_repr() -> None:
    viewer = Viewer("a-buyer-id", "a-key", email_address("ada@example.com"), ("another-buyer-id",))
    for secret in ("a-buyer-id", "a-key", "ada@example.com", "another-buyer-id"):
        assert secret not in repr(viewer)


@pytest.mark.parametrize("state", list(BookingState))
def test_a_booking_is_settled_when_nothing_is_left_to_do_and_its_show_is_over(state: BookingState) -> None:
    booking, over = in_state(state), START + dt.timedelta(minutes=15)
    if state in {BookingState.EXPIRED, BookingState.REFUNDED}:
        assert not is_settled(booking, Pace(), over)  # its seats are still to be given back
        booking = dataclasses.replace(booking, seats=SeatStanding.FREED)
    before = is_settled(booking, Pace(), over - dt.timedelta(seconds=1))
    assert before == (state in {BookingState.EXPIRED, BookingState.REFUNDED})
    assert is_settled(booking, Pace(), over) == (before or state is BookingState.CONFIRMED)


def test_without_its_person_a_booking_keeps_what_the_books_need() -> None:
    booking = in_state(BookingState.CONFIRMED)
    erased = without_person(booking, "nobody")
    kept = {
        "state", "show", "seat_ids", "quote", "cancel_until", "create_time", "update_time", "seats", "hold",
        "paid_by", "tickets", "cancellation", "refunds",
    }  # fmt: skip
    for name in kept:
        assert getattr(erased, name) == getattr(booking, name)
    assert erased.version == booking.version + 1
    assert [(each.payment_id, each.amount, each.captured, each.state) for each in erased.payments] == [
        (each.payment_id, each.amount, each.captured, each.state) for each in booking.payments
    ]
    text = str(document_of(erased))
    for secret in (CONTACT.full_name, CONTACT.email, booking.buyer_id, booking.access_key, "pay.example"):
        assert secret not in text
    for viewer in (Viewer(booking.buyer_id), Viewer("", booking.access_key), Viewer("", ""), Viewer()):
        assert not viewer.may_see(erased)
    assert not Viewer(address=email_address(CONTACT.email)).may_see(erased)
    assert Viewer(address=email_address(CONTACT.email)).may_see(booking)  # the control
