"""One line for each call: method, code, reason, milliseconds. Never a request's content."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from mesh.interceptors.call import Call

log = structlog.get_logger()


@contextmanager
def logged(call: Call) -> Iterator[None]:
    """Written when the call ends, however it ends."""
    started = time.perf_counter()
    try:
        yield
    finally:
        log.info(
            "rpc",
            method=call.method.path,
            code=call.code,
            reason=call.reason,
            ms=round((time.perf_counter() - started) * 1000, 2),
        )
