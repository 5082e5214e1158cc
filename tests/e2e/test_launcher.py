"""``./matinee`` as a person uses it: started, interrupted, killed and misused for real."""

import asyncio
import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from pymongo import MongoClient

from stack.child import lives, until
from stack.ports import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
OPEN = "Matinee is open: "
START_SECONDS = 90.0
STOP_SECONDS = 10.0


class Launcher:
    """A running ``matinee`` command with a data folder of its own."""

    def __init__(self, process: subprocess.Popen[str], output: Path, data: Path, port: int) -> None:
        self.process = process
        self.data = data
        self.url = f"http://127.0.0.1:{port}"
        self._output = output

    @property
    def output(self) -> str:
        """All that it has printed."""
        return self._output.read_text()

    async def opened(self) -> None:
        """Wait until it says that the site is open."""
        assert await self.says(f"{OPEN}{self.url}"), self.output

    async def says(self, text: str) -> bool:
        """Whether it prints this before it ends, in time."""
        await until(lambda: text in self.output or self.process.poll() is not None, START_SECONDS)
        return text in self.output

    async def ended(self, within: float) -> int:
        """Its exit status, which must be there in time."""
        assert await until(lambda: self.process.poll() is not None, within), self.output
        assert self.process.returncode is not None
        return self.process.returncode


def environment() -> dict[str, str]:
    """What the script ``matinee`` sets before it becomes Python."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("MONGO_URL", "REDIS_URL", "AMQP_URL")
    }
    return kept | {
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "protos" / "gen"))),
        "PYTHONSAFEPATH": "1",
    }


def matinee(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "stack", *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def launched(data: Path, port: int, *options: str) -> Iterator[Launcher]:
    output = data.with_name(f"{data.name}-{time.monotonic_ns()}.txt")
    with output.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "stack", "up", "--data", str(data), "--port", str(port), *options],
            env=environment(),
            stdout=file,
            stderr=subprocess.STDOUT,
            text=True,
            # As a shell would: Ctrl-C goes to the whole foreground group.
            start_new_session=True,
        )
    try:
        yield Launcher(process, output, data, port)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(timeout=30)


@asynccontextmanager
async def opened(data: Path, port: int) -> AsyncIterator[Launcher]:
    with launched(data, port) as launcher:
        await launcher.opened()
        yield launcher


def press_ctrl_c(launcher: Launcher) -> None:
    os.killpg(launcher.process.pid, signal.SIGINT)


def left_behind(data: Path) -> list[psutil.Process]:
    """Every process that has to do with this data folder."""
    mark = str(data)
    found = []
    for process in psutil.process_iter():
        try:
            if lives(process) and (
                mark in process.cwd() or mark in " ".join(process.cmdline()) or mark in str(process.environ())
            ):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


async def nothing_is_left(data: Path, within: float = 5) -> None:
    """An engine's helpers end when they find that it has gone."""
    assert await until(lambda: not left_behind(data), within), described(left_behind(data))


def described(processes: list[psutil.Process]) -> list[str]:
    """What they are, for the message of a failed test."""
    told = []
    for process in processes:
        with contextlib.suppress(psutil.Error):
            threads = [Path(f"/proc/{process.pid}/task/{t.id}/wchan").read_text() for t in process.threads()]
            told.append(f"{process.pid} {process.ppid()} {' '.join(process.cmdline())} {threads}")
    return told


def status_of(url: str) -> int:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=15)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    finally:
        connection.close()


