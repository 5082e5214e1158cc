"""What the launcher refuses or fails at, each as one line that a person can act on."""

from collections.abc import Iterator
from contextlib import contextmanager


class StackError(Exception):
    """A failure that ends a command; its text is the one line that the user sees."""


class PortTaken(StackError):
    """A loopback port that must be free is in use."""


class ToolMissing(StackError):
    """A program that has to be on this machine is not, and cannot be installed here."""


class FolderRefused(StackError):
    """The data folder cannot be written, or another launcher is using it."""


class ProcessFailed(StackError):
    """A process ended, or did not become healthy in time; the text ends with its last log lines."""


@contextmanager
def one_failure() -> Iterator[None]:
    """Turn the group of a TaskGroup whose tasks failed into the first `StackError` of it."""
    try:
        yield
    except ExceptionGroup as group:
        failures = group.subgroup(StackError)
        if failures is None:
            raise
        raise _first_of(failures) from None


def _first_of(failures: BaseExceptionGroup[StackError]) -> StackError:
    first = failures.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first
