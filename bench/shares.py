"""Where the time of a call goes, one call at a time: gRPC, conversion, Redis, MongoDB, our own rules."""

import asyncio
import urllib.request
from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from bench.conversion import conversion_seconds
from bench.jobs import Call, Job
from bench.place import Place, Server
from bench.report import Report
from bench.supply import Supply
from bench.timed import WAITED
from bench.windows import Windows
from stack.ports import LOOPBACK

_METHODS: Final[dict[Call, str]] = {"hold": "HoldSeats", "seat_map": "GetSeatMap", "confirm": "ConfirmHold"}
_CALLS_A_SECOND: Final[dict[Call, int]] = {"hold": 1_500, "seat_map": 32, "confirm": 250}
_STEPS: Final = ("gRPC", "conversion", "Redis", "MongoDB", "rules and the rest")
_SERVICE: Final = "/matinee.seat.v1.SeatService/"
_SCRAPE_SECONDS: Final = 5
_WARM_CALLS: Final = 50


@dataclass(frozen=True, slots=True)
class _Reading:
    """Seconds that the server's counters have come to."""

    handled: float
    redis: float
    mongodb: float


async def measure_shares(place: Place, supply: Supply, seconds: float, report: Report) -> None:
    """Adds `shares_us`: mean microseconds of each step, which add up to the mean latency.

    gRPC is all that passes outside of the server's handler, at both ends; conversion is measured by itself
    with the same messages; Redis and MongoDB are the time from asking to the answer in hand.
    """
    timed = await place.start_inventory("timed_seat_svc", "bench.timed")
    windows = Windows(place)
    conversions = await asyncio.to_thread(conversion_seconds)
    shares: dict[str, dict[str, float]] = {}
    for call, method in _METHODS.items():
        pairs = await supply.take(round(_CALLS_A_SECOND[call] * seconds) + _WARM_CALLS)
        await place.warm(timed, sorted({show_id for show_id, _ in pairs}))
        for warming, picks in ((True, pairs[:_WARM_CALLS]), (False, pairs[_WARM_CALLS:])):
            if call == "confirm":
                await place.client.do(Job("prepare", timed.target, place.token, 1, seconds, picks))
            if warming:
                await place.client.do(Job(call, timed.target, place.token, 1, 1.0, picks))
        before = await _read(timed, method)
        job = Job(call, timed.target, place.token, 1, seconds, pairs[_WARM_CALLS:])
        outcome = await windows.run(call, job, [timed])
        after = await _read(timed, method)
        calls, total = len(outcome.latencies_ms), sum(outcome.latencies_ms) / 1000
        shares[call] = _split(total, before, after, conversions[call], calls)
    report.facts["shares_us"] = shares
    report.notes += ["", *_lines(shares)]


def _split(
    total: float, before: _Reading, after: _Reading, conversion: float, calls: int
) -> dict[str, float]:
    handled = after.handled - before.handled
    redis, mongodb = after.redis - before.redis, after.mongodb - before.mongodb
    own = max(handled - redis - mongodb, 0.0)
    # Parsing and serialising happen in gRPC's own frame, outside of the handler's time.
    converting = conversion * calls
    parts = (max(total - handled - converting, 0.0), converting, redis, mongodb, own)
    return {step: round(part * 1e6 / calls, 1) for step, part in zip(_STEPS, parts, strict=True)}


def _lines(shares: dict[str, dict[str, float]]) -> list[str]:
    lines = [f"{'one call at a time, µs (share)':<36}" + "".join(f"{step:>20}" for step in _STEPS)]
    for call, steps in shares.items():
        total = sum(steps.values())
        cells = (f"{each:,.0f} ({each / total:.0%})" for each in steps.values())
        lines.append(f"  {call:<34}" + "".join(f"{cell:>20}" for cell in cells))
    return lines


async def _read(server: Server, method: str) -> _Reading:
    text = await asyncio.to_thread(metrics_of, server)
    samples = {
        (sample.name, sample.labels.get("method", ""), sample.labels.get("store", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    return _Reading(
        handled=samples.get(("rpc_server_seconds_sum", _SERVICE + method, ""), 0.0),
        redis=samples.get((f"{WAITED}_total", method, "redis"), 0.0),
        mongodb=samples.get((f"{WAITED}_total", method, "mongodb"), 0.0),
    )


def metrics_of(server: Server) -> str:
    """What the server's counters say."""
    address = f"http://{LOOPBACK}:{server.metrics_port}/metrics"
    with urllib.request.urlopen(address, timeout=_SCRAPE_SECONDS) as answer:
        text: str = answer.read().decode()
        return text
