"""What somebody wants to be told, on which channel: everything, unless they switched it off.

Kept by address: a guest who never signed in has preferences as well, and what one address switched
off means nothing for another one of the same person.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from mesh.errors import InvalidField
from notify_svc.domain.news import ALWAYS_TOLD, ONCE_AT_LEAST, NewsKind
from notify_svc.domain.notifications import Channel
from notify_svc.errors import AlwaysTold, ChannelNotOffered

Switch: TypeAlias = tuple[Channel, NewsKind]

_REMEMBERED_REQUESTS: Final = 50
# Only these letters: folding others makes different mailboxes one (the Kelvin sign becomes a k).
_LOWER: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def address_key(address: str) -> str:
    """The same for addresses that reach the same person; e-mail without regard to case."""
    return address.translate(_LOWER)


def address_hint(address: str) -> str:
    """Enough of an address for whoever has it to know it, and for nobody to learn it."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}…@{domain}" if domain != address else f"…{address[-3:]}"


def reach(address: str, offered: Set[Channel]) -> Set[Channel]:
    """The channels by which the address is reached here; Web Push belongs to either kind."""
    return _possible(address) & offered


def _possible(address: str) -> Set[Channel]:
    return {Channel.EMAIL if "@" in address else Channel.SMS, Channel.PUSH}


@dataclass(frozen=True, slots=True)
class Preferences:
    """What one address switched off."""

    unwanted: frozenset[Switch] = frozenset()
    version: int = 0
    """Grows with each change; 0 for whoever never changed anything."""
    request_ids: tuple[str, ...] = field(default=(), repr=False)
    """The changes that are in it, as far as they are remembered."""

    def wants(self, switch: Switch, channels: Set[Channel]) -> bool:
        """Whether this is told, whatever is stored: what must be told is told.

        `channels` are those that reach the address.
        """
        return switch not in self.unwanted or self.is_fixed(switch, channels)

    def is_fixed(self, switch: Switch, channels: Set[Channel]) -> bool:
        """Whether it cannot be switched off as things are."""
        channel, kind = switch
        if kind in ALWAYS_TOLD:
            return True
        elsewhere = any((other, kind) not in self.unwanted for other in channels - {channel})
        return kind in ONCE_AT_LEAST and not elsewhere

    def changed(
        self, changes: Mapping[Switch, bool], address: str, offered: Set[Channel], request_id: str
    ) -> "Preferences":
        """With these switched on or off, as one change.

        Raises AlwaysTold, ChannelNotOffered, and InvalidField for a channel that never reaches the address.
        """
        channels = reach(address, offered)
        for channel, _ in changes:
            if channel not in _possible(address):
                raise InvalidField("preferences", "must be on a channel that reaches the address")
            if channel not in offered:
                raise ChannelNotOffered(channel.value)
        off = {switch for switch, wanted in changes.items() if not wanted}
        after = replace(
            self,
            unwanted=(self.unwanted - changes.keys()) | off,
            version=self.version + 1,
            request_ids=(*self.request_ids, request_id)[-_REMEMBERED_REQUESTS:],
        )
        for channel, kind in off:
            if after.is_fixed((channel, kind), channels):
                raise AlwaysTold(channel.value, kind.value)
        return after


def may_ever_be_off(switch: Switch, channels: Set[Channel]) -> bool:
    """Whether preferences have to be looked at for this at all."""
    channel, kind = switch
    return kind not in ALWAYS_TOLD and (kind not in ONCE_AT_LEAST or bool(channels - {channel}))
