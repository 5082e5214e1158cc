"""``./matinee bench flash``: ten thousand buyers come for the three hundred seats of one show."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from bench.jobs import Job, Outcome
from bench.place import Place, Server
from bench.programme import SEAT_IDS
from bench.report import Report, Row

_BUYERS: Final = 10_000
_BUYERS_A_SECOND: Final = 1_000
_CHANNELS: Final = 16
_SAMPLE_SECONDS: Final = 0.25
_MEGABYTE: Final = 1024 * 1024
_SHOWS: Final = 2


@dataclass(slots=True)
class Memory:
    """Resident memory of a process over time, bytes."""

    samples: list[int] = field(default_factory=list)

    def text(self) -> str:
        """First, most and last, in megabytes."""
        first, most, last = self.samples[0], max(self.samples), self.samples[-1]
        return " ".join(
            f"{name} {number / _MEGABYTE:.0f}"
            for name, number in (("before", first), ("most", most), ("after", last))
        )


async def measure(place: Place, seconds: float | None) -> Report:
    """A thousand buyers come each second, for `seconds` (10); a fault unless each seat is sold once."""
    arriving = seconds or _BUYERS / _BUYERS_A_SECOND
    buyers = max(round(arriving * _BUYERS_A_SECOND), 2 * len(SEAT_IDS))
    await place.start_catalogue(_SHOWS)
    server = await place.start_inventory()
    warm_up, show_id = place.shows
    await _sell(place, server, warm_up, len(SEAT_IDS), 1.0)
    memory = Memory()
    with place.progress.step(f"{buyers} buyers", announced=True):
        async with _watched(server, memory):
            outcome = await _sell(place, server, show_id, buyers, arriving)
    return _report(outcome, buyers, arriving, memory)


async def _sell(place: Place, server: Server, show_id: str, buyers: int, seconds: float) -> Outcome:
    await place.warm(server, [show_id])
    job = Job(
        "flash",
        server.target,
        place.token,
        buyers,
        seconds,
        [(show_id, ())],
        channels=_CHANNELS,
        buyers=buyers,
    )
    return await place.client.do(job)


def _fault(outcome: Outcome) -> str:
    seats, tickets = outcome.facts["seats"], outcome.facts["tickets"]
    if sorted(seats) == sorted(SEAT_IDS) and len(set(tickets)) == len(SEAT_IDS):
        return ""
    return f"{len(seats)} seats were sold ({len(set(seats))} different) of {len(SEAT_IDS)}"


def _report(outcome: Outcome, buyers: int, arriving: float, memory: Memory) -> Report:
    facts = outcome.facts
    answers = facts["answers"]
    report = Report("flash", fault=_fault(outcome))
    for what, latencies in facts["latencies_ms"].items():
        report.rows.append(Row.of(what, buyers, len(latencies) / outcome.seconds, latencies))
    report.rows.append(Row.of("any answer", buyers, outcome.per_second, outcome.latencies_ms))
    report.facts = {
        "sold": len(facts["seats"]),
        "errors": outcome.errors,
        "answers": answers,
        "buyers": buyers,
        "seconds": round(outcome.seconds, 2),
        "slowest_buyer_seconds": facts["slowest_buyer_seconds"],
        "memory_mb": [round(sample / _MEGABYTE, 1) for sample in memory.samples],
    }
    losers = buyers - answers.get("sold", 0)
    report.notes = [
        f"{buyers} buyers came within {arriving:.0f} s; all were answered after {outcome.seconds:.1f} s",
        f"sold {answers.get('sold', 0)}, told that none are left {answers.get('none_left', 0)} of {losers}, "
        f"told SEAT_TAKEN {answers.get('seat_taken', 0)} times on the way",
        f"errors: {outcome.errors or 'none'}",
        f"slowest buyer, from coming to the last answer: {facts['slowest_buyer_seconds']:.2f} s",
        f"memory of the inventory, MB: {memory.text()}",
    ]
    return report


@asynccontextmanager
async def _watched(server: Server, memory: Memory) -> AsyncIterator[None]:
    process = server.process

    async def sample() -> None:
        while True:
            memory.samples.append(process.memory_info().rss)
            await asyncio.sleep(_SAMPLE_SECONDS)

    sampling = asyncio.create_task(sample(), name="memory")
    try:
        yield
    finally:
        memory.samples.append(process.memory_info().rss)
        sampling.cancel()
        await asyncio.gather(sampling, return_exceptions=True)
