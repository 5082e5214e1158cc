"""``./matinee faults [--seconds N]``: the fault tests in their long form, and their figures."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from stack.errors import StackError
from stack.machine import MONGOD_LIBRARIES, RABBITMQ, ensure
from stack.progress import Progress
from stack.protos import generate

DEFAULT_SECONDS: Final = 300.0
SECONDS_VARIABLE: Final = "MATINEE_FAULT_SECONDS"
FIGURES_VARIABLE: Final = "MATINEE_FAULT_FIGURES"
_TESTS: Final = "tests/faults"

Figures = Mapping[str, Mapping[str, float]]
"""What was tried → name → number."""


def faults(root: Path, seconds: float) -> int:
    """Run them for about that long beside their short parts; pytest's exit status. Raises `StackError`."""
    if not (root / _TESTS).is_dir():
        raise StackError(f"{root / _TESTS} is missing: the fault tests run from a checkout")
    generate()
    log = root / ".matinee" / "logs" / "apt.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    asyncio.run(ensure([MONGOD_LIBRARIES, RABBITMQ], Progress(), log))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures"
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(root), str(root / "protos" / "gen"))),
            SECONDS_VARIABLE: str(seconds),
            FIGURES_VARIABLE: str(file),
        }
        status = _until_ended([sys.executable, "-m", "pytest", "-v", _TESTS], root, environment)
        print(f"\n{table(read_figures(file))}")
    return status


def read_figures(file: Path) -> Figures:
    """What the tests wrote; nothing when they wrote nothing."""
    if not file.exists():
        return {}
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return {line["what"]: line["figures"] for line in lines}


def table(figures: Figures) -> str:
    """The figures in columns, and their sums where there is more than one line."""
    if not figures:
        return "no figures: no test came to any"
    names = list(dict.fromkeys(name for row in figures.values() for name in row))
    rows = [["", *names]]
    rows += [[what, *(_shown(row.get(name)) for name in names)] for what, row in figures.items()]
    if len(figures) > 1:
        sums = [sum(row.get(name, 0) for row in figures.values()) for name in names]
        rows.append(["in all", *map(_shown, sums)])
    return "\n".join(_aligned(rows))


def _shown(number: float | None) -> str:
    return "" if number is None else f"{number:,.0f}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows
    ]


def _until_ended(command: Sequence[str], root: Path, environment: Mapping[str, str]) -> int:
    tests = subprocess.Popen(list(command), cwd=root, env=environment)
    while True:
        try:
            return tests.wait()
        except KeyboardInterrupt:
            continue  # Ctrl-C reaches pytest as well, which ends with its report
