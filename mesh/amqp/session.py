"""One connection to the broker, from its opening to its end, on the thread that runs it."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

import pika
from pika.channel import Channel

from mesh.amqp.topology import Topology

_Step = Callable[..., Any]


class ChannelOwner(Protocol):
    """What is told of a session's channel, always on the session's thread."""

    def channel_opened(self, channel: Channel) -> None:
        """The channel is open and everything is declared."""
        ...

    def channel_lost(self, reason: str) -> None:
        """The channel, if there was one, is gone; what was under way on it will not be answered."""
        ...


class Session:
    """A connection with one channel. Either one's end is the session's end."""

    def __init__(self, parameters: pika.URLParameters, topology: Topology, owner: ChannelOwner) -> None:
        self._topology = topology
        self._owner = owner
        self._steps: Iterator[_Step] = iter(())
        self._reason: object = None
        self.opened = False
        self.blocked = False
        self._connection = pika.SelectConnection(
            parameters,
            on_open_callback=self._on_connected,
            on_open_error_callback=self._on_ended,
            on_close_callback=self._on_ended,
        )
        self._connection.add_on_connection_blocked_callback(partial(self._set_blocked, True))
        self._connection.add_on_connection_unblocked_callback(partial(self._set_blocked, False))

    def run(self) -> str:
        """Pumps the connection until it ends and returns why it did."""
        try:
            self._connection.ioloop.start()
        finally:
            self._connection.ioloop.close()
        return str(self._reason) or type(self._reason).__name__

    def call_threadsafe(self, step: Callable[[], None]) -> None:
        """Has the step taken on the session's thread, unless the session ends before."""
        self._connection.ioloop.add_callback_threadsafe(step)

    def close(self) -> None:
        """Begins the end; what was sent before still arrives. On the session's thread only."""
        if not (self._connection.is_closing or self._connection.is_closed):
            self._connection.close()

    def _on_connected(self, connection: pika.SelectConnection) -> None:
        connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Channel) -> None:
        channel.add_on_close_callback(self._on_channel_closed)
        self._steps = self._declarations(channel)
        self._next_step(channel)

    def _next_step(self, channel: Channel, _answer: object = None) -> None:
        step = next(self._steps, None)
        if step is not None:
            step(callback=partial(self._next_step, channel))
        else:
            self.opened = True
            self._owner.channel_opened(channel)

    def _declarations(self, channel: Channel) -> Iterator[_Step]:
        for exchange in self._topology.exchanges:
            yield partial(channel.exchange_declare, exchange.name, exchange_type=exchange.kind, durable=True)
        for queue in self._topology.queues:
            yield partial(channel.queue_declare, queue.name, durable=True, arguments=dict(queue.arguments))
        for binding in self._topology.bindings:
            yield partial(
                channel.queue_bind, binding.queue, binding.exchange, routing_key=binding.routing_key
            )
        for binding in self._topology.former_bindings:
            yield partial(
                channel.queue_unbind, binding.queue, binding.exchange, routing_key=binding.routing_key
            )

    def _on_channel_closed(self, _channel: Channel, reason: Exception) -> None:
        # The broker closes a channel for a declaration that differs, or for a delivery that was
        # not acknowledged in time. Nothing is heard on it from then on: start over.
        self._reason = self._reason or reason
        self.close()

    def _on_ended(self, connection: pika.SelectConnection, reason: BaseException) -> None:
        self._reason = self._reason or reason
        connection.ioloop.stop()

    def _set_blocked(self, blocked: bool, _connection: object, _frame: object) -> None:
        self.blocked = blocked
