"""The rule against seats that are left alone."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from seat_svc.domain.layout import Layout
from seat_svc.domain.lone_seat import lone_seats_left
from seat_svc.domain.seats import SeatState
from tests.fixtures.seats import hall


def row_of(pattern: str) -> tuple[Layout, bytes, list[int]]:
    """`.` is free, `x` taken, `P` picked, `|` an aisle."""
    aisles = [at + 1 - pattern[:at].count("|") for at, mark in enumerate(pattern) if mark == "|"]
    marks = pattern.replace("|", "")
    layout = hall(1, len(marks), aisles=aisles)
    states = bytes(SeatState.SOLD if mark == "x" else SeatState.AVAILABLE for mark in marks)
    return layout, states, [at for at, mark in enumerate(marks) if mark == "P"]


def lone_in(pattern: str) -> list[int]:
    return lone_seats_left(*row_of(pattern))


def test_a_seat_left_alone_at_the_wall_is_named() -> None:
    assert lone_in(".PP.....") == [0]


def test_a_seat_left_alone_beside_a_taken_one_is_named() -> None:
    assert lone_in("x.PP....") == [1]


def test_a_seat_left_alone_at_the_aisle_is_named() -> None:
    assert lone_in("..PP.|....") == [4]


def test_a_gap_within_the_pick_is_named() -> None:
    assert lone_in("P.P.....") == [1]


def test_a_pick_at_an_end_or_leaving_two_is_fine() -> None:
    assert lone_in("PP......") == []
    assert lone_in("..PP....") == []
    assert lone_in("....|PP..") == []


def test_where_every_pick_would_leave_one_any_is_fine() -> None:
    assert lone_in("xPP.x") == []
    assert lone_in("x.PPx") == []
    assert lone_in("xP.Px") == []


def test_filling_a_run_is_fine() -> None:
    assert lone_in("xPPPx...") == []


def test_seats_that_were_alone_before_are_not_the_picks_fault() -> None:
    assert lone_in("PP..x.x.") == []


def test_runs_are_judged_each_for_itself() -> None:
    assert lone_in("PP..|.P..") == [4]


def test_a_pick_of_taken_seats_is_left_to_who_says_that_they_are_taken() -> None:
    layout, states, picked = row_of(".PP.....")
    assert lone_seats_left(layout, bytes([1, 2]) + states[2:], picked) == []


def test_a_pick_with_a_wheelchair_place_is_fine() -> None:
    layout = hall(1, 8, accessible=["A2"])
    assert lone_seats_left(layout, bytes([1] * 8), [1, 2]) == []


@given(st.lists(st.sampled_from(".x"), min_size=1, max_size=9), st.data())
def test_a_pick_is_refused_just_where_another_of_its_size_in_its_run_leaves_nobody_alone(
    marks: list[str], data: st.DataObject
) -> None:
    free = [at for at, mark in enumerate(marks) if mark == "."]
    picked = sorted(data.draw(st.sets(st.sampled_from(free), min_size=1))) if free else []
    layout, states, _ = row_of("".join(marks))

    def alone_after(run: list[int], pick: set[int]) -> list[int]:
        left = set(run) - pick
        return [at for at in left if not {at - 1, at + 1} & left]

    expected: list[int] = []
    for run in _runs(free):
        pick = set(run) & set(picked)
        if not pick:
            continue
        others = combinations(run, len(pick))
        if any(not alone_after(run, set(other)) for other in others):
            expected += alone_after(run, pick)
    assert lone_seats_left(layout, states, picked) == sorted(expected)


def _runs(free: list[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for at in free:
        if runs and runs[-1][-1] == at - 1:
            runs[-1].append(at)
        else:
            runs.append([at])
    return runs
