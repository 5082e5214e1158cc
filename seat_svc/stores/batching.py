"""Sending what concurrent callers ask of Redis together.

redis-py takes a connection from its pool, packs in Python and arms several
timers for every command: 200 µs of this process's time for a script that Redis
runs in 10. Here few connections carry all commands, each writing in one go what
came up while the batch before was under way.
"""

import asyncio
import math
from collections import deque
from typing import Any, Final

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError, ResponseError

from mesh.errors import StoreUnavailable
from mesh.redis import TIMEOUT_SECONDS, Client

_LANES: Final = 2
_BATCH: Final = 128
_MOST_WAITING: Final = 20_000

Argument = str | bytes | int
Waiting = tuple[bytes, asyncio.Future[Any]]


class BatchedCommands:
    """Runs commands on a few connections of the client's pool; close it before the client.

    Nothing is sent twice. A command whose caller was cancelled may have been
    carried out; its answer is read and dropped, never handed to another.
    """

    def __init__(self, client: Client) -> None:
        self._pool: Any = client.connection_pool
        self._waiting: deque[Waiting] = deque()
        self._idle: list[AbstractConnection | None] = [None] * _LANES
        self._lanes: set[asyncio.Task[None]] = set()
        self._closed = False

    async def run(self, *command: Argument) -> Any:
        """The answer, bytes not decoded.

        Raises `ResponseError` when Redis refuses the command, and
        `StoreUnavailable` when no answer came within seconds: whether the
        command was carried out is then unknown.
        """
        if self._closed or len(self._waiting) >= _MOST_WAITING:
            raise StoreUnavailable("redis")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((_packed(command), answer))
        if self._idle:
            lane = asyncio.create_task(self._work(self._idle.pop()), name="redis-lane")
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)
        return await answer

    async def ping(self) -> None:
        """Returns when Redis answers; for health probes."""
        await self.run("PING")

    async def aclose(self) -> None:
        """Fails what still waits and gives the connections back."""
        self._closed = True
        for lane in list(self._lanes):
            lane.cancel()
        await asyncio.gather(*self._lanes, return_exceptions=True)
        _fail(self._waiting)
        for connection in self._idle:
            if connection is not None:
                await self._pool.release(connection)
        self._idle.clear()

    async def _work(self, connection: AbstractConnection | None) -> None:
        """Sends batch after batch until nobody waits."""
        batch: list[Waiting] = []
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
                try:
                    async with asyncio.timeout(TIMEOUT_SECONDS):
                        if connection is None:
                            connection = await self._pool.get_connection()
                        await _exchange(connection, batch)
                except (RedisError, OSError):
                    # asyncio's TimeoutError is an OSError. Who waits behind would wait as long again in vain.
                    _fail(batch)
                    _fail(self._waiting)
                    if connection is not None:
                        await connection.disconnect(nowait=True)
        finally:
            _fail(batch)
            self._idle.append(connection)


async def _exchange(connection: AbstractConnection, batch: list[Waiting]) -> None:
    """Writes all commands, then reads an answer for each."""
    await connection.send_packed_command([command for command, _ in batch], check_health=False)
    for _, answer in batch:
        try:
            reply = await connection.read_response(disable_decoding=True, timeout=math.inf)
        except ResponseError as refusal:
            if not answer.done():
                answer.set_exception(refusal)
        else:
            if not answer.done():
                answer.set_result(reply)


def _packed(command: tuple[Argument, ...]) -> bytes:
    packed: bytes = pack_command(command)  # type: ignore[arg-type]  # its stub says a tuple of one
    return packed


def _fail(waiting: "deque[Waiting] | list[Waiting]") -> None:
    while waiting:
        _, answer = waiting.pop()
        if not answer.done():
            answer.set_exception(StoreUnavailable("redis"))
