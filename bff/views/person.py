"""What a person may ask about themselves: everything that is kept, and to be forgotten."""

from contextlib import aclosing
from dataclasses import dataclass

from aiohttp import hdrs, web

from bff.keys import BACKGROUND, BUYERS, NOTIFICATIONS, SESSION, VISITOR_TEXTS
from bff.presenters.export import Export
from bff.presenters.seatpage import Notice
from bff.respond import render, see_other
from bff.texts import Texts
from bff.views.fields import request_id_in_form, text_in_form
from mesh import deadlines
from mesh.errors import RemoteError

_EXPORT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class EraseView:
    """Asks once more before a person is erased; or tells that it is done or cannot be."""

    notice: Notice | None = None
    erased: bool = False


async def export(request: web.Request) -> web.Response:
    """Everything that is kept about the person, as a JSON file."""
    session = request[SESSION]
    await request_id_in_form(request)
    if not session.sign_in:
        return see_other("/me/sign-in")
    deadlines.set_remaining(_EXPORT_SECONDS)
    collected = Export()
    try:
        async with aclosing(request.app[BUYERS].export(session.sign_in)) as parts:
            async for part in parts:
                collected.add(part)
    except RemoteError as error:
        return _refused(request, error)
    notifications = request.app[NOTIFICATIONS]
    collected.add_messages(await notifications.sent_to(collected.address))
    collected.add_preferences(await notifications.preferences(collected.address))
    return web.Response(
        body=collected.as_json(),
        content_type="application/json",
        charset="utf-8",
        headers={
            hdrs.CONTENT_DISPOSITION: 'attachment; filename="matinee-my-data.json"',
            hdrs.CACHE_CONTROL: "no-store",
        },
    )


async def erase_form(request: web.Request) -> web.Response:
    """Asks whether it is meant."""
    if not request[SESSION].sign_in:
        return see_other("/me/sign-in")
    return _page(request, EraseView())


async def erase(request: web.Request) -> web.Response:
    """Erases the person; the browser is a stranger's afterwards."""
    session, texts = request[SESSION], request[VISITOR_TEXTS]
    request_id = await request_id_in_form(request)
    if not session.sign_in:
        return see_other("/me/sign-in")
    if not await text_in_form(request, "sure", 10):
        notice = Notice(texts.gettext("Nothing was erased"), texts.gettext("Tick the box if you are sure."))
        return _page(request, EraseView(notice), 422)
    try:
        await request.app[BACKGROUND].finish(request.app[BUYERS].erase(request_id, session.sign_in))
    except RemoteError as error:
        return _refused(request, error)
    session.leave()
    return _page(request, EraseView(erased=True))


def _refused(request: web.Request, error: RemoteError) -> web.Response:
    if error.reason == "NOT_SIGNED_IN":
        request[SESSION].forget_sign_in()
        return see_other("/me/sign-in")
    notice = _notice(error, request[VISITOR_TEXTS])
    if notice is None:
        raise error
    return _page(request, EraseView(notice), 409)


def _notice(error: RemoteError, texts: Texts) -> Notice | None:
    if error.reason == "SIGN_IN_STALE":
        return Notice(
            texts.gettext("Please sign in again"),
            texts.gettext("For this we want to be sure that it is you. Sign in again, then come back."),
        )
    if error.reason == "LIVE_BOOKINGS":
        return Notice(
            texts.gettext("You still have tickets"),
            texts.gettext(
                "A show is still to come, or money is on its way. Use or cancel those bookings first; then "
                "everything can be erased."
            ),
        )
    return None


def _page(request: web.Request, view: EraseView, status: int = 200) -> web.Response:
    response = render(request, "erase.html", view=view, status=status)
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
    return response
