"""Takes up the caller's trace."""

from collections.abc import Iterator
from contextlib import contextmanager

from mesh import tracing
from mesh.interceptors.call import Call


@contextmanager
def traced(call: Call) -> Iterator[None]:
    """Each call runs in a task of its own, so nothing needs to be set back."""
    given = call.metadata.get(tracing.TRACEPARENT)
    tracing.enter(given if isinstance(given, str) else None)
    yield
