"""The seats of a screen and which of them are neighbours."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from seat_svc.errors import UnknownSeat

_NEIGHBOUR_GAP = 1.25
"""Neighbours stand 1 seat width apart; from here on it is an aisle (floats come rounded)."""


@dataclass(frozen=True, slots=True)
class Seat:
    """One seat. `x` counts seat widths from the left wall, `y` row depths from the front."""

    seat_id: str
    row: str
    number: int
    category_id: str
    x: float
    y: float
    accessible: bool = False
    companion_of: str = ""


@dataclass(frozen=True, slots=True)
class Category:
    """A price category."""

    category_id: str
    display_name: str


@dataclass(frozen=True)
class Layout:
    """A screen's seats in the order that states are kept and sent in. Never changes."""

    layout_id: str
    seats: tuple[Seat, ...]
    categories: tuple[Category, ...] = ()

    @cached_property
    def index_of(self) -> dict[str, int]:
        """Position of each seat in `seats`, by id."""
        return {seat.seat_id: index for index, seat in enumerate(self.seats)}

    @cached_property
    def segments(self) -> tuple[tuple[int, ...], ...]:
        """Indexes of seats that stand side by side, left to right: a row between walls or aisles."""
        rows: dict[tuple[float, str], list[int]] = {}
        for index, seat in enumerate(self.seats):
            rows.setdefault((seat.y, seat.row), []).append(index)
        return tuple(segment for key in sorted(rows) for segment in self._between_aisles(rows[key]))

    @cached_property
    def segment_of(self) -> tuple[int, ...]:
        """For each seat, the position of its segment in `segments`."""
        owners = [0] * len(self.seats)
        for position, segment in enumerate(self.segments):
            for index in segment:
                owners[index] = position
        return tuple(owners)

    @cached_property
    def extent(self) -> tuple[float, float, float, float]:
        """Where the seats stand: least and greatest x, least and greatest y."""
        columns = [seat.x for seat in self.seats]
        rows = [seat.y for seat in self.seats]
        return min(columns), max(columns), min(rows), max(rows)

    def indexes_of(self, seat_ids: Sequence[str]) -> list[int]:
        """The positions of these seats; raises `UnknownSeat` naming those that there are not."""
        index_of = self.index_of
        try:
            return [index_of[seat_id] for seat_id in seat_ids]
        except KeyError:
            raise UnknownSeat(seat_id for seat_id in seat_ids if seat_id not in index_of) from None

    def seat_ids(self, indexes: Iterable[int]) -> tuple[str, ...]:
        """The ids of the seats at these positions."""
        return tuple(self.seats[index].seat_id for index in indexes)

    def _between_aisles(self, row: list[int]) -> Iterable[tuple[int, ...]]:
        segment: list[int] = []
        for index in sorted(row, key=lambda each: self.seats[each].x):
            if segment and self.seats[index].x - self.seats[segment[-1]].x >= _NEIGHBOUR_GAP:
                yield tuple(segment)
                segment = []
            segment.append(index)
        yield tuple(segment)
