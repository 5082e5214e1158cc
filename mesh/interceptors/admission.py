"""Refuses calls early and cheaply when more come than can be answered.

Two bounds. One is on calls in flight. The other is on the time that calls wait
before they are taken up, in gRPC's own queue, which cannot be looked into: a
caller says how long it was going to wait (`TIMEOUT_HEADER`), gRPC says how much
of that is left, and the difference is how long the call has waited. Both are
durations, so nobody's clock matters.

A wait alone is no overload: calls that waited for a connection come late all
at once. As in CoDel (RFC 8289; for servers: B. Maurer, "Fail at Scale", ACM
Queue 13(8), 2015) calls are refused only when for a whole interval not one call
was taken up in good time, for then the queue stands.
"""

import time
from collections.abc import Callable
from typing import Final

from mesh.errors import Overloaded
from mesh.interceptors.call import Call
from mesh.metrics import RPC_IN_FLIGHT

TIMEOUT_HEADER: Final = "matinee-timeout-ms"
"""Metadata: how long the caller waits in all, whole milliseconds. Optional; `mesh.channel` sends it."""

_SHORTEST_RETRY_SECONDS: Final = 0.5
_LONGEST_RETRY_SECONDS: Final = 5.0


class Admission:
    """Counts the calls in flight and lets in as many as can be answered in good time."""

    def __init__(
        self,
        most_in_flight: int,
        target_seconds: float,
        interval_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """A wait up to `target_seconds` is good time; `interval_seconds` without one is an overload."""
        self._most_in_flight = most_in_flight
        self._target = target_seconds
        self._interval = interval_seconds
        self._monotonic = monotonic
        self._in_flight = 0
        self._last_call = self._last_good = monotonic()

    def enter(self, _call: Call) -> None:
        """Before each call."""
        self._in_flight += 1
        RPC_IN_FLIGHT.inc()

    def leave(self, _call: Call) -> None:
        """After each call."""
        self._in_flight -= 1
        RPC_IN_FLIGHT.dec()

    def guard(self, call: Call) -> None:
        """Raises `Overloaded`."""
        if self._in_flight > self._most_in_flight:
            raise Overloaded(1.0)
        waited = _waited_seconds(call)
        if waited is not None and self._stands(waited):
            raise Overloaded(min(max(2 * waited, _SHORTEST_RETRY_SECONDS), _LONGEST_RETRY_SECONDS))

    def _stands(self, waited: float) -> bool:
        """Whether the queue that this call waited in has stood for the whole interval."""
        now = self._monotonic()
        idle = now - self._last_call > self._interval
        self._last_call = now
        if waited <= self._target or idle:
            self._last_good = now
        return now - self._last_good > self._interval


def _waited_seconds(call: Call) -> float | None:
    budget = call.metadata.get(TIMEOUT_HEADER)
    left: float | None = call.context.time_remaining()
    if left is None or not isinstance(budget, str) or len(budget) > 9 or not budget.isdecimal():
        return None
    return int(budget) / 1000 - left
