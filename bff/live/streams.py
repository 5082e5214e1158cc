"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), bounded in number."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import hdrs, web
from prometheus_client import Gauge

from bff.errors import TooManyWatchers
from mesh import deadlines

BEAT_SECONDS = 15.0
WRITE_SECONDS = 10.0
LIFE_SECONDS = 600.0
"""How long one connection lives; the browser opens the next one by itself."""
_RETRY_MILLISECONDS = 2000

OPEN_STREAMS = Gauge("bff_live_streams", "Live connections that are open.")


class EventStream:
    """One browser's connection."""

    def __init__(self, response: web.StreamResponse) -> None:
        self.response = response
        self._first = f"retry: {_RETRY_MILLISECONDS}\n\n".encode()

    async def send(self, event: bytes) -> None:
        """Sends an encoded event; TimeoutError when the browser does not take it in."""
        async with asyncio.timeout(WRITE_SECONDS):
            await self.response.write(self._first + event)
        self._first = b""

    async def beat(self) -> None:
        """Sends a comment, so that nothing between here and the browser closes an idle connection."""
        await self.send(b":\n\n")


def encode_event(name: str, data: str) -> bytes:
    """An event; the data must hold no line break."""
    return f"event: {name}\ndata: {data}\n\n".encode()


class LiveStreams:
    """Opens live connections, at most so many at once, and ends them when the process drains.

    So many of them for one visitor: who opens more cannot take them from all others.
    """

    def __init__(self, at_most: int, at_most_each: int) -> None:
        self._at_most = at_most
        self._at_most_each = at_most_each
        self._tasks: set[asyncio.Task[object]] = set()
        self._of_visitors: Counter[str] = Counter()

    @asynccontextmanager
    async def open(self, request: web.Request, visitor: str) -> AsyncIterator[EventStream]:
        """Begins the response to the visitor (an address); TooManyWatchers before anything was sent."""
        if len(self._tasks) >= self._at_most or self._of_visitors[visitor] >= self._at_most_each:
            raise TooManyWatchers
        task = asyncio.current_task()
        assert task is not None, "a request is handled in a task"
        deadlines.set_remaining(None)  # the connection outlives what one request may take
        response = web.StreamResponse(
            headers={hdrs.CONTENT_TYPE: "text/event-stream", hdrs.CACHE_CONTROL: "no-store"}
        )
        response.headers["X-Accel-Buffering"] = "no"
        self._tasks.add(task)
        self._of_visitors[visitor] += 1
        OPEN_STREAMS.inc()
        try:
            await response.prepare(request)
            async with asyncio.timeout(LIFE_SECONDS):
                yield EventStream(response)
        except (TimeoutError, ConnectionError):
            return  # its life is over, or nobody reads any more
        finally:
            OPEN_STREAMS.dec()
            self._tasks.discard(task)
            self._of_visitors[visitor] -= 1
            if not self._of_visitors[visitor]:
                del self._of_visitors[visitor]

    def close(self) -> None:
        """Ends every connection; browsers open them again elsewhere."""
        for task in self._tasks:
            task.cancel()
