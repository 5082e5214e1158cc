"""Programs that no Python package brings: looked for, and installed where that is possible.

On Debian and Ubuntu, as root, by apt-get; otherwise `ToolMissing` says in one line what to install.
"""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stack.child import tail
from stack.engines.mongo import mongod_loads
from stack.errors import ToolMissing
from stack.progress import Progress

_INSTALL_SECONDS: Final = 600
_NO_SERVICES: Final = Path("/usr/sbin/policy-rc.d")


@dataclass(frozen=True, slots=True)
class Need:
    """Something that has to be on this machine, and the Debian package that brings it."""

    package: str
    is_met: Callable[[], bool]
    hint: str


def _found(*programs: str) -> bool:
    # Servers are in /usr/sbin, which an ordinary user's PATH may lack.
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
    return any(shutil.which(program, path=path) for program in programs)


RABBITMQ: Final = Need(
    package="rabbitmq-server",
    is_met=lambda: _found("rabbitmq-server"),
    hint="RabbitMQ is missing: install rabbitmq-server, or set AMQP_URL",
)
MONGOD_LIBRARIES: Final = Need(
    package="libcurl4",
    is_met=mongod_loads,
    hint="a library of mongod is missing: install libcurl4, or set MONGO_URL",
)
BROWSER: Final = Need(
    package="chromium",
    is_met=lambda: _found("chromium"),
    hint="a browser for the tests is missing: install chromium",
)


async def ensure(needs: Iterable[Need], progress: Progress, log: Path) -> None:
    """See to it that all of this is there; raises `ToolMissing` with the hint of what is not."""
    unmet = [need for need in needs if not await asyncio.to_thread(need.is_met)]
    if not unmet:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ToolMissing(unmet[0].hint)
    packages = [need.package for need in unmet]
    with progress.step(f"installing {', '.join(packages)} by apt-get (once)", announced=True):
        async with _services_not_started():
            # An installation that was interrupted leaves dpkg asking for this first.
            await _run(["dpkg", "--configure", "-a"], log)
            await _run(["apt-get", "update"], log)
            if await _run(["apt-get", "install", "-y", "--no-install-recommends", *packages], log) != 0:
                raise ToolMissing(f"{unmet[0].hint} (apt-get could not):\n{tail(log)}")


async def _run(command: list[str], log: Path) -> int:
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
    try:
        async with asyncio.timeout(_INSTALL_SECONDS):
            return await process.wait()
    except (asyncio.CancelledError, TimeoutError):
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        raise


@asynccontextmanager
async def _services_not_started() -> AsyncIterator[None]:
    """Keep Debian from starting the package's own server: ours is private and on a port of its own."""
    if _NO_SERVICES.exists():
        yield
        return
    _NO_SERVICES.write_text("#!/bin/sh\nexit 101\n")
    _NO_SERVICES.chmod(0o755)
    try:
        yield
    finally:
        _NO_SERVICES.unlink(missing_ok=True)
