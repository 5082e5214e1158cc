"""A process of the mesh ends in bounded time, whatever hangs in it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_PROCESS = """
import asyncio, threading, time
from concurrent.futures import ThreadPoolExecutor
from mesh.run import run
from mesh.settings import ProcessSettings

class Listening:
    async def start(self):
        {start}
        return "127.0.0.1:0"
    async def drain(self, notice_seconds, grace_seconds):
        {drain}

async def build(settings, resources):
    pool = ThreadPoolExecutor()
    {build}
    print("built", flush=True)
    return Listening()

run("hanging", ProcessSettings, build)
"""


def _ended(where: str, hanging: str) -> tuple[int, float]:
    """Exit status and seconds from the signal to the end."""
    parts = {"start": "pass", "drain": "pass", "build": "pass"} | {where: hanging}
    with subprocess.Popen(
        [sys.executable, "-c", _PROCESS.format(**parts)],
        env=os.environ
        | {"PYTHONPATH": f"{ROOT}:{ROOT / 'protos' / 'gen'}", "DRAIN_SECONDS": "0.1", "LOG_LEVEL": "INFO"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "built\n"
        if where != "start":
            assert process.stderr is not None
            while "serving" not in process.stderr.readline():
                pass
        process.send_signal(signal.SIGTERM)
        signalled = time.monotonic()
        try:
            return process.wait(30), time.monotonic() - signalled
        finally:
            process.kill()


def test_it_ends_at_once_when_nothing_hangs() -> None:
    status, seconds = _ended("drain", "pass")
    assert status == 0
    assert seconds < 5


def test_a_drivers_thread_that_waits_for_a_server_keeps_nobody() -> None:
    status, seconds = _ended("build", "pool.submit(time.sleep, 3600)")
    assert status == 0
    assert seconds < 5


@pytest.mark.parametrize("where", ["start", "drain"])
def test_a_step_that_hangs_is_cut_off(where: str) -> None:
    status, seconds = _ended(where, "await asyncio.sleep(3600)")
    assert status == 1
    assert seconds < 20
