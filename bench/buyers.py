"""Many buyers who come for the seats of one show.

A buyer looks at the seats, takes a free one, and is told that it is held or that somebody was faster; then
looks again. Who holds a seat buys it; who sees no free seat goes home. Every error is counted by its kind;
the buyer waits a little and asks again.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from google.rpc import error_details_pb2, status_pb2
from grpc import aio
from matinee.seat.v1 import seat_pb2, seat_pb2_grpc
from matinee.theatre.v1 import seats_pb2

from bench.jobs import Job, Outcome
from bench.programme import SEAT_IDS
from bench.requests import confirm_request, hold_request
from mesh.interceptors.admission import TIMEOUT_HEADER

_DEADLINE_SECONDS: Final = 20.0
_SALE_SECONDS: Final = 90.0
_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 2.0
_SEAT_TAKEN: Final = "SEAT_TAKEN"
_TRIES: Final = 20


class Taken(Exception):
    """Somebody was faster."""


@dataclass(slots=True)
class Till:
    """What became of all of them."""

    latencies_ms: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    tickets: list[str] = field(default_factory=list)
    seats: list[str] = field(default_factory=list)
    slowest_buyer_seconds: float = 0.0


async def flash(job: Job) -> Outcome:
    """All buyers of the job, who come one after the other within its time."""
    async with AsyncExitStack() as connections:
        stubs = []
        for _ in range(job.channels):
            channel = aio.insecure_channel(job.target, options=[("grpc.use_local_subchannel_pool", 1)])
            stubs.append(seat_pb2_grpc.SeatServiceStub(await connections.enter_async_context(channel)))
            await asyncio.wait_for(channel.channel_ready(), _DEADLINE_SECONDS)
        return await _sale(job, stubs)


async def _sale(job: Job, stubs: Sequence[Any]) -> Outcome:
    show_id, _ = job.picks[0]
    till = Till()
    started = time.perf_counter()
    async with asyncio.timeout(_SALE_SECONDS), asyncio.TaskGroup() as group:
        for number in range(job.buyers):
            due = started + job.seconds * number / job.buyers
            wait = due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            buyer = _Buyer(stubs[number % len(stubs)], job.token, show_id, till)
            group.create_task(buyer.come())
            if wait <= 0:
                await asyncio.sleep(0)
    seconds = time.perf_counter() - started
    everything = [each for latencies in till.latencies_ms.values() for each in latencies]
    return Outcome(seconds, everything, errors=dict(till.errors), facts=_facts(till))


def _facts(till: Till) -> dict[str, Any]:
    return {
        "answers": dict(till.answers),
        "tickets": till.tickets,
        "seats": till.seats,
        "latencies_ms": till.latencies_ms,
        "slowest_buyer_seconds": round(till.slowest_buyer_seconds, 3),
    }


class _Buyer:
    def __init__(self, stub: Any, token: str, show_id: str, till: Till) -> None:
        self._stub = stub
        self._show_id = show_id
        self._till = till
        self._metadata = (
            ("authorization", f"Bearer {token}"),
            (TIMEOUT_HEADER, str(int(_DEADLINE_SECONDS * 1000))),
        )

    async def come(self) -> None:
        """Until tickets are bought or none are left."""
        came = time.perf_counter()
        try:
            outcome = await self._buy()
        except aio.AioRpcError:
            outcome = "failed"  # and counted by its kind
        self._till.answers[outcome] += 1
        self._till.slowest_buyer_seconds = max(self._till.slowest_buyer_seconds, time.perf_counter() - came)

    async def _buy(self) -> str:
        while True:
            free = await self._free_seats()
            if not free:
                return "none_left"
            try:
                hold = await self._hold(random.choice(free))
            except Taken:
                self._till.answers["seat_taken"] += 1
                continue
            sold = await self._ask("confirm", self._stub.ConfirmHold, confirm_request(hold))
            self._till.tickets += [ticket.ticket_id for ticket in sold.tickets]
            self._till.seats += [ticket.seat_id for ticket in sold.tickets]
            return "sold"

    async def _free_seats(self) -> list[str]:
        request = seat_pb2.GetSeatMapRequest(show_id=self._show_id)
        answer = await self._ask("seat map", self._stub.GetSeatMap, request)
        states = answer.seat_map.seat_states
        free = seats_pb2.SEAT_STATE_AVAILABLE
        return [seat_id for seat_id, state in zip(SEAT_IDS, states, strict=True) if state == free]

    async def _hold(self, seat_id: str) -> seats_pb2.Hold:
        answer = await self._ask("hold", self._stub.HoldSeats, hold_request((self._show_id, (seat_id,))))
        hold: seats_pb2.Hold = answer.hold
        return hold

    async def _ask(self, what: str, call: Any, request: Any) -> Any:
        """The answer; after an error the very same request is sent again, which changes nothing twice."""
        pause = _FIRST_PAUSE_SECONDS
        for tries_left in reversed(range(_TRIES)):
            started = time.perf_counter()
            try:
                return await call(request, timeout=_DEADLINE_SECONDS, metadata=self._metadata)
            except aio.AioRpcError as error:
                details = _details_of(error)
                told = _retry_seconds(details)
                if _reason_of(details) == _SEAT_TAKEN:
                    raise Taken from None
                self._till.errors[_kind_of(error, details)] += 1
                if tries_left == 0:
                    raise
            finally:
                took = (time.perf_counter() - started) * 1000
                self._till.latencies_ms.setdefault(what, []).append(took)
            await asyncio.sleep(told * random.uniform(1, 2) if told else pause * random.uniform(0.5, 1.5))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        raise AssertionError("the last try answers or raises")


def _kind_of(error: aio.AioRpcError, details: Sequence[Any]) -> str:
    """The code; overload that does not say when to come again is a kind of its own."""
    code = error.code().name
    if code != "RESOURCE_EXHAUSTED":
        return code
    return code if _retry_seconds(details) else f"{code} without a retry time"


def _details_of(error: aio.AioRpcError) -> Sequence[Any]:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            return list(status_pb2.Status.FromString(value).details)
    return []


def _retry_seconds(details: Sequence[Any]) -> float:
    """When to come again, as the server told; 0 when it did not."""
    retry = error_details_pb2.RetryInfo()
    told = any(detail.Unpack(retry) for detail in details)
    return retry.retry_delay.ToMilliseconds() / 1000 if told else 0.0


def _reason_of(details: Sequence[Any]) -> str:
    info = error_details_pb2.ErrorInfo()
    return info.reason if any(detail.Unpack(info) for detail in details) else ""
