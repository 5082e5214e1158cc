"""Gathers what comes one by one for a moment, to be seen to together.

For small writes: the call and the store's wait for its journal are most of
what one costs, and are the same for many.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Gathering(Generic[T]):
    """Hands on what came within `seconds`, or as soon as it is `most`."""

    def __init__(self, hand_on: Callable[[list[T]], Awaitable[None]], seconds: float, most: int) -> None:
        """`hand_on` is bounded in time by whoever wrote it; each call of it has at least one thing."""
        self._hand_on = hand_on
        self._seconds = seconds
        self._most = most
        self._things: list[T] = []
        self._full = asyncio.Event()
        self._next: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, thing: T) -> "asyncio.Task[None]":
        """Takes the thing; the task ends when it was handed on, and with what that raised.

        Others wait for the same task: shield it.
        """
        self._things.append(thing)
        if self._next is None:
            # Not in this caller's context: its deadline is not that of the others.
            self._next = asyncio.create_task(self._wait(), name="gathering", context=contextvars.Context())
            self._tasks.add(self._next)
            self._next.add_done_callback(self._tasks.discard)
        task = self._next
        if len(self._things) >= self._most:
            self._full.set()
        return task

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._full.wait()
        except TimeoutError:
            pass
        things, self._things = self._things, []
        self._full.clear()
        self._next = None
        await self._hand_on(things)
