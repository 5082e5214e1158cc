"""Signing in by a code that is sent to an address."""

import datetime as dt
import hmac
import math
from dataclasses import dataclass, field
from typing import Final

import structlog
from prometheus_client import Counter

from booking_svc.domain.contact import checked_language
from booking_svc.domain.people import Address, SignIn
from booking_svc.domain.proof import Viewer
from booking_svc.domain.sign_in import (
    CODE_LIFE,
    CODE_MINUTES,
    Challenge,
    SignInKeys,
    SignInTerms,
    checked_code,
    new_code,
    token_hash,
)
from booking_svc.errors import NotificationsUnavailable, NotSignedIn, SignInLimit, SignInOver, WrongCode
from booking_svc.ports import Ports, SignInPorts
from mesh.errors import InvalidField, RequestIdReused
from mesh.ids import is_request_id, new_request_id

log = structlog.get_logger()

_LONGEST_ID: Final = 64
_MOST_EARLIER: Final = 10
"""So many earlier buyers of a browser are remembered: one for each time that it signed in again."""

SIGN_INS: Final = Counter("booking_sign_ins", "Steps of signing in, by how they went.", ["step"])


@dataclass(frozen=True, slots=True)
class SentCode:
    """That a code is on its way; `challenge_id` is what it can be entered for."""

    challenge_id: str
    expire_time: dt.datetime


@dataclass(frozen=True, slots=True)
class Browser:
    """What a browser was until now: a buyer, perhaps signed in. Both may be empty."""

    buyer_id: str = field(repr=False)
    sign_in_token: str = field(default="", repr=False)


