"""Request id, trace, deadline, access log and metrics."""

import time
from functools import lru_cache

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import Histogram

from bff.keys import SETTINGS
from mesh import deadlines, tracing
from mesh.metrics import SECONDS_BUCKETS

log = structlog.get_logger()

HTTP_SECONDS = Histogram(
    "bff_http_seconds",
    "Time to answer a request, by route, method and status.",
    ["route", "method", "status"],
    buckets=SECONDS_BUCKETS,
)
_seconds_of = lru_cache(1000)(HTTP_SECONDS.labels)
"""Looking counters up by their labels costs more than counting."""
_QUIET = frozenset({"/healthz", "/static/{fingerprint}/{name}"})
_METHODS = frozenset({"GET", "HEAD", "POST"})


@web.middleware
async def log_and_measure(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Starts or continues a trace, gives the request its deadline, and tells of it afterwards.

    Neither the query nor the visitor's address is logged: both can name a person.
    """
    position = tracing.enter(request.headers.get(tracing.TRACEPARENT))
    deadlines.set_remaining(request.app[SETTINGS].request_seconds)
    resource = request.match_info.route.resource
    route = resource.canonical if resource else "unknown"
    began = time.perf_counter()
    status = 499  # unless there is an answer, the browser went away
    try:
        response = await handler(request)
        status = response.status
        if not response.prepared:
            response.headers["X-Request-Id"] = position.trace_id
        return response
    except web.HTTPException as answer:
        status = answer.status
        answer.headers["X-Request-Id"] = position.trace_id
        raise
    finally:
        seconds = time.perf_counter() - began
        method = request.method if request.method in _METHODS else "other"
        _seconds_of(route, method, str(status)).observe(seconds)
        if route not in _QUIET:
            log.info("http_request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))
