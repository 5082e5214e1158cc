"""Runs a command that is told to stop as soon as the process that started it is gone.

``python -I -S tether.py PARENT_PID ENVIRONMENT_FILE COMMAND …`` asks the kernel (Linux) for SIGTERM
at the death of the parent, then becomes the command, so that neither an engine nor a service outlives
a launcher that got ``kill -9``. The request survives ``exec`` and needs no process of its own.
PARENT_PID may be 0 when whoever writes the command cannot know it. ENVIRONMENT_FILE (JSON, or "-" for
none) is read at each start and added to the environment, so that secrets stand in no command line.

The kernel means the parent *thread*: start tethered processes from a thread that lives as long as
they should (the launcher and pytest use the main thread). Elsewhere than on Linux there is no such
request, and the next start finds what was left by its pid file.
"""

import ctypes
import json
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_NO_FILE = "-"


def tethered(command: list[str], *, parent_pid: int = 0, environment_file: Path | None = None) -> list[str]:
    """The command line that runs `command` tethered to its parent."""
    environment = str(environment_file or _NO_FILE)
    return [sys.executable, "-I", "-S", __file__, str(parent_pid), environment, *command]


def _die_with_parent(parent_pid: int) -> None:
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if parent_pid and os.getppid() != parent_pid:
        sys.exit("the parent ended before its child started")


def _become(parent_pid: str, environment_file: str, *command: str) -> None:
    _die_with_parent(int(parent_pid))
    added = {} if environment_file == _NO_FILE else json.loads(Path(environment_file).read_text())
    try:
        os.execvpe(command[0], command, os.environ | added)  # noqa: S606  # the launcher's own command
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error.strerror}")


if __name__ == "__main__":
    _become(*sys.argv[1:])
