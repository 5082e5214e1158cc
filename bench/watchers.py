"""``./matinee bench watchers``: two thousand watch the seats of one show, and each hears of every change."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from grpc import aio
from matinee.seat.v1 import seat_pb2, seat_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families

from bench.client import LoadProcess
from bench.jobs import Job, Outcome
from bench.place import Place, Server, clean_environment
from bench.report import Report, Row
from bench.requests import hold_request
from bench.shares import metrics_of
from mesh.ids import new_request_id
from stack.errors import ProcessFailed

WATCHERS: Final = 2_000
BOUND_MS: Final = 250.0
_FEW: Final = 20
_CLIENTS: Final = 2
_CHANNELS: Final = 8
_USUAL_SECONDS: Final = 20.0
_PAUSE_SECONDS: Final = 0.5
_JOIN_SECONDS: Final = 60.0
_HEAR_SECONDS: Final = 60.0
_BURST: Final = 40
_DEADLINE_SECONDS: Final = 10.0


async def measure(place: Place, seconds: float | None) -> Report:
    """Two changes each second for `seconds` (20), and some at once; a fault unless everybody hears of all."""
    changes = max(round((seconds or _USUAL_SECONDS) / _PAUSE_SECONDS) // 2, 2)
    await place.start_catalogue(1)
    server = await place.start_inventory(MAX_CONCURRENT_RPCS="10000")
    await place.warm(server, place.shows)
    report = Report("watchers")
    async with AsyncExitStack() as resources:
        clients = [
            await resources.enter_async_context(
                LoadProcess(clean_environment(), place.folder / f"watchers-{number}.log")
            )
            for number in range(_CLIENTS)
        ]
        for watchers, what, holds, pause in (
            (_FEW, "few watchers", changes, _PAUSE_SECONDS),
            (WATCHERS, "many watchers", changes, _PAUSE_SECONDS),
            (WATCHERS, "many watchers, changes at once", _BURST // 2, 0.0),
        ):
            with place.progress.step(what):
                crowd = _Crowd(place, server, clients, watchers, 2 * holds)
                heard = await crowd.hear(holds, pause)
            report.rows.append(heard.row(what, watchers))
            report.notes.append(heard.note(what, watchers))
            report.facts.setdefault("server_cpu_ms_per_change", {})[what] = round(heard.cpu_ms, 1)
            report.fault = report.fault or heard.fault(watchers)
    report.ratios["p99/250 ms"] = report.rows[1].p99_ms / BOUND_MS
    # On a machine that is busy with other things it is this that tells: nobody hears later than that for
    # want of the server's work.
    report.ratios["CPU of a change/250 ms"] = heard.cpu_ms / BOUND_MS
    return report


@dataclass(frozen=True, slots=True)
class _Heard:
    """What became of a number of changes."""

    outcomes: Sequence[Outcome]
    changes: int
    seconds: float
    cpu_seconds: float
    memory_mb: float

    def row(self, what: str, watchers: int) -> Row:
        latencies = [each for outcome in self.outcomes for each in outcome.latencies_ms]
        return Row.of(what, watchers, len(latencies) / self.seconds, latencies)

    @property
    def cpu_ms(self) -> float:
        """The server's CPU time for one change and all who hear of it."""
        return self.cpu_seconds * 1000 / self.changes

    def note(self, what: str, watchers: int) -> str:
        return (
            f"{what}: {self.changes} changes; the server's CPU {self.cpu_ms:.1f} ms for each, "
            f"{self.cpu_ms * 1000 / watchers:.0f} µs for each watcher; its memory {self.memory_mb:.0f} MB"
        )

    def fault(self, watchers: int) -> str:
        errors = {kind: count for outcome in self.outcomes for kind, count in outcome.errors.items()}
        complete = sum(outcome.facts["complete"] for outcome in self.outcomes)
        if complete == watchers and not errors:
            return ""
        return f"{complete} of {watchers} watchers heard of every change; errors: {errors or 'none'}"


class _Crowd:
    """Watchers in several client processes, who are told of holds and releases."""

    def __init__(
        self, place: Place, server: Server, clients: Sequence[LoadProcess], watchers: int, changes: int
    ) -> None:
        self._place = place
        self._server = server
        self._clients = clients
        self._watchers = watchers
        self._changes = changes

    async def hear(self, holds: int, pause_seconds: float) -> _Heard:
        """Has all of them join, makes the changes, and waits until everybody has heard of them."""
        share = self._watchers // len(self._clients)
        job = Job(
            "watch",
            self._server.target,
            self._place.token,
            share,
            _JOIN_SECONDS + holds * 2 * pause_seconds + _HEAR_SECONDS,
            [(self._place.shows[0], ())],
            channels=_CHANNELS,
            changes=self._changes,
        )
        watching = [asyncio.ensure_future(client.do(job)) for client in self._clients]
        await self._all_joined()
        process = self._server.process
        cpu_before = sum(process.cpu_times()[:2])
        started = time.perf_counter()
        await self._change(holds, pause_seconds)
        outcomes = await asyncio.gather(*watching)
        return _Heard(
            outcomes,
            self._changes,
            time.perf_counter() - started,
            sum(process.cpu_times()[:2]) - cpu_before,
            process.memory_info().rss / 1024 / 1024,
        )

    async def _all_joined(self) -> None:
        deadline = time.perf_counter() + _JOIN_SECONDS
        while (joined := await asyncio.to_thread(self._joined)) < self._watchers:
            if time.perf_counter() > deadline:
                raise ProcessFailed(f"only {joined:.0f} of {self._watchers} watchers joined")
            await asyncio.sleep(0.1)

    def _joined(self) -> float:
        families = text_string_to_metric_families(metrics_of(self._server))
        return next(
            sample.value for family in families for sample in family.samples if sample.name == "seat_watchers"
        )

    async def _change(self, holds: int, pause_seconds: float) -> None:
        show_id = self._place.shows[0]
        metadata = (("authorization", f"Bearer {self._place.token}"),)
        async with aio.insecure_channel(self._server.target) as channel:
            stub = seat_pb2_grpc.SeatServiceStub(channel)
            for _ in range(holds):
                answer = await stub.HoldSeats(
                    hold_request((show_id, ("A1", "A2"))), timeout=_DEADLINE_SECONDS, metadata=metadata
                )
                await asyncio.sleep(pause_seconds)
                await stub.ReleaseHold(
                    seat_pb2.ReleaseHoldRequest(
                        request_id=new_request_id(), show_id=show_id, hold_id=answer.hold.hold_id
                    ),
                    timeout=_DEADLINE_SECONDS,
                    metadata=metadata,
                )
                await asyncio.sleep(pause_seconds)
