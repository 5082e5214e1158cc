"""What happened to shows after tickets may have been sold for them."""

import datetime as dt
import enum
from dataclasses import dataclass


class ScheduleChangeKind(enum.Enum):
    """What happened to a show."""

    CANCELLED = "cancelled"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class ScheduleChange:
    """A change of one show; `sequence` counts all of them, from 1 and without gaps."""

    sequence: int
    kind: ScheduleChangeKind
    show_id: str
    theatre_id: str
    previous_start_time: dt.datetime
    start_time: dt.datetime
    reason: str
    time: dt.datetime
