"""The load client's process, as the measurement sees it."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final, Self

import psutil

from bench.jobs import Job, Outcome, outcome_from
from stack.child import tail
from stack.errors import ProcessFailed
from stack.tether import tethered

_LONGEST_LINE: Final = 256 * 1024 * 1024
_SLACK_SECONDS: Final = 120.0
_END_SECONDS: Final = 5.0


class LoadProcess:
    """``async with LoadProcess(environment, log) as client``; jobs one at a time."""

    def __init__(self, environment: dict[str, str], log_file: Path) -> None:
        self._environment = environment
        self._log_file = log_file
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        with self._log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *tethered([sys.executable, "-m", "bench.load"], parent_pid=os.getpid()),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=self._environment,
                limit=_LONGEST_LINE,
                start_new_session=True,
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        process = self._running()
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _END_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

    @property
    def process(self) -> psutil.Process:
        """For its CPU time."""
        return psutil.Process(self._running().pid)

    async def do(self, job: Job) -> Outcome:
        """Has the job done; raises `ProcessFailed` when the client ended or does not answer."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(job.line())
        await process.stdin.drain()
        try:
            line = await asyncio.wait_for(process.stdout.readline(), job.seconds + _SLACK_SECONDS)
        except TimeoutError:
            raise ProcessFailed(f"the load client did not answer ({job.call})") from None
        if not line:
            raise ProcessFailed(f"the load client ended ({job.call}):\n{tail(self._log_file)}")
        return outcome_from(line)

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise ProcessFailed("the load client was not started")
        return self._process
