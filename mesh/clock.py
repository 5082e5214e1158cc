"""Time as a part that is handed in, so that a test can move it."""

import datetime as dt
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> dt.datetime:
        """The current instant, in UTC, with its zone."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> dt.datetime:
        """The current instant, in UTC, with its zone."""
        return dt.datetime.now(dt.UTC)
