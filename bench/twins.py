"""Two server processes on one port against one.

Twice: as fast as this machine lets them, where load client, engines and servers share the cores; and with
every server process let run a quarter of the time (SIGSTOP and SIGCONT, each at its own turn), so that
neither the cores nor the client are what bounds it. The second tells whether anything else does.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from bench.jobs import Job, Pick
from bench.place import Place, Server
from bench.report import Report, median_ratio
from bench.supply import pairs_of
from bench.windows import Windows, rounds_of
from stack.ports import LOOPBACK, free_port

_ROUNDS: Final = 2
_IN_FLIGHT: Final = 256
_CHANNELS: Final = 64
_TURN_SECONDS: Final = 0.020
_TURNS: Final = 4


async def measure_twins(place: Place, shows: list[str], seconds: float, report: Report) -> None:
    """Adds rows and the ratios `two_processes/one` to the report."""
    one = [await place.start_inventory("seat_svc_single", REUSE_PORT="1")]
    shared = f"{LOOPBACK}:{free_port()}"
    two = [
        await place.start_inventory(f"seat_svc_{name}", REUSE_PORT="1", LISTEN=shared)
        for name in ("first", "second")
    ]
    picks: list[Pick] = [pairs_of(show_id)[place_ // len(shows)] for place_, show_id in _places(shows)]
    for servers in (one, two):
        # Each process has its own memory of shows, and the kernel chooses who is asked.
        for _ in range(2):
            await place.warm(servers[0], shows)
    windows = Windows(place)
    for turn in range(rounds_of(_ROUNDS, seconds)):
        kinds = (("one process", one), ("two processes, one port", two))
        for name, servers in kinds if turn % 2 == 0 else reversed(kinds):
            job = Job(
                "hold_and_release", servers[0].target, place.token, _IN_FLIGHT, seconds, picks, _CHANNELS
            )
            await windows.run(f"hold and release, {name}", job, servers)
            async with taking_turns(servers):
                await windows.run(f"hold and release, {name}, ¼ speed", job, servers)
    report.rows += windows.rows()
    for label, suffix in (("two_processes/one", ""), ("two_processes/one at ¼ speed", ", ¼ speed")):
        rates = [
            windows.series(f"hold and release, {name}{suffix}", _IN_FLIGHT).rates
            for name in ("two processes, one port", "one process")
        ]
        report.ratios[label] = median_ratio(*rates)


def _places(shows: list[str]) -> list[tuple[int, str]]:
    return [(number, shows[number % len(shows)]) for number in range(max(len(shows), 2 * _IN_FLIGHT))]


@asynccontextmanager
async def taking_turns(servers: Sequence[Server]) -> AsyncIterator[None]:
    """Lets each process run in one turn out of four, no two in the same."""
    turning = asyncio.create_task(_turn(servers), name="turns")
    try:
        yield
    finally:
        turning.cancel()
        await asyncio.gather(turning, return_exceptions=True)
        for server in servers:
            server.child.signal(signal.SIGCONT)


async def _turn(servers: Sequence[Server]) -> None:
    for server in servers:
        server.child.signal(signal.SIGSTOP)
    while True:
        for turn in range(_TURNS):
            # With two: the first and the third turn.
            running = servers[turn // 2] if turn % 2 == 0 and turn // 2 < len(servers) else None
            if running is not None:
                running.child.signal(signal.SIGCONT)
            await asyncio.sleep(_TURN_SECONDS)
            if running is not None:
                running.child.signal(signal.SIGSTOP)
