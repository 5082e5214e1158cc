"""Answers kept for a short time, for what is read far more often than it changes."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from mesh.errors import RemoteError
from mesh.recent import Recent

V = TypeVar("V")

STALE_SECONDS = 300.0
_AWAY = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED"})


@dataclass(slots=True)
class _Entry(Generic[V]):
    value: V
    loaded_at: float


class TtlCache(Generic[V]):
    """At most `size` answers, each fresh for `seconds`.

    Callers that ask for the same key at the same time share one load. While the source is away, an
    answer may be used for `stale_seconds` more (five minutes); any other error of the load is the caller's.
    """

    def __init__(
        self,
        seconds: float,
        size: int,
        monotonic: Callable[[], float],
        stale_seconds: float = STALE_SECONDS,
    ) -> None:
        self._seconds = seconds
        self._stale_seconds = stale_seconds
        self._monotonic = monotonic
        self._entries: Recent[Hashable, _Entry[V]] = Recent(size)
        self._loading: dict[Hashable, asyncio.Task[V]] = {}

    def peek(self, key: Hashable) -> V | None:
        """What is known for the key, however old; None when nothing is."""
        entry = self._entries.get(key)
        return entry.value if entry else None

    async def get(self, key: Hashable, load: Callable[[], Awaitable[V]]) -> V:
        """The answer for the key; loads it when it is missing or old."""
        entry = self._entries.get(key)
        now = self._monotonic()
        if entry and now - entry.loaded_at < self._seconds:
            return entry.value
        try:
            return await self._load_once(key, load)
        except RemoteError as error:
            if entry and error.code in _AWAY and now - entry.loaded_at < self._seconds + self._stale_seconds:
                return entry.value
            raise

    async def _load_once(self, key: Hashable, load: Callable[[], Awaitable[V]]) -> V:
        task = self._loading.get(key)
        if task is None:
            task = asyncio.ensure_future(self._load(key, load))
            self._loading[key] = task
            task.add_done_callback(lambda done: self._loaded(key, done))
        # The load goes on for the others when one who waits goes away.
        return await asyncio.shield(task)

    async def _load(self, key: Hashable, load: Callable[[], Awaitable[V]]) -> V:
        value = await load()
        self._entries.put(key, _Entry(value, self._monotonic()))
        return value

    def _loaded(self, key: Hashable, task: "asyncio.Task[V]") -> None:
        self._loading.pop(key, None)
        if not task.cancelled():
            task.exception()  # seen, even when everybody who waited has gone
