"""``python -m bench.load``: the load client. Reads jobs from its input, answers with outcomes.

A process of its own, so that its work is not the server's. Single calls and watchers cost it as little as
can be (`bench.frames`); buyers of a flash sale speak plain grpc.aio, as any caller in Python would, and
buyers of whole bookings HTTP as a browser does. Connections of single calls stay open from job to job.
"""

import asyncio
import itertools
import sys
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeVar

import uvloop
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from matinee.seat.v1 import seat_pb2
from matinee.theatre.v1 import seats_pb2

from bench.buyers import flash
from bench.calls import Caller, CallFailed
from bench.empty import PATH
from bench.jobs import Job, Outcome, Pick, job_from
from bench.requests import confirm_request, hold_request
from bench.visitors import make_bookings
from bench.watching import watch
from mesh.ids import new_request_id

_SEATS: Final = "/matinee.seat.v1.SeatService/"
_PREPARING_AT_ONCE: Final = 32

Answer = TypeVar("Answer", bound=Message)

Lane = Callable[[], Awaitable[bool]]
"""Makes the next call of one place in flight; False when there is nothing left to call for."""


class LoadClient:
    """Does jobs, one at a time."""

    def __init__(self) -> None:
        self._callers: dict[tuple[str, int], list[Caller]] = {}
        self._held: deque[seats_pb2.Hold] = deque()

    async def do(self, job: Job) -> Outcome:
        """The job's outcome."""
        if job.call == "bookings":
            return await make_bookings(job)
        if job.call == "watch":
            return await watch(job)
        if job.call == "flash":
            return await flash(job)
        calls = _Calls(job, await self._connected(job), self._held)
        return await (calls.prepare() if job.call == "prepare" else calls.measure())

    def close(self) -> None:
        """Ends all connections."""
        for caller in itertools.chain.from_iterable(self._callers.values()):
            caller.close()

    async def _connected(self, job: Job) -> list[Caller]:
        callers = self._callers.get((job.target, job.channels))
        if callers is None:
            callers = [await Caller.connected(job.target, job.token) for _ in range(job.channels)]
            self._callers[job.target, job.channels] = callers
        return callers


class _Calls:
    """One job of single calls."""

    def __init__(self, job: Job, callers: list[Caller], held: deque[seats_pb2.Hold]) -> None:
        self._job = job
        self._callers = callers
        self._picks: Iterator[Pick] = iter(job.picks)
        self._held = held
        self._latencies: list[float] = []
        self._errors: Counter[str] = Counter()
        self._used = 0

    async def prepare(self) -> Outcome:
        """Holds all the picks, in place of what an earlier job left over: a confirm needs a hold."""
        self._held.clear()
        started = time.perf_counter()

        async def hold(caller: Caller) -> None:
            for pick in self._picks:
                answer = await caller.call(_SEATS + "HoldSeats", hold_request(pick).SerializeToString())
                self._held.append(seat_pb2.HoldSeatsResponse.FromString(answer).hold)

        await asyncio.gather(*(hold(self._caller(place)) for place in range(_PREPARING_AT_ONCE)))
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
            except CallFailed as error:
                self._errors[error.status] += 1

    async def _timed(self, caller: Caller, path: str, request: Message, answer: type[Answer]) -> Answer:
        started = time.perf_counter()
        message = await caller.call(path, request.SerializeToString())
        self._latencies.append((time.perf_counter() - started) * 1000)
        return answer.FromString(message)

    def _caller(self, place: int) -> Caller:
        return self._callers[place % len(self._callers)]

    def _empty(self, place: int) -> Lane:
        caller = self._caller(place)

        async def lane() -> bool:
            await self._timed(caller, PATH, Empty(), Empty)
            return True

        return lane

    def _hold(self, place: int) -> Lane:
        caller = self._caller(place)

        async def lane() -> bool:
            pick = next(self._picks, None)
            if pick is None:
                return False
            self._used += 1
            await self._hold_seats(caller, pick)
            return True

        return lane

    async def _hold_seats(self, caller: Caller, pick: Pick) -> seats_pb2.Hold:
        request = hold_request(pick)
        return (await self._timed(caller, _SEATS + "HoldSeats", request, seat_pb2.HoldSeatsResponse)).hold

    def _seat_map(self, place: int) -> Lane:
        caller = self._caller(place)
        shows = itertools.cycle([show_id for show_id, _ in self._job.picks])
        for _ in range(place):
            next(shows)

        async def lane() -> bool:
            await self._look(caller, next(shows))
            return True

        return lane

    def _first_look(self, place: int) -> Lane:
        """Each show once."""
        caller = self._caller(place)

        async def lane() -> bool:
            pick = next(self._picks, None)
            if pick is None:
                return False
            await self._look(caller, pick[0])
            return True

        return lane

    async def _look(self, caller: Caller, show_id: str) -> None:
        request = seat_pb2.GetSeatMapRequest(show_id=show_id)
        await self._timed(caller, _SEATS + "GetSeatMap", request, seat_pb2.GetSeatMapResponse)

    def _confirm(self, place: int) -> Lane:
        caller = self._caller(place)

        async def lane() -> bool:
            if not self._held:
                return False
            request = confirm_request(self._held.popleft())
            await self._timed(caller, _SEATS + "ConfirmHold", request, seat_pb2.ConfirmHoldResponse)
            return True

        return lane

    def _hold_and_release(self, place: int) -> Lane:
        """Each place has seats of its own, or several by turns."""
        caller = self._caller(place)
        own = itertools.cycle(self._job.picks[place :: self._job.in_flight])

        async def lane() -> bool:
            hold = await self._hold_seats(caller, next(own))
            release = seat_pb2.ReleaseHoldRequest(
                request_id=new_request_id(), show_id=hold.show_id, hold_id=hold.hold_id
            )
            await self._timed(caller, _SEATS + "ReleaseHold", release, seat_pb2.ReleaseHoldResponse)
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
        client.close()


if __name__ == "__main__":
    # As every process of ours, and as cheap as a caller in Python can be: it shares the machine.
    uvloop.run(main())
