"""Programs that no Python package brings: looked for, and installed where that is possible.

On Debian and Ubuntu, as root, by apt-get; otherwise `ToolMissing` says in one line what to install.
"""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from stack.child import tail
from stack.errors import ToolMissing
from stack.progress import Progress

_INSTALL_SECONDS: Final = 600
_NO_SERVICES: Final = Path("/usr/sbin/policy-rc.d")
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")


async def ensure_rabbitmq(progress: Progress, log: Path) -> None:
    """See to it that RabbitMQ is installed."""
    # Debian's own programs in /usr/sbin may not be on an ordinary user's PATH.
    if _found("rabbitmq-server") is None:
        hint = "RabbitMQ is missing: install rabbitmq-server, or set AMQP_URL"
        await _install("rabbitmq-server", hint, progress, log)


async def ensure_chromium(progress: Progress, log: Path) -> None:
    """See to it that a browser for the browser tests is installed."""
    if not any(_found(browser) for browser in _BROWSERS):
        hint = "a browser for the tests is missing: install chromium"
        await _install("chromium", hint, progress, log)


def _found(program: str) -> str | None:
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
    return shutil.which(program, path=path)


async def _install(package: str, hint: str, progress: Progress, log: Path) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ToolMissing(hint)
    with progress.step(f"installing {package} by apt-get (once)", announced=True):
        async with _services_not_started():
            # An installation that was interrupted leaves dpkg asking for this first.
            await _run(["dpkg", "--configure", "-a"], log)
            await _run(["apt-get", "update"], log)
            if await _run(["apt-get", "install", "-y", "--no-install-recommends", package], log) != 0:
                raise ToolMissing(f"{hint} (apt-get could not):\n{tail(log)}")


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
