"""Which free seats come nearest to those that went: what a visitor who lost a race is offered."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

ROW_DEPTH = 1.4
"""A row back or forth is felt as more than one seat aside."""


@dataclass(frozen=True, slots=True)
class Place:
    """A seat and where it stands, in seat widths and row depths."""

    seat_id: str
    category_id: str
    x: float
    y: float
    accessible: bool


def nearest_free(places: Sequence[Place], free: Collection[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """As many free seats as were wanted, near to them; fewer only when fewer are free.

    Neighbours in one row come first, in the wanted categories before others; where no row has room
    for all, the nearest single seats. Places for wheelchairs are offered only for such places.
    """
    by_id = {place.seat_id: place for place in places}
    asked = [by_id[seat] for seat in wanted if seat in by_id]
    if not asked:
        return ()
    needs_access = any(place.accessible for place in asked)
    open_places = [
        place for place in places if place.seat_id in free and (needs_access or not place.accessible)
    ]
    groups = _neighbours(open_places, len(asked))
    if groups:
        best = min(groups, key=lambda group: (_other_categories(group, asked), _distance(group, asked)))
        return tuple(place.seat_id for place in best)
    centre = _centre(asked)
    ranked = sorted(open_places, key=lambda place: (_step(place, centre), place.seat_id))
    return tuple(place.seat_id for place in ranked[: len(asked)])


def _neighbours(places: Sequence[Place], size: int) -> list[tuple[Place, ...]]:
    ordered = sorted(places, key=lambda place: (place.y, place.x))
    runs: list[list[Place]] = [[ordered[0]]] if ordered else []
    for before, place in pairwise(ordered):
        if place.y == before.y and place.x - before.x <= 1.01:
            runs[-1].append(place)
        else:
            runs.append([place])
    return [tuple(run[start : start + size]) for run in runs for start in range(len(run) - size + 1)]


def _other_categories(group: Sequence[Place], asked: Sequence[Place]) -> int:
    wanted = {place.category_id for place in asked}
    return sum(place.category_id not in wanted for place in group)


def _distance(group: Sequence[Place], asked: Sequence[Place]) -> float:
    here, there = _centre(group), _centre(asked)
    return abs(here[0] - there[0]) + ROW_DEPTH * abs(here[1] - there[1])


def _step(place: Place, centre: tuple[float, float]) -> float:
    return abs(place.x - centre[0]) + ROW_DEPTH * abs(place.y - centre[1])


def _centre(places: Sequence[Place]) -> tuple[float, float]:
    return sum(place.x for place in places) / len(places), sum(place.y for place in places) / len(places)
