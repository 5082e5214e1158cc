"""Takes up the caller's trace."""

from mesh import tracing
from mesh.interceptors.call import Call


def traced(call: Call) -> None:
    """Each call runs in a task of its own, so nothing needs to be set back."""
    given = call.metadata.get(tracing.TRACEPARENT)
    tracing.enter(given if isinstance(given, str) else None)
