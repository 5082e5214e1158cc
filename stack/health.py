"""Whether a process that was started can be used."""

import asyncio
from typing import Final

from mesh.probe import is_serving
from stack.ports import LOOPBACK, is_listened_on

HEALTH_PATH: Final = "/healthz"
_PROBE_SECONDS: Final = 2.0
_OK: Final = b"200"


async def answers_http(port: int) -> bool:
    """Whether GET /healthz on this loopback port gives 200."""
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            return await _status_of(port) == _OK
    except (OSError, ValueError):
        return False


async def _status_of(port: int) -> bytes:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        writer.write(
            f"GET {HEALTH_PATH} HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nConnection: close\r\n\r\n".encode()
        )
        _version, status, *_reason = (await reader.readline()).split()
        return status
    finally:
        writer.close()


async def serves_grpc(port: int) -> bool:
    """Whether the gRPC health service on this loopback port reports serving."""
    if not await is_listened_on(port):
        return False  # a gRPC channel is too dear for asking a port that nobody listens on
    return await is_serving(f"{LOOPBACK}:{port}", _PROBE_SECONDS)
