"""Counts and times every call."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from mesh.interceptors.call import Call
from mesh.metrics import RPC_ANSWERS, RPC_IN_FLIGHT, RPC_SECONDS


@contextmanager
def measured(call: Call) -> Iterator[None]:
    """`rpc_server_*` metrics by method, code and reason."""
    started = time.perf_counter()
    RPC_IN_FLIGHT.inc()
    try:
        yield
    finally:
        RPC_IN_FLIGHT.dec()
        RPC_SECONDS.labels(call.method.path).observe(time.perf_counter() - started)
        RPC_ANSWERS.labels(call.method.path, call.code, call.reason).inc()
