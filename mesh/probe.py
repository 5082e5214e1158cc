"""`python -m mesh.probe HOST:PORT`: exit status 0 when the gRPC server there reports serving."""

import asyncio
import sys
from typing import Any

import grpc
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

_SECONDS = 3.0


async def is_serving(address: str, seconds: float = _SECONDS) -> bool:
    """Whether the server reports SERVING within that time."""
    async with aio.insecure_channel(address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=seconds)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m mesh.probe HOST:PORT")
    sys.exit(0 if asyncio.run(is_serving(sys.argv[1])) else 1)
