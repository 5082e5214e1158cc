"""Work that outlives a call: loops, and steps that must end although their caller went away."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog

from mesh import deadlines

log = structlog.get_logger()
T = TypeVar("T")

_LONGEST_PAUSE_SECONDS = 30.0


class Background:
    """Owns a process's tasks besides its calls; closed once, when the process drains."""

    def __init__(self) -> None:
        self._loops: set[asyncio.Task[None]] = set()
        self._steps: set[asyncio.Task[Any]] = set()

    def every(
        self,
        name: str,
        seconds: float,
        step: Callable[[], Awaitable[None]],
        wake: asyncio.Event | None = None,
    ) -> None:
        """Takes the step again and again, `seconds` after the last or when `wake` is set.

        A step that raises is logged and taken again, later each time up to 30 s.
        """
        self._track(self._loops, self._repeat(name, seconds, step, wake or asyncio.Event()), name)

    async def finish(self, step: Coroutine[Any, Any, T]) -> T:
        """Runs the step to its end even if the caller is cancelled meanwhile; for durable changes.

        The step keeps the caller's trace but not its deadline.
        """
        return await asyncio.shield(self.begin(step))

    def begin(self, step: Coroutine[Any, Any, T], name: str = "step") -> asyncio.Task[T]:
        """As `finish`, for a caller that does not wait for the end; the step sees to its own errors."""
        return self._track(self._steps, self._without_deadline(step), name)

    async def close(self, grace_seconds: float) -> None:
        """Ends the loops, then waits for the steps under way; what takes longer is cancelled."""
        await _cancel(self._loops)
        loop = asyncio.get_running_loop()
        until = loop.time() + grace_seconds
        # A step may begin another one on its way to its end.
        while self._steps and (left := until - loop.time()) > 0:
            await asyncio.wait(set(self._steps), timeout=left)
        if self._steps:
            log.warning("steps_cut_off", count=len(self._steps))
        await _cancel(self._steps)

    @staticmethod
    def _track(tasks: set[asyncio.Task[T]], work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        task = asyncio.create_task(work, name=name)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task

    @staticmethod
    async def _without_deadline(step: Coroutine[Any, Any, T]) -> T:
        deadlines.set_remaining(None)
        return await step

    @staticmethod
    async def _repeat(
        name: str, seconds: float, step: Callable[[], Awaitable[None]], wake: asyncio.Event
    ) -> None:
        deadlines.set_remaining(None)
        pause = seconds
        while True:
            wake.clear()
            try:
                await step()
                pause = seconds
            except (Exception, asyncio.CancelledError) as error:
                if isinstance(error, asyncio.CancelledError) and _cancelled_from_outside():
                    raise
                # Also when somebody that the step waited for was cancelled: the loop must not end by that.
                log.exception("background_step_failed", step=name)
                pause = min(max(pause, 0.1) * 2, _LONGEST_PAUSE_SECONDS)
            # Replicas that started together should not go on knocking together.
            jittered = pause * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load, no secret
            try:
                async with asyncio.timeout(jittered):
                    await wake.wait()
            except TimeoutError:
                continue


def _cancelled_from_outside() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _cancel(tasks: set[asyncio.Task[Any]]) -> None:
    pending = list(tasks)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
