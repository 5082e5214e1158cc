"""Choosing the best free seats next to each other."""

from collections.abc import Iterator
from dataclasses import dataclass

from seat_svc.domain.layout import Layout
from seat_svc.domain.lone_seat import free_runs

_SWEET_DEPTH = 2 / 3
"""How far back the best row is: where sound is mixed and the screen fills the eye."""
_ROW_DEPTH = 1.6
"""A row is this many seat widths deep."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who wants to sit together. With `accessible`, one of the places is for a wheelchair."""

    size: int
    category_id: str = ""
    accessible: bool = False


Rank = tuple[int, int, float]
"""Lone seats left, places wasted, distance to the sweet spot: less is better, in this order."""


def suggest_seats(layout: Layout, states: bytes, party: Party) -> list[int]:
    """The best group of free seats side by side, left to right; empty when there is none.

    Best is: leaves no lone seat (see `lone_seat`); wastes no wheelchair place
    and no companion's seat, and puts a companion beside the wheelchair; then
    nearest to the sweet spot, two thirds back in the centre. A group never
    crosses an aisle. Places for wheelchairs go only to parties that ask.
    """
    left, right, front, back = layout.extent
    middle = (left + right) / 2
    sweet_row = front + (back - front) * _SWEET_DEPTH
    best: tuple[Rank, tuple[int, ...]] | None = None
    for away, segment in _nearest_rows_first(layout, sweet_row):
        if best and best[0] < (0, 0, away):
            break
        for run in free_runs(segment, states):
            for start, wasted in _windows(layout, run, party):
                window = run[start : start + party.size]
                centre = (layout.seats[window[0]].x + layout.seats[window[-1]].x) / 2
                rank = (_lone_rank(len(run), party.size, start), wasted, (centre - middle) ** 2 + away)
                if best is None or rank < best[0]:
                    best = (rank, window)
    return list(best[1]) if best else []


def _nearest_rows_first(layout: Layout, sweet_row: float) -> list[tuple[float, tuple[int, ...]]]:
    """The segments with the square of their rows' distance to the sweet row."""
    return sorted(
        (((layout.seats[segment[0]].y - sweet_row) * _ROW_DEPTH) ** 2, segment) for segment in layout.segments
    )


def _windows(layout: Layout, run: tuple[int, ...], party: Party) -> Iterator[tuple[int, int]]:
    """Where in the run the party may sit, with the number of places that it would waste there."""
    seats = layout.seats
    fits = [_fits(layout, index, party) for index in run]
    special = [bool(seats[index].accessible or seats[index].companion_of) for index in run]
    in_a_row = 0
    for end, fitting in enumerate(fits):
        in_a_row = in_a_row + 1 if fitting else 0
        start = end + 1 - party.size
        if in_a_row < party.size:
            continue
        if party.accessible:
            wasted = _wasted_beside_wheelchair(layout, run[start : end + 1])
            if wasted is not None:
                yield start, wasted
        else:
            yield start, sum(special[start : end + 1])


def _fits(layout: Layout, index: int, party: Party) -> bool:
    seat = layout.seats[index]
    if seat.accessible and not party.accessible:
        return False
    return not party.category_id or seat.category_id == party.category_id


def _wasted_beside_wheelchair(layout: Layout, window: tuple[int, ...]) -> int | None:
    """Wheelchair places beyond the one needed, plus a companion's seat left out; None without any place."""
    places = [layout.seats[index].seat_id for index in window if layout.seats[index].accessible]
    if not places:
        return None
    companions = {layout.seats[index].companion_of for index in window}
    return len(places) - 1 + (len(window) > 1 and companions.isdisjoint(places))


def _lone_rank(run_length: int, size: int, start: int) -> int:
    """0: leaves no lone seat; 1: leaves one, as every pick in this run would; 2: could have been avoided."""
    left_over = run_length - size
    if 1 not in (start, left_over - start):
        return 0
    return 1 if left_over == 1 else 2
