"""The visitor's session and language, read before and written after."""

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from bff.keys import SESSION, SESSIONS, TEXTS, VISITOR_TEXTS


@web.middleware
async def keep_session(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Opens the session; sends its cookie only when something in it changed."""
    sessions = request.app[SESSIONS]
    session = sessions.open(request)
    request[SESSION] = session
    request[VISITOR_TEXTS] = request.app[TEXTS].for_header(request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))
    try:
        response = await handler(request)
    except web.HTTPException as answer:
        if session.changed:
            sessions.save(session, answer)
        raise
    shared = "public" in response.headers.get(hdrs.CACHE_CONTROL, "")  # caches would hand the cookie on
    if session.changed and not response.prepared and not shared:
        sessions.save(session, response)
    return response
