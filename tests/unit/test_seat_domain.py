"""Layouts, shows, tickets, sellers: the small rules."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seat_svc.domain.sale import is_ticket_id, new_ticket_id
from seat_svc.domain.seats import neighbourhood
from seat_svc.domain.seller import MATINEE, Seller
from seat_svc.errors import NotYourTheatre, UnknownSeat
from tests.fixtures.seats import a_purchase, a_sale, a_show, hall


def test_segments_end_at_aisles_and_walls() -> None:
    layout = hall(2, 6, aisles=[3, 5])
    assert layout.segments == ((0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11))
    assert layout.segment_of[3] == 1


def test_segments_follow_the_position_and_not_the_order_of_the_seats() -> None:
    layout = hall(1, 4)
    shuffled = replace(layout, seats=(layout.seats[2], layout.seats[0], layout.seats[3], layout.seats[1]))
    assert [shuffled.seat_ids(segment) for segment in shuffled.segments] == [("A1", "A2", "A3", "A4")]


def test_unknown_seats_of_a_layout_are_named() -> None:
    with pytest.raises(UnknownSeat) as refused:
        hall(1, 2).indexes_of(["A1", "A3", "B1"])
    assert refused.value.facts == {"seat_ids": "A3,B1"}


def test_a_shows_revision_changes_with_what_a_hold_depends_on() -> None:
    show = a_show()
    assert replace(show).revision == show.revision
    others = [
        replace(show, start_time=show.start_time + dt.timedelta(minutes=1)),
        replace(show, cancelled=True),
        replace(show, refuse_lone_seats=True),
        replace(show, layout=hall(2, 2, layout_id="another")),
    ]
    assert len({show.revision, *(other.revision for other in others)}) == 5


@given(st.binary(min_size=1, max_size=30), st.data())
def test_a_neighbourhood_is_just_the_states_looked_at(states: bytes, data: st.DataObject) -> None:
    looked_at = data.draw(st.sets(st.integers(0, len(states) - 1)))
    found = {
        first + at: state for first, part in neighbourhood(states, looked_at) for at, state in enumerate(part)
    }
    assert found == {index: states[index] for index in looked_at}


def test_ticket_ids_are_unique_and_say_whose_they_are() -> None:
    ids = {new_ticket_id("roxy-mumbai") for _ in range(1000)}
    assert len(ids) == 1000
    assert all(ticket_id.startswith("ROXY-") and is_ticket_id(ticket_id) for ticket_id in ids)
    assert all(len(ticket_id) <= 24 for ticket_id in ids)


@given(st.integers(5, 21), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_one_wrong_character_of_a_ticket_id_is_found(at: int, wrong: str) -> None:
    ticket_id = new_ticket_id("roxy")
    if ticket_id[at : at + 1] in ("", "-", wrong):
        return
    assert not is_ticket_id(ticket_id[:at] + wrong + ticket_id[at + 1 :])


@pytest.mark.parametrize("text", ["", "ROXY", "ROXY-123", "ROXY-ILOU-ILOU-ILOU-0", "-" * 10])
def test_other_texts_are_no_ticket_ids(text: str) -> None:
    assert not is_ticket_id(text)


def test_sellers_ids_do_not_meet() -> None:
    kiosk, kiosk2 = Seller("kiosk", frozenset({"roxy"})), Seller("kiosk2")
    assert len({seller.own("booking-1") for seller in (MATINEE, kiosk, kiosk2)}) == 3


def test_a_seller_has_its_own_theatres_only() -> None:
    kiosk = Seller("kiosk", frozenset({"roxy"}))
    kiosk.require("roxy")
    with pytest.raises(NotYourTheatre):
        kiosk.require("odeon")
    with pytest.raises(NotYourTheatre):
        Seller("nobody", frozenset()).require("roxy")
    MATINEE.require("odeon")


def test_a_purchase_knows_its_sale_whatever_the_order_of_seats() -> None:
    sale = a_sale(a_show(), "A1", "A2")
    assert a_purchase("A2", "A1").is_of(sale)
    assert not a_purchase("A1").is_of(sale)
    assert not a_purchase("A1", "A2", price=1).is_of(sale)
