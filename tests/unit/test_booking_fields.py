"""Contacts, return addresses, viewers and page tokens: what is taken and what is refused."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking_svc.convert.requests import page_token, position_from
from booking_svc.domain.booking import BookingState
from booking_svc.domain.contact import checked_contact
from booking_svc.domain.duties import Pace
from booking_svc.domain.proof import Viewer
from booking_svc.domain.terms import Terms
from booking_svc.errors import PageTokenInvalid
from booking_svc.usecases.requests import accepted, require_same
from mesh.errors import InvalidField, RequestIdReused
from mesh.ids import new_request_id
from tests.fixtures.bookings import NOW, in_state


def _terms(public_url: str) -> Terms:
    return Terms(
        cancel_minutes=60,
        hold_margin_seconds=3,
        confirm_patience_seconds=900,
        most_payments=10,
        public_url=public_url,
        pace=Pace(),
    )


def test_a_contact_is_brought_to_one_form() -> None:
    contact = checked_contact("  Zoe\u0308 Müller ", "Zoe@EXAMPLE.com", "+44 20 7946 0958", "")
    assert contact.full_name == "Zoë Müller"
    assert contact.email == "Zoe@example.com"
    assert contact.phone == "+442079460958"
    assert contact.language == "en"


@pytest.mark.parametrize(
    ("email", "phone"), [("ada@example.com", ""), ("", "+12125550123"), ("ada@example.com", "+12125550123")]
)
def test_one_way_to_reach_the_buyer_is_enough(email: str, phone: str) -> None:
    contact = checked_contact("Ada", email, phone, "pt-BR")
    assert (contact.email, contact.phone) == (email, phone)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("contact.full_name", ("", "a@example.com", "", "")),
        ("contact.full_name", ("   ", "a@example.com", "", "")),
        ("contact.full_name", ("x" * 101, "a@example.com", "", "")),
        ("contact.full_name", ("Ada\nBcc: all@example.com", "a@example.com", "", "")),
        ("contact.full_name", ("Ada\u2028Bcc", "a@example.com", "", "")),
        ("contact.full_name", ("Ada\x00", "a@example.com", "", "")),
        ("contact.full_name", ("\u200b\u200d", "a@example.com", "", "")),
        ("contact.full_name", ("Ada \u202egnp.exe", "a@example.com", "", "")),
        ("contact.email", ("Ada", "", "", "")),
        ("contact.email", ("Ada", "not an address", "", "")),
        ("contact.email", ("Ada", "j\u00fcrgen@example.com", "", "")),
        ("contact.email", ("Ada", "\u0430da@example.com", "", "")),  # a Cyrillic a
        ("contact.email", ("Ada", "a@example.com\r\nBcc: b@example.com", "", "")),
        ("contact.email", ("Ada", "a@example.com,b@example.com", "", "")),
        ("contact.email", ("Ada", "Ada <a@example.com>", "", "")),
        ("contact.email", ("Ada", "a" * 300 + "@example.com", "", "")),
        ("contact.phone", ("Ada", "", "020 7946 0958", "")),
        ("contact.phone", ("Ada", "", "+44 1", "")),
        ("contact.phone", ("Ada", "", "+1 212 555 0123" + "0" * 99, "")),
        ("contact.phone", ("Ada", "", "phone me", "")),
        ("contact.language", ("Ada", "a@example.com", "", "english please")),
        ("contact.language", ("Ada", "a@example.com", "", "en\r\nX")),
    ],
)
def test_a_wrong_contact_names_its_field_and_repeats_nothing(
    field: str, values: tuple[str, str, str, str]
) -> None:
    with pytest.raises(InvalidField) as caught:
        checked_contact(*values)
    assert caught.value.field == field
    assert all(len(value) < 6 or value not in caught.value.message for value in values)


@given(st.text(max_size=120), st.text(max_size=60), st.text(max_size=30), st.text(max_size=10))
def test_no_text_at_all_breaks_the_check_or_gets_a_line_break_through(
    name: str, email: str, phone: str, language: str
) -> None:
    try:
        contact = checked_contact(name, email, phone, language)
    except InvalidField:
        return
    whole = contact.full_name + contact.email + contact.phone + contact.language
    assert not set(whole) & set("\r\n\x00\u2028\u2029")


def test_a_contact_is_not_shown_in_logs() -> None:
    assert "ada@example.com" not in repr(checked_contact("Ada", "ada@example.com", "", ""))
    assert "key-1" not in repr(in_state(BookingState.HELD))


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/bookings/1",
        "https://shop.example:443/bookings/1?x=1#end",
        "https://SHOP.example/bookings/1",
    ],
)
def test_a_return_address_under_the_public_one_is_taken(url: str) -> None:
    assert _terms("https://shop.example").checked_return_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/bookings/1",
        "//evil.example/x",
        "http://shop.example/bookings/1",
        "https://shop.example.evil.example/bookings/1",
        "https://shop.example:444/bookings/1",
        "https://shop.example@evil.example/bookings/1",
        "https://user:pw@shop.example/bookings/1",
        "https://shop.example\\@evil.example/bookings/1",
        "https://shop.example\n.evil.example/",
        "https://shop.example /bookings",
        "javascript:alert(1)",
        "https://shop.example",
        "https://shop.example:99999/",
        "https://shop.example/" + "x" * 2000,
    ],
)
def test_any_other_return_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidField) as caught:
        _terms("https://shop.example").checked_return_url(url)
    assert caught.value.field == "return_url"


def test_a_public_address_with_a_path_keeps_browsers_under_it() -> None:
    terms = _terms("https://host.example/cinema")
    assert terms.checked_return_url("https://host.example/cinema/bookings/1")
    for url in (
        "https://host.example/cinematic/x",
        "https://host.example/x",
        "https://host.example/cinema/../x",
    ):
        with pytest.raises(InvalidField):
            terms.checked_return_url(url)


def test_only_the_buyer_or_the_key_opens_a_booking() -> None:
    booking = in_state(BookingState.HELD)
    assert Viewer(buyer_id="buyer-1").may_see(booking)
    assert Viewer(access_key="key-1").may_see(booking)
    for stranger in (
        Viewer(),
        Viewer(buyer_id="buyer-2"),
        Viewer(access_key="key-2"),
        Viewer(buyer_id="key-1"),
        Viewer(access_key="buyer-1"),
        Viewer(access_key="ключ"),
    ):
        assert not stranger.may_see(booking)


def test_a_page_token_leads_back_to_its_position() -> None:
    position = (NOW, "booking-1")
    assert position_from(page_token(position)) == position
    assert position_from("") is None
    assert page_token(None) == ""


@given(st.text(max_size=60))
def test_any_other_page_token_is_refused_not_a_fault(token: str) -> None:
    try:
        position_from(token)
    except PageTokenInvalid:
        return


@pytest.mark.parametrize("token", ["x", "!!!!", "YWJj", "OTk5OTk5OTk5OTk5OTk5OTk5OTkueA=="])
def test_tokens_that_were_never_given_out_are_refused(token: str) -> None:
    with pytest.raises(PageTokenInvalid):
        position_from(token)


def test_a_request_id_stands_for_one_content() -> None:
    request_id = new_request_id()
    first = accepted(request_id, "a", "b")
    require_same(first, accepted(request_id, "a", "b"))
    require_same(first, accepted(new_request_id(), "a", "c"))
    with pytest.raises(RequestIdReused):
        require_same(first, accepted(request_id, "ab", ""))
    with pytest.raises(InvalidField):
        accepted("not-a-uuid")


def test_a_hold_ends_by_the_inventorys_clock_however_the_clocks_differ() -> None:
    hold = _terms("https://shop.example").hold_by_our_clock("h", NOW, dt.timedelta(seconds=300))
    assert hold.expire_time - NOW == dt.timedelta(seconds=300)
    assert hold.expire_time - hold.pay_until == dt.timedelta(seconds=3)
