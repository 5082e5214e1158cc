"""Free loopback ports."""

import asyncio
import random
import socket
from collections import deque
from typing import Final

LOOPBACK = "127.0.0.1"

# Below Linux' range for outgoing connections (32768–60999), so that a port which is free now is not
# taken by somebody's outgoing connection before the server binds it, or while it is being restarted.
_ALL: Final = range(20_000, 32_000)
_ATTEMPTS = 200
_REMEMBERED: Final = 500


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now; not to be asked while one is about to."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


async def is_listened_on(port: int) -> bool:
    """Whether somebody accepts connections on this loopback port; never in the way of who wants to."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True


class Ports:
    """A part of all ports that are used here."""

    def __init__(self) -> None:
        self._mine: range = _ALL
        self._given: deque[int] = deque(maxlen=_REMEMBERED)

    def keep_to_share(self, number: int, of: int) -> None:
        """Takes only one of so many equal parts, counted from 0, from now on.

        For processes that run side by side: the port of a server that one has stopped, and is about to start
        again, is free to all the others.
        """
        size = len(_ALL) // of
        self._mine = _ALL[number * size : (number + 1) * size]

    def free(self) -> int:
        """One that nobody listens on and that was not given lately: whoever asked may be about to listen.

        Random, so that two checkouts seldom meet.
        """
        for _ in range(_ATTEMPTS):
            port = random.choice(self._mine)  # noqa: S311  # a port is no secret
            if port not in self._given and is_free(port):
                self._given.append(port)
                return port
        raise OSError(f"no free port between {self._mine[0]} and {self._mine[-1]}")

    def again(self, port: int) -> int:
        """The one that was used before, and that nobody is given meanwhile; another if it is not free."""
        if not is_free(port):
            return self.free()
        self._given.append(port)
        return port


PORTS: Final = Ports()
"""This process's."""


def free_port() -> int:
    """A loopback port that nobody listens on."""
    return PORTS.free()
