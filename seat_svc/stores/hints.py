"""Changes of shows as Redis tells them, over one subscription for the whole process."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import structlog
from redis.exceptions import RedisError

from mesh.redis import TIMEOUT_SECONDS
from seat_svc.domain.seats import SeatDelta
from seat_svc.stores.answers import parse_change
from seat_svc.stores.redis import changes_channel
from seat_svc.stores.servers import Servers

log = structlog.get_logger()

_ALWAYS: Final = "seat-changes"
"""A channel without messages, so that the subscription is never empty."""
_PAUSE_SECONDS: Final = 0.25
_QUIET_SECONDS: Final = 1.0


class RedisChangeHints:
    """The `ChangeHints` port. `listen` must be kept running; only it touches the connection."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._tell: dict[str, Callable[[SeatDelta], None]] = {}

    def follow(self, show_id: str, tell: Callable[[SeatDelta], None]) -> None:
        """See `ChangeHints.follow`; takes effect within a quarter of a second."""
        self._tell[changes_channel(show_id)] = tell

    def unfollow(self, show_id: str) -> None:
        """See `ChangeHints.unfollow`."""
        self._tell.pop(changes_channel(show_id), None)

    async def listen(self) -> None:
        """Passes changes on until the server goes away or falls silent; then returns, to be called again."""
        async with self._servers.any_client().pubsub(ignore_subscribe_messages=True) as subscription:
            try:
                await subscription.subscribe(_ALWAYS)
                await self._pass_on_all(subscription)
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("seat_changes_interrupted", error=type(error).__name__)

    async def _pass_on_all(self, subscription: Any) -> None:
        """Raises `TimeoutError` when nothing comes for seconds, not even the answer to a ping."""
        clock = asyncio.get_running_loop().time
        subscribed = {_ALWAYS}
        heard_at = clock()
        pinged_at: float | None = None
        while True:
            wanted = {_ALWAYS, *self._tell}
            if new := wanted - subscribed:
                await subscription.subscribe(*new)
            if old := subscribed - wanted:
                await subscription.unsubscribe(*old)
            subscribed = wanted
            message = await subscription.get_message(timeout=_PAUSE_SECONDS)
            if message is not None:
                heard_at, pinged_at = clock(), None
                if message["type"] == "message":
                    self._pass_on(message["channel"].decode(), message["data"])
            elif pinged_at is None:
                if clock() - heard_at > _QUIET_SECONDS:
                    # A server that vanished ends no connection: who only listens would never know.
                    await subscription.ping()
                    pinged_at = clock()
            elif clock() - pinged_at > TIMEOUT_SECONDS:
                # Counted from the ping: a pause of this process itself is no silence of the server.
                raise TimeoutError

    def _pass_on(self, channel: str, change: bytes) -> None:
        tell = self._tell.get(channel)
        if tell is not None:
            tell(parse_change(change))
