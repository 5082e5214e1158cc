"""``./matinee up``: start everything, say where it is, keep it running until told to stop."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from stack.errors import one_failure
from stack.external import external_engines
from stack.folder import DataFolder
from stack.installation import Installation
from stack.machine import MONGOD_LIBRARIES, RABBITMQ, Need, ensure
from stack.progress import Progress
from stack.protos import generate

_STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def up(data: Path, *, port: int, fresh: bool) -> int:
    """Run until a signal; the exit status. Raises `StackError` with everything stopped."""
    folder = DataFolder(data)
    progress = Progress()
    with folder.locked():
        if fresh:
            folder.clear()
        folder.prepare()
        return asyncio.run(_until_signal(lambda: _live(folder, port, progress), progress))


async def _live(folder: DataFolder, port: int, progress: Progress) -> None:
    with progress.step("stubs"):
        await asyncio.to_thread(generate)
    await ensure(_needs(), progress, folder.log("apt"))
    installation = Installation(folder, port=port, progress=progress)
    try:
        with one_failure():
            async with asyncio.TaskGroup() as group:
                group.create_task(installation.start())
                group.create_task(_load_demo(installation, progress))
        progress.say(f"\nMatinee is open: {installation.site_url}\n(Ctrl-C ends it.)\n")
        await installation.watch()
    finally:
        with progress.step("everything stopped"):
            await installation.stop()


def _needs() -> list[Need]:
    elsewhere = external_engines(os.environ)
    needs = {"mongo": MONGOD_LIBRARIES, "rabbitmq": RABBITMQ}
    return [need for engine, need in needs.items() if engine not in elsewhere]


async def _load_demo(installation: Installation, progress: Progress) -> None:
    """Load the demo catalogue, or top it up with the shows of the days that have come since."""
    from stack.demo import load

    await installation.ready("catalog_svc")
    with progress.step("demo catalogue"):
        await load(installation.address("catalog_svc"), installation.mesh_token, datetime.now(tz=UTC).date())


async def _until_signal(work: Callable[[], Coroutine[Any, Any, None]], progress: Progress) -> int:
    """Run `work`; a signal cancels it, and it cleans up. Further signals change nothing: it is bounded."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(work())
    told: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        if not told:
            progress.say("\nstopping …")
            task.cancel()
        told.append(number)

    for number in _STOPPING:
        if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
            continue  # run by nohup
        loop.add_signal_handler(number, stop, number)
    try:
        await task
    except asyncio.CancelledError:
        if not told:
            raise
    return 0
