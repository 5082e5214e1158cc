"""What somebody wants to be told: set when signed in, and lowered by the link in a message."""

from dataclasses import dataclass

from aiohttp import hdrs, web
from matinee.notify.v1 import notify_pb2

from bff.errors import FormMalformed
from bff.forms import read_form
from bff.keys import BACKGROUND, BUYERS, NOTIFICATIONS, SESSION, VISITOR_TEXTS
from bff.presenters.preferences import news_words, preference_named
from bff.respond import render, see_other
from bff.views.fields import request_id_in_form, text_in_form
from mesh.errors import RemoteError
from mesh.ids import new_request_id

_MOST_BOXES = 50
_LONGEST_TOKEN = 100
_FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


@dataclass(frozen=True, slots=True)
class UnsubscribeView:
    """What the link in a message switches off; or, without a token, that it leads nowhere."""

    token: str = ""
    news: str = ""
    by_text: bool = False
    address: str = ""
    wanted: bool = False
    always_told: bool = False


async def save(request: web.Request) -> web.Response:
    """Sets what the form shows, for the address that was proved and no other."""
    session = request[SESSION]
    request_id = await request_id_in_form(request)
    preferences = await _boxes(request)
    buyer = await request.app[BUYERS].find(session.sign_in) if session.sign_in else None
    if buyer is None:
        session.forget_sign_in()
        return see_other("/me/sign-in")
    address = buyer.email or buyer.phone
    try:
        await request.app[BACKGROUND].finish(
            request.app[NOTIFICATIONS].set_preferences(request_id, address, preferences)
        )
    except RemoteError as error:
        if error.reason == "ALWAYS_TOLD":
            return see_other("/me?news=kept#news")
        if error.reason == "CHANNEL_NOT_OFFERED":
            raise FormMalformed from None
        raise
    return see_other("/me?news=saved#news")


async def unsubscribe_form(request: web.Request) -> web.Response:
    """Asks whether it is meant; programs follow links on their own, so that looking changes nothing."""
    return await _page(request, request.match_info["token"])


async def unsubscribe(request: web.Request) -> web.Response:
    """Switches it off, by the form."""
    request_id = await request_id_in_form(request)
    token = await text_in_form(request, "token", _LONGEST_TOKEN)
    try:
        await request.app[BACKGROUND].finish(request.app[NOTIFICATIONS].unsubscribe(request_id, token))
    except RemoteError as error:
        if error.reason == "LINK_OVER":
            return _over(request)
        if error.reason != "ALWAYS_TOLD":
            raise
    return see_other(f"/unsubscribe/{token}")


async def unsubscribe_at_once(request: web.Request) -> web.Response:
    """Switches it off, by a mail program (RFC 8058): the link is all that it has, no session and no form."""
    token = request.match_info["token"]
    await _check_one_click(request)
    try:
        await request.app[BACKGROUND].finish(request.app[NOTIFICATIONS].unsubscribe(new_request_id(), token))
    except RemoteError as error:
        if error.reason == "LINK_OVER":
            return _over(request)
        if error.reason != "ALWAYS_TOLD":
            raise
    return await _page(request, token)


async def _boxes(request: web.Request) -> list[notify_pb2.Preference]:
    """The boxes that the form showed, ticked or not: another one is not switched by an old page."""
    form = await request.post()
    ticked = {str(name) for name in form.getall("wanted", [])}
    names = dict.fromkeys(str(name) for name in form.getall("shown", []))
    preferences = [preference_named(name, name in ticked) for name in names]
    found = [each for each in preferences if each is not None]
    if not 0 < len(found) == len(names) <= _MOST_BOXES:
        raise FormMalformed
    return found


async def _check_one_click(request: web.Request) -> None:
    if request.content_type not in _FORM_TYPES:
        raise FormMalformed
    form = await read_form(request)
    if form.get("List-Unsubscribe") != "One-Click":
        raise FormMalformed


async def _page(request: web.Request, token: str) -> web.Response:
    try:
        found = await request.app[NOTIFICATIONS].unsubscription(token)
    except RemoteError as error:
        if error.reason == "LINK_OVER":
            return _over(request)
        raise
    return _rendered(
        request,
        UnsubscribeView(
            token=token,
            news=news_words(found.preference, request[VISITOR_TEXTS]),
            by_text=found.preference.channel == notify_pb2.CHANNEL_SMS,
            address=found.address_hint,
            wanted=found.preference.wanted,
            always_told=found.preference.always_told,
        ),
    )


def _over(request: web.Request) -> web.Response:
    return _rendered(request, UnsubscribeView(), 404)


def _rendered(request: web.Request, view: UnsubscribeView, status: int = 200) -> web.Response:
    response = render(request, "unsubscribe.html", view=view, status=status)
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
    return response
