"""Exchanges and queues as data, declared by whoever connects.

Everything is durable. A declaration that differs from what the broker has is
refused by the broker: a changed queue needs a new name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

SECOND = 1_000
DEFAULT_DELAYS_MS = (10 * SECOND, 60 * SECOND, 600 * SECOND, 3_600 * SECOND)
"""10 s, 1 min, 10 min, 1 h: a mail server that restarts, one that is mended, one that is mended by people."""

_UNITS = (("h", 3_600 * SECOND), ("m", 60 * SECOND), ("s", SECOND), ("ms", 1))
_REDELIVERIES = 20
_MOST_MESSAGES = 500_000
_MOST_DEAD = 100_000


@dataclass(frozen=True, slots=True)
class Exchange:
    """Where messages are published to."""

    name: str
    kind: Literal["topic", "direct", "fanout"] = "topic"


@dataclass(frozen=True, slots=True)
class Queue:
    """A quorum queue with the broker's `x-…` arguments."""

    name: str
    arguments: Mapping[str, str | int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Binding:
    """Messages of the exchange whose routing key matches go to the queue."""

    exchange: str
    queue: str
    routing_key: str


@dataclass(frozen=True, slots=True)
class Topology:
    """What must exist before anything is published or consumed; declared in this order."""

    exchanges: Sequence[Exchange] = ()
    queues: Sequence[Queue] = ()
    bindings: Sequence[Binding] = ()
    former_bindings: Sequence[Binding] = ()
    """Taken away, if they are there, once the others are."""


@dataclass(frozen=True, slots=True)
class WorkQueue:
    """A queue of work: its delay queues, its dead letters, its bounds.

    A delivery that is retried goes to `<name>.retry.<delay>` and comes back
    when the delay is over. What cannot be done, or has crashed its consumer 20
    times, goes to `dead_letters`. When the queue is full (500,000 messages;
    100,000 dead letters) the broker refuses more: publishers see
    `MessageRefused`, and dead letters stay where they are.
    """

    name: str
    dead_letters: str
    bindings: Sequence[Binding] = ()
    delays_ms: tuple[int, ...] = DEFAULT_DELAYS_MS
    former_bindings: Sequence[Binding] = ()
    """Of versions before: the broker keeps a binding until somebody takes it away."""

    def delay_queue(self, delay_ms: int) -> str:
        """Name of the queue that hands messages back after that delay."""
        return f"{self.name}.retry.{_spoken(delay_ms)}"

    def topology(self, *exchanges: Exchange) -> Topology:
        """All that the queue needs, with the exchanges that its bindings name."""
        dead = Queue(
            self.dead_letters,
            {"x-queue-type": "quorum", "x-max-length": _MOST_DEAD, "x-overflow": "reject-publish"},
        )
        work = Queue(
            self.name,
            _dead_lettering(self.dead_letters)
            | {"x-delivery-limit": _REDELIVERIES, "x-max-length": _MOST_MESSAGES},
        )
        delays = [
            Queue(self.delay_queue(delay), _dead_lettering(self.name) | {"x-message-ttl": delay})
            for delay in self.delays_ms
        ]
        return Topology(exchanges, (dead, work, *delays), self.bindings, self.former_bindings)


def _dead_lettering(to_queue: str) -> dict[str, str | int]:
    return {
        "x-queue-type": "quorum",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": to_queue,
        # The default drops the message when the target cannot take it just then. This one needs
        # the overflow that refuses, too.
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def _spoken(delay_ms: int) -> str:
    unit, factor = next((unit, factor) for unit, factor in _UNITS if delay_ms % factor == 0)
    return f"{delay_ms // factor}{unit}"
