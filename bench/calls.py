"""Single calls over a connection whose frames the load client writes itself."""

import asyncio
from typing import Final, Self

from bench.frames import FramesConnection, connect, header_block

DEADLINE_SECONDS: Final = 20


class CallFailed(Exception):
    """A call ended otherwise than well; `status` is the name of its code."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class Caller:
    """Calls of one server over one connection, as many at once as its windows allow."""

    def __init__(self, target: str, token: str) -> None:
        self._target = target
        self._token = token
        self._blocks: dict[str, bytes] = {}
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._messages: dict[int, bytes] = {}
        self._calls = 0
        self._connection: FramesConnection | None = None

    @classmethod
    async def connected(cls, target: str, token: str) -> Self:
        """Raises `OSError`, also when it takes longer than a call may."""
        caller = cls(target, token)
        async with asyncio.timeout(DEADLINE_SECONDS):
            caller._connection = await connect(target, caller._told, caller._ended)
        return caller

    def close(self) -> None:
        """Ends the connection; what is under way fails."""
        if self._connection is not None:
            self._connection.close()

    async def call(self, path: str, request: bytes) -> bytes:
        """The answer's bytes; raises `CallFailed`. The server keeps the deadline, which it is told."""
        assert self._connection is not None
        block = self._blocks.get(path)
        if block is None:
            block = header_block(path, self._target, self._token, DEADLINE_SECONDS)
            self._blocks[path] = block
        number = self._calls
        self._calls += 1
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answered
        try:
            self._connection.open(number, block, request)
            return await answered
        except ConnectionError as error:
            raise CallFailed(str(error)) from error
        finally:
            self._waiting.pop(number, None)

    def _told(self, number: int, message: bytes) -> None:
        self._messages[number] = message

    def _ended(self, number: int, status: str) -> None:
        message = self._messages.pop(number, None)
        answered = self._waiting.get(number)
        if answered is None or answered.done():
            return
        if status == "OK" and message is not None:
            answered.set_result(message)
        else:
            answered.set_exception(CallFailed("NO_MESSAGE" if status == "OK" else status))
