"""``python -m bench.empty HOST:PORT [uvloop] [URL of a Redis]``: grpc.aio whose call takes and gives nothing.

What it can do is what gRPC in Python can do here: the measure of everything else. With the address of a
Redis each call runs a script of one line there, through redis-py as its documentation shows it: the least
that a call can be that asks Redis something.
"""

import asyncio
import signal
import sys
from typing import Any

import grpc
import redis.asyncio
import uvloop
from google.protobuf.empty_pb2 import Empty
from grpc import aio

SERVICE = "bench.Empty"
PATH = f"/{SERVICE}/Call"


async def _call(_request: Empty, _context: "aio.ServicerContext[Any, Any]") -> Empty:
    return Empty()


def _asking(redis_url: str) -> Any:
    script = redis.asyncio.Redis.from_url(redis_url).register_script("return redis.call('INCR', KEYS[1])")

    async def call(_request: Empty, _context: "aio.ServicerContext[Any, Any]") -> Empty:
        await script(keys=["bench:calls"])
        return Empty()

    return call


async def serve(address: str, redis_url: str = "") -> None:
    """Serves until SIGTERM."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    server = aio.server(options=[("grpc.so_reuseport", 0)])
    handler: Any = grpc.unary_unary_rpc_method_handler(
        _asking(redis_url) if redis_url else _call,
        request_deserializer=Empty.FromString,
        response_serializer=Empty.SerializeToString,
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Call": handler}),))
    server.add_insecure_port(address)
    await server.start()
    await stopping.wait()
    await server.stop(1)


if __name__ == "__main__":
    address, *options = sys.argv[1:]
    redis_url = next((option for option in options if "://" in option), "")
    (uvloop.run if "uvloop" in options else asyncio.run)(serve(address, redis_url))
