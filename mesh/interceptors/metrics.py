"""Counts and times every call."""

import functools
import time

from prometheus_client import Counter, Histogram

from mesh.interceptors.call import Call
from mesh.metrics import RPC_ANSWERS, RPC_SECONDS


def measured(call: Call) -> None:
    """`rpc_server_*` metrics by method, code and reason."""
    _seconds(call.method.path).observe(time.perf_counter() - call.started)
    _answers(call.method.path, call.code, call.reason).inc()


# `labels` takes a lock and checks its arguments each time; methods, codes and reasons are few.
@functools.cache
def _seconds(path: str) -> Histogram:
    return RPC_SECONDS.labels(path)


@functools.cache
def _answers(path: str, code: str, reason: str) -> Counter:
    return RPC_ANSWERS.labels(path, code, reason)
