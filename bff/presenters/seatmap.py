"""A show's seats at a moment: a hall's plan with the seats' states put into it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matinee.theatre.v1 import seats_pb2

from bff.presenters.seatplan import CHOSEN, FREE, SeatCategory, SeatPlan

STATE_NAMES: Mapping[int, str] = {
    seats_pb2.SEAT_STATE_AVAILABLE: FREE,
    seats_pb2.SEAT_STATE_HELD: "held",
    seats_pb2.SEAT_STATE_CLAIMED: "sold",
    seats_pb2.SEAT_STATE_SOLD: "sold",
    seats_pb2.SEAT_STATE_BLOCKED: "blocked",
}


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One row with its seats as HTML; `apart` marks a cross aisle in front of it."""

    name: str
    label: str
    seats: Markup
    apart: bool


@dataclass(frozen=True, slots=True)
class SeatMapView:
    """The whole map."""

    rows: tuple[ShownRow, ...]
    categories: tuple[SeatCategory, ...]
    size: str
    sequence: int
    free_count: int
    seat_count: int
    has_accessible: bool


def present_seat_map(
    plan: SeatPlan, seat_map: seats_pb2.SeatMap | None, chosen: Sequence[str]
) -> SeatMapView:
    """The plan with the seats' states; without states every seat shows as blocked: nothing is promised."""
    looks = _state_names(plan, seat_map)
    free_count = looks.count(FREE)
    for seat_id in chosen:
        if seat_id in plan.places and looks[plan.places[seat_id]] == FREE:
            looks[plan.places[seat_id]] = CHOSEN
    return SeatMapView(
        rows=tuple(ShownRow(row.name, row.label, plan.draw_row(row, looks), row.apart) for row in plan.rows),
        categories=plan.categories,
        size=plan.size,
        sequence=seat_map.sequence if seat_map else 0,
        free_count=free_count,
        seat_count=len(looks),
        has_accessible=plan.has_accessible,
    )


def free_seats(plan: SeatPlan, seat_map: seats_pb2.SeatMap) -> set[str]:
    """The ids of the seats that may be held."""
    states = _state_names(plan, seat_map)
    return {seat_id for seat_id, state in zip(plan.seat_ids, states, strict=True) if state == FREE}


def _state_names(plan: SeatPlan, seat_map: seats_pb2.SeatMap | None) -> list[str]:
    count = len(plan.seat_ids)
    if seat_map is None or len(seat_map.seat_states) != count:
        return ["blocked"] * count
    return [STATE_NAMES.get(state, "blocked") for state in seat_map.seat_states]
