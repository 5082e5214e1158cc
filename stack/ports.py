"""Free loopback ports."""

import asyncio
import random
import socket

LOOPBACK = "127.0.0.1"

# Below Linux' range for outgoing connections (32768–60999), so that a port which is free now is not
# taken by somebody's outgoing connection before the server binds it, or while it is being restarted.
_FIRST, _LAST = 20_000, 31_999
_ATTEMPTS = 200


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


def free_port() -> int:
    """A loopback port that nobody listens on; random, so that two checkouts seldom meet."""
    for _ in range(_ATTEMPTS):
        port = random.randint(_FIRST, _LAST)  # noqa: S311  # a port is no secret
        if is_free(port):
            return port
    raise OSError(f"no free port between {_FIRST} and {_LAST}")
