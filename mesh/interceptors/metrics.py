"""Counts and times every call."""

import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Histogram

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
        _seconds(call.method.path).observe(time.perf_counter() - started)
        _answers(call.method.path, call.code, call.reason).inc()


# `labels` takes a lock and checks its arguments each time; methods, codes and reasons are few.
@functools.cache
def _seconds(path: str) -> Histogram:
    return RPC_SECONDS.labels(path)


@functools.cache
def _answers(path: str, code: str, reason: str) -> Counter:
    return RPC_ANSWERS.labels(path, code, reason)
