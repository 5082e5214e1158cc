"""What the launcher refuses or fails at, each as one line that a person can act on."""


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


def first_of(failures: BaseExceptionGroup[StackError]) -> StackError:
    """One failure of several that came at the same time: one line is enough."""
    first = failures.exceptions[0]
    return first_of(first) if isinstance(first, BaseExceptionGroup) else first
