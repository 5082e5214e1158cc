"""The services run below supervisord, which keeps their logs bounded and starts again what crashed.

This module writes its configuration, runs it as a tethered child and speaks its XML-RPC. It starts
nothing by itself: the order is the launcher's.
"""

import asyncio
import contextlib
import http.client
import os
import secrets
import shlex
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xmlrpc.client import Fault, ServerProxy, Transport

from stack.child import Child, end_leftover, until
from stack.errors import ProcessFailed, StackError
from stack.folder import DataFolder, write_private_json
from stack.ports import LOOPBACK, free_port
from stack.tether import tethered

_NAME: Final = "supervisord"
_START_SECONDS: Final = 20.0
_LEFTOVER_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.05
_STOP_SECONDS: Final = 3
_GONE: Final = frozenset({"STOPPED", "EXITED", "FATAL", "UNKNOWN"})
_CALL_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Program:
    """What supervisord is told of one process."""

    name: str
    command: Sequence[str]


@dataclass(frozen=True, slots=True)
class ProgramState:
    """One process as supervisord sees it: pid 0 when it does not run."""

    name: str
    state: str
    pid: int

    @property
    def ended(self) -> bool:
        """It ran and crashed: supervisord waits before it tries again, or has given up."""
        return self.state in ("BACKOFF", "EXITED", "FATAL")

    @property
    def given_up(self) -> bool:
        """It crashed too often, too soon after its start, and stays down."""
        return self.state == "FATAL"


class Supervision:
    """A private supervisord; use `start` and `stop`, or as an asynchronous context manager."""

    def __init__(self, folder: DataFolder, programs: Sequence[Program], working_folder: Path) -> None:
        self._folder = folder
        self._programs = programs
        self._working_folder = working_folder
        self._password = secrets.token_urlsafe()
        self._port = 0
        self._child: Child | None = None
        self._speaking = asyncio.Lock()

    @property
    def running(self) -> bool:
        """Whether supervisord itself lives."""
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int:
        """supervisord's own process id."""
        if self._child is None:
            raise ProcessFailed(f"{_NAME} has not been started")
        return self._child.pid

    async def start(self) -> None:
        """Start supervisord, with none of the programs running yet."""
        here = self._folder.supervisor
        await end_leftover(here, _NAME, _LEFTOVER_SECONDS)
        self._port = free_port()
        configuration = here / "supervisord.conf"
        self._write_configuration(configuration)
        self._child = Child(
            _NAME,
            [sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "-c", str(configuration)],
            environment={**os.environ, "PYTHONUNBUFFERED": "1"},
            folder=here,
            log_file=self._folder.log(_NAME),
        )
        self._child.start()
        try:
            await self._until_it_answers(self._child)
        except BaseException:
            await asyncio.shield(self._child.kill())
            raise

    async def start_program(self, name: str, environment: Mapping[str, str]) -> None:
        """Start one program with this environment (also when it is started again); not healthy yet."""
        write_private_json(self._environment_file(name), environment)
        try:
            await self._call("startProcess", name, False)
        except Fault as fault:
            raise ProcessFailed(f"{name} could not be started: {fault.faultString}") from fault

    async def signal_program(self, name: str, number: signal.Signals) -> None:
        """Send a signal to one program."""
        await self._call("signalProcess", name, str(int(number)))

    async def states(self) -> dict[str, ProgramState]:
        """All programs by name."""
        answers: list[dict[str, Any]] = await self._call("getAllProcessInfo")
        return {
            answer["name"]: ProgramState(answer["name"], answer["statename"], answer["pid"])
            for answer in answers
        }

    async def stop_programs(self, names: Iterable[str], within: float) -> None:
        """SIGTERM to these programs at once; returns when they are gone or the time is up."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        waiting = set(names)
        for name in waiting:
            with contextlib.suppress(Fault):  # not running
                await self._call("stopProcess", name, False)
        while waiting and loop.time() < deadline:
            states = await self.states()
            waiting = {name for name in waiting if states[name].state not in _GONE}
            if waiting:
                await asyncio.sleep(_POLL_SECONDS)

    async def stop(self, within: float) -> None:
        """End all programs that still run, then supervisord itself."""
        if self._child is None:
            return
        with contextlib.suppress(StackError):  # it answers no more: its signal handler is left
            await self._call("shutdown")
            await until(lambda: not self.running, within)
        await self._child.stop(within)

    async def _until_it_answers(self, child: Child) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _START_SECONDS
        while True:
            try:
                await self._call("getState")
            except SupervisionLost:
                if not child.running or loop.time() > deadline:
                    raise ProcessFailed(f"{_NAME} did not start:\n{child.tail()}") from None
                await asyncio.sleep(_POLL_SECONDS)
            else:
                return

    async def _call(self, method: str, *arguments: Any) -> Any:
        async with self._speaking:
            return await asyncio.to_thread(self._call_now, method, arguments)

    def _call_now(self, method: str, arguments: tuple[Any, ...]) -> Any:
        address = f"http://matinee:{self._password}@{LOOPBACK}:{self._port}/RPC2"
        try:
            with ServerProxy(address, transport=_BoundedTransport()) as proxy:
                return getattr(proxy.supervisor, method)(*arguments)
        except (OSError, http.client.HTTPException) as error:
            raise SupervisionLost("supervisord does not answer") from error

    def _write_configuration(self, path: Path) -> None:
        sections = [
            _section(
                "supervisord",
                logfile=self._folder.supervisor / "supervisord.log",
                logfile_maxbytes="1MB",
                logfile_backups=1,
                pidfile=self._folder.supervisor / "supervisord.own.pid",
                childlogdir=self._folder.logs,
                nocleanup="true",
                **({"user": "root"} if os.geteuid() == 0 else {}),
            ),
            _section(
                "inet_http_server",
                port=f"{LOOPBACK}:{self._port}",
                username="matinee",
                password=self._password,
            ),
            "[rpcinterface:supervisor]\n"
            "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
            *(self._program_section(program) for program in self._programs),
        ]
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write("\n\n".join(sections) + "\n")

    def _environment_file(self, name: str) -> Path:
        return self._folder.supervisor / f"{name}.environment.json"

    def _program_section(self, program: Program) -> str:
        return _section(
            f"program:{program.name}",
            # Tethered to supervisord, whose pid nobody knows yet.
            command=shlex.join(
                tethered(list(program.command), environment_file=self._environment_file(program.name))
            ),
            directory=self._working_folder,
            autostart="false",
            autorestart="true",
            startsecs=1,
            startretries=5,
            stopwaitsecs=_STOP_SECONDS,
            killasgroup="true",
            redirect_stderr="true",
            stdout_logfile=self._folder.log(program.name),
            stdout_logfile_maxbytes="5MB",
            stdout_logfile_backups=1,
        )


class _BoundedTransport(Transport):
    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = super().make_connection(host)
        connection.timeout = _CALL_SECONDS
        return connection


class SupervisionLost(StackError):
    """supervisord is not there, or does not answer."""


def _section(name: str, **settings: object) -> str:
    # A percent sign starts an expansion in supervisord's files.
    lines = [f"{key} = {str(value).replace('%', '%%')}" for key, value in settings.items()]
    return "\n".join([f"[{name}]", *lines])
