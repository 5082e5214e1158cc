"""One process that this one starts, watches and ends."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

from stack.errors import ProcessFailed
from stack.tether import tethered

_POLL_SECONDS: Final = 0.02
_KILL_SECONDS: Final = 30.0  # one that writes to a busy disk ends when that is done
_TAIL_LINES: Final = 15
_SAME_START_SECONDS: Final = 10.0  # a clock that was set meanwhile moves the start time a little


class Child:
    """A tethered process in a session of its own (so Ctrl-C reaches the launcher alone).

    Its output goes to `log_file`; its pid is kept in `pid_file`, so that a later start can end a
    process that a killed launcher left behind. Start it from the main thread (see `stack.tether`).
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        log_file: Path,
    ) -> None:
        self.name = name
        self._command = list(command)
        self._environment = dict(environment)
        self._folder = folder
        self._log_file = log_file
        self._pid_file = pid_file(folder, name)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the running process."""
        if self._process is None:
            raise ProcessFailed(f"{self.name} has not been started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives (a paused one does)."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process; it is not ready yet."""
        if self.running:
            raise ProcessFailed(f"{self.name} is running already")
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                tethered(self._command, parent_pid=os.getpid()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=self._environment,
                start_new_session=True,
            )
        _remember(self._pid_file, self._process.pid)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process; one that has ended is left alone."""
        if self.running:
            os.kill(self.pid, number)

    async def ended(self, within: float) -> bool:
        """Wait at most `within` seconds for the process to end; whether it did."""
        return await until(lambda: not self.running, within)

    async def stop(self, within: float) -> None:
        """SIGTERM, and after `within` seconds SIGKILL; returns when the process is gone."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        if not await self.ended(within):
            await self.kill()
        self._forget()

    async def kill(self) -> None:
        """SIGKILL to the process and all that it started; returns when the process is gone."""
        if self.running:
            os.killpg(self.pid, signal.SIGKILL)
        if not await self.ended(_KILL_SECONDS):
            raise ProcessFailed(f"{self.name} (pid {self.pid}) survived SIGKILL")
        self._forget()

    def tail(self) -> str:
        """The last lines of its log, indented, for the message that tells of its failure."""
        return tail(self._log_file)

    def _forget(self) -> None:
        self._pid_file.unlink(missing_ok=True)


async def until(condition: Callable[[], bool], within: float) -> bool:
    """Wait at most `within` seconds for `condition`; whether it came true."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while not condition():
        if loop.time() >= deadline:
            return condition()
        await asyncio.sleep(_POLL_SECONDS)
    return True


def tail(log_file: Path, lines: int = _TAIL_LINES) -> str:
    """The last lines of a log, each indented by four spaces; says so if there are none."""
    try:
        text = log_file.read_bytes()[-64_000:].decode(errors="replace")
    except FileNotFoundError:
        text = ""
    last = [line for line in text.splitlines() if line.strip()][-lines:]
    return "\n".join(f"    {line}" for line in last) or "    (its log is empty)"


def pid_file(folder: Path, name: str) -> Path:
    """Where the process `name` of this folder is remembered while it runs."""
    return folder / f"{name}.pid"


def _remember(path: Path, pid: int) -> None:
    # A pid alone may be somebody else's by the time it is read: the start time makes it unique.
    path.write_text(json.dumps({"pid": pid, "create_time": psutil.Process(pid).create_time()}))


async def end_leftover(folder: Path, name: str, within: float) -> None:
    """End the process that an earlier, killed launcher left running in this folder, if any.

    The tether has already asked it to stop: it gets `within` seconds, then SIGKILL.
    """
    path = pid_file(folder, name)
    process = _remembered(path)
    if process is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
            if not await until(lambda: not lives(process), within):
                process.kill()
                await until(lambda: not lives(process), _KILL_SECONDS)
    path.unlink(missing_ok=True)


def _remembered(path: Path) -> psutil.Process | None:
    try:
        kept = json.loads(path.read_text())
        process = psutil.Process(kept["pid"])
        same = abs(process.create_time() - kept["create_time"]) < _SAME_START_SECONDS
    except (FileNotFoundError, ValueError, KeyError, psutil.NoSuchProcess):
        return None
    return process if same else None


def lives(process: psutil.Process) -> bool:
    """Whether the process runs; one that waits to be reaped by its parent does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
