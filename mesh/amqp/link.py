"""A thread that keeps a session with the broker alive."""

import asyncio
import contextvars
import logging
import random
import threading
from collections.abc import Callable
from enum import Enum

import structlog

from mesh.amqp.broker import Broker
from mesh.amqp.errors import BrokerAway
from mesh.amqp.session import ChannelOwner, Session
from mesh.amqp.topology import Topology

log = structlog.get_logger()

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0


class LinkState(Enum):
    """How a publisher or consumer stands with the broker."""

    CONNECTING = "connecting"
    READY = "ready"
    BLOCKED = "blocked"
    """Connected, but the broker is out of memory or disk and takes nothing."""
    CLOSED = "closed"


class Link:
    """One connection on one thread, opened again with growing, jittered pauses whenever it is lost.

    pika is not thread-safe: all that touches the channel is handed over by `call`.
    """

    def __init__(self, broker: Broker, name: str, topology: Topology, owner: ChannelOwner) -> None:
        self._parameters = broker.parameters(name)
        self._name = name
        self._topology = topology
        self._owner = owner
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._thread: threading.Thread | None = None

    @property
    def state(self) -> LinkState:
        """Where it stands now."""
        with self._lock:
            session = self._session
        if self._thread is None or self._stopping.is_set():
            return LinkState.CLOSED
        if session is None or not session.opened:
            return LinkState.CONNECTING
        return LinkState.BLOCKED if session.blocked else LinkState.READY

    def start(self) -> None:
        """Starts the thread and returns at once; the broker may still be away."""
        # All that pika reports is told here in one line; its own come with tracebacks.
        logging.getLogger("pika").setLevel(logging.CRITICAL)
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._run,), name=f"amqp-{self._name}", daemon=True
        )
        self._thread.start()

    def call(self, step: Callable[[], None]) -> None:
        """Has the step taken on the thread; it is dropped when the session ends before it."""
        with self._lock:
            if self._session is not None:
                self._session.call_threadsafe(step)

    async def close(self, seconds: float) -> None:
        """Closes the connection after all that was handed over; leaves a stuck one to its heartbeat."""
        self._stopping.set()
        with self._lock:
            session = self._session
            if session is not None:
                session.call_threadsafe(session.close)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, seconds)
            if self._thread.is_alive():
                log.warning("broker_not_closed_in_time", link=self._name, seconds=seconds)

    async def probe(self) -> None:
        """Returns when messages can flow, else raises `BrokerAway`; for health checks."""
        if self.state is not LinkState.READY:
            raise BrokerAway(f"the connection to RabbitMQ is {self.state.value}")

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            opened, reason = self._live_once()
            self._owner.channel_lost(reason)
            if self._stopping.is_set():
                return
            failures = 1 if opened else failures + 1
            level = logging.WARNING if failures == 1 else logging.DEBUG
            log.log(level, "broker_lost", link=self._name, reason=reason)
            self._stopping.wait(_pause(failures))

    def _live_once(self) -> tuple[bool, str]:
        session = None
        try:
            session = Session(self._parameters, self._topology, self._owner)
            with self._lock:
                self._session = session
                if self._stopping.is_set():
                    session.call_threadsafe(session.close)
            reason = session.run()
        except Exception as error:
            # Nobody could restart a thread that ended here: the next session starts clean.
            log.exception("broker_session_failed", link=self._name)
            reason = type(error).__name__
        finally:
            with self._lock:
                self._session = None
        return session is not None and session.opened, reason


def _pause(failures: int) -> float:
    longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, no secret
