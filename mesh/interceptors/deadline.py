"""Refuses calls without a deadline and remembers it for what the call waits on."""

from mesh import deadlines
from mesh.errors import MatineeError
from mesh.interceptors.call import Call


class DeadlineRequired(MatineeError):
    """The call has no deadline: its caller would wait for ever, and so would we."""

    code = "INVALID_ARGUMENT"
    reason = "DEADLINE_REQUIRED"


def within_deadline(call: Call) -> None:
    """The caller must say until when it waits."""
    remaining = call.context.time_remaining()
    if remaining is None:
        raise DeadlineRequired("every call needs a deadline")
    deadlines.set_remaining(remaining)
