"""A show's seats, laid out in rows of checkboxes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matinee.catalog.v1 import catalog_pb2
from matinee.theatre.v1 import seats_pb2
from matinee.type.v1 import layout_pb2

from bff.texts import Amount, Texts

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
class Marks:
    """What is true of seats by id, besides where they stand."""

    states: Mapping[str, str]
    indexes: Mapping[str, int]
    chosen: frozenset[str]


def present_seat_map(
    layout: layout_pb2.Layout,
    prices: Sequence[catalog_pb2.CategoryPrice],
    seat_map: seats_pb2.SeatMap | None,
    chosen: Sequence[str],
    texts: Texts,
) -> SeatMapView:
    """Rows from the front; without states every seat shows as blocked, for nothing can be promised of it."""
    states = dict(zip((seat.seat_id for seat in layout.seats), _state_names(layout, seat_map), strict=True))
    categories = _present_categories(layout, prices, texts)
    by_id = {category.category_id: category for category in categories}
    indexes = {seat.seat_id: index for index, seat in enumerate(layout.seats)}
    depths: dict[float, list[layout_pb2.Seat]] = {}
    for seat in layout.seats:
        depths.setdefault(seat.y, []).append(seat)
    left = min((seat.x for seat in layout.seats), default=0.0)
    right = max((seat.x for seat in layout.seats), default=0.0)
    rows: list[SeatRow] = []
    before: float | None = None
    for depth in sorted(depths):
        seats = sorted(depths[depth], key=lambda seat: seat.x)
        cells = _present_row(seats, left, Marks(states, indexes, frozenset(chosen)), by_id, texts)
        name = seats[0].row
        label = texts.gettext("Row %(row)s", row=name)
        rows.append(SeatRow(name, label, cells, apart=before is not None and depth - before >= 1.4))
        before = depth
    return SeatMapView(
        rows=tuple(rows),
        categories=categories,
        size=_size(right - left + 1),
        sequence=seat_map.sequence if seat_map else 0,
        free_count=sum(state == "free" for state in states.values()),
        seat_count=len(layout.seats),
        has_accessible=any(seat.accessible for seat in layout.seats),
    )


def state_words(state: str, texts: Texts) -> str:
    """What a seat's state is called; nothing for a free one."""
    return {
        "held": texts.gettext("held by someone"),
        "sold": texts.gettext("sold"),
        "blocked": texts.gettext("not for sale"),
    }.get(state, "")


def _state_names(layout: layout_pb2.Layout, seat_map: seats_pb2.SeatMap | None) -> list[str]:
    count = len(layout.seats)
    if seat_map is None or len(seat_map.seat_states) != count:
        return ["blocked"] * count
    return [STATE_NAMES.get(state, "blocked") for state in seat_map.seat_states]


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


def _present_row(
    seats: Sequence[layout_pb2.Seat],
    left: float,
    marks: Marks,
    categories: Mapping[str, SeatCategory],
    texts: Texts,
) -> tuple[SeatCell, ...]:
    cells: list[SeatCell] = []
    edge = left
    for seat in seats:
        category = categories.get(seat.category_id)
        state = marks.states[seat.seat_id]
        cells.append(
            SeatCell(
                seat_id=seat.seat_id,
                index=marks.indexes[seat.seat_id],
                number=seat.number,
                label=_label(seat, category, state, texts),
                free_label=_label(seat, category, "free", texts),
                state=state,
                category=category.index if category else 0,
                accessible=seat.accessible,
                companion=bool(seat.companion_of_seat_id),
                gap=max(0, min(WIDEST_GAP, round((seat.x - edge) * 2))),
                chosen=seat.seat_id in marks.chosen and state == "free",
            )
        )
        edge = seat.x + 1
    return tuple(cells)


def _label(seat: layout_pb2.Seat, category: SeatCategory | None, state: str, texts: Texts) -> str:
    parts = [seat.seat_id]
    if category:
        parts += [category.name, category.price]
    if seat.accessible:
        parts.append(texts.gettext("wheelchair place"))
    if seat.companion_of_seat_id:
        parts.append(texts.gettext("companion of %(seat)s", seat=seat.companion_of_seat_id))
    parts.append(state_words(state, texts))
    return ", ".join(part for part in parts if part)


def _size(width: float) -> str:
    if width <= ROOMY:
        return "roomy"
    return "usual" if width <= USUAL else "wide"
