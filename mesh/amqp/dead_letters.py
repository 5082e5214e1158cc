"""Looking through a queue of dead letters, and sending them on their way again."""

import datetime as dt
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError, ChannelClosedByBroker, NackError, UnroutableError

from mesh.amqp.broker import Broker
from mesh.amqp.errors import BrokerAway, MessageRefused, MessageReturned
from mesh.amqp.message import ATTEMPT_HEADER, EXCHANGE_HEADER, ROUTING_KEY_HEADER

_NOT_FOUND = 404


class Fate(Enum):
    """What becomes of a dead letter."""

    KEPT = "kept"
    REPLAYED = "replayed"
    """Back in the queue where it died, as if it had never been tried."""
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What is told of a dead letter: nothing of its content."""

    message_id: str
    type: str
    queue: str
    """Where it died; empty for what somebody put among the dead letters."""
    reason: str
    """The broker's word: `rejected`, or `delivery_limit` for what crashed its consumer too often."""
    death_time: dt.datetime | None
    attempt: int


def sort_out(
    broker: Broker, queue: str, decide: Callable[[DeadLetter], Fate]
) -> Iterator[tuple[DeadLetter, Fate]]:
    """Has a fate decided for each letter that is there at the beginning, the oldest first.

    One that is kept goes to the end of its queue: the broker would count a look as it counts crashes. What
    cannot be replayed, as nobody knows where to, is kept. Each is confirmed in its new place before it leaves
    the old one, so that none is lost; after a fault one may be there twice. Raises a `PublishFailed`.
    """
    with _channel_of(broker) as channel:
        for _ in range(_count(channel, queue)):
            method, properties, body = channel.basic_get(queue)
            if method is None:
                return
            letter = _dead_letter(properties)
            fate = decide(letter)
            if fate is Fate.REPLAYED and not letter.queue:
                fate = Fate.KEPT
            if fate is Fate.REPLAYED:
                properties.headers = _as_at_first(properties.headers)
            if fate is not Fate.DROPPED:
                to = letter.queue if fate is Fate.REPLAYED else queue
                channel.basic_publish("", to, body, properties, mandatory=True)
            channel.basic_ack(method.delivery_tag)
            yield letter, fate


@contextmanager
def _channel_of(broker: Broker) -> Iterator[BlockingChannel]:
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    try:
        with pika.BlockingConnection(broker.parameters("dead-letters")) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            yield channel
    except UnroutableError:
        raise MessageReturned("the queue that the letter came from is gone") from None
    except NackError:
        raise MessageRefused("the broker takes no more into that queue") from None
    except (AMQPError, OSError) as error:
        raise BrokerAway(f"RabbitMQ does not answer: {type(error).__name__}") from None


def _count(channel: BlockingChannel, queue: str) -> int:
    try:
        return int(channel.queue_declare(queue, passive=True).method.message_count)
    except ChannelClosedByBroker as error:
        if error.reply_code == _NOT_FOUND:
            return 0  # nobody has declared it yet
        raise


def _dead_letter(properties: pika.BasicProperties) -> DeadLetter:
    headers = properties.headers or {}
    death = _last_death(headers)
    died = death.get("time")
    attempt = str(headers.get(ATTEMPT_HEADER, "1"))
    return DeadLetter(
        message_id=str(properties.message_id or ""),
        type=str(properties.type or ""),
        queue=str(death.get("queue", "")),
        reason=str(death.get("reason", "")),
        death_time=died.replace(tzinfo=dt.UTC) if isinstance(died, dt.datetime) else None,
        attempt=int(attempt) if attempt.isdecimal() else 1,
    )


def _last_death(headers: Mapping[str, Any]) -> Mapping[str, Any]:
    deaths = headers.get("x-death")
    return deaths[0] if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict) else {}


def _as_at_first(headers: Mapping[str, Any]) -> dict[str, str]:
    death = _last_death(headers)
    keys = death.get("routing-keys") or [""]
    published = {EXCHANGE_HEADER: str(death.get("exchange", "")), ROUTING_KEY_HEADER: str(keys[0])}
    own = {
        name: value
        for name, value in headers.items()
        if isinstance(value, str) and name != ATTEMPT_HEADER and "-death-" not in name
    }
    return published | own
