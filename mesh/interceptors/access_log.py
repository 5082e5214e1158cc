"""One line for each call: method, code, reason, milliseconds. Never a request's content."""

import time

import structlog

from mesh.interceptors.call import Call

log = structlog.get_logger()


def logged(call: Call) -> None:
    """Written when the call has ended, however it ended."""
    log.info(
        "rpc",
        method=call.method.path,
        code=call.code,
        reason=call.reason,
        ms=round((time.perf_counter() - call.started) * 1000, 2),
    )
