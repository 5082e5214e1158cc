"""``./matinee bench bookings``: whole bookings through the web front end, as browsers make them."""

import asyncio
import os
import time
from dataclasses import dataclass
from typing import Any, Final

from bench.browser import Browser
from bench.jobs import Job, Outcome
from bench.report import Report, Row, table
from bench.site import Site, open_site
from bench.windows import NoMeasurement
from mesh.mongo import close, open_client
from stack.child import until
from stack.progress import Progress

_BUYERS: Final = (1, 8, 32)
_WINDOW_SECONDS: Final = 10.0
_WARM_BUYERS: Final = 8
_MOST_WARM_SECONDS: Final = 5.0
_DRAIN_SECONDS: Final = 120.0
_WHOLE: Final = "whole booking"
_TICKETS: Final = 2


@dataclass(slots=True)
class _Window:
    """What so many buyers did, and what it cost."""

    buyers: int
    outcome: Outcome
    cpu_seconds: dict[str, float]
    draining_cpu_seconds: dict[str, float]
    mails_behind: int
    draining_seconds: float

    @property
    def cpu_ms(self) -> dict[str, float]:
        """CPU of a booking by process, while they were made."""
        return {name: seconds * 1000 / self.outcome.used for name, seconds in self.cpu_seconds.items()}

    @property
    def draining_cpu_ms(self) -> float:
        """CPU of a booking afterwards, until all mails were there."""
        return sum(self.draining_cpu_seconds.values()) * 1000 / self.outcome.used

    @property
    def cores_used(self) -> float:
        """The part of all cores that was busy with it while the window was open."""
        return sum(self.cpu_ms.values()) / 1000 * self.outcome.per_second / _cores()

    def rows(self) -> list[Row]:
        """The whole, then its steps."""
        rate = self.outcome.per_second
        steps = self.outcome.facts["steps_ms"].items()
        return [
            Row.of(_WHOLE, self.buyers, rate, self.outcome.latencies_ms),
            *(Row.of(step, self.buyers, len(each) / self.outcome.seconds, each) for step, each in steps),
        ]


async def measure(progress: Progress, seconds: float | None) -> Report:
    """Windows of so many `seconds` (10) with 1, 8 and 32 buyers, and whether all of it went right."""
    seconds = seconds or _WINDOW_SECONDS
    async with open_site(progress) as site:
        with progress.step("warm-up", announced=True):
            await _look_at_every_show(site)
            await _run(site, _WARM_BUYERS, min(seconds, _MOST_WARM_SECONDS))
        windows = []
        for buyers in _BUYERS:
            with progress.step(f"{buyers} at once", announced=True):
                windows.append(await _run(site, buyers, seconds))
        return _report(windows, await _faults(site, windows))


async def _look_at_every_show(site: Site) -> None:
    """So that no buyer is the first one to look, which takes longer."""
    async with Browser() as browser:
        for show_id in site.shows:
            await browser.open(f"{site.url}/shows/{show_id}")


async def _run(site: Site, buyers: int, seconds: float) -> _Window:
    mails, before = site.mail_count(), site.cpu_seconds()
    outcome = await site.client.do(Job("bookings", site.url, "", buyers, seconds))
    made, done = site.cpu_seconds(), time.monotonic()
    if not outcome.latencies_ms:
        raise NoMeasurement(f"no booking was made by {buyers} at once: {outcome.errors}")
    due = mails + outcome.used
    behind = due - site.mail_count()
    await until(lambda: site.mail_count() >= due, _DRAIN_SECONDS)
    drained = site.cpu_seconds()
    return _Window(
        buyers=buyers,
        outcome=outcome,
        cpu_seconds={name: made[name] - before[name] for name in made},
        draining_cpu_seconds={name: drained[name] - made[name] for name in made},
        mails_behind=behind,
        draining_seconds=time.monotonic() - done,
    )


async def _faults(site: Site, windows: list[_Window]) -> list[str]:
    """What is not as it has to be, asked of the databases and the inbox as well as of the buyers."""
    faults = [
        f"{window.buyers} at once: {window.outcome.errors}" for window in windows if window.outcome.errors
    ]
    bookings, tickets, seats, emails = (
        [each for window in windows for each in window.outcome.facts[name]]
        for name in ("bookings", "tickets", "seats", "emails")
    )
    confirmed = await _confirmed(site, bookings)
    if confirmed < len(bookings):
        faults.append(f"{len(bookings) - confirmed} of {len(bookings)} bookings are not confirmed")
    for name, groups in (("tickets", tickets), ("seats", seats)):
        each = [thing for group in groups for thing in group]
        if len(set(each)) < len(bookings) * _TICKETS:
            faults.append(f"{len(set(each))} different {name} in {len(bookings)} bookings of {_TICKETS}")
    without = set(emails) - await asyncio.to_thread(_recipients, site)
    if without:
        faults.append(f"{len(without)} of {len(emails)} buyers got no mail")
    return faults


async def _confirmed(site: Site, bookings: list[str]) -> int:
    mongo = open_client(site.mongo_url, "bench")
    try:
        return int(
            await mongo["bookings"]["bookings"].count_documents(
                {"_id": {"$in": bookings}, "state": "CONFIRMED", "tickets": {"$size": _TICKETS}}
            )
        )
    finally:
        await close(mongo)


def _recipients(site: Site) -> set[str]:
    found = set()
    for path in site.mails.glob("*.eml"):
        with path.open(encoding="utf-8") as mail:
            found.add(mail.readline().partition(":")[2].strip())
    return found


def _report(windows: list[_Window], faults: list[str]) -> Report:
    errors: dict[str, int] = {}
    for window in windows:
        for kind, count in window.outcome.errors.items():
            errors[kind] = errors.get(kind, 0) + count
    report = Report("bookings", fault="; ".join(faults))
    report.rows = [row for window in windows for row in window.rows()]
    report.facts = {
        "cpu_ms_per_booking": {str(window.buyers): _cpu_as_json(window) for window in windows},
        "errors": errors,
        "seats_lost": sum(window.outcome.facts["seats_lost"] for window in windows),
        "cores": _cores(),
        "mails": {
            str(window.buyers): {
                "behind": window.mails_behind,
                "draining_seconds": round(window.draining_seconds, 2),
            }
            for window in windows
        },
    }
    report.notes = [*_cpu_table(windows), "", *(_told(window) for window in windows)]
    report.notes.append(
        f"errors: {errors or 'none'}; seats lost to somebody faster: {report.facts['seats_lost']}"
    )
    return report


def _cpu_as_json(window: _Window) -> dict[str, Any]:
    costs = {name: round(cost, 2) for name, cost in window.cpu_ms.items()}
    return costs | {
        "sum": round(sum(window.cpu_ms.values()), 2),
        "draining": round(window.draining_cpu_ms, 2),
        "cores_used": round(window.cores_used, 3),
    }


def _cpu_table(windows: list[_Window]) -> list[str]:
    lines = {name: [window.cpu_ms[name] for window in windows] for name in windows[0].cpu_ms}
    lines["sum"] = [sum(window.cpu_ms.values()) for window in windows]
    lines["after the window, for the mails"] = [window.draining_cpu_ms for window in windows]
    columns = [f"{window.buyers} at once" for window in windows]
    return table("CPU of a booking", columns, lines, "ms")


def _told(window: _Window) -> str:
    return (
        f"{window.buyers} at once: {window.outcome.used} bookings, "
        f"{window.cores_used:.0%} of {_cores()} cores; {window.mails_behind} mails were still to come "
        f"at the end, waited {window.draining_seconds:.1f} s for them"
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0))
