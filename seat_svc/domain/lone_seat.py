"""The rule that a pick leaves no single seat behind."""

from seat_svc.domain.layout import Layout
from seat_svc.domain.seats import AVAILABLE


def lone_seats_left(layout: Layout, states: bytes, picked: list[int]) -> list[int]:
    """Seats that the pick leaves alone although another pick of the same size would not.

    A lone seat is a free one whose neighbours on both sides are taken, or the
    aisle, or the wall. Each run of free seats is judged for itself: a buyer is
    not sent to another row. In a run of n free seats, k picked ones at an end
    leave n - k together; only n - k = 1 leaves a lone seat however one picks,
    and is therefore allowed. A pick with a wheelchair place has nowhere else
    to go and is always allowed, and so is one whose seats are not all free:
    that they are taken is the better answer.
    """
    if any(states[index] != AVAILABLE or layout.seats[index].accessible for index in picked):
        return []
    lone: list[int] = []
    wanted = set(picked)
    for segment in {layout.segment_of[index] for index in picked}:
        for run in free_runs(layout.segments[segment], states):
            lone += _lone_in_run(run, wanted)
    return sorted(lone)


def free_runs(segment: tuple[int, ...], states: bytes) -> list[tuple[int, ...]]:
    """The unbroken stretches of free seats in a segment, left to right."""
    runs: list[tuple[int, ...]] = []
    start = None
    for at, index in enumerate(segment):
        if states[index] == AVAILABLE:
            start = at if start is None else start
        elif start is not None:
            runs.append(segment[start:at])
            start = None
    if start is not None:
        runs.append(segment[start:])
    return runs


def _lone_in_run(run: tuple[int, ...], wanted: set[int]) -> list[int]:
    left_over = sum(index not in wanted for index in run)
    if left_over in (1, len(run)):
        return []
    lone = []
    last = len(run) - 1
    for at, index in enumerate(run):
        alone = (at == 0 or run[at - 1] in wanted) and (at == last or run[at + 1] in wanted)
        if alone and index not in wanted:
            lone.append(index)
    return lone
