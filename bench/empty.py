"""``python -m bench.empty HOST:PORT [uvloop]``: a grpc.aio server whose one call takes and gives nothing.

What it can do is what gRPC in Python can do here: the measure of everything else.
"""

import asyncio
import signal
import sys
from typing import Any

import grpc
import uvloop
from google.protobuf.empty_pb2 import Empty
from grpc import aio

SERVICE = "bench.Empty"
PATH = f"/{SERVICE}/Call"


async def _call(_request: Empty, _context: "aio.ServicerContext[Any, Any]") -> Empty:
    return Empty()


async def serve(address: str) -> None:
    """Serves until SIGTERM."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    server = aio.server(options=[("grpc.so_reuseport", 0)])
    handler: Any = grpc.unary_unary_rpc_method_handler(
        _call, request_deserializer=Empty.FromString, response_serializer=Empty.SerializeToString
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Call": handler}),))
    server.add_insecure_port(address)
    await server.start()
    await stopping.wait()
    await server.stop(1)


if __name__ == "__main__":
    (uvloop.run if "uvloop" in sys.argv[2:] else asyncio.run)(serve(sys.argv[1]))
