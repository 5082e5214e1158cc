"""Shows that were cancelled or moved: the catalogue's list of them, and where the work on each stands."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from booking_svc.ports.stores import Lease


class ScheduleChangeKind(Enum):
    """What happened to a show."""

    CANCELLED = "CANCELLED"
    MOVED = "MOVED"


@dataclass(frozen=True, slots=True)
class ScheduleChange:
    """A change of one show; `sequence` counts the catalogue's changes without gaps."""

    sequence: int
    kind: ScheduleChangeKind
    show_id: str
    start_time: dt.datetime
    reason: str
    time: dt.datetime


class ScheduleFeed(Protocol):
    """The catalogue's list of changes."""

    async def changes_after(self, sequence: int, limit: int) -> Sequence[ScheduleChange]:
        """Changes after that place, in order; raises `CatalogUnavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class Walk:
    """The walk through the bookings of a changed show, as far as it has come.

    `after` is the id of the last booking up to which all have followed in this round;
    `superseded` tells of a later change of the same show.
    """

    change: ScheduleChange
    round: int
    after: str
    failures: int
    superseded: bool


class ShowWalks(Protocol):
    """Every change is kept until all bookings of its show have followed it.

    Every method raises `StoreUnavailable`.
    """

    async def claim_position(self, lease: Lease, now: dt.datetime) -> int | None:
        """The place up to which the list was read, for one reader at a time; None: not now."""
        ...

    async def keep(self, changes: Sequence[ScheduleChange], owner: str, due: dt.datetime) -> None:
        """Keeps the changes, each once, and gives the place after them up to the next reader."""
        ...

    async def claim(self, lease: Lease, now: dt.datetime) -> Walk | None:
        """The walk that is due for longest and that nobody is on."""
        ...

    async def come_to(self, sequence: int, lease: Lease, after: str) -> bool:
        """All bookings up to that one have followed; False when the lease went to somebody else."""
        ...

    async def end_round(self, sequence: int, owner: str, next_round: dt.datetime | None) -> None:
        """All bookings are dealt with; begins again at that time, or never."""
        ...

    async def put_off(self, sequence: int, owner: str, until: dt.datetime) -> None:
        """Not all bookings could follow; begins again at that time."""
        ...