class SignIns:
    """Starting, completing, showing and ending sign-ins."""

    def __init__(self, ports: Ports, sign_in: SignInPorts, keys: SignInKeys, terms: SignInTerms) -> None:
        self._ports = ports
        self._codes = sign_in.codes
        self._people = sign_in.people
        self._notices = sign_in.notices
        self._keys = keys
        self._terms = terms

    async def start(self, request_id: str, address: Address, client_ip: str, language: str) -> SentCode:
        """Sends a new code to the address. Does the same whether or not anybody is known by it.

        Raises `InvalidField`, `RequestIdReused`, `SignInLimit`, `ChannelNotOffered` and `TryAgain`.
        """
        check_request_id(request_id)
        language = checked_language(language, "language")
        limits = self._keys.limits(address, client_ip, self._terms)
        content = self._keys.content(address.key, client_ip, language)
        challenge_id = self._keys.challenge_id(request_id)
        now = self._ports.now()
        known = await self._codes.known(request_id, now)
        if known is not None and known.content != content:
            raise RequestIdReused
        if known is not None and known.settled:
            return SentCode(challenge_id, known.expire_time)
        if known is None:
            for limit in limits:
                again = await self._codes.grant(limit, now)
                if again is not None:
                    SIGN_INS.labels("limited").inc()
                    raise SignInLimit(max(1, math.ceil((again - now).total_seconds())))
        code = new_code()
        challenge = Challenge(
            challenge_id=challenge_id,
            address=address,
            request_id=request_id,
            content=content,
            code_hash=self._keys.code_hash(challenge_id, address, code),
            expire_time=now + CODE_LIFE,
        )
        return await self._ports.background.finish(self._send(challenge, code, language, now))

    async def complete(self, request_id: str, challenge_id: str, code: str, browser: Browser) -> "Opened":
        """Opens a sign-in for the right code, once.

        Raises `InvalidField`, `WrongCode`, `SignInOver` and `TryAgain`.
        """
        check_request_id(request_id)
        _check_id("challenge_id", challenge_id)
        if browser.buyer_id:
            _check_id("buyer_id", browser.buyer_id)
        given = checked_code(code)
        now = self._ports.now()
        taken = await self._codes.take_try(challenge_id, now)
        if taken is None:
            return await self._repeated(request_id, challenge_id, given, browser, now)
        if not self._fits(taken.challenge, given):
            SIGN_INS.labels("wrong_code").inc()
            raise WrongCode(taken.tries_left)
        return await self._ports.background.finish(self._open(taken.challenge, request_id, browser, now))

    async def of(self, sign_in_token: str) -> SignIn:
        """The sign-in that the token stands for; raises `NotSignedIn`."""
        found = await self._find(sign_in_token)
        if found is None:
            raise NotSignedIn
        return found

    async def end(self, request_id: str, sign_in_token: str) -> None:
        """Signs out; harmless when that was done already."""
        check_request_id(request_id)
        if 0 < len(sign_in_token) <= _LONGEST_ID:
            await self._people.end(token_hash(sign_in_token), self._ports.now())

    async def prove(self, viewer: Viewer, sign_in_token: str) -> Viewer:
        """The caller with what the token proves; one that is over proves nothing."""
        sign_in = await self._find(sign_in_token)
        return viewer.signed_in(sign_in) if sign_in is not None else viewer

    async def _send(self, challenge: Challenge, code: str, language: str, now: dt.datetime) -> SentCode:
        ref = self._keys.address_ref(challenge.address)
        if not await self._codes.put(ref, challenge, now):
            return await self._sent_by_another(challenge, now)
        sent = False
        try:
            await self._notices.send_code(challenge, code, CODE_MINUTES, language, new_request_id())
            sent = True
        finally:
            await self._codes.sending_ended(ref, challenge.challenge_id, sent)
        SIGN_INS.labels("code_sent").inc()
        log.info("sign_in_code_sent", kind=challenge.address.kind.value)
        return SentCode(challenge.challenge_id, challenge.expire_time)

    async def _sent_by_another(self, challenge: Challenge, now: dt.datetime) -> SentCode:
        """The same request came twice at once, and the other one was first."""
        known = await self._codes.known(challenge.request_id, now)
        if known is None:
            raise NotificationsUnavailable("this code is being sent; ask again")
        if known.content != challenge.content:
            raise RequestIdReused
        return SentCode(challenge.challenge_id, known.expire_time)

    async def _open(
        self, challenge: Challenge, request_id: str, browser: Browser, now: dt.datetime
    ) -> "Opened":
        if not await self._codes.spend(challenge, request_id):
            return await self._opened_before(challenge.challenge_id, request_id, browser, now)
        SIGN_INS.labels("signed_in").inc()
        log.info("signed_in", kind=challenge.address.kind.value)
        return await self._opened(challenge, request_id, browser, now)

    async def _repeated(
        self, request_id: str, challenge_id: str, code: str, browser: Browser, now: dt.datetime
    ) -> "Opened":
        """The answer once more, for the request that used the code up and for no other."""
        spent = await self._codes.spent_by(challenge_id, request_id, now)
        if spent is None or not self._fits(spent, code):
            raise SignInOver
        return await self._opened(spent, request_id, browser, now)

    async def _opened_before(
        self, challenge_id: str, request_id: str, browser: Browser, now: dt.datetime
    ) -> "Opened":
        spent = await self._codes.spent_by(challenge_id, request_id, now)
        if spent is None:
            raise SignInOver
        return await self._opened(spent, request_id, browser, now)

    async def _opened(
        self, challenge: Challenge, request_id: str, browser: Browser, now: dt.datetime
    ) -> "Opened":
        token = self._keys.sign_in_token(challenge.challenge_id, request_id)
        person_id = await self._people.person_id(challenge.address, now)
        earlier = await self._find(browser.sign_in_token)
        wanted = SignIn(
            person_id,
            challenge.address,
            _earlier_buyer_ids(browser, earlier, person_id),
            now,
            now + self._terms.lifetime,
        )
        kept = await self._people.add(token_hash(token), wanted)
        if kept.expire_time <= now:
            raise SignInOver  # signed out since; a form that is sent again does not undo that
        if earlier is not None and browser.sign_in_token != token:
            await self._people.end(token_hash(browser.sign_in_token), now)
        return Opened(token, kept)

    def _fits(self, challenge: Challenge, code: str) -> bool:
        given = self._keys.code_hash(challenge.challenge_id, challenge.address, code)
        return hmac.compare_digest(given, challenge.code_hash)

    async def _find(self, sign_in_token: str) -> SignIn | None:
        if not 0 < len(sign_in_token) <= _LONGEST_ID:
            return None
        return await self._people.find(token_hash(sign_in_token), self._ports.now())


@dataclass(frozen=True, slots=True)
class Opened:
    """A sign-in with the token that proves it."""

    token: str
    sign_in: SignIn


def _earlier_buyer_ids(browser: Browser, earlier: SignIn | None, person_id: str) -> tuple[str, ...]:
    """The buyers whose bookings the new sign-in goes on seeing: none if the browser was somebody else's."""
    if earlier is not None and earlier.person_id != person_id:
        return ()
    so_far = earlier.earlier_buyer_ids if earlier is not None else ()
    return tuple(dict.fromkeys(each for each in (browser.buyer_id, *so_far) if each))[:_MOST_EARLIER]


def check_request_id(request_id: str) -> None:
    """Raises `InvalidField` unless it is a UUID."""
    if not is_request_id(request_id):
        raise InvalidField("request_id", "must be a UUID in lower case")


def _check_id(name: str, value: str) -> None:
    if not 1 <= len(value) <= _LONGEST_ID:
        raise InvalidField(name, f"must have 1 to {_LONGEST_ID} characters")
