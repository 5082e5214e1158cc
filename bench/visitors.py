"""So many buyers at once, each of whom begins anew, as somebody else, as soon as the tickets are there."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from bench.browser import BadAnswer
from bench.jobs import Job, Outcome
from bench.visit import Visit

_MOST_RAMP_SECONDS: Final = 1.0
_VISIT_SECONDS: Final = 60.0
_PAUSE_AFTER_ERROR_SECONDS: Final = 0.2


@dataclass(slots=True)
class _Takings:
    opens: float
    closes: float
    latencies_ms: list[float] = field(default_factory=list)
    steps_ms: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    visits: list[Visit] = field(default_factory=list)

    def take(self, visit: Visit, started: float) -> None:
        """Every booking is kept; those that end while the window is open are its figures."""
        ended = time.perf_counter()
        self.visits.append(visit)
        if self.opens <= ended < self.closes:
            self.latencies_ms.append((ended - started) * 1000)
            for step, milliseconds in visit.steps_ms.items():
                self.steps_ms.setdefault(step, []).append(milliseconds)


async def make_bookings(job: Job) -> Outcome:
    """Whole bookings; `used` counts also those before and after the window."""
    ramp = min(_MOST_RAMP_SECONDS, job.seconds)
    opens = time.perf_counter() + ramp
    takings = _Takings(opens, opens + job.seconds)
    await asyncio.gather(*(_keep_buying(job.target, takings) for _ in range(job.in_flight)))
    return Outcome(
        job.seconds, takings.latencies_ms, len(takings.visits), dict(takings.errors), _facts(takings)
    )


async def _keep_buying(site: str, takings: _Takings) -> None:
    while time.perf_counter() < takings.closes:
        visit = Visit()
        started = time.perf_counter()
        try:
            async with asyncio.timeout(_VISIT_SECONDS):
                await visit.make(site)
        except (BadAnswer, OSError, EOFError, TimeoutError) as error:
            kind = str(error) if isinstance(error, BadAnswer) else type(error).__name__
            takings.errors[f"{visit.step}: {kind}"] += 1
            await asyncio.sleep(_PAUSE_AFTER_ERROR_SECONDS)
        else:
            takings.take(visit, started)


def _facts(takings: _Takings) -> dict[str, Any]:
    visits = takings.visits
    return {
        "steps_ms": takings.steps_ms,
        "bookings": [visit.booking_id for visit in visits],
        "emails": [visit.email for visit in visits],
        "tickets": [list(visit.tickets) for visit in visits],
        "seats": [[f"{visit.show_id} {seat}" for seat in visit.seats] for visit in visits],
        "seats_lost": sum(visit.seats_lost for visit in visits),
    }
