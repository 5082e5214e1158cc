"""A show's seats, laid out in rows of checkboxes.

What follows from a layout, its prices and a language is a plan, made once and
kept; a page only puts the seats' states into it.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from matinee.catalog.v1 import catalog_pb2
from matinee.theatre.v1 import seats_pb2
from matinee.type.v1 import layout_pb2

from bff.texts import Amount, Texts
from mesh.recent import Recent

ROOMY = 14
USUAL = 20
WIDEST_GAP = 24

STATE_NAMES: Mapping[int, str] = {
    seats_pb2.SEAT_STATE_AVAILABLE: "free",
    seats_pb2.SEAT_STATE_HELD: "held",
    seats_pb2.SEAT_STATE_CLAIMED: "sold",
    seats_pb2.SEAT_STATE_SOLD: "sold",
    seats_pb2.SEAT_STATE_BLOCKED: "blocked",
}


@dataclass(frozen=True, slots=True)
class SeatCell:
    """One seat: a checkbox. `index` is its place in the layout, `gap` the room to its left in half seats."""

    seat_id: str
    index: int
    number: int
    label: str
    free_label: str
    state: str
    category: int
    accessible: bool
    companion: bool
    gap: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class SeatRow:
    """One row from left to right; `apart` marks a cross aisle in front of it."""

    name: str
    label: str
    seats: tuple[SeatCell, ...]
    apart: bool


@dataclass(frozen=True, slots=True)
class SeatCategory:
    """A price category; `index` chooses how its seats are drawn."""

    category_id: str
    index: int
    name: str
    price: str


@dataclass(frozen=True, slots=True)
class SeatMapView:
    """The whole map."""

    rows: tuple[SeatRow, ...]
    categories: tuple[SeatCategory, ...]
    size: str
    sequence: int
    free_count: int
    seat_count: int
    has_accessible: bool


@dataclass(frozen=True, slots=True)
class SeatPlan:
    """A hall as if every seat were free; `seat_ids` in the order of the layout."""

    rows: tuple[SeatRow, ...]
    categories: tuple[SeatCategory, ...]
    size: str
    seat_ids: tuple[str, ...]
    has_accessible: bool


class SeatPlans:
    """The plans that were used last."""

    _MOST: Final = 500

    def __init__(self) -> None:
        self._plans: Recent[Hashable, SeatPlan] = Recent(self._MOST)

    def plan(
        self, layout: layout_pb2.Layout, prices: Sequence[catalog_pb2.CategoryPrice], texts: Texts
    ) -> SeatPlan:
        """The plan; a layout's id stands for its content."""
        priced = tuple(
            (each.category_id, each.price.currency_code, each.price.minor_units) for each in prices
        )
        key = (layout.layout_id, len(layout.seats), priced, texts.locale)
        return self._plans.get(key) or self._plans.put(key, plan_seats(layout, prices, texts))


def plan_seats(
    layout: layout_pb2.Layout, prices: Sequence[catalog_pb2.CategoryPrice], texts: Texts
) -> SeatPlan:
    """Rows from the front, every seat free."""
    seats = [_Seat(seat.seat_id, index, seat.x, seat.y, seat) for index, seat in enumerate(layout.seats)]
    categories = _present_categories(layout, prices, texts)
    by_id = {category.category_id: category for category in categories}
    depths: dict[float, list[_Seat]] = {}
    for seat in seats:
        depths.setdefault(seat.y, []).append(seat)
    left = min((seat.x for seat in seats), default=0.0)
    right = max((seat.x for seat in seats), default=0.0)
    rows: list[SeatRow] = []
    before: float | None = None
    for depth in sorted(depths):
        in_row = sorted(depths[depth], key=lambda seat: seat.x)
        cells = _present_row(in_row, left, by_id, texts)
        name = in_row[0].told.row
        label = texts.gettext("Row %(row)s", row=name)
        rows.append(SeatRow(name, label, cells, apart=before is not None and depth - before >= 1.4))
        before = depth
    return SeatPlan(
        rows=tuple(rows),
        categories=categories,
        size=_size(right - left + 1),
        seat_ids=tuple(seat.seat_id for seat in seats),
        has_accessible=any(seat.told.accessible for seat in seats),
    )


