"""Free loopback ports."""

import random
import socket

LOOPBACK = "127.0.0.1"

# Below Linux' range for outgoing connections (32768–60999), so that a port which is free now is not
# taken by somebody's outgoing connection before the server binds it, or while it is being restarted.
_FIRST, _LAST = 20_000, 31_999
_ATTEMPTS = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A loopback port that nobody listens on; random, so that two checkouts seldom meet."""
    for _ in range(_ATTEMPTS):
        port = random.randint(_FIRST, _LAST)  # noqa: S311  # a port is no secret
        if is_free(port):
            return port
    raise OSError(f"no free port between {_FIRST} and {_LAST}")
