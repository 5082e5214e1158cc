"""``python -m bench.load``: the load client. Reads jobs from its input, answers with outcomes.

A process of its own, so that its work is not the server's; it speaks plain grpc.aio through the generated
stubs, as any caller in Python would, and HTTP as a browser does for whole bookings.
Connections of gRPC stay open from job to job.
"""

import asyncio
import itertools
import sys
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import uvloop
from google.protobuf.empty_pb2 import Empty
from grpc import aio
from matinee.seat.v1 import seat_pb2, seat_pb2_grpc
from matinee.theatre.v1 import seats_pb2

from bench.buyers import flash
from bench.empty import PATH
from bench.jobs import Job, Outcome, Pick, job_from
from bench.requests import confirm_request, hold_request
from bench.visitors import make_bookings
from bench.watching import watch
from mesh.ids import new_request_id

_DEADLINE_SECONDS: Final = 20.0
_PREPARING_AT_ONCE: Final = 32

Lane = Callable[[], Awaitable[bool]]
"""Makes the next call of one place in flight; False when there is nothing left to call for."""


class LoadClient:
    """Does jobs, one at a time."""

    def __init__(self) -> None:
        self._channels: dict[tuple[str, int], list[aio.Channel]] = {}
        self._held: deque[seats_pb2.Hold] = deque()

    async def do(self, job: Job) -> Outcome:
        """The job's outcome."""
        if job.call == "bookings":
            return await make_bookings(job)
        if job.call == "watch":
            return await watch(job)
        channels = await self._connected(job.target, job.channels)
        if job.call == "flash":
            return await flash(job, channels)
        calls = _Calls(job, channels, self._held)
        return await (calls.prepare() if job.call == "prepare" else calls.measure())

    async def close(self) -> None:
        """Ends all connections."""
        for channel in itertools.chain.from_iterable(self._channels.values()):
            await channel.close()

    async def _connected(self, target: str, count: int) -> list[aio.Channel]:
        channels = self._channels.get((target, count))
        if channels is None:
            options = [("grpc.use_local_subchannel_pool", 1)]
            channels = [aio.insecure_channel(target, options=options) for _ in range(count)]
            self._channels[target, count] = channels
        for channel in channels:
            await asyncio.wait_for(channel.channel_ready(), _DEADLINE_SECONDS)
        return channels


class _Calls:
    """One job of single calls."""

    def __init__(self, job: Job, channels: list[aio.Channel], held: deque[seats_pb2.Hold]) -> None:
        self._job = job
        self._options: dict[str, Any] = {
            "timeout": _DEADLINE_SECONDS,
            "metadata": (("authorization", f"Bearer {job.token}"),),
        }
        self._channels = channels
        self._stubs: list[Any] = [seat_pb2_grpc.SeatServiceStub(channel) for channel in channels]
        self._picks: Iterator[Pick] = iter(job.picks)
        self._held = held
        self._latencies: list[float] = []
        self._errors: Counter[str] = Counter()
        self._used = 0

    async def prepare(self) -> Outcome:
        """Holds all the picks, in place of what an earlier job left over: a confirm needs a hold."""
        self._held.clear()
        started = time.perf_counter()

        async def hold(stub: Any) -> None:
            for pick in self._picks:
                response = await stub.HoldSeats(hold_request(pick), **self._options)
                self._held.append(response.hold)

        await asyncio.gather(*(hold(self._stub(place)) for place in range(_PREPARING_AT_ONCE)))
        return Outcome(time.perf_counter() - started, used=len(self._held))

    async def measure(self) -> Outcome:
        """Calls until the time or the supply ends."""
        makers: dict[str, Callable[[int], Lane]] = {
            "empty": self._empty,
            "hold": self._hold,
            "seat_map": self._seat_map,
            "first_look": self._first_look,
            "confirm": self._confirm,
            "hold_and_release": self._hold_and_release,
        }
        lanes = [makers[self._job.call](place) for place in range(self._job.in_flight)]
        started = time.perf_counter()
        end = started + self._job.seconds
        await asyncio.gather(*(self._drive(lane, end) for lane in lanes))
        return Outcome(time.perf_counter() - started, self._latencies, self._used, dict(self._errors))

    async def _drive(self, lane: Lane, end: float) -> None:
        while time.perf_counter() < end:
            try:
                if not await lane():
                    return
            except aio.AioRpcError as error:
                self._errors[error.code().name] += 1

    async def _timed(self, call: Callable[..., Awaitable[Any]], request: Any) -> Any:
        started = time.perf_counter()
        answer = await call(request, **self._options)
        self._latencies.append((time.perf_counter() - started) * 1000)
        return answer

    def _stub(self, place: int) -> Any:
        return self._stubs[place % len(self._stubs)]

    def _empty(self, place: int) -> Lane:
        call: Any = self._channels[place % len(self._channels)].unary_unary(
            PATH, request_serializer=Empty.SerializeToString, response_deserializer=Empty.FromString
        )

        async def lane() -> bool:
            await self._timed(call, Empty())
            return True

        return lane

    def _hold(self, place: int) -> Lane:
        stub = self._stub(place)

        async def lane() -> bool:
            pick = next(self._picks, None)
            if pick is None:
                return False
            self._used += 1
            await self._timed(stub.HoldSeats, hold_request(pick))
            return True

        return lane

    def _seat_map(self, place: int) -> Lane:
        stub = self._stub(place)
        shows = itertools.cycle([show_id for show_id, _ in self._job.picks])
        for _ in range(place):
            next(shows)

        async def lane() -> bool:
            await self._timed(stub.GetSeatMap, seat_pb2.GetSeatMapRequest(show_id=next(shows)))
            return True

        return lane

    def _first_look(self, place: int) -> Lane:
        """Each show once."""
        stub = self._stub(place)

        async def lane() -> bool:
            pick = next(self._picks, None)
            if pick is None:
                return False
            await self._timed(stub.GetSeatMap, seat_pb2.GetSeatMapRequest(show_id=pick[0]))
            return True

        return lane

    def _confirm(self, place: int) -> Lane:
        stub = self._stub(place)

        async def lane() -> bool:
            if not self._held:
                return False
            await self._timed(stub.ConfirmHold, confirm_request(self._held.popleft()))
            return True

        return lane

    def _hold_and_release(self, place: int) -> Lane:
        """Each place has seats of its own, or several by turns."""
        stub = self._stub(place)
        own = itertools.cycle(self._job.picks[place :: self._job.in_flight])

        async def lane() -> bool:
            pick = next(own)
            hold = (await self._timed(stub.HoldSeats, hold_request(pick))).hold
            release = seat_pb2.ReleaseHoldRequest(
                request_id=new_request_id(), show_id=hold.show_id, hold_id=hold.hold_id
            )
            await self._timed(stub.ReleaseHold, release)
            return True

        return lane


async def main() -> None:
    """Does what the lines of the standard input ask for, until it ends."""
    client = LoadClient()
    try:
        while line := await asyncio.to_thread(sys.stdin.buffer.readline):
            outcome = await client.do(job_from(line))
            sys.stdout.buffer.write(outcome.line())
            sys.stdout.buffer.flush()
    finally:
        await client.close()


if __name__ == "__main__":
    # As every process of ours, and as cheap as a caller in Python can be: it shares the machine.
    uvloop.run(main())
