"""Rules for layouts: seats that can be told apart, drawn, priced and found in the hall."""

from collections import Counter
from collections.abc import Hashable, Iterable

from catalog_svc.domain.imports import fields
from catalog_svc.domain.imports.fields import Problem, Problems
from catalog_svc.domain.theatres import Layout, Seat

MOST_SEATS = 2000
_MOST_CATEGORIES = 10
_FARTHEST = 500.0


def layout_problems(layout: Layout) -> Problems:
    """What is wrong with a layout."""
    yield from fields.identifier("layout.layout_id", layout.layout_id)
    category_ids = [category.category_id for category in layout.categories]
    yield from fields.listed("layout.categories", category_ids, 1, _MOST_CATEGORIES)
    for category in layout.categories:
        yield from fields.identifier("layout.categories.category_id", category.category_id)
        yield from fields.text("layout.categories.display_name", category.display_name, 60)
    if not 1 <= len(layout.seats) <= MOST_SEATS:
        yield Problem("layout.seats", f"must have 1 to {MOST_SEATS} entries")
    yield from _unique("layout.seats.seat_id", (seat.seat_id for seat in layout.seats))
    yield from _unique("layout.seats.x", ((seat.x, seat.y) for seat in layout.seats))
    seats = {seat.seat_id: seat for seat in layout.seats}
    for seat in layout.seats:
        yield from _seat_problems(seat, seats, set(category_ids))
    unsold = set(category_ids) - {seat.category_id for seat in layout.seats}
    if unsold:
        yield Problem("layout.categories", f"has no seat of {', '.join(sorted(unsold))}")


def _unique(field: str, values: Iterable[Hashable]) -> Problems:
    for value, count in Counter(values).items():
        if count > 1:
            yield Problem(field, f"must be unique; {value} comes {count} times")
            return


def _seat_problems(seat: Seat, seats: dict[str, Seat], category_ids: set[str]) -> Problems:
    name = f"layout.seats[{seat.seat_id}]"
    yield from fields.matching(
        f"{name}.seat_id", seat.seat_id, "(?=.{2,8}$)[A-Z]+[0-9]+", "capital letters, then digits"
    )
    if seat.seat_id != f"{seat.row}{seat.number}":
        yield Problem(f"{name}.seat_id", "must be the row and the number")
    yield from fields.between(f"{name}.x", seat.x, 0, _FARTHEST)
    yield from fields.between(f"{name}.y", seat.y, 0, _FARTHEST)
    if seat.category_id not in category_ids:
        yield Problem(f"{name}.category_id", "must be one of the layout's categories")
    if seat.companion_of_seat_id:
        wheelchair = seats.get(seat.companion_of_seat_id)
        if wheelchair is None or not wheelchair.accessible:
            yield Problem(f"{name}.companion_of_seat_id", "must be an accessible seat of the layout")
