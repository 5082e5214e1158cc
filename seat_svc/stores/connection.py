"""One connection to Redis that all callers of the process share.

redis-py takes a connection from its pool for each command, packs in Python and
arms several timers: with a script that Redis runs in 20 µs, that was four
fifths of what a hold cost this process. Here answers are handed out in order,
which is all that Redis' protocol asks for, and commands go out in batches: the
first at once, those that come while it is under way together when its answers
are there (Nagle's algorithm, RFC 896, for commands instead of bytes). Once
several came together the next batch begins two milliseconds after the last at
the earliest. So one caller waits for nobody, and a crowd, which waits longer
for this process than that, shares what a brief script costs most: the system
calls and wake-ups of both sides.
"""

import asyncio
from collections import deque
from enum import Enum
from typing import Any, Final

import hiredis
from redis.exceptions import RedisError

from mesh.errors import StoreUnavailable
from mesh.redis import TIMEOUT_SECONDS, Client

_MOST_WAITING: Final = 20_000
_CROWD: Final = 3
"""So many commands in a batch are a crowd."""
_CROWD_SECONDS: Final = 0.002
"""From one batch to the next while there is a crowd."""
_AWAY: Final = frozenset({"CLUSTERDOWN", "LOADING", "MASTERDOWN", "OOM", "READONLY", "ASK", "TRYAGAIN"})
"""Also ASK and TRYAGAIN: the show is being moved to another server of a cluster, key by key."""


class Life(Enum):
    """Stands in a command for the name of the life of the server that it is sent to: a new one may have
    forgotten what it had told."""

    OF_SERVER = "OF_SERVER"


LIFE_OF_SERVER: Final = Life.OF_SERVER
Argument = str | bytes | int | Life


class CommandRefused(Exception):
    """Redis answered with an error; `code` is its first word."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.code = text.partition(" ")[0]


class SharedConnection(asyncio.Protocol):
    """Runs commands over one connection, which is made when first needed and again when it was lost.

    Nothing is sent twice. A command whose caller was cancelled may have been
    carried out; its answer is dropped when it comes, never handed to another.
    Close it before the client, whose settings it uses.
    """

    def __init__(self, client: Client) -> None:
        self._pool: Any = client.connection_pool
        self._connecting: asyncio.Task[None] | None = None
        self._stream: Any = None
        self._life = b""
        self._transport: asyncio.WriteTransport | None = None
        self._reader = hiredis.Reader()
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._unsent: list[bytes] = []
        self._sent_at = 0.0
        self._sent_count = 0
        self._answered = False
        self._watch: asyncio.TimerHandle | None = None
        self._closed = False

    async def run(self, *command: Argument) -> Any:
        """The answer, bytes not decoded.

        Raises `CommandRefused`, and `StoreUnavailable` when no answer came
        within seconds: whether the command was carried out is then unknown.
        """
        if self._closed or len(self._waiting) >= _MOST_WAITING:
            raise StoreUnavailable("redis")
        if self._transport is None:
            await self._connected()
            if self._transport is None:  # lost again at once
                raise StoreUnavailable("redis")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        if not self._waiting:
            self._send_soon(loop)
        self._waiting.append(answer)
        self._unsent.append(_packed(command, self._life))
        return await answer

    async def ping(self) -> None:
        """Returns when Redis answers; for health probes."""
        await self.run("PING")

    async def aclose(self) -> None:
        """Ends the connection; who still waits is told that the store is unavailable."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
        self._drop()

    def data_received(self, data: bytes) -> None:
        """Hands the answers that came to those who wait for them, in order."""
        self._answered = True
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                if not isinstance(reply, hiredis.PushNotification):
                    _settle(self._waiting.popleft(), reply)
        except hiredis.ProtocolError:
            self._drop()
        if self._unsent and len(self._waiting) == len(self._unsent):
            self._send_soon(asyncio.get_running_loop())

    def connection_lost(self, _error: Exception | None) -> None:
        """Fails whoever waits."""
        self._drop()

    async def _connected(self) -> None:
        """Returns when there is a connection; all who wait for it share one attempt."""
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect(), name="redis-connect")
        await asyncio.shield(self._connecting)

    async def _connect(self) -> None:
        connection = self._pool.make_connection()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                # redis-py knows how to reach and greet a server: addresses, TLS, passwords, database.
                await connection.connect()
                await connection.send_command("INFO", "server")
                self._life = life_in(await connection.read_response(disable_decoding=True))
        except (RedisError, OSError) as error:
            await connection.disconnect(nowait=True)
            raise StoreUnavailable("redis") from error
        finally:
            self._connecting = None
        # From here on the stream is ours; redis-py, which would close it, forgets it.
        self._stream, connection._writer, connection._reader = connection._writer, None, None
        self._reader = hiredis.Reader()
        self._transport = self._stream.transport
        self._transport.set_protocol(self)
        self._watch_answers()

    def _send_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        earliest = self._sent_at + _CROWD_SECONDS
        if self._sent_count >= _CROWD and loop.time() < earliest:
            loop.call_at(earliest, self._send)
        else:
            # What other callers ask for in this turn of the loop goes out by the same write.
            loop.call_soon(self._send)

    def _send(self) -> None:
        if not self._unsent:  # the connection was lost meanwhile, and with it who waited
            return
        commands, self._unsent = self._unsent, []
        self._sent_at, self._sent_count = asyncio.get_running_loop().time(), len(commands)
        if self._transport is not None:
            self._transport.write(b"".join(commands))

    def _watch_answers(self) -> None:
        """Gives the connection up when somebody waits and nothing came for seconds."""
        if self._waiting and not self._answered:
            self._drop()
            return
        self._answered = not self._waiting
        self._watch = asyncio.get_running_loop().call_later(TIMEOUT_SECONDS, self._watch_answers)

    def _drop(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        if self._watch is not None:
            self._watch.cancel()
        self._unsent = []
        while self._waiting:
            answer = self._waiting.popleft()
            if not answer.done():
                answer.set_exception(StoreUnavailable("redis"))


def _settle(answer: asyncio.Future[Any], reply: Any) -> None:
    if answer.done():
        return
    if not isinstance(reply, hiredis.ReplyError):
        answer.set_result(reply)
        return
    refusal = CommandRefused(str(reply))
    answer.set_exception(StoreUnavailable("redis") if refusal.code in _AWAY else refusal)


def life_in(info: bytes) -> bytes:
    """The name of a server's life, which ends with its process, in what it says of itself."""
    return next(line for line in info.splitlines() if line.startswith(b"run_id:"))


def _packed(command: tuple[Argument, ...], life: bytes) -> bytes:
    words = tuple([life if word is LIFE_OF_SERVER else word for word in command])
    packed: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]  # its stub says a tuple of one
    return packed
