"""Windows of load, one after the other, and what each cost: calls, latencies, CPU of every process."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

import psutil

from bench.jobs import Job, Outcome
from bench.place import Place, Server
from bench.report import Row
from stack.errors import StackError

_MOST_ERRORS = 0.01
_BRIEF_SECONDS = 0.5


def rounds_of(usual: int, seconds: float) -> int:
    """How often each window is repeated: once, where windows are too brief for figures that mean much."""
    return usual if seconds >= _BRIEF_SECONDS else 1


class NoMeasurement(StackError):
    """Too many calls of a window failed for its figures to mean anything."""


@dataclass(slots=True)
class Series:
    """Windows of the same kind, spread over the whole run."""

    what: str
    in_flight: int
    outcomes: list[Outcome] = field(default_factory=list)
    cpu_seconds: dict[str, float] = field(default_factory=dict)

    @property
    def rates(self) -> list[float]:
        """Calls a second, window by window."""
        return [outcome.per_second for outcome in self.outcomes]

    @property
    def calls(self) -> int:
        """Calls of all windows."""
        return sum(len(outcome.latencies_ms) for outcome in self.outcomes)

    @property
    def mean_ms(self) -> float:
        """Mean latency."""
        return statistics.fmean(self._latencies())

    def row(self) -> Row:
        """The median window's rate, and the percentiles of all calls."""
        return Row.of(self.what, self.in_flight, statistics.median(self.rates), self._latencies())

    def cpu_microseconds(self) -> dict[str, float]:
        """CPU time that a call costs each process."""
        return {name: seconds * 1e6 / self.calls for name, seconds in self.cpu_seconds.items()}

    def _latencies(self) -> list[float]:
        return [each for outcome in self.outcomes for each in outcome.latencies_ms]


class Windows:
    """Runs windows and sorts them into series."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._series: dict[tuple[str, int], Series] = {}

    def series(self, what: str, in_flight: int) -> Series:
        """The series of that name; empty at first."""
        return self._series.setdefault((what, in_flight), Series(what, in_flight))

    async def run(self, what: str, job: Job, servers: Sequence[Server]) -> Outcome:
        """One window. `servers` are those that the job is for. Raises `NoMeasurement`."""
        processes = {
            "server": [server.process for server in servers],
            "valkey": [psutil.Process(self._place.valkey.pid)],
            "mongod": [psutil.Process(self._place.mongo.pid)],
            "client": [self._place.client.process],
        }
        before = {name: _cpu_seconds(each) for name, each in processes.items()}
        outcome = await self._place.client.do(job)
        failed = sum(outcome.errors.values())
        if failed > _MOST_ERRORS * (failed + len(outcome.latencies_ms)) or not outcome.latencies_ms:
            raise NoMeasurement(f"{what} at {job.in_flight} in flight: {failed} failed: {outcome.errors}")
        series = self.series(what, job.in_flight)
        series.outcomes.append(outcome)
        for name, each in processes.items():
            spent = _cpu_seconds(each) - before[name]
            series.cpu_seconds[name] = series.cpu_seconds.get(name, 0.0) + spent
        return outcome

    def rows(self) -> list[Row]:
        """A row for each series, in the order in which they were first run."""
        return [series.row() for series in self._series.values() if series.outcomes]


def _cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return sum(each.user + each.system for each in times)
