"""The best seats next to each other."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seat_svc.domain.layout import Layout
from seat_svc.domain.lone_seat import lone_seats_left
from seat_svc.domain.seats import SeatState
from seat_svc.domain.suggestion import Party, suggest_seats
from tests.fixtures.seats import hall

FREE, SOLD = int(SeatState.AVAILABLE), int(SeatState.SOLD)


def suggest(layout: Layout, party: Party, taken: set[str] | None = None) -> list[str]:
    taken = taken or set()
    states = bytes(SOLD if seat.seat_id in taken else FREE for seat in layout.seats)
    return list(layout.seat_ids(suggest_seats(layout, states, party)))


def test_the_sweet_spot_is_in_the_centre_two_thirds_back() -> None:
    assert suggest(hall(10, 11), Party(3)) == ["G5", "G6", "G7"]


def test_the_next_best_is_in_the_row_beside_it() -> None:
    assert suggest(hall(10, 12), Party(2), {"G6", "G7"}) in (["F6", "F7"], ["H6", "H7"])


def test_a_group_never_crosses_an_aisle() -> None:
    layout = hall(5, 10, aisles=[6])
    for size in range(1, 6):
        numbers = [int(seat_id[1:]) for seat_id in suggest(layout, Party(size))]
        assert max(numbers) <= 5 or min(numbers) >= 6
    assert suggest(layout, Party(6)) == []


def test_only_the_category_asked_for() -> None:
    layout = hall(6, 8, premium_rows="F")
    assert suggest(layout, Party(2, "premium")) == ["F4", "F5"]
    assert suggest(layout, Party(2, "gold")) == []


def test_wheelchair_places_go_only_to_who_asks() -> None:
    layout = hall(1, 5, accessible=["A3"])
    assert suggest(layout, Party(3)) == []
    assert suggest(layout, Party(1, accessible=True)) == ["A3"]


def test_a_companion_sits_beside_the_wheelchair() -> None:
    layout = hall(3, 8, accessible=["C1", "C8"], companions={"C2": "C1", "C7": "C8"})
    assert suggest(layout, Party(2, accessible=True)) in (["C1", "C2"], ["C7", "C8"])
    assert suggest(layout, Party(2, accessible=True), {"C2"}) == ["C7", "C8"]


def test_companions_seats_are_kept_for_companions_while_others_are_free() -> None:
    layout = hall(1, 8, accessible=["A4"], companions={"A5": "A4"})
    assert "A5" not in suggest(layout, Party(2))


def test_a_lone_seat_is_avoided_even_far_from_the_centre() -> None:
    # Row B is the best row, but two of its three free seats would leave one alone.
    layout = hall(2, 7)
    taken = {"B1", "B2", "B6", "B7"}
    assert suggest(layout, Party(2), taken)[0].startswith("A")
    assert suggest(layout, Party(3), taken) == ["B3", "B4", "B5"]


def test_nothing_is_suggested_where_no_group_is_free() -> None:
    layout = hall(2, 4)
    assert suggest(layout, Party(2), {"A2", "A4", "B2", "B4"}) == []


@given(st.integers(1, 4), st.binary(min_size=40, max_size=40))
def test_what_is_suggested_is_free_side_by_side_and_never_refused_as_leaving_a_lone_seat(
    size: int, noise: bytes
) -> None:
    layout = hall(5, 8, aisles=[5])
    states = bytes(SOLD if byte % 3 == 0 else FREE for byte in noise)
    seats = suggest_seats(layout, states, Party(size))
    groups = [segment[at : at + size] for segment in layout.segments for at in range(len(segment) - size + 1)]
    free_groups = [group for group in groups if all(states[index] == FREE for index in group)]
    assert bool(seats) == bool(free_groups)
    if seats:
        assert tuple(seats) in free_groups
        assert lone_seats_left(layout, states, seats) == []


@pytest.mark.parametrize("sold", [0.0, 0.3, 0.7])
def test_a_hall_of_a_thousand_seats_takes_two_milliseconds_at_most(sold: float) -> None:
    layout = hall(25, 40, aisles=[11, 31])
    noise = random.Random(1)
    states = bytes(SOLD if noise.random() < sold else FREE for _ in layout.seats)
    suggest_seats(layout, states, Party(2))
    best = min(_seconds(layout, states, Party(size)) for size in (2, 3, 5, 10) for _ in range(5))
    assert best < 0.002


def _seconds(layout: Layout, states: bytes, party: Party) -> float:
    started = time.perf_counter()
    suggest_seats(layout, states, party)
    return time.perf_counter() - started
