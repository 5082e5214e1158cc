"""What people want to be told, and the links that switch it off."""

import datetime as dt
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from mesh.clock import Clock
from notify_svc.domain.news import KIND_OF, NewsKind
from notify_svc.domain.notifications import Channel
from notify_svc.domain.preferences import Preferences, Switch, address_hint, reach
from notify_svc.domain.requests import check_reachable, check_request_id
from notify_svc.domain.unsubscribing import UnsubscribeTokens
from notify_svc.errors import LinkOver, PreferencesBusy
from notify_svc.ports import NotificationLedger, PreferenceStore, RequestLog

_TRIES = 8


@dataclass(frozen=True, slots=True)
class Standing:
    """How one kind of news stands on one channel."""

    channel: Channel
    kind: NewsKind
    wanted: bool
    always_told: bool
    """It cannot be switched off as things are."""


@dataclass(frozen=True, slots=True)
class Linked:
    """What the link in a message is for."""

    address: str = field(repr=False)
    switch: Switch

    @property
    def hint(self) -> str:
        """Enough of the address for whoever has it to know it."""
        return address_hint(self.address)


class PreferenceDesk:
    """Tells and changes preferences. `offered` are the channels that messages go out by here."""

    def __init__(
        self,
        preferences: PreferenceStore,
        ledger: NotificationLedger,
        requests: RequestLog,
        tokens: UnsubscribeTokens,
        offered: Set[Channel],
        clock: Clock,
    ) -> None:
        self._preferences = preferences
        self._ledger = ledger
        self._requests = requests
        self._tokens = tokens
        self._offered = offered
        self._clock = clock

    async def of(self, address: str) -> Sequence[Standing]:
        """Every kind of news on every channel that reaches the address; raises InvalidField."""
        check_reachable("address", address)
        return self._standings(address, await self._preferences.of(address))

    async def change(
        self, address: str, changes: Mapping[Switch, bool], request_id: str, digest: str
    ) -> Sequence[Standing]:
        """Switches on or off, all or nothing.

        Raises InvalidField, AlwaysTold, ChannelNotOffered, RequestIdReused and PreferencesBusy.
        """
        check_request_id(request_id)
        check_reachable("address", address)
        return self._standings(address, await self._changed(address, changes, request_id, digest))

    async def linked(self, token: str) -> tuple[Linked, Standing]:
        """What the link is for, and how that stands; raises LinkOver."""
        linked = await self._find(token)
        return linked, self._standing(linked, await self._preferences.of(linked.address))

    async def unsubscribe(self, token: str, request_id: str, digest: str) -> Standing:
        """Switches off what the link is for; raises LinkOver, and what `change` raises."""
        check_request_id(request_id)
        linked = await self._find(token)
        off = await self._changed(linked.address, {linked.switch: False}, request_id, digest)
        return self._standing(linked, off)

    async def _find(self, token: str) -> Linked:
        notification_id = self._tokens.notification_id(token)
        record = await self._ledger.find(notification_id) if notification_id else None
        # Without a recipient the person was erased: the link leads to nobody any more.
        if record is None or not record.notification.recipient:
            raise LinkOver
        told = record.notification
        return Linked(told.recipient, (told.channel, KIND_OF[told.event_name]))

    async def _changed(
        self, address: str, changes: Mapping[Switch, bool], request_id: str, digest: str
    ) -> Preferences:
        await self._requests.remember(request_id, digest)
        for _ in range(_TRIES):
            before = await self._preferences.of(address)
            if request_id in before.request_ids:
                return before  # a late repeat must not undo what was chosen since
            after = before.changed(changes, address, self._offered, request_id)
            now: dt.datetime = self._clock.now()
            if await self._preferences.put(address, before, after, now):
                return after
        raise PreferencesBusy

    def _standings(self, address: str, preferences: Preferences) -> Sequence[Standing]:
        channels = reach(address, self._offered)
        return [
            _standing((channel, kind), preferences, channels)
            for channel in Channel
            if channel in channels
            for kind in NewsKind
        ]

    def _standing(self, linked: Linked, preferences: Preferences) -> Standing:
        return _standing(linked.switch, preferences, reach(linked.address, self._offered))


def _standing(switch: Switch, preferences: Preferences, channels: Set[Channel]) -> Standing:
    channel, kind = switch
    return Standing(
        channel, kind, preferences.wants(switch, channels), preferences.is_fixed(switch, channels)
    )
