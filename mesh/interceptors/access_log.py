"""A line for each call that went wrong or took long; at level DEBUG for every call. Never its content.

What went well is in the metrics. A line for each of the twenty calls of one
booking costs more, with what carries it to its file, than some of the calls.
"""

import time
from typing import Final

import structlog

from mesh.interceptors.call import Call

log = structlog.get_logger()

_SLOW_MS: Final = 1000.0


def logged(call: Call) -> None:
    """Method, code, reason and milliseconds, when the call has ended."""
    ms = round((time.perf_counter() - call.started) * 1000, 2)
    slow = ms > _SLOW_MS and not call.streams
    write = log.debug if call.code == "OK" and not slow else log.info
    write("rpc", method=call.method.path, code=call.code, reason=call.reason, ms=ms)
