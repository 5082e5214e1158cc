"""The life of every process, in one order.

1. settings: all that is wrong is printed, exit status 2;
2. logs, then metrics on an address of their own;
3. build: the composition root makes every part and connects nothing that is not needed;
4. serve: listen, then report serving once the stores answer;
5. wait for SIGTERM or SIGINT;
6. drain: report not serving, keep answering for the notice, let calls in flight end;
7. close what build opened, last opened first.

From the signal on, all of it is bounded: what hangs is cut off.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Protocol, TypeVar

import structlog
import uvloop

from mesh.background import Background
from mesh.logs import configure_logs
from mesh.metrics import MetricsServer
from mesh.server import AddressTaken
from mesh.settings import ProcessSettings, SettingsInvalid, load_settings

log = structlog.get_logger()
S = TypeVar("S", bound=ProcessSettings)

_CLOSE_SECONDS = 5.0
_OBJECTS_BETWEEN_COLLECTIONS = 50_000


class Process(Protocol):
    """What a composition root builds: something that listens."""

    async def start(self) -> str:
        """Listens and returns the address."""
        ...

    async def drain(self, notice_seconds: float, grace_seconds: float) -> None:
        """Stops taking new work and lets the work under way end."""
        ...


class Resources(AsyncExitStack):
    """What a process opened; closed in reverse. Also owns the background work, which ends first."""

    def __init__(self) -> None:
        super().__init__()
        self.background = Background()


Build = Callable[[S, Resources], Awaitable[Process]]


def run(name: str, settings_type: type[S], build: Build[S]) -> None:
    """Runs a process to its end; exits with 0 after a signal, 1 when it cannot start, 2 on wrong settings."""
    try:
        settings = load_settings(settings_type)
        configure_logs(name, settings.log_format, settings.log_level)
        uvloop.run(_live(name, settings, build))
    except SettingsInvalid as error:
        print(f"{name}: wrong settings\n{error}", file=sys.stderr)  # noqa: T201 - logs may not be set up yet
        sys.exit(2)
    except AddressTaken as error:
        log.error("address_taken", address=str(error))
        sys.exit(1)
    _leave(0)


async def _live(name: str, settings: S, build: Build[S]) -> None:
    stopping = _stop_signal(settings.drain_notice_seconds + 2 * settings.drain_seconds + _CLOSE_SECONDS)
    async with AsyncExitStack() as around:
        if settings.metrics_listen:
            around.enter_context(MetricsServer(settings.metrics_listen))
        resources = await around.enter_async_context(Resources())
        resources.push_async_callback(_bounded_close, resources.background)
        process = await build(settings, resources)
        address = await process.start()
        _collect_garbage_seldom()
        log.info("serving", name=name, address=address)
        await stopping.wait()
        log.info("draining", name=name)
        await process.drain(settings.drain_notice_seconds, settings.drain_seconds)
        await resources.background.close(settings.drain_seconds)
    log.info("stopped", name=name)


async def _bounded_close(background: Background) -> None:
    await background.close(_CLOSE_SECONDS)


def _collect_garbage_seldom() -> None:
    """Work that is counted in thousands of calls and streams makes few cycles, and looking for them costs.

    What was made by now, the modules above all, lives as long as the process.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])


def _stop_signal(within_seconds: float) -> asyncio.Event:
    """Set by the first signal; whatever hangs then, also a start that waits, is cut off in that time."""
    stopping = asyncio.Event()
    watchdog = threading.Timer(within_seconds, _cut_off)
    watchdog.daemon = True

    def stop() -> None:
        if not stopping.is_set():
            stopping.set()
            watchdog.start()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    return stopping


def _cut_off() -> None:
    log.error("stop_cut_off")
    _leave(1)


def _leave(status: int) -> None:
    """Ends the process without waiting for threads.

    At an ordinary exit the interpreter joins the drivers' pools, and a thread
    there may be waiting for a server that is gone.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
