"""States of seats, and holds."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from enum import IntEnum


class SeatState(IntEnum):
    """State of a seat in a show; numbered as in `matinee.theatre.v1.SeatState` and in Redis."""

    AVAILABLE = 1
    HELD = 2
    CLAIMED = 3
    SOLD = 4
    BLOCKED = 5


AVAILABLE = int(SeatState.AVAILABLE)
"""The plain number: states are kept as bytes, and loops over them compare numbers."""


@dataclass(frozen=True, slots=True)
class SeatMap:
    """All states of a show at one moment: byte n is the `SeatState` of the layout's seat n."""

    show_id: str
    layout_id: str
    states: bytes
    sequence: int
    as_of_time: dt.datetime


@dataclass(frozen=True, slots=True)
class SeatDelta:
    """One atomic change of a show: (seat index, state after it) for each seat it touched."""

    sequence: int
    changes: tuple[tuple[int, int], ...]
    change_time: dt.datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """Seats that are kept for one holder until `expire_time`, by the inventory's clock."""

    hold_id: str
    show_id: str
    seat_ids: tuple[str, ...]
    holder_id: str
    expire_time: dt.datetime
    as_of_time: dt.datetime


@dataclass(frozen=True, slots=True)
class Occupancy:
    """How full a show is."""

    show_id: str
    available_count: int
    seat_count: int


def neighbourhood(states: bytes, indexes: Collection[int]) -> tuple[tuple[int, bytes], ...]:
    """What the seats at these positions look like, as (first index, states) of each unbroken stretch.

    A hold that was judged by these states is made only while they still are so.
    """
    stretches: list[tuple[int, bytes]] = []
    start = previous = -2
    for index in [*sorted(indexes), -2]:
        if index != previous + 1:
            if start >= 0:
                stretches.append((start, states[start : previous + 1]))
            start = index
        previous = index
    return tuple(stretches)
