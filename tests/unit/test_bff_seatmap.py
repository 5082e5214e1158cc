"""Halls to maps of seats: rows, states, and each seat's HTML, drawn once for everybody."""

import re
from collections import Counter

from markupsafe import Markup
from matinee.catalog.v1 import catalog_pb2
from matinee.theatre.v1 import seats_pb2
from matinee.type.v1 import layout_pb2

from bff.pages import Pages
from bff.presenters.seatmap import free_seats, present_seat_map
from bff.presenters.seatplan import SeatCell, SeatPlan, SeatPlans, cell_as, plan_seats
from bff.texts import Texts, TextsByLanguage
from tests.fixtures.bff import SHOW, euros, small_hall

TEXTS = TextsByLanguage().for_header("en-GB")
PAGES = Pages(lambda name: f"/static/{name}")
FREE = seats_pb2.SEAT_STATE_AVAILABLE


def plan_of(layout: layout_pb2.Layout) -> SeatPlan:
    return plan_seats(layout, SHOW.prices, TEXTS, PAGES.draw_seat)


def in_states(**states: "seats_pb2.SeatState.ValueType") -> seats_pb2.SeatMap:
    """The small hall, free but for the named seats."""
    seats = [states.get(seat.seat_id, FREE) for seat in small_hall().seats]
    return seats_pb2.SeatMap(seat_states=seats, sequence=7)


def seats_in(row: Markup) -> list[str]:
    return re.findall(r"<label.*?</label>", row)


def test_seats_stand_in_rows_with_their_aisles() -> None:
    plan = plan_of(small_hall())
    assert [seat.gap for seat in plan.rows[0].seats] == [0, 0, 0, 0, 2, 0, 0, 0]
    assert [seat.index for seat in plan.rows[1].seats] == list(range(8, 16))
    view = present_seat_map(plan, in_states(), ["A1"])
    assert [row.name for row in view.rows] == ["A", "B", "C"]
    assert view.rows[0].seats.count('<i class="g g2"></i><label') == 1
    assert [" checked" in seat for seat in seats_in(view.rows[0].seats)] == [True] + [False] * 7
    assert (view.free_count, view.seat_count, view.sequence) == (24, 24, 7)


def test_states_that_do_not_fit_the_layout_promise_nothing() -> None:
    states = seats_pb2.SeatMap(seat_states=[FREE] * 23)
    view = present_seat_map(plan_of(small_hall()), states, ["A1"])
    assert view.free_count == 0
    seats = [seat for row in view.rows for seat in seats_in(row.seats)]
    assert len(seats) == 24
    assert all(" blocked" in seat and " disabled" in seat for seat in seats)


def test_what_a_seat_is_called_tells_its_state() -> None:
    plan = plan_of(small_hall())
    view = present_seat_map(plan, in_states(A2=seats_pb2.SEAT_STATE_SOLD), ["A1", "A2"])
    first, second = seats_in(view.rows[0].seats)[:2]
    label = plan.rows[0].seats[1].label
    assert 'aria-label="A1, Stalls, €8.50" checked' in first
    assert f'data-free="{label}" aria-label="{label}, sold" disabled' in second
    assert cell_as(plan.rows[0].seats[1], "held", TEXTS).label == f"{label}, held by someone"
    assert all(seat.state == "free" for row in plan.rows for seat in row.seats)
    assert "A2" not in free_seats(plan, in_states(A2=seats_pb2.SEAT_STATE_SOLD))


def test_what_one_visitor_chose_is_not_shown_to_the_next() -> None:
    plan = plan_of(small_hall())
    chosen = present_seat_map(plan, in_states(), ["A1", "B3"])
    sold = present_seat_map(plan, in_states(A1=seats_pb2.SEAT_STATE_SOLD), ["A1"])
    plain = present_seat_map(plan, in_states(), [])
    text = "".join(row.seats for row in plain.rows)
    assert " checked" not in text
    assert " disabled" not in text
    assert "".join(row.seats for row in chosen.rows).count(" checked") == 2
    assert "".join(row.seats for row in sold.rows).count(" checked") == 0
    assert present_seat_map(plan_of(small_hall()), in_states(), []) == plain


def test_a_seat_is_drawn_once_for_each_of_its_looks() -> None:
    drawn: Counter[tuple[str, str, bool]] = Counter()

    def draw(texts: Texts, seat: SeatCell) -> Markup:
        drawn[seat.seat_id, seat.state, seat.chosen] += 1
        return PAGES.draw_seat(texts, seat)

    plan = plan_seats(small_hall(), SHOW.prices, TEXTS, draw)
    for _ in range(3):
        present_seat_map(plan, in_states(), ["A1"])
        present_seat_map(plan, in_states(A1=seats_pb2.SEAT_STATE_HELD), [])
    assert set(drawn.values()) == {1}
    assert len(drawn) == 23 + 2


def test_a_seat_says_nothing_that_was_not_escaped() -> None:
    layout = small_hall()
    layout.categories[0].display_name = '<script>"&'
    seat = seats_in(present_seat_map(plan_of(layout), in_states(), []).rows[0].seats)[0]
    assert 'aria-label="A1, &lt;script&gt;&#34;&amp;, €8.50"' in seat


def test_a_plan_is_made_once_for_a_layout_its_prices_and_a_language() -> None:
    plans = SeatPlans(PAGES.draw_seat)
    plan = plans.plan(small_hall(), SHOW.prices, TEXTS)
    assert plans.plan(small_hall(), SHOW.prices, TEXTS) is plan
    dearer = [
        catalog_pb2.CategoryPrice(category_id=each.category_id, price=euros(9999)) for each in SHOW.prices
    ]
    assert "€99.99" in plans.plan(small_hall(), dearer, TEXTS).rows[0].seats[0].label
    other = small_hall()
    other.layout_id = "another"
    other.seats[0].seat_id = "Z9"
    assert plans.plan(other, SHOW.prices, TEXTS).seat_ids[0] == "Z9"


def test_half_seats_and_cross_aisles_are_kept() -> None:
    layout = layout_pb2.Layout(
        seats=[
            layout_pb2.Seat(seat_id="A1", row="A", number=1, x=0.5, y=0),
            layout_pb2.Seat(seat_id="B1", row="B", number=1, x=0, y=1),
            layout_pb2.Seat(seat_id="C1", row="C", number=1, x=0, y=3),
        ]
    )
    plan = plan_seats(layout, [], TEXTS, PAGES.draw_seat)
    assert [row.seats[0].gap for row in plan.rows] == [1, 0, 0]
    assert [row.apart for row in present_seat_map(plan, None, []).rows] == [False, False, True]
