"""The whole of Matinee on this machine: engines and processes of one data folder."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from stack.child import tail
from stack.engines import Engine, MongoEngine, RabbitEngine, ValkeyEngine
from stack.errors import PortTaken, ProcessFailed, one_failure
from stack.external import VARIABLES, check_answers, external_engines
from stack.folder import DataFolder
from stack.health import answers_http, serves_grpc
from stack.ports import LOOPBACK, is_free
from stack.processes import BFF, PROCESSES, Process
from stack.progress import Progress
from stack.supervision import Program, ProgramState, Supervision

SUPERVISION: Final = "supervision"

_ROOT: Final = Path(__file__).resolve().parent.parent
_PROBE_PAUSE_SECONDS: Final = 0.2
_WATCH_PAUSE_SECONDS: Final = 0.5
_ENGINE_RESTARTS: Final = 5
# All of this is below the 10 s within which Ctrl-C has to have ended everything.
_STOP_PROCESSES_SECONDS: Final = 4.5
_STOP_SUPERVISION_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 8.0


class Installation:
    """Starts everything in the order of its needs, watches it, and stops it callers first.

    The folder must be locked by the caller. Engines that the environment names by URL are used
    where they run. `stop` also ends what an interrupted `start` had begun.
    """

    def __init__(
        self,
        folder: DataFolder,
        *,
        port: int,
        progress: Progress,
        processes: Sequence[Process] = PROCESSES,
        environment: Mapping[str, str] = os.environ,
        healthy_seconds: float = 60.0,
    ) -> None:
        self._folder = folder
        self._progress = progress
        self._processes = processes
        self._healthy_seconds = healthy_seconds
        needed = {name for process in processes for name in process.after}
        external = external_engines(environment)
        self._external = {name: url for name, url in external.items() if name in needed}
        self.engines: dict[str, Engine] = {
            kind.name: kind(folder.engine(kind.name), log_file=folder.log(kind.name))
            for kind in (MongoEngine, ValkeyEngine, RabbitEngine)
            if kind.name in needed - external.keys()
        }
        self._site_port = port
        self._addresses: dict[str, str] = {}
        self._secrets: dict[str, str] = {}
        self._supervision = Supervision(
            folder,
            [Program(process.name, [sys.executable, "-m", process.module]) for process in processes],
            _ROOT,
        )
        names = [*self.engines, *self._external, SUPERVISION, *(process.name for process in processes)]
        self._ready = {name: asyncio.Event() for name in names}
        self._seen: dict[str, ProgramState] = {}
        self._restarts = dict.fromkeys(self.engines, 0)

    @property
    def site_url(self) -> str:
        """Where browsers find the site."""
        return f"http://{LOOPBACK}:{self._site_port}"

    def address(self, name: str) -> str:
        """host:port of a process, once `start` has chosen it."""
        return self._addresses[name]

    @property
    def mesh_token(self) -> str:
        """What the processes know each other by."""
        return self._folder.secrets()["MESH_TOKEN"]

    async def ready(self, name: str) -> None:
        """Wait until this engine or process can be used; `start` does the starting."""
        await self._ready[name].wait()

    async def start(self) -> None:
        """Return when the site can be used; raises `StackError` when something does not come up."""
        if not is_free(self._site_port):
            raise PortTaken(f"port {self._site_port} is in use: choose another one with --port")
        self._choose_addresses()
        with one_failure():
            async with asyncio.TaskGroup() as group:
                for name, url in self._external.items():
                    group.create_task(self._use_external(name, url))
                for engine in self.engines.values():
                    group.create_task(self._start_engine(engine))
                group.create_task(self._start_supervision())
                for process in self._processes:
                    group.create_task(self._start_process(process))
        engines = self._external | {name: engine.url for name, engine in self.engines.items()}
        urls = {VARIABLES[name]: url for name, url in engines.items()}
        self._folder.announce(self._addresses | urls | {"MESH_TOKEN": self.mesh_token})

    async def watch(self) -> None:
        """Tell of what crashes and start it again; raises `ProcessFailed` when that does not help."""
        while True:
            await asyncio.sleep(_WATCH_PAUSE_SECONDS)
            for engine in self.engines.values():
                if not engine.running:
                    await self._restart_engine(engine)
            now = await self._supervision.states()
            for name, state in now.items():
                self._tell(self._seen.get(name, state), state)
            self._seen = now

    async def stop(self) -> None:
        """End everything within 10 s: callers before those that they call, engines last."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        if self._supervision.running:
            for names in _stop_rounds(self._processes):
                left = begin + _STOP_PROCESSES_SECONDS - loop.time()
                await self._supervision.stop_programs(names, max(0.1, left))
        await self._supervision.stop(_STOP_SUPERVISION_SECONDS)
        left = begin + _STOP_SECONDS - loop.time()
        await asyncio.gather(*(engine.stop(left) for engine in self.engines.values()))

    async def signal_process(self, name: str, number: signal.Signals) -> None:
        """Send a signal to one process, as a fault would."""
        await self._supervision.signal_program(name, number)

    async def pids(self) -> dict[str, int]:
        """The process id of everything that runs, supervision included; engines used elsewhere are not."""
        states = await self._supervision.states()
        return (
            {name: engine.pid for name, engine in self.engines.items()}
            | {SUPERVISION: self._supervision.pid}
            | {name: state.pid for name, state in states.items() if state.pid}
        )

    def _choose_addresses(self) -> None:
        names = [process.name for process in self._processes if process.name != BFF]
        names += [f"{process.name}.{port}" for process in self._processes for port in process.other_ports]
        ports = self._folder.ports(tuple(names)) | {BFF: self._site_port}
        self._addresses = {name: f"{LOOPBACK}:{port}" for name, port in ports.items()}
        self._secrets = self._folder.secrets()

    async def _use_external(self, name: str, url: str) -> None:
        await check_answers(name, url)
        self._ready[name].set()

    async def _start_engine(self, engine: Engine) -> None:
        with self._progress.step(engine.name):
            await engine.start()
        self._ready[engine.name].set()

    async def _start_supervision(self) -> None:
        await self._supervision.start()
        self._ready[SUPERVISION].set()

    async def _start_process(self, process: Process) -> None:
        for name in (SUPERVISION, *process.after):
            await self._ready[name].wait()
        with self._progress.step(process.name):
            self._folder.process(process.name).mkdir(mode=0o700, parents=True, exist_ok=True)
            await self._supervision.start_program(process.name, self._environment_of(process))
            await self._until_healthy(process)
            self._seen[process.name] = await self._state_of(process)
        self._ready[process.name].set()

    async def _state_of(self, process: Process) -> ProgramState:
        return (await self._supervision.states())[process.name]

    async def _until_healthy(self, process: Process) -> None:
        probe = serves_grpc if process.probe == "grpc" else answers_http
        port = int(self._addresses[process.name].rpartition(":")[2])
        try:
            async with asyncio.timeout(self._healthy_seconds):
                while not await probe(port):
                    if (await self._state_of(process)).ended:
                        raise self._failure(process.name, "ended while starting")
                    await asyncio.sleep(_PROBE_PAUSE_SECONDS)
        except TimeoutError:
            raise self._failure(
                process.name, f"was not healthy after {self._healthy_seconds:.0f} s"
            ) from None

    def _environment_of(self, process: Process) -> dict[str, str]:
        values = self._addresses | self._secrets | self._external
        values |= {name: engine.local_url for name, engine in self.engines.items() if engine.running}
        values |= {"site": self.site_url, "data": str(self._folder.process(process.name))}
        environment = {"LISTEN": "{own}", **process.environment}

        def value(reference: re.Match[str]) -> str:
            return values[re.sub(r"^own\b", process.name, reference[1])]

        return {name: re.sub(r"\{([\w.]+)\}", value, template) for name, template in environment.items()}

    def _tell(self, before: ProgramState, now: ProgramState) -> None:
        if now.given_up:
            raise self._failure(now.name, "crashed again and again")
        if before.pid and now.pid != before.pid:
            self._progress.say(f"  ! {now.name} (process {before.pid}) ended unexpectedly")
        if now.pid and now.pid != before.pid:
            self._progress.say(f"  ! {now.name} was started again (process {now.pid})")

    async def _restart_engine(self, engine: Engine) -> None:
        self._restarts[engine.name] += 1
        if self._restarts[engine.name] > _ENGINE_RESTARTS:
            raise self._failure(engine.name, "crashed again and again")
        self._progress.say(f"  ! {engine.name} ended unexpectedly")
        with self._progress.step(f"{engine.name} again"):
            await engine.restart()

    def _failure(self, name: str, what: str) -> ProcessFailed:
        log = self._folder.log(name)
        return ProcessFailed(f"{name} {what}; the end of {log}:\n{tail(log)}")


def _stop_rounds(processes: Sequence[Process]) -> list[list[str]]:
    rounds = sorted({process.stop_round for process in processes})
    return [[process.name for process in processes if process.stop_round == each] for each in rounds]
