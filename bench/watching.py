"""Many watchers of one show, and how long after each change they hear of it."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Final

from matinee.seat.v1 import seat_pb2

from bench.frames import FramesConnection, connect, header_block
from bench.jobs import Job, Outcome

_PATH: Final = "/matinee.seat.v1.SeatService/WatchSeats"
_STREAM_SECONDS: Final = 600


async def watch(job: Job) -> Outcome:
    """`in_flight` streams of the job's show, until each has heard of `changes` changes or time is up.

    Latencies are from the change in Redis, by Redis' clock, to the message in the client's hands: both are
    on one machine.
    """
    crowd = _Crowd(job)
    started = time.perf_counter()
    try:
        async with asyncio.timeout(job.seconds):
            await crowd.join()
            await crowd.done.wait()
    except TimeoutError:
        pass
    finally:
        crowd.leave()
    watchers = crowd.watchers
    return Outcome(
        time.perf_counter() - started,
        [latency for watcher in watchers for latency in watcher.latencies_ms],
        errors=dict(Counter(watcher.error for watcher in watchers if watcher.error)),
        facts={"complete": sum(watcher.complete for watcher in watchers)},
    )


class _Crowd:
    """The watchers, over as many connections as the job says."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._connections: list[FramesConnection] = []
        self._waiting = job.in_flight
        self.watchers = [_Watcher(job.changes) for _ in range(job.in_flight)]
        self.done = asyncio.Event()

    async def join(self) -> None:
        """Opens all streams."""
        job = self._job
        show_id, _ = job.picks[0]
        request = seat_pb2.WatchSeatsRequest(show_id=show_id).SerializeToString()
        headers = header_block(_PATH, job.target, job.token, _STREAM_SECONDS)
        for first in range(job.channels):
            mine = self.watchers[first :: job.channels]
            connection = await connect(job.target, partial(self._told, mine), partial(self._ended, mine))
            self._connections.append(connection)
            for number in range(len(mine)):
                connection.open(number, headers, request)

    def leave(self) -> None:
        """Ends all streams."""
        for connection in self._connections:
            connection.close()

    def _told(self, watchers: "Sequence[_Watcher]", number: int, message: bytes) -> None:
        watcher = watchers[number]
        was_over = watcher.over
        watcher.hear(message, time.time())
        self._count(watcher, was_over=was_over)

    def _ended(self, watchers: "Sequence[_Watcher]", number: int, how: str) -> None:
        watcher = watchers[number]
        was_over = watcher.over
        watcher.error = watcher.error or ("" if watcher.complete else how)
        self._count(watcher, was_over=was_over)

    def _count(self, watcher: "_Watcher", *, was_over: bool) -> None:
        self._waiting -= watcher.over and not was_over
        if not self._waiting:
            self.done.set()


class _Watcher:
    """What one stream was told, which must be without a gap."""

    def __init__(self, changes: int) -> None:
        self._changes = changes
        self._sequence = 0
        self.latencies_ms: list[float] = []
        self.error = ""

    @property
    def complete(self) -> bool:
        """Whether it has heard of all changes."""
        return len(self.latencies_ms) == self._changes

    @property
    def over(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self.complete or bool(self.error)

    def hear(self, message: bytes, now: float) -> None:
        """A snapshot first, then every change in order."""
        if self.over:
            return
        update = seat_pb2.WatchSeatsResponse.FromString(message)
        if update.HasField("snapshot"):
            self.error = "SNAPSHOT_AGAIN" if self._sequence else ""
            self._sequence = update.snapshot.sequence
            return
        delta = update.delta
        if delta.sequence != self._sequence + 1:
            self.error = "GAP"
            return
        self._sequence = delta.sequence
        self.latencies_ms.append((now - delta.change_time.seconds - delta.change_time.nanos / 1e9) * 1000)
