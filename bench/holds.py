"""``./matinee bench holds``: holds, seat maps and confirms next to a gRPC call that does nothing."""

from typing import Final

from bench.jobs import Job
from bench.place import Place, Server
from bench.report import Report, median_ratio, table
from bench.scale import measure_scale
from bench.shares import measure_shares
from bench.supply import Supply, pairs_of
from bench.twins import measure_twins
from bench.windows import Windows, rounds_of

_ROUNDS: Final = 8
_WINDOW_SECONDS: Final = 0.5
_IN_FLIGHT: Final = (1, 32, 256)
_COMPARED: Final = 32
_MANY: Final = 64
_SHOWS: Final = 1_600
_KNOWN_SHOWS: Final = 1_000
_WARM_SECONDS: Final = 0.5
_MOST_RATE: Final = {1: 1_500, 32: 4_500, 256: 4_500}
"""More calls a second than one process answers: no window ends for want of seats."""
_CONFIRM_RATE: Final = {1: 250, 32: 1_200, 256: 1_500}
_ON_UVLOOP: Final = "empty call, uvloop"
_ONE_SCRIPT: Final = "empty call, 1 script"
_HOT: Final = "hold and release, 1 show"
_COLD: Final = f"hold and release, {_MANY} shows"


async def measure(place: Place, seconds: float | None) -> Report:
    """The whole measurement; each window of load takes `seconds` (0.5)."""
    seconds = seconds or _WINDOW_SECONDS
    await place.start_catalogue(_SHOWS)
    holds = _Holds(
        place,
        empty=await place.start_empty(),
        on_uvloop=await place.start_empty("uvloop"),
        one_script=await place.start_empty("uvloop", place.valkey.local_url),
        inventory=await place.start_inventory(),
        seconds=seconds,
    )
    await holds.warm_up()
    with place.progress.step("holds, seat maps, confirms", announced=True):
        for number in range(rounds_of(_ROUNDS, seconds)):
            await holds.round(number)
    report = holds.report()
    with place.progress.step("shares of the steps", announced=True):
        await measure_shares(place, holds.supply, seconds, report)
    with place.progress.step("10 to 100,000 shows", announced=True):
        await measure_scale(place, holds.inventory, place.shows[:_KNOWN_SHOWS], seconds, report)
    with place.progress.step("two processes on one port", announced=True):
        await measure_twins(place, place.shows[1 : 1 + _MANY], 2 * seconds, report)
    return report


