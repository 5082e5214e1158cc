"""``./matinee bench NAME [--json FILE] [--seconds S]``."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from bench import bookings, flash, holds, watchers
from bench.place import Place, open_place
from bench.report import Report
from stack.errors import FolderRefused, StackError
from stack.progress import Progress

Measurement = Callable[[Progress, float | None], Awaitable[Report]]
"""Starts what it measures, and ends it."""


def _in_a_place(measure: Callable[[Place, float | None], Awaitable[Report]]) -> Measurement:
    async def measured(progress: Progress, seconds: float | None) -> Report:
        async with open_place(progress) as place:
            return await measure(place, seconds)

    return measured


MEASUREMENTS: Final[Mapping[str, Measurement]] = {
    "holds": _in_a_place(holds.measure),
    "flash": _in_a_place(flash.measure),
    "watchers": _in_a_place(watchers.measure),
    "bookings": bookings.measure,
}


class UnknownMeasurement(StackError):
    """There is no measurement of that name."""


def bench(name: str, json_file: Path | None, seconds: float | None) -> int:
    """Measure, print the table and write the JSON; 1 when what was measured went wrong.

    Raises `StackError`. Nothing is left running.
    """
    measurement = MEASUREMENTS.get(name)
    if measurement is None:
        raise UnknownMeasurement(f"no measurement {name!r}; there are: {', '.join(MEASUREMENTS)}")
    if json_file is not None and not os.access(json_file.absolute().parent, os.W_OK):
        raise FolderRefused(f"cannot write to {json_file}")
    report = asyncio.run(_measured(measurement, seconds))
    print(f"\n{report.text()}")
    if json_file is not None:
        report.write(json_file)
    if report.fault:
        print(f"matinee: {report.fault}", file=sys.stderr)
    return 1 if report.fault else 0


async def _measured(measurement: Measurement, seconds: float | None) -> Report:
    return await measurement(Progress(), seconds)
