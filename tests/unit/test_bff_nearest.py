"""What the loser of a race is offered."""

from hypothesis import given
from hypothesis import strategies as st

from bff.nearest import Place, nearest_free

HALL = [
    Place(
        seat_id=f"{row}{number}",
        category_id="stalls" if row in "ABC" else "premium",
        x=number + (number > 5),
        y=depth,
        accessible=f"{row}{number}" == "E1",
    )
    for depth, row in enumerate("ABCDE")
    for number in range(1, 11)
]
IDS = [place.seat_id for place in HALL]


def test_the_row_behind_or_before_is_nearer_than_a_far_end_of_the_row() -> None:
    free = set(IDS) - {"B3", "B4", "B5", "B2"}
    assert nearest_free(HALL, free, ["B3", "B4"]) in (("A3", "A4"), ("C3", "C4"))


def test_seats_across_an_aisle_are_not_neighbours() -> None:
    assert nearest_free(HALL, {"B5", "B6", "A1", "A2"}, ["B5", "B6"]) == ("A1", "A2")


def test_the_category_is_kept_while_it_has_room() -> None:
    free = {"D3", "D4", "A9", "A10"}
    assert nearest_free(HALL, free, ["C3", "C4"]) == ("A9", "A10")


def test_single_seats_are_offered_when_no_row_has_room() -> None:
    assert set(nearest_free(HALL, {"B2", "B4", "A9"}, ["B3", "B5"])) == {"B2", "B4"}


def test_a_wheelchair_place_is_offered_only_for_one() -> None:
    assert nearest_free(HALL, {"E1"}, ["E2"]) == ()
    assert nearest_free(HALL, {"E1"}, ["E1"]) == ("E1",)


def test_nothing_is_offered_when_nothing_is_left_or_known() -> None:
    assert nearest_free(HALL, set(), ["A1"]) == ()
    assert nearest_free(HALL, set(IDS), ["Z9"]) == ()


@given(st.sets(st.sampled_from(IDS)), st.lists(st.sampled_from(IDS), min_size=1, max_size=10, unique=True))
def test_only_free_seats_are_offered_each_once_and_never_more_than_asked(
    free: set[str], wanted: list[str]
) -> None:
    offered = nearest_free(HALL, free, wanted)
    assert set(offered) <= free
    assert len(offered) == len(set(offered)) <= len(wanted)
    usable = free if "E1" in wanted else free - {"E1"}
    assert len(offered) == min(len(wanted), len(usable))
