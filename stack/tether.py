"""Runs a command that is told to stop as soon as the process that started it is gone.

``python -I -S tether.py PARENT_PID COMMAND …`` asks the kernel (Linux) for SIGTERM at the death of
the parent, then becomes the command, so that neither an engine nor a service outlives a launcher
that got ``kill -9``. The request survives ``exec`` and needs no process of its own. PARENT_PID may
be 0 when whoever writes the command cannot know it.

The kernel means the parent *thread*: start tethered processes from a thread that lives as long as
they should (the launcher and pytest use the main thread). Elsewhere than on Linux there is no such
request, and the next start finds what was left by its pid file.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def tethered(parent_pid: int, command: list[str]) -> list[str]:
    """The command line that runs `command` tethered to `parent_pid`."""
    return [sys.executable, "-I", "-S", __file__, str(parent_pid), *command]


def _die_with_parent(parent_pid: int) -> None:
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if parent_pid and os.getppid() != parent_pid:
        sys.exit("the parent ended before its child started")


if __name__ == "__main__":
    _die_with_parent(int(sys.argv[1]))
    try:
        os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606  # the launcher's own command
    except OSError as error:
        sys.exit(f"cannot run {sys.argv[2]}: {error.strerror}")
