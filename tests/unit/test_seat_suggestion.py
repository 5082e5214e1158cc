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


@given(st.integers(1, 4), st.binary(min_size=24, max_size=24))
def test_a_lone_seat_is_left_only_where_every_free_group_of_the_hall_leaves_one(
    size: int, noise: bytes
) -> None:
    layout = hall(3, 8, aisles=[4])
    states = bytes(SOLD if byte % 3 == 0 else FREE for byte in noise)
    groups = [segment[at : at + size] for segment in layout.segments for at in range(len(segment) - size + 1)]
    alone = {
        group: _left_alone(layout, states, group)
        for group in groups
        if all(states[index] == FREE for index in group)
    }
    seats = tuple(suggest_seats(layout, states, Party(size)))
    if seats and 0 in alone.values():
        assert alone[seats] == 0


def _left_alone(layout: Layout, states: bytes, group: tuple[int, ...]) -> int:
    """Free seats beside the group that have no free neighbour once it is taken."""
    segment = layout.segments[layout.segment_of[group[0]]]
    free = [states[index] == FREE and index not in group for index in segment]
    beside = {segment.index(group[0]) - 1, segment.index(group[-1]) + 1} & set(range(len(segment)))
    return sum(free[at] and not any(free[max(at - 1, 0) : at] + free[at + 1 : at + 2]) for at in beside)


def _checkered(at: int) -> bool:
    return at % 2 == 0


def _every_fourth(at: int) -> bool:
    return at % 4 == 0


_THOUSAND = hall(
    *(25, 40),
    aisles=[11, 31],
    accessible=["Y1", "Y40", "A20"],
    companions={"Y2": "Y1", "Y39": "Y40"},
    premium_rows="RSTUV",
)
_NOISE = random.Random(7)
_RANDOM = [_NOISE.random() for _ in _THOUSAND.seats]
_OCCUPANCIES: dict[str, list[bool]] = {
    "empty": [False] * 1000,
    "a third": [chance < 0.33 for chance in _RANDOM],
    "half": [chance < 0.5 for chance in _RANDOM],
    "nearly full": [chance < 0.97 for chance in _RANDOM],
    "full": [True] * 1000,
    "only singles": [_checkered(at) for at in range(1000)],
    "threes, so that every pair leaves a lone seat": [_every_fourth(at) for at in range(1000)],
    "all but the farthest row": [at >= 40 for at in range(1000)],
}
_PARTIES = [
    *(Party(size) for size in (1, 2, 3, 5, 10)),
    *(Party(2, "premium"), Party(2, "gold"), Party(1, accessible=True), Party(4, accessible=True)),
]


@pytest.mark.parametrize("party", _PARTIES, ids=str)
@pytest.mark.parametrize("occupancy", _OCCUPANCIES)
def test_a_hall_of_a_thousand_seats_takes_two_milliseconds_at_most(occupancy: str, party: Party) -> None:
    states = bytes(SOLD if sold else FREE for sold in _OCCUPANCIES[occupancy])
    assert len(states) == len(_THOUSAND.seats) == 1000
    # The least of some, in the processor's time: what else the machine does is not the suggestion's.
    assert min(_cpu_seconds(_THOUSAND, states, party) for _ in range(7)) < 0.002


def _cpu_seconds(layout: Layout, states: bytes, party: Party) -> float:
    started = time.thread_time()
    suggest_seats(layout, states, party)
    return time.thread_time() - started
