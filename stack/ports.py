"""Free loopback ports."""

import asyncio
import os
import random
import socket
from collections import deque
from collections.abc import Mapping
from typing import Final

from stack.errors import StackError

LOOPBACK = "127.0.0.1"

# Below Linux' range for outgoing connections (32768–60999), so that a port which is free now is not
# taken by somebody's outgoing connection before the server binds it, or while it is being restarted.
_ALL: Final = range(20_000, 32_000)
_LEAST_MANY: Final = 100
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


def share_of_all(number: int, of: int) -> range:
    """One of so many equal parts of the usual ports, counted from 0."""
    size = len(_ALL) // of
    return _ALL[number * size : (number + 1) * size]


def wanted(environment: Mapping[str, str]) -> range:
    """The ports to choose from: those of `MATINEE_PORTS`, or the usual ones. Raises `StackError`."""
    text = environment.get("MATINEE_PORTS")
    if not text:
        return _ALL
    first, _, last = text.partition("-")
    if first.isdecimal() and last.isdecimal():
        chosen = range(int(first), int(last) + 1)
        if len(chosen) >= _LEAST_MANY and chosen[0] >= 1024 and chosen[-1] <= 65_535:
            return chosen
    raise StackError(f"MATINEE_PORTS must be at least {_LEAST_MANY} ports from 1024 to 65535: 20000-31999")


class Ports:
    """A part of all ports that are used here; unless a share is taken, those that the environment wants."""

    def __init__(self) -> None:
        self._share: range | None = None
        self._given: deque[int] = deque(maxlen=_REMEMBERED)

    def keep_to_share(self, number: int, of: int) -> None:
        """Takes only one of so many equal parts, counted from 0, from now on.

        For processes that run side by side: the port of a server that one has stopped, and is about to start
        again, is free to all the others.
        """
        self._share = share_of_all(number, of)

    @property
    def _mine(self) -> range:
        return self._share or wanted(os.environ)

    def free(self) -> int:
        """One that nobody listens on and that was not given lately: whoever asked may be about to listen.

        Random, so that two checkouts seldom meet.
        """
        mine = self._mine
        for _ in range(_ATTEMPTS):
            port = random.choice(mine)  # noqa: S311  # a port is no secret
            if port not in self._given and is_free(port):
                self._given.append(port)
                return port
        raise OSError(f"no free port between {mine[0]} and {mine[-1]}")

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
