"""Signing in by a code, and out again."""

import re
import unicodedata
from dataclasses import dataclass

import structlog
from aiohttp import hdrs, web
from matinee.booking.v1 import buyer_pb2

from bff.contacts import TypedAddress, check_address, seen
from bff.keys import ADDRESSES, BACKGROUND, BUYERS, SESSION, VISITOR_TEXTS
from bff.respond import render, see_other
from bff.sessions import Challenge
from bff.texts import Texts
from bff.views.fields import request_id_in_form, text_in_form
from mesh.errors import RemoteError

log = structlog.get_logger()

_BETWEEN_DIGITS = re.compile(r"[ \u00a0-]")
_CODE = re.compile(r"[0-9]{6}")
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class AddressView:
    """The form for an address, and what was wrong with what it was sent with."""

    typed: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class CodeView:
    """The form for the code that was sent to an address like `hint`."""

    hint: str
    problem: str = ""


async def address_form(request: web.Request) -> web.Response:
    """Asks where to send a code."""
    return _form(request, "sign_in.html", AddressView())


async def send_code(request: web.Request) -> web.Response:
    """Sends a code; sending the same form again sends none."""
    texts = request[VISITOR_TEXTS]
    request_id = await request_id_in_form(request)
    typed = await text_in_form(request, "address", _LONGEST)
    address = check_address(typed, texts)
    if address.problem:
        return _form(request, "sign_in.html", AddressView(typed, address.problem), 422)
    client = request.app[ADDRESSES].of(request)
    message = buyer_pb2.StartSignInRequest(
        request_id=request_id,
        client_ip=str(client) if client is not None else "",
        language=texts.language_tag,
    )
    _put_address(message, address)
    try:
        challenge_id = await request.app[BACKGROUND].finish(request.app[BUYERS].start_sign_in(message))
    except RemoteError as error:
        return _not_sent(request, typed, error)
    request[SESSION].await_code(Challenge(challenge_id, address.hint))
    return see_other("/me/sign-in/code")


async def code_form(request: web.Request) -> web.Response:
    """Asks for the code."""
    challenge = request[SESSION].challenge
    if challenge is None:
        return see_other("/me/sign-in")
    return _form(request, "sign_in_code.html", CodeView(challenge.hint))


async def enter_code(request: web.Request) -> web.Response:
    """Signs in; the browser's session is a new one from then on."""
    session, texts = request[SESSION], request[VISITOR_TEXTS]
    request_id = await request_id_in_form(request)
    code = _typed_code(await text_in_form(request, "code", _LONGEST))
    challenge = session.challenge
    if challenge is None:
        return see_other("/me/sign-in")
    if not _CODE.fullmatch(code):
        problem = texts.gettext("The code has six digits.")
        return _form(request, "sign_in_code.html", CodeView(challenge.hint, problem), 422)
    message = buyer_pb2.CompleteSignInRequest(
        request_id=request_id,
        challenge_id=challenge.challenge_id,
        code=code,
        buyer_id=session.buyer_id,
        earlier_sign_in_token=session.sign_in,
    )
    try:
        token = await request.app[BACKGROUND].finish(request.app[BUYERS].complete_sign_in(message))
    except RemoteError as error:
        return _not_signed_in(request, challenge, error)
    session.begin_sign_in(token)
    return see_other("/me")


async def sign_out(request: web.Request) -> web.Response:
    """Ends the sign-in; the browser is a stranger's afterwards, whatever becomes of the sign-in itself."""
    session = request[SESSION]
    request_id = await request_id_in_form(request)
    if session.sign_in:
        step = request.app[BUYERS].end_sign_in(request_id, session.sign_in)
        try:
            await request.app[BACKGROUND].finish(step)
        except RemoteError as error:
            # Whoever signs out goes away: a page that asks to try again would leave the browser signed in.
            log.warning("sign_in_not_ended", code=error.code, reason=error.reason)
    session.leave()
    return see_other("/me")


def _typed_code(typed: str) -> str:
    """The code in ASCII: some keyboards write the digits of their own script."""
    return "".join(str(unicodedata.decimal(digit, digit)) for digit in _BETWEEN_DIGITS.sub("", seen(typed)))


def _put_address(message: buyer_pb2.StartSignInRequest, address: TypedAddress) -> None:
    if address.phone:
        message.phone = address.phone
    else:
        message.email = address.email


def _not_sent(request: web.Request, typed: str, error: RemoteError) -> web.Response:
    texts = request[VISITOR_TEXTS]
    if error.reason == "SIGN_IN_LIMIT":
        seconds = error.facts.get("retry_seconds", "60")
        response = _form(request, "sign_in.html", AddressView(typed, _too_many(texts, seconds)), 429)
        response.headers[hdrs.RETRY_AFTER] = seconds
        return response
    if error.reason == "CHANNEL_NOT_OFFERED":
        problem = texts.gettext("We cannot send text messages here. Please use your e-mail address.")
    elif error.reason == "INVALID_FIELD":
        problem = texts.gettext("This was not accepted. Please check it.")
    else:
        raise error
    return _form(request, "sign_in.html", AddressView(typed, problem), 422)


def _not_signed_in(request: web.Request, challenge: Challenge, error: RemoteError) -> web.Response:
    texts = request[VISITOR_TEXTS]
    if error.reason == "WRONG_CODE" and error.facts.get("tries_left") != "0":
        left = int(error.facts.get("tries_left", "1"))
        problem = texts.ngettext(
            "That is not the code. You can try %(count)d more time.",
            "That is not the code. You can try %(count)d more times.",
            left,
        )
        return _form(request, "sign_in_code.html", CodeView(challenge.hint, problem), 422)
    if error.reason not in ("WRONG_CODE", "SIGN_IN_OVER", "INVALID_FIELD", "REQUEST_ID_REUSED"):
        raise error
    request[SESSION].await_code(None)
    problem = texts.gettext("That code is over. Please ask for a new one.")
    return _form(request, "sign_in.html", AddressView("", problem), 409)


def _too_many(texts: Texts, seconds: str) -> str:
    minutes = max(1, -(-int(seconds) // 60))
    return texts.ngettext(
        "Too many codes were asked for. Please try again in a minute.",
        "Too many codes were asked for. Please try again in %(count)d minutes.",
        minutes,
    )


def _form(request: web.Request, template: str, view: object, status: int = 200) -> web.Response:
    response = render(request, template, view=view, status=status)
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
    return response
