"""Many watchers of one show, and how long after each change they hear of it."""

import asyncio
import time
from collections import Counter
from typing import Any, Final

from grpc import aio
from matinee.seat.v1 import seat_pb2, seat_pb2_grpc

from bench.jobs import Job, Outcome

_DEADLINE_SECONDS: Final = 600.0


async def watch(job: Job, channels: list[aio.Channel]) -> Outcome:
    """`in_flight` streams of the job's show, each until it has heard of `changes` changes or time is up.

    Latencies are from the change in Redis, by Redis' clock, to the message in the client's hands: both are
    on one machine.
    """
    watchers = [_Watcher(job, channels[number % len(channels)]) for number in range(job.in_flight)]
    started = time.perf_counter()
    tasks = [asyncio.create_task(watcher.watch()) for watcher in watchers]
    try:
        async with asyncio.timeout(job.seconds):
            await asyncio.gather(*tasks)
    except TimeoutError:
        pass
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    errors = Counter(watcher.error for watcher in watchers if watcher.error)
    return Outcome(
        time.perf_counter() - started,
        [latency for watcher in watchers for latency in watcher.latencies_ms],
        errors=dict(errors),
        facts={"complete": sum(len(watcher.latencies_ms) == job.changes for watcher in watchers)},
    )


class _Watcher:
    """One stream; what it is told must be without a gap."""

    def __init__(self, job: Job, channel: aio.Channel) -> None:
        self._job = job
        self._stub: Any = seat_pb2_grpc.SeatServiceStub(channel)
        self.latencies_ms: list[float] = []
        self.error = ""

    async def watch(self) -> None:
        show_id, _ = self._job.picks[0]
        stream = self._stub.WatchSeats(
            seat_pb2.WatchSeatsRequest(show_id=show_id),
            timeout=_DEADLINE_SECONDS,
            metadata=(("authorization", f"Bearer {self._job.token}"),),
        )
        try:
            await self._read(stream)
        except aio.AioRpcError as error:
            self.error = error.code().name
        finally:
            stream.cancel()

    async def _read(self, stream: Any) -> None:
        sequence = 0
        async for update in stream:
            now = time.time()
            if update.HasField("snapshot"):
                sequence = update.snapshot.sequence
                continue
            delta = update.delta
            if delta.sequence != sequence + 1:
                self.error = "GAP"
                return
            sequence = delta.sequence
            changed = delta.change_time.seconds + delta.change_time.nanos / 1e9
            self.latencies_ms.append((now - changed) * 1000)
            if len(self.latencies_ms) == self._job.changes:
                return
