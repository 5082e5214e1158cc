"""Posts events to the merchant until they are accepted, or for about ten minutes."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Final

import aiohttp

from stack.sandbox.records import Delivery
from stack.sandbox.signatures import HEADER, signature
from stack.sandbox.store import Store

_log = logging.getLogger("sandbox.webhooks")

_AT_ONCE: Final = 8
_MOST_TRIES: Final = 25
_LONGEST_PAUSE_SECONDS: Final = 30.0
_ANSWER_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.25


class WebhookSender:
    """One loop that posts what is due, several at once, in no particular order."""

    def __init__(
        self,
        store: Store,
        client: aiohttp.ClientSession,
        *,
        url: str,
        secret: str,
        clock: Callable[[], float],
        first_retry_seconds: float,
    ) -> None:
        self._store = store
        self._client = client
        self._url = url
        self._secret = secret
        self._clock = clock
        self._first_retry_seconds = first_retry_seconds
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There is something new to post."""
        self._woken.set()

    async def run(self) -> None:
        """Posts until cancelled; postings under way are cut off then and made again next time."""
        try:
            while True:
                self._woken.clear()
                self._begin_due()
                try:
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._woken.wait()
                except TimeoutError:
                    continue
        finally:
            tasks = list(self._under_way.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _begin_due(self) -> None:
        free = _AT_ONCE - len(self._under_way)
        if free <= 0:
            return
        # Those under way are still due: they are passed over, so look beyond them.
        for delivery in self._store.due_deliveries(self._clock(), _AT_ONCE + free):
            if delivery.delivery_id in self._under_way:
                continue
            if free == 0:
                return
            free -= 1
            task = asyncio.create_task(self._deliver(delivery))
            self._under_way[delivery.delivery_id] = task
            task.add_done_callback(partial(self._ended, delivery.delivery_id))

    def _ended(self, delivery_id: int, _task: asyncio.Task[None]) -> None:
        del self._under_way[delivery_id]
        self._woken.set()

    async def _deliver(self, delivery: Delivery) -> None:
        if not self._url or await self._accepted(delivery.body.encode()):
            self._store.end_delivery(delivery.delivery_id)
        elif delivery.tries + 1 >= _MOST_TRIES:
            _log.warning("an event was never accepted and is given up")
            self._store.end_delivery(delivery.delivery_id)
        else:
            pause = min(self._first_retry_seconds * 2**delivery.tries, _LONGEST_PAUSE_SECONDS)
            self._store.postpone_delivery(delivery.delivery_id, self._clock() + pause)

    async def _accepted(self, body: bytes) -> bool:
        headers = {
            HEADER: signature(body, self._secret, int(self._clock())),
            "Content-Type": "application/json",
        }
        try:
            async with self._client.post(
                self._url,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=_ANSWER_SECONDS),
            ) as response:
                return 200 <= response.status < 300
        except (aiohttp.ClientError, TimeoutError):
            return False
