"""What the three engines share: one server process with a folder, a port and a readiness probe."""

import asyncio
import contextlib
import os
import signal
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Final, Self

from stack.child import Child, end_leftover
from stack.errors import FolderRefused, PortTaken, ProcessFailed
from stack.ports import PORTS, free_port, is_free

_PROBE_PAUSE_SECONDS: Final = 0.05
_PAUSE_SECONDS: Final = 2.0
_PAUSE_PROBE_SECONDS: Final = 0.002
_START_ATTEMPTS: Final = 3
_LEFTOVER_SECONDS: Final = 8.0


class Engine(ABC):
    """A private server on 127.0.0.1 whose data outlives it in `folder`.

    The port is free and random at the first start, kept in the folder, and used again as long as it
    is free; `restart` always uses the same one. Calls are for one task at a time. Raises
    `ProcessFailed`, `PortTaken`, `ToolMissing` or `FolderRefused`.
    """

    name: ClassVar[str]
    start_seconds: ClassVar[float]
    stop_seconds: ClassVar[float]

    def __init__(self, folder: Path, *, log_file: Path | None = None) -> None:
        self.folder = folder.absolute()
        self.log_file = (log_file or folder / f"{self.name}.log").absolute()
        self._port = 0
        self._server: Child | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect, once it has started."""

    @property
    def local_url(self) -> str:
        """The nearest way there for a process of this machine and user."""
        return self.url

    @abstractmethod
    def _command(self) -> list[str]:
        """The server's command line, for the present port."""

    @abstractmethod
    async def _ready(self) -> bool:
        """Whether the server answers and can be written to; False also when it cannot be reached."""

    @property
    def port(self) -> int:
        """The loopback port, once it has started."""
        if not self._port:
            raise ProcessFailed(f"{self.name} has not been started")
        return self._port

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._started().pid

    @property
    def running(self) -> bool:
        """Whether the server's process lives (a paused one does)."""
        return self._server is not None and self._server.running

    async def start(self) -> None:
        """Start the server and return when it can be written to."""
        self._make_folder()
        await end_leftover(self.folder, self.name, _LEFTOVER_SECONDS)
        port_file = self.folder / f"{self.name}.port"
        for attempt in range(_START_ATTEMPTS):
            self._port = _port_again(port_file) if attempt == 0 else free_port()
            try:
                await self._start_on_port()
            except ProcessFailed:
                # Somebody may have taken the port since it was looked at; anything else is final.
                if is_free(self._port) or attempt == _START_ATTEMPTS - 1:
                    raise
            else:
                port_file.write_text(str(self._port))
                return

    async def stop(self, within: float | None = None) -> None:
        """End the server cleanly; after `within` (`stop_seconds`) by SIGKILL. Harmless when it is down."""
        if self._server is not None:
            await self._server.stop(self.stop_seconds if within is None else within)

    async def kill(self) -> None:
        """SIGKILL, as a crash would do it; returns when the process is gone."""
        await self._started().kill()

    async def restart(self) -> None:
        """Start again on the same port with the same data; stops it first if it runs."""
        await self.stop()
        if not is_free(self.port):
            raise PortTaken(f"{self.name} cannot restart: port {self.port} is in use")
        await self._start_on_port()

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nobody answers, from this call's return on."""
        self._started().signal(signal.SIGSTOP)
        deadline = time.monotonic() + _PAUSE_SECONDS
        # The kernel stops one thread after the other; on a busy machine one may still answer.
        while _threads_running(self.pid) and time.monotonic() < deadline:
            time.sleep(_PAUSE_PROBE_SECONDS)

    def resume(self) -> None:
        """SIGCONT after `pause`."""
        self._started().signal(signal.SIGCONT)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder), "LANG": "C.UTF-8"}

    async def _start_on_port(self) -> None:
        self._server = Child(
            self.name,
            self._command(),
            environment=self._environment(),
            folder=self.folder,
            log_file=self.log_file,
        )
        self._server.start()
        try:
            await self._until_ready()
        except BaseException:
            await asyncio.shield(self._server.kill())
            raise

    async def _until_ready(self) -> None:
        server = self._started()
        try:
            async with asyncio.timeout(self.start_seconds):
                while not await self._ready():
                    if not server.running:
                        raise ProcessFailed(f"{self.name} ended while starting:\n{server.tail()}")
                    await asyncio.sleep(_PROBE_PAUSE_SECONDS)
        except TimeoutError:
            raise ProcessFailed(
                f"{self.name} was not ready after {self.start_seconds:.0f} s:\n{server.tail()}"
            ) from None

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.log_file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FolderRefused(f"cannot write to {self.folder}: {error.strerror}") from error

    def _started(self) -> Child:
        if self._server is None:
            raise ProcessFailed(f"{self.name} has not been started")
        return self._server


def _threads_running(pid: int) -> bool:
    states = []
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):  # the thread has ended
            states.append(stat.read_text().rpartition(")")[2].split()[0])
    return any(state not in "TtZX" for state in states)


def _port_again(port_file: Path) -> int:
    try:
        port = int(port_file.read_text())
    except (FileNotFoundError, ValueError):
        return free_port()
    return PORTS.again(port)
