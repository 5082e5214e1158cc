"""W3C trace context: one id that follows a request through every process.

Only the propagation (https://www.w3.org/TR/trace-context/): each process
takes the caller's `traceparent` or starts one, writes the trace id into its
logs (`mesh.logs`) and hands a child on. Spans are not recorded here.
"""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

TRACEPARENT = "traceparent"
_PATTERN = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A position in a trace."""

    trace_id: str
    span_id: str
    flags: str = "01"

    def traceparent(self) -> str:
        """The header's value for what is called from here."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


_current: ContextVar[TraceContext | None] = ContextVar("trace", default=None)


def parse(traceparent: str | None) -> TraceContext | None:
    """The caller's position, or None when the header is missing or malformed."""
    if not traceparent or not (match := _PATTERN.fullmatch(traceparent)):
        return None
    trace_id, span_id, flags = match.group(1), match.group(2), match.group(3)
    if trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return TraceContext(trace_id, span_id, flags)


def child_of(parent: TraceContext | None) -> TraceContext:
    """A new position below the parent, or the root of a new trace."""
    # Ids need to be unique, not secret: the system's randomness costs a system call for each.
    span_id = f"{random.getrandbits(64) or 1:016x}"
    if parent:
        return TraceContext(parent.trace_id, span_id, parent.flags)
    return TraceContext(f"{random.getrandbits(128) or 1:032x}", span_id)


def current() -> TraceContext | None:
    """Where this task stands."""
    return _current.get()


def current_traceparent() -> str:
    """The header's value for what this task calls; empty outside of any trace."""
    position = _current.get()
    return position.traceparent() if position else ""


def enter(traceparent: str | None) -> TraceContext:
    """Sets this task's position below the caller's, for logs and for what it calls."""
    position = child_of(parse(traceparent))
    _current.set(position)
    return position


@contextmanager
def entered(traceparent: str | None) -> Iterator[TraceContext]:
    """As `enter`, and back again at the end: for loops that handle one message after the other."""
    position = child_of(parse(traceparent))
    token = _current.set(position)
    try:
        yield position
    finally:
        _current.reset(token)
