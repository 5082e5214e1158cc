"""What the load client is asked for and what it answers: JSON, one line each."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Call = Literal[
    "empty",
    "hold",
    "seat_map",
    "first_look",
    "prepare",
    "confirm",
    "hold_and_release",
    "flash",
    "bookings",
    "watch",
]
"""What one call is. "first_look" asks for the map of each show once; "prepare" holds all the picks, which
"confirm" then sells; "watch" hears of the changes of one show; "bookings" are made through the site whose
address is the target."""
Pick = tuple[str, tuple[str, ...]]
"""A show and seats of it."""


@dataclass(frozen=True, slots=True)
class Job:
    """Calls of one kind at one server, `in_flight` at a time, until the time or the picks are used up.

    For "flash" `picks` names the show, and `buyers` come within `seconds`.
    """

    call: Call
    target: str
    token: str
    in_flight: int
    seconds: float
    picks: Sequence[Pick] = ()
    channels: int = 4
    buyers: int = 0
    changes: int = 0
    """What each watcher waits for."""

    def line(self) -> bytes:
        """As sent."""
        return json.dumps(asdict(self)).encode() + b"\n"


def job_from(line: bytes) -> Job:
    """As received."""
    values = json.loads(line)
    values["picks"] = [(show, tuple(seats)) for show, seats in values["picks"]]
    return Job(**values)


@dataclass(slots=True)
class Outcome:
    """Latencies of the calls that were answered well, in milliseconds, and how long all of it took."""

    seconds: float
    latencies_ms: list[float] = field(default_factory=list)
    used: int = 0
    """Picks that are spent, from the first."""
    errors: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """Calls answered well each second."""
        return len(self.latencies_ms) / self.seconds if self.seconds else 0.0

    def line(self) -> bytes:
        """As sent."""
        return json.dumps(asdict(self)).encode() + b"\n"


def outcome_from(line: bytes) -> Outcome:
    """As received."""
    return Outcome(**json.loads(line))
