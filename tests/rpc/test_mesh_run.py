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


@pytest.mark.parametrize(
    ("store", "url"),
    [
        ("mongo", "mongodb://u:s3cret/word@host:1/x"),
        ("mongo", "mongodb://u:word@host:s3cret/"),
        ("redis", "redis://:s3cret/word@host:1"),
        ("redis", "redis://:s3cret[word@host:1"),
    ],
)
def test_the_address_of_a_store_that_is_none_is_a_wrong_setting_and_its_password_is_not_told(
    store: str, url: str
) -> None:
    opening = f"from mesh.{store} import open_client; open_client('{url}', 'x')"
    ended = subprocess.run(
        [sys.executable, "-c", _PROCESS.format(start="pass", drain="pass", build=opening)],
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'protos' / 'gen'}"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2
    assert f"wrong settings\n{store.upper()}_URL: must be" in ended.stderr
    assert "s3cret" not in ended.stderr
    assert "word@" not in ended.stderr


def test_it_ends_at_once_when_nothing_hangs() -> None:
    status, seconds = _ended("drain", "pass")
    assert status == 0
    assert seconds < 5


def test_a_drivers_thread_that_waits_for_a_server_keeps_nobody() -> None:
    status, seconds = _ended("build", "pool.submit(time.sleep, 3600)")
    assert status == 0
    assert seconds < 5


def test_it_ends_also_when_nobody_reads_what_it_logs() -> None:
    talk = "import structlog; [structlog.get_logger().info('x' * 1000) for _ in range(500)]"
    with subprocess.Popen(
        [sys.executable, "-c", _PROCESS.format(start="pass", drain="pass", build=talk)],
        env=os.environ
        | {"PYTHONPATH": f"{ROOT}:{ROOT / 'protos' / 'gen'}", "DRAIN_SECONDS": "0.1", "LOG_LEVEL": "INFO"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"built\n"
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(20) == 0
        finally:
            process.kill()


@pytest.mark.parametrize("where", ["start", "drain"])
def test_a_step_that_hangs_is_cut_off(where: str) -> None:
    status, seconds = _ended(where, "await asyncio.sleep(3600)")
    assert status == 1
    assert seconds < 20
