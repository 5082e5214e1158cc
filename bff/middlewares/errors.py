"""Errors become pages: what happened, what to do, nothing internal."""

import math

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from bff.errors import FormMalformed, FormRefused, HostRefused, PageMissing, TooManyWatchers
from bff.keys import VISITOR_TEXTS
from bff.presenters.errors import ErrorKind, present_error
from bff.respond import remembered_city, render
from mesh import tracing
from mesh.errors import RemoteError

log = structlog.get_logger()

_STATUS = {
    ErrorKind.MISSING: 404,
    ErrorKind.SHOW_MISSING: 404,
    ErrorKind.BOOKING_MISSING: 404,
    ErrorKind.FORM_REFUSED: 403,
    ErrorKind.FORM_REPEATED: 409,
    ErrorKind.MALFORMED: 400,
    ErrorKind.METHOD: 405,
    ErrorKind.TOO_LARGE: 413,
    ErrorKind.TOO_SLOW: 408,
    ErrorKind.HOST: 421,
    ErrorKind.BUSY: 503,
    ErrorKind.THEATRE_AWAY: 503,
    ErrorKind.BROKEN: 500,
}
_RETRY_SECONDS = {ErrorKind.BUSY: "5", ErrorKind.THEATRE_AWAY: "30"}
_WAITING = "/bookings/"
_BY_REASON = {
    "UNKNOWN_SHOW": ErrorKind.SHOW_MISSING,
    "UNKNOWN_BOOKING": ErrorKind.BOOKING_MISSING,
    "REQUEST_ID_REUSED": ErrorKind.FORM_REPEATED,
    "THEATRE_UNAVAILABLE": ErrorKind.THEATRE_AWAY,
}
_BY_CODE = {
    "NOT_FOUND": ErrorKind.MISSING,
    "INVALID_ARGUMENT": ErrorKind.MALFORMED,
    "UNAVAILABLE": ErrorKind.BUSY,
    "DEADLINE_EXCEEDED": ErrorKind.BUSY,
    "RESOURCE_EXHAUSTED": ErrorKind.BUSY,
}
_BY_TYPE: tuple[tuple[type[Exception], ErrorKind], ...] = (
    (PageMissing, ErrorKind.MISSING),
    (FormMalformed, ErrorKind.MALFORMED),
    (TooManyWatchers, ErrorKind.BUSY),
    (web.HTTPNotFound, ErrorKind.MISSING),
    (web.HTTPMethodNotAllowed, ErrorKind.METHOD),
    (web.HTTPRequestEntityTooLarge, ErrorKind.TOO_LARGE),
    (web.HTTPRequestTimeout, ErrorKind.TOO_SLOW),
    (web.HTTPBadRequest, ErrorKind.MALFORMED),
)


@web.middleware
async def errors_to_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns every error into a page; redirects pass."""
    try:
        return await handler(request)
    except web.HTTPException as answer:
        if answer.status < 400:
            raise
        page = await _page(request, _kind_of(answer))
        if hdrs.ALLOW in answer.headers:
            page.headers[hdrs.ALLOW] = answer.headers[hdrs.ALLOW]
        return page
    except FormRefused as error:
        log.warning("form_refused", why=error.why)
        return await _page(request, ErrorKind.FORM_REFUSED)
    except HostRefused:
        log.warning("host_refused")
        return await _page(request, ErrorKind.HOST)
    except RemoteError as error:
        kind = _BY_REASON.get(error.reason) or _BY_CODE.get(error.code, ErrorKind.BROKEN)
        if kind in (ErrorKind.BROKEN, ErrorKind.BUSY, ErrorKind.THEATRE_AWAY):
            log.warning("service_failed", method=error.method, code=error.code, reason=error.reason)
        return await _page(request, kind, error.retry_seconds)
    except (PageMissing, FormMalformed, TooManyWatchers) as error:
        return await _page(request, _kind_of(error))
    except Exception:
        log.exception("request_failed")
        return await _page(request, ErrorKind.BROKEN)


def _kind_of(error: Exception) -> ErrorKind:
    return next((kind for known, kind in _BY_TYPE if isinstance(error, known)), ErrorKind.BROKEN)


async def _page(request: web.Request, kind: ErrorKind, retry_seconds: float | None = None) -> web.Response:
    position = tracing.current()
    status = _STATUS[kind]
    looking = request.method == hdrs.METH_GET
    view = present_error(
        kind,
        remembered_city(request),
        request[VISITOR_TEXTS],
        position.trace_id if position and status >= 500 else "",
        # With one slash: two would be another site's address.
        f"/{request.path_qs.lstrip('/')}" if looking and status >= 500 else "",
    )
    response = render(request, "error.html", view=view, city=remembered_city(request), status=status)
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
    if kind in _RETRY_SECONDS:
        retry = _RETRY_SECONDS[kind] if retry_seconds is None else str(math.ceil(retry_seconds))
        response.headers[hdrs.RETRY_AFTER] = retry
        if looking and request.path.startswith(_WAITING):
            # Who comes back from paying while a service starts again should not have to click.
            response.headers["Refresh"] = retry
    return response
