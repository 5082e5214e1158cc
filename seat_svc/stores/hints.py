"""Changes of shows as Redis tells them, over one subscription for the whole process."""

from collections.abc import Callable
from typing import Final

import structlog
from redis.exceptions import RedisError

from mesh.redis import Client
from seat_svc.domain.seats import SeatDelta
from seat_svc.stores.answers import parse_change
from seat_svc.stores.redis import changes_channel

log = structlog.get_logger()

_ALWAYS: Final = "seat-changes"
"""A channel without messages, so that the subscription is never empty."""
_PAUSE_SECONDS: Final = 0.25


class RedisChangeHints:
    """The `ChangeHints` port. `listen` must be kept running; only it touches the connection."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._tell: dict[str, Callable[[SeatDelta], None]] = {}

    def follow(self, show_id: str, tell: Callable[[SeatDelta], None]) -> None:
        """See `ChangeHints.follow`; takes effect within a quarter of a second."""
        self._tell[changes_channel(show_id)] = tell

    def unfollow(self, show_id: str) -> None:
        """See `ChangeHints.unfollow`."""
        self._tell.pop(changes_channel(show_id), None)

    async def listen(self) -> None:
        """Passes changes on until Redis goes away; then returns, to be called again."""
        async with self._client.pubsub(ignore_subscribe_messages=True) as subscription:
            subscribed = {_ALWAYS}
            try:
                await subscription.subscribe(_ALWAYS)
                while True:
                    wanted = {_ALWAYS, *self._tell}
                    if new := wanted - subscribed:
                        await subscription.subscribe(*new)
                    if old := subscribed - wanted:
                        await subscription.unsubscribe(*old)
                    subscribed = wanted
                    message = await subscription.get_message(timeout=_PAUSE_SECONDS)
                    if message is not None:
                        self._pass_on(message["channel"].decode(), message["data"])
            except (RedisError, OSError) as error:
                log.warning("seat_changes_interrupted", error=type(error).__name__)

    def _pass_on(self, channel: str, change: bytes) -> None:
        tell = self._tell.get(channel)
        if tell is not None:
            tell(parse_change(change))