def present_seat_map(
    plan: SeatPlan, seat_map: seats_pb2.SeatMap | None, chosen: Sequence[str], texts: Texts
) -> SeatMapView:
    """The plan with the seats' states; without states every seat shows as blocked: nothing is promised."""
    states = _state_names(plan, seat_map)
    words = {state: state_words(state, texts) for state in set(states)}
    rows = tuple(_with_states(row, states, frozenset(chosen), words) for row in plan.rows)
    return SeatMapView(
        rows=rows,
        categories=plan.categories,
        size=plan.size,
        sequence=seat_map.sequence if seat_map else 0,
        free_count=states.count("free"),
        seat_count=len(states),
        has_accessible=plan.has_accessible,
    )


def free_seats(plan: SeatPlan, seat_map: seats_pb2.SeatMap) -> set[str]:
    """The ids of the seats that may be held."""
    states = _state_names(plan, seat_map)
    return {seat_id for seat_id, state in zip(plan.seat_ids, states, strict=True) if state == "free"}


def state_words(state: str, texts: Texts) -> str:
    """What a seat's state is called; nothing for a free one."""
    return {
        "held": texts.gettext("held by someone"),
        "sold": texts.gettext("sold"),
        "blocked": texts.gettext("not for sale"),
    }.get(state, "")


def _state_names(plan: SeatPlan, seat_map: seats_pb2.SeatMap | None) -> list[str]:
    count = len(plan.seat_ids)
    if seat_map is None or len(seat_map.seat_states) != count:
        return ["blocked"] * count
    return [STATE_NAMES.get(state, "blocked") for state in seat_map.seat_states]


def _with_states(
    row: SeatRow, states: Sequence[str], chosen: frozenset[str], words: Mapping[str, str]
) -> SeatRow:
    def present(cell: SeatCell) -> SeatCell:
        state = states[cell.index]
        if state != "free":
            return replace(cell, state=state, label=f"{cell.free_label}, {words[state]}")
        return replace(cell, chosen=True) if cell.seat_id in chosen else cell

    return replace(row, seats=tuple(present(cell) for cell in row.seats))


def _present_categories(
    layout: layout_pb2.Layout, prices: Sequence[catalog_pb2.CategoryPrice], texts: Texts
) -> tuple[SeatCategory, ...]:
    by_category: dict[str, Amount] = {price.category_id: price.price for price in prices}
    return tuple(
        SeatCategory(
            category.category_id,
            min(index, 3),
            category.display_name,
            texts.money(by_category[category.category_id]) if category.category_id in by_category else "",
        )
        for index, category in enumerate(layout.categories)
    )


@dataclass(frozen=True, slots=True)
class _Seat:
    """A seat of a layout, with what is asked for often read out of its message."""

    seat_id: str
    index: int
    x: float
    y: float
    told: layout_pb2.Seat


def _present_row(
    seats: Sequence[_Seat], left: float, categories: Mapping[str, SeatCategory], texts: Texts
) -> tuple[SeatCell, ...]:
    cells: list[SeatCell] = []
    edge = left
    for seat in seats:
        category = categories.get(seat.told.category_id)
        label = _label(seat.told, category, texts)
        cells.append(
            SeatCell(
                seat_id=seat.seat_id,
                index=seat.index,
                number=seat.told.number,
                label=label,
                free_label=label,
                state="free",
                category=category.index if category else 0,
                accessible=seat.told.accessible,
                companion=bool(seat.told.companion_of_seat_id),
                gap=max(0, min(WIDEST_GAP, round((seat.x - edge) * 2))),
                chosen=False,
            )
        )
        edge = seat.x + 1
    return tuple(cells)


def _label(seat: layout_pb2.Seat, category: SeatCategory | None, texts: Texts) -> str:
    parts = [seat.seat_id]
    if category:
        parts += [category.name, category.price]
    if seat.accessible:
        parts.append(texts.gettext("wheelchair place"))
    if seat.companion_of_seat_id:
        parts.append(texts.gettext("companion of %(seat)s", seat=seat.companion_of_seat_id))
    return ", ".join(part for part in parts if part)


def _size(width: float) -> str:
    if width <= ROOMY:
        return "roomy"
    return "usual" if width <= USUAL else "wide"