def bookings_of(data: Path) -> MongoClient[dict[str, Any]]:
    port = int((data / "engines" / "mongo" / "mongo.port").read_text())
    return MongoClient("127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=15_000)


@pytest.mark.timeout(300)
async def test_killed_or_interrupted_it_leaves_nothing_and_the_next_start_has_the_data(
    tmp_path: Path,
) -> None:
    data, port = tmp_path / "data", free_port()
    async with opened(data, port) as launcher:
        assert status_of(launcher.url) == 200
        with bookings_of(data) as client:
            client["bookings"]["kept"].insert_one({"_id": "b-1"})

        second = matinee("up", "--data", str(data), "--port", str(free_port()))
        assert second.returncode == 1
        assert f"{data} is in use by another ./matinee up (process {launcher.process.pid})" in second.stderr
        assert second.stderr.count("\n") == 1

        launcher.process.kill()
        await launcher.ended(15)
        await nothing_is_left(data, 30)

    async with opened(data, port) as launcher:
        assert status_of(launcher.url) == 200
        with bookings_of(data) as client:
            assert client["bookings"]["kept"].find_one() == {"_id": "b-1"}

        begin = time.monotonic()
        press_ctrl_c(launcher)
        assert await launcher.ended(STOP_SECONDS) == 0
        assert time.monotonic() - begin < STOP_SECONDS
        await nothing_is_left(data)


@pytest.mark.parametrize("after_step", ["✓ stubs", "✓ valkey", "✓ mongo", "✓ inbox"])
async def test_an_interrupt_in_the_middle_of_the_start_ends_everything(
    tmp_path: Path, after_step: str
) -> None:
    data = tmp_path / "data"
    with launched(data, free_port()) as launcher:
        assert await launcher.says(after_step)
        press_ctrl_c(launcher)
        await launcher.ended(STOP_SECONDS)

        assert OPEN not in launcher.output
        await nothing_is_left(data)


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        port = somebody.getsockname()[1]
        result = matinee("up", "--data", str(tmp_path / "data"), "--port", str(port))

    assert result.returncode == 1
    assert result.stderr == f"matinee: port {port} is in use: choose another one with --port\n"
    assert left_behind(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    result = matinee("up", "--data", str(tmp_path / "file" / "data"), "--port", str(free_port()))

    assert result.returncode == 1
    assert result.stderr == f"matinee: cannot write to {tmp_path / 'file' / 'data'}: Not a directory\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["up", "--prot", "80"], "matinee: unrecognized arguments: --prot 80 (see ./matinee help)"),
        (["up", "--port", "eighty"], "matinee: argument --port: not a port: 'eighty' (see ./matinee help)"),
        (["up", "--port", "70000"], "matinee: argument --port: not a port: '70000' (see ./matinee help)"),
        (["import"], "matinee: the following arguments are required: file (see ./matinee help)"),
        (["partner"], "matinee: partner is not built yet"),
    ],
)
def test_wrong_usage_is_one_clear_line(arguments: list[str], said: str) -> None:
    result = matinee(*arguments)

    assert (result.returncode, result.stderr, result.stdout) == (2, f"{said}\n", "")


def test_a_missing_program_is_one_clear_line(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "stack", "up", "--data", str(tmp_path / "data"), "--port", str(free_port())],
        env=environment() | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert result.returncode == 1
    assert re.fullmatch(
        r"matinee: \w+ is missing: install [\w-]+, or set AMQP_URL\n", result.stderr, re.ASCII
    )
    assert left_behind(tmp_path) == []


def test_an_engine_elsewhere_that_does_not_answer_is_one_clear_line(tmp_path: Path) -> None:
    port = free_port()
    result = subprocess.run(
        [sys.executable, "-m", "stack", "up", "--data", str(tmp_path / "data"), "--port", str(free_port())],
        env=environment() | {"MONGO_URL": f"mongodb://user:secret@127.0.0.1:{port}/"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert result.returncode == 1
    assert result.stderr == f"matinee: MONGO_URL: nothing answers at 127.0.0.1:{port}\n"
    assert left_behind(tmp_path) == []


def test_logs_of_a_folder_that_was_never_used_are_one_clear_line(tmp_path: Path) -> None:
    result = matinee("logs", "--data", str(tmp_path))

    assert result.returncode == 1
    assert result.stderr == f"matinee: no logs in {tmp_path / 'logs'}: nothing has been started there\n"


async def test_importing_without_a_running_catalogue_is_one_clear_line(tmp_path: Path) -> None:
    result = await asyncio.to_thread(matinee, "import", "cities.jsonl", "--data", str(tmp_path))

    assert result.returncode == 1
    assert "no ./matinee up is running" in result.stderr
    assert result.stderr.count("\n") == 1
