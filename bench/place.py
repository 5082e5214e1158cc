"""Where a measurement takes place: engines, services and the load client, each a process of its own."""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psutil

from bench.client import LoadProcess
from bench.jobs import Job
from bench.programme import import_shows
from stack.child import Child
from stack.engines import MongoEngine, ValkeyEngine
from stack.errors import ProcessFailed
from stack.health import serves_grpc
from stack.machine import MONGOD_LIBRARIES, ensure
from stack.ports import LOOPBACK, free_port, is_listened_on
from stack.progress import Progress

_ROOT: Final = Path(__file__).resolve().parent.parent
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.1
_DAYS_AHEAD: Final = 2

Ready = Callable[[int], Awaitable[bool]]


@dataclass(slots=True)
class Server:
    """A server process under measurement."""

    name: str
    port: int
    child: Child
    metrics_port: int = 0

    @property
    def target(self) -> str:
        """Where clients connect."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def process(self) -> psutil.Process:
        """For its CPU time and memory."""
        return psutil.Process(self.child.pid)

    def listens(self) -> bool:
        """Whether it is this very process that listens: another one may share the port."""
        try:
            connections = self.process.net_connections("tcp")
        except psutil.NoSuchProcess:
            return False
        return any(each.status == psutil.CONN_LISTEN and each.laddr.port == self.port for each in connections)


@dataclass(slots=True)
class Place:
    """What runs. Everything ends when the place is left."""

    folder: Path
    token: str
    progress: Progress
    valkey: ValkeyEngine
    mongo: MongoEngine
    client: LoadProcess
    resources: AsyncExitStack
    shows: list[str] = field(default_factory=list)
    catalogue: str = ""

    async def start_catalogue(self, shows: int) -> None:
        """The real catalogue, with as many shows."""
        server = await self.start("catalog_svc", "catalog_svc", {"MONGO_DATABASE": "catalog"})
        self.catalogue = server.target
        with self.progress.step(f"{shows} shows imported"):
            first_day = datetime.now(UTC).date() + timedelta(days=_DAYS_AHEAD)
            self.shows = await import_shows(server.target, self.token, shows, first_day)

    async def start_inventory(
        self, name: str = "seat_svc", module: str = "seat_svc", **environment: str
    ) -> Server:
        """The real seat inventory."""
        settings = {
            "MONGO_DATABASE": "seats",
            "REDIS_URL": self.valkey.local_url,
            "CATALOG_TARGET": self.catalogue,
        }
        return await self.start(name, module, settings | environment)

    async def start_empty(self, *options: str) -> Server:
        """The plain gRPC server whose one call does nothing; `options` are those of `bench.empty`."""
        port = free_port()
        command = [sys.executable, "-m", "bench.empty", f"{LOOPBACK}:{port}", *options]
        name = "-".join(("empty", *(option.partition(":")[0] for option in options)))
        return await self._start(Server(name, port, self._child(name, command, {})), is_listened_on)

    async def start(self, name: str, module: str, environment: Mapping[str, str]) -> Server:
        """A service by its module, on a free port unless `LISTEN` says otherwise."""
        listen = environment.get("LISTEN") or f"{LOOPBACK}:{free_port()}"
        metrics_port = free_port()
        settings = {
            "MESH_TOKEN": self.token,
            "MONGO_URL": self.mongo.url,
            "LISTEN": listen,
            "METRICS_LISTEN": f"{LOOPBACK}:{metrics_port}",
            "LOG_LEVEL": "WARNING",
            "DRAIN_SECONDS": "1",
            **environment,
        }
        child = self._child(name, [sys.executable, "-m", module], settings)
        port = int(listen.rpartition(":")[2])
        return await self._start(Server(name, port, child, metrics_port), serves_grpc)

    async def warm(self, server: Server, shows: list[str]) -> None:
        """Has every one of these shows looked at, so that the inventory knows it."""
        for begin in range(0, len(shows), 64):
            picks = [(show_id, ()) for show_id in shows[begin : begin + 64]]
            job = Job("first_look", server.target, self.token, min(len(picks), 16), 30.0, picks)
            outcome = await self.client.do(job)
            if outcome.errors:
                raise ProcessFailed(f"shows could not be loaded: {outcome.errors}")

    async def _start(self, server: Server, ready: Ready) -> Server:
        server.child.start()
        self.resources.push_async_callback(server.child.stop, _STOP_SECONDS)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _START_SECONDS
        while not (server.listens() and await ready(server.port)):
            if not server.child.running or loop.time() > deadline:
                raise ProcessFailed(f"{server.name} did not start:\n{server.child.tail()}")
            await asyncio.sleep(_POLL_SECONDS)
        return server

    def _child(self, name: str, command: list[str], settings: Mapping[str, str]) -> Child:
        return Child(
            name,
            command,
            environment=clean_environment() | dict(settings),
            folder=self.folder,
            log_file=self.folder / f"{name}.log",
        )


@asynccontextmanager
async def open_place(progress: Progress) -> AsyncIterator[Place]:
    """Engines with data in a temporary folder, and a load client."""
    async with AsyncExitStack() as resources:
        folder = Path(resources.enter_context(TemporaryDirectory(prefix="matinee-bench-")))
        await ensure([MONGOD_LIBRARIES], progress, folder / "apt.log")
        with progress.step("engines"):
            valkey = await resources.enter_async_context(ValkeyEngine(folder / "valkey"))
            mongo = await resources.enter_async_context(MongoEngine(folder / "mongo"))
        client = await resources.enter_async_context(LoadProcess(clean_environment(), folder / "load.log"))
        yield Place(folder, secrets.token_urlsafe(), progress, valkey, mongo, client, resources)


def clean_environment() -> dict[str, str]:
    """Only what the processes need: settings of the caller's environment are not for them."""
    kept = ("PATH", "LANG", "HOME", "LD_LIBRARY_PATH", "TMPDIR")
    given = {name: os.environ[name] for name in kept if name in os.environ}
    modules = os.pathsep.join((str(_ROOT), str(_ROOT / "protos" / "gen")))
    return given | {"PYTHONPATH": modules, "PYTHONSAFEPATH": "1"}
