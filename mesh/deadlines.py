"""What is left of the current call's deadline, for whatever the call waits on."""

import time
from contextvars import ContextVar

MARGIN_SECONDS = 0.05
"""Kept back at each hop, so that the caller still hears our answer in time."""

_ends_at: ContextVar[float | None] = ContextVar("deadline", default=None)


def set_remaining(seconds: float | None) -> None:
    """Sets this task's deadline, seconds from now; None lifts it."""
    _ends_at.set(None if seconds is None else time.monotonic() + seconds)


def remaining() -> float | None:
    """Seconds left less the margin; None when this task has no deadline. May be negative."""
    ends_at = _ends_at.get()
    return None if ends_at is None else ends_at - time.monotonic() - MARGIN_SECONDS


def budget(at_most: float) -> float:
    """Seconds to wait for one step: `at_most`, or what is left if that is less; never below zero."""
    left = remaining()
    return at_most if left is None else max(0.0, min(at_most, left))
