"""A line for each call that went wrong or took long; at level DEBUG for every call. Never its content.

What went well is in the metrics. A line for each of the twenty calls of one
booking costs more, with what carries it to its file, than some of the calls.
"""

import logging
import time
from typing import Final

import structlog

from mesh.interceptors.call import Call

log = structlog.get_logger()
_root = logging.getLogger()

_SLOW_MS: Final = 1000.0


def logged(call: Call) -> None:
    """Method, code, reason and milliseconds, when the call has ended."""
    ms = (time.perf_counter() - call.started) * 1000
    # A stream that its reader leaves went well; few end in another way.
    went_well = call.code in ("OK", "CANCELLED") if call.streams else call.code == "OK" and ms <= _SLOW_MS
    # structlog would take the line's facts together before it sees that nobody wants them.
    if went_well and not _root.isEnabledFor(logging.DEBUG):
        return
    write = log.debug if went_well else log.info
    write("rpc", method=call.method.path, code=call.code, reason=call.reason, ms=round(ms, 2))
