"""Everything that ``./matinee up`` runs, in a temporary folder, with a programme to sell."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psutil

from bench.cinemas import import_city
from bench.client import LoadProcess
from bench.place import clean_environment
from stack.folder import DataFolder
from stack.installation import SUPERVISION, Installation
from stack.machine import MONGOD_LIBRARIES, RABBITMQ, ensure
from stack.ports import free_port
from stack.processes import PROCESSES, Process
from stack.progress import Progress

CLIENT: Final = "load client"
_DAYS_AHEAD: Final = 2
_INBOX: Final = "inbox"
_MOST_MAILS: Final = "100000"


@dataclass(slots=True)
class Site:
    """What runs. Everything ends when it is left."""

    url: str
    mongo_url: str
    shows: list[str]
    client: LoadProcess
    mails: Path
    processes: dict[str, list[psutil.Process]]

    def cpu_seconds(self) -> dict[str, float]:
        """CPU time that each process has used so far."""
        used = {}
        for name, processes in self.processes.items():
            times = [process.cpu_times() for process in processes]
            used[name] = sum(each.user + each.system for each in times)
        return used

    def mail_count(self) -> int:
        """How many mails have arrived."""
        return sum(1 for entry in os.scandir(self.mails) if entry.name.endswith(".eml"))


@asynccontextmanager
async def open_site(progress: Progress) -> AsyncIterator[Site]:
    """Starts everything and a load client; its own engines, whatever the environment names."""
    async with AsyncExitStack() as resources:
        folder = DataFolder(Path(resources.enter_context(TemporaryDirectory(prefix="matinee-bench-"))))
        resources.enter_context(folder.locked())
        folder.prepare()
        await ensure([MONGOD_LIBRARIES, RABBITMQ], progress, folder.log("apt"))
        installation = Installation(
            folder, port=free_port(), progress=progress, processes=_processes(), environment={}
        )
        resources.push_async_callback(installation.stop)
        await installation.start()
        with progress.step("programme"):
            day = datetime.now(UTC).date() + timedelta(days=_DAYS_AHEAD)
            shows = await import_city(installation.address("catalog_svc"), installation.mesh_token, day)
        client = await resources.enter_async_context(
            LoadProcess(clean_environment(), folder.log("load client"))
        )
        processes = {name: _counted(name, pid) for name, pid in (await installation.pids()).items()}
        processes[CLIENT] = [client.process]
        yield Site(
            url=installation.site_url,
            mongo_url=installation.engines["mongo"].url,
            shows=shows,
            client=client,
            mails=folder.process(_INBOX),
            processes=processes,
        )


def _counted(name: str, pid: int) -> list[psutil.Process]:
    """The process with its own children; supervision's are counted by their own names."""
    process = psutil.Process(pid)
    return [process] if name == SUPERVISION else [process, *process.children(recursive=True)]


def _processes() -> list[Process]:
    """Those of ``./matinee up``, but for the inbox, which keeps every mail: all of them are looked for."""
    return [
        replace(process, environment={**process.environment, "MOST_MAILS": _MOST_MAILS})
        if process.name == _INBOX
        else process
        for process in PROCESSES
    ]
