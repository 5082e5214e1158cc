"""``./matinee test``: every check, one after the other, then the tests.

A line for each check with its time; the first that fails shows its output and ends the run.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

from stack.errors import StackError
from stack.machine import BROWSER, MONGOD_LIBRARIES, RABBITMQ, ensure
from stack.progress import Progress
from stack.protos import generate

_CHECK_SECONDS: Final = 600
_WHOLE_SUITE: Final = ("--numprocesses=2", "--dist=loadfile", "--no-loadscope-reorder", "--durations=20")
"""Two processes, each with engines of its own: much of it waits for what it has killed to come back.

Files in their order: the long ones come first.
"""


@dataclass(frozen=True, slots=True)
class Check:
    """A command that ends with 0 when all is well; `silent` ones must not print anything either."""

    name: str
    command: Sequence[str]
    silent: bool = False


class CheckFailed(StackError):
    """A check found something; the text holds its output."""


def checks(root: Path) -> list[Check]:
    """The checks in their order: the quick ones first."""
    templates = sorted(
        str(path.relative_to(root)) for path in root.glob("*/**/templates") if _ours(path, root)
    )
    found = [
        Check("ruff check", [_tool("ruff"), "check", "."]),
        Check("ruff format", [_tool("ruff"), "format", "--check", "."]),
        Check("import rules", [_tool("lint-imports")]),
        Check("buf lint", [_tool("buf"), "lint"]),
        Check("mypy", [sys.executable, "-m", "mypy"]),
    ]
    if templates:
        found.append(Check("templates", [_tool("djlint"), "--lint", *templates]))
    if (root / "compose.yaml").exists():
        # An undefined variable is a warning there and a fault here.
        compose = [_tool("docker-compose"), "-f", "compose.yaml", "config", "--quiet"]
        found.append(Check("compose.yaml", compose, silent=True))
    return found


def run_all(root: Path, pytest_arguments: Sequence[str]) -> NoReturn:
    """Run everything and end with pytest's exit status. Raises `CheckFailed`."""
    _timed("protos", lambda: _generate(root))
    for check in checks(root):
        _timed(check.name, partial(run_check, check, root))
    log = root / ".matinee" / "logs" / "apt.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    asyncio.run(ensure([MONGOD_LIBRARIES, RABBITMQ, BROWSER], Progress(), log))
    _become_pytest(root, pytest_arguments)


def _generate(root: Path) -> None:
    generate(root)


def run_check(check: Check, root: Path) -> None:
    """Run one check; raises `CheckFailed`."""
    try:
        result = subprocess.run(
            list(check.command),
            cwd=root,
            env=_environment(root),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_CHECK_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise CheckFailed(f"{check.name}: {check.command[0]} is missing") from None
    except subprocess.TimeoutExpired:
        raise CheckFailed(f"{check.name} did not end within {_CHECK_SECONDS} s") from None
    if result.returncode != 0 or (check.silent and result.stdout.strip()):
        raise CheckFailed(f"{check.name} failed:\n{result.stdout.rstrip()}")


def _become_pytest(root: Path, arguments: Sequence[str]) -> NoReturn:
    """Become pytest, so that its exit status and every signal are its own."""
    sys.stdout.flush()
    os.chdir(root)
    command = [sys.executable, "-m", "pytest", *(arguments or _WHOLE_SUITE)]
    os.execve(sys.executable, command, _environment(root))  # noqa: S606  # no shell is wanted


def _timed(name: str, work: Callable[[], None]) -> None:
    start = time.monotonic()
    try:
        work()
    except StackError:
        print(f"  ✗ {name} ({time.monotonic() - start:.1f} s)", flush=True)
        raise
    print(f"  ✓ {name} ({time.monotonic() - start:.1f} s)", flush=True)


def _environment(root: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(root), str(root / "protos" / "gen")))}


def _tool(name: str) -> str:
    """A program of the virtual environment."""
    return str(Path(sys.executable).parent / name)


def _ours(path: Path, root: Path) -> bool:
    return not path.relative_to(root).parts[0].startswith(".")
