"""A hall's plan: rows of seats with their labels and prices, and each seat's HTML once it was shown.

All of it follows from a layout, its prices and a language, so it is made once and kept; what differs
from show to show and from moment to moment are the seats' states (`seatmap`).
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from markupsafe import Markup
from matinee.catalog.v1 import catalog_pb2
from matinee.type.v1 import layout_pb2

from bff.texts import Texts
from mesh.currencies import Amount
from mesh.recent import Recent

ROOMY = 14
USUAL = 20
WIDEST_GAP = 24

FREE = "free"
CHOSEN = "chosen"
"""A free seat that the visitor wants: one more look for a seat, beside its states."""


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


Draw = Callable[[Texts, SeatCell], Markup]
"""A seat's HTML. It shows nothing of a visitor's own: it is kept and shown to others."""


class SeatPlan:
    """A hall as if every seat were free; `seat_ids` in the order of the layout."""

    def __init__(
        self,
        rows: tuple[SeatRow, ...],
        categories: tuple[SeatCategory, ...],
        size: str,
        texts: Texts,
        draw: Draw,
    ) -> None:
        self.rows = rows
        self.categories = categories
        self.size = size
        self._cells = sorted((cell for row in rows for cell in row.seats), key=lambda cell: cell.index)
        self.seat_ids = tuple(cell.seat_id for cell in self._cells)
        self.places = {seat_id: index for index, seat_id in enumerate(self.seat_ids)}
        self.has_accessible = any(cell.accessible for cell in self._cells)
        self._texts = texts
        self._draw = draw
        self._drawn: dict[str, list[Markup | None]] = {}

    def draw_row(self, row: SeatRow, looks: Sequence[str]) -> Markup:
        """The row's seats as HTML; each looks as `looks` has it at its index: a state, or `CHOSEN`."""
        drawn = self._drawn
        seats = []
        for cell in row.seats:
            look = looks[cell.index]
            seats.append((look in drawn and drawn[look][cell.index]) or self._draw_seat(cell, look))
        return Markup("".join(seats))  # noqa: S704 - each was drawn by the template

    def _draw_seat(self, cell: SeatCell, look: str) -> Markup:
        drawn = self._drawn.setdefault(look, [None] * len(self._cells))
        seat = drawn[cell.index] = self._draw(self._texts, cell_as(cell, look, self._texts))
        return seat


class SeatPlans:
    """The plans that were used last."""

    _MOST: Final = 250
    """Some 200 kB each for a hall of 300 seats, once seats were shown in several states."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._plans: Recent[Hashable, SeatPlan] = Recent(self._MOST)

    def plan(
        self, layout: layout_pb2.Layout, prices: Sequence[catalog_pb2.CategoryPrice], texts: Texts
    ) -> SeatPlan:
        """The plan; a layout's id stands for its content."""
        priced = tuple(
            (each.category_id, each.price.currency_code, each.price.minor_units) for each in prices
        )
        key = (layout.layout_id, len(layout.seats), priced, texts.locale)
        return self._plans.get(key) or self._plans.put(key, plan_seats(layout, prices, texts, self._draw))


def plan_seats(
    layout: layout_pb2.Layout, prices: Sequence[catalog_pb2.CategoryPrice], texts: Texts, draw: Draw
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
    return SeatPlan(tuple(rows), categories, _size(right - left + 1), texts, draw)


def cell_as(cell: SeatCell, look: str, texts: Texts) -> SeatCell:
    """The free seat as it looks in a state, or chosen."""
    if look == FREE:
        return cell
    if look == CHOSEN:
        return replace(cell, chosen=True)
    return replace(cell, state=look, label=f"{cell.free_label}, {state_words(look, texts)}")


def state_words(state: str, texts: Texts) -> str:
    """What a seat's state is called; nothing for a free one."""
    return {
        "held": texts.gettext("held by someone"),
        "sold": texts.gettext("sold"),
        "blocked": texts.gettext("not for sale"),
    }.get(state, "")


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
                state=FREE,
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