class _Holds:
    def __init__(
        self,
        place: Place,
        *,
        empty: Server,
        on_uvloop: Server,
        one_script: Server,
        inventory: Server,
        seconds: float,
    ) -> None:
        self._place = place
        self._empty = empty
        self._on_uvloop = on_uvloop
        self._one_script = one_script
        self.inventory = inventory
        self._seconds = seconds
        self._windows = Windows(place)
        self._hot, *self._many = place.shows[: 1 + _MANY]
        self.supply = Supply(place, inventory, place.shows[_KNOWN_SHOWS:])

    async def warm_up(self) -> None:
        """Connections, scripts, caches, byte code."""
        await self._place.warm(self.inventory, [self._hot, *self._many])
        scratch = Windows(self._place)
        usual, seconds = self._windows, self._seconds
        self._windows, self._seconds = scratch, min(_WARM_SECONDS, seconds)
        await self.round(0)
        self._windows, self._seconds = usual, seconds

    async def round(self, number: int) -> None:
        """Every kind of call at every number in flight, close to each other; each round in turned order."""
        calls = [self._empty_calls, self._hold_calls, self._seat_maps, self._confirms]
        for in_flight in _IN_FLIGHT:
            for call in calls if number % 2 == 0 else reversed(calls):
                await call(in_flight)
        await self._empty_beside_ours()
        pairs = [self._one_show, self._many_shows]
        for pair in pairs if number % 2 == 0 else reversed(pairs):
            await pair()

    def report(self) -> Report:
        """What was measured, less what the others add."""
        report = Report("holds", rows=self._windows.rows())
        empty = self._windows.series("empty call", _COMPARED).rates
        for name, what in (
            ("hold", "hold of 2 seats"),
            ("seat_map", "seat map of 300 seats"),
            ("confirm", "confirm of 2 seats"),
        ):
            rates = self._windows.series(what, _COMPARED).rates
            report.ratios[f"{name}/empty"] = median_ratio(rates, empty)
        holding = self._windows.series("hold of 2 seats", _COMPARED).rates
        for name, what in (("empty on uvloop", _ON_UVLOOP), ("empty with 1 script", _ONE_SCRIPT)):
            report.ratios[f"hold/{name}"] = median_ratio(holding, self._windows.series(what, _COMPARED).rates)
        hot, cold = (self._windows.series(what, _COMPARED).rates for what in (_HOT, _COLD))
        report.ratios["hot/many"] = median_ratio(hot, cold)
        self._tell_cpu(report)
        return report

    def _tell_cpu(self, report: Report) -> None:
        names = ("empty call", _ONE_SCRIPT, "hold of 2 seats", "seat map of 300 seats", "confirm of 2 seats")
        costs = {name: self._windows.series(name, _COMPARED).cpu_microseconds() for name in names}
        report.facts["cpu_us_per_call"] = {
            name: {process: round(cost, 1) for process, cost in each.items()} for name, each in costs.items()
        }
        columns = list(next(iter(costs.values())))
        lines = {name: list(each.values()) for name, each in costs.items()}
        report.notes += table("CPU of a call at 32 in flight", columns, lines, "µs")
        base = costs["empty call"]["server"]
        for name, what in zip(("hold", "seat_map", "confirm"), names[2:], strict=True):
            report.ratios[f"{name}/empty by server CPU"] = base / costs[what]["server"]

    async def _empty_calls(self, in_flight: int) -> None:
        job = Job("empty", self._empty.target, self._place.token, in_flight, self._seconds)
        await self._windows.run("empty call", job, [self._empty])

    async def _empty_beside_ours(self) -> None:
        for what, server in ((_ON_UVLOOP, self._on_uvloop), (_ONE_SCRIPT, self._one_script)):
            job = Job("empty", server.target, self._place.token, _COMPARED, self._seconds)
            await self._windows.run(what, job, [server])

    async def _hold_calls(self, in_flight: int) -> None:
        pairs = await self.supply.take(round(_MOST_RATE[in_flight] * self._seconds))
        job = Job("hold", self.inventory.target, self._place.token, in_flight, self._seconds, pairs)
        outcome = await self._windows.run("hold of 2 seats", job, [self.inventory])
        self.supply.give_back(pairs[outcome.used :])

    async def _seat_maps(self, in_flight: int) -> None:
        picks = [(show_id, ()) for show_id in self._many]
        job = Job("seat_map", self.inventory.target, self._place.token, in_flight, self._seconds, picks)
        await self._windows.run("seat map of 300 seats", job, [self.inventory])

    async def _confirms(self, in_flight: int) -> None:
        pairs = await self.supply.take(round(_CONFIRM_RATE[in_flight] * self._seconds))
        target, token = self.inventory.target, self._place.token
        await self._place.client.do(Job("prepare", target, token, in_flight, self._seconds, pairs))
        job = Job("confirm", target, token, in_flight, self._seconds)
        await self._windows.run("confirm of 2 seats", job, [self.inventory])

    async def _one_show(self) -> None:
        await self._pairs_of(_HOT, [pairs_of(self._hot)[place] for place in range(_COMPARED)])

    async def _many_shows(self) -> None:
        picks = [pairs_of(self._many[place % _MANY])[place % 3] for place in range(3 * _COMPARED)]
        await self._pairs_of(_COLD, picks)

    async def _pairs_of(self, what: str, picks: list[tuple[str, tuple[str, ...]]]) -> None:
        target = self.inventory.target
        job = Job("hold_and_release", target, self._place.token, _COMPARED, self._seconds, picks)
        await self._windows.run(what, job, [self.inventory])
