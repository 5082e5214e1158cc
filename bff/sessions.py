"""Sessions: a signed cookie that holds an opaque buyer id, the city, and keys of opened bookings.

Who is signed in has the token of that in it as well; whether it still holds is booking_svc's to say.
The cookie proves only that this site gave it out; nothing in it is secret from its own browser. A
cookie whose signature is wrong is refused: the request goes on as a new visitor's, with a log line.
What was proved once is remembered for a while, but not its age: a browser sends the same with every request.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import structlog
from aiohttp import hdrs, web
from itsdangerous import BadSignature, URLSafeTimedSerializer

from mesh.ids import new_token
from mesh.recent import Recent

log = structlog.get_logger()

MAX_AGE_SECONDS = 180 * 24 * 3600
RENEW_AFTER_SECONDS = 24 * 3600
_SKEW_SECONDS = 60
"""How far the clock of the replica that signed may be ahead of ours."""
_SALT = "matinee.session.v1"
_KEPT_KEYS = 8
_LONGEST_COOKIE = 4096
_REMEMBERED_COOKIES = 2000


@dataclass(frozen=True, slots=True)
class Challenge:
    """A code that was sent because this browser asked; `hint` shows enough of where it went."""

    challenge_id: str = field(repr=False)
    hint: str


@dataclass(slots=True)
class Session:
    """One browser's session; `stored` means it came from a cookie, `changed` that one must be sent."""

    buyer_id: str
    city: str = ""
    booking_keys: dict[str, str] = field(default_factory=dict)
    sign_in: str = field(default="", repr=False)
    """Token of the sign-in, or empty."""
    challenge: Challenge | None = None
    """The code that this browser was asked for last."""
    stored: bool = False
    changed: bool = False

    def remember_city(self, slug: str) -> None:
        """Keeps the city for the next visit."""
        if slug != self.city:
            self.city = slug
            self.changed = True

    def remember_key(self, booking_id: str, access_key: str) -> None:
        """Keeps the key of a booking that was opened by a link; the oldest of eight makes room."""
        if self.booking_keys.get(booking_id) == access_key:
            return
        self.booking_keys.pop(booking_id, None)
        self.booking_keys[booking_id] = access_key
        while len(self.booking_keys) > _KEPT_KEYS:
            del self.booking_keys[next(iter(self.booking_keys))]
        self.changed = True

    def await_code(self, challenge: Challenge | None) -> None:
        """Keeps what a code will be entered for."""
        if self.challenge != challenge:
            self.challenge = challenge
            self.changed = True

    def begin_sign_in(self, token: str) -> None:
        """Somebody signed in: whoever knew this browser's session before must not share the new one."""
        self.buyer_id = new_token()
        self.sign_in = token
        self.challenge = None
        self.changed = True

    def forget_sign_in(self) -> None:
        """The sign-in is over."""
        if self.sign_in:
            self.sign_in = ""
            self.changed = True

    def leave(self) -> None:
        """Somebody signed out: nothing of theirs stays in this browser."""
        self.buyer_id = new_token()
        self.booking_keys.clear()
        self.sign_in = ""
        self.challenge = None
        self.changed = True


@dataclass(frozen=True, slots=True)
class _Proved:
    """What a cookie of ours held; copied for each request, for a session is changed by it."""

    session: Session
    signed_at: float

    def copy(self) -> Session:
        return _stored(self.session)


def _stored(session: Session) -> Session:
    """The session as its cookie holds it."""
    return replace(session, booking_keys=dict(session.booking_keys), stored=True, changed=False)


class Sessions:
    """Reads and writes the session cookie."""

    def __init__(self, secrets: Sequence[str], secure: bool, clock: Callable[[], float] = time.time) -> None:
        # itsdangerous signs with the last key and accepts them all
        self._serializer = URLSafeTimedSerializer(list(secrets), salt=_SALT)
        self._secure = secure
        self._clock = clock
        self._proved: Recent[str, _Proved] = Recent(_REMEMBERED_COOKIES)
        # the prefix makes browsers refuse the cookie over http and from other subdomains
        self.cookie_name = "__Host-matinee" if secure else "matinee"

    def open(self, request: web.Request) -> Session:
        """The request's session, or a new one."""
        header = request.headers.get(hdrs.COOKIE)
        if header is None:
            return self._new()
        known = self._proved.get(header)  # the header as it came: taking it apart costs as much as the proof
        if known is None:
            cookie = request.cookies.get(self.cookie_name)
            if cookie is None:
                return self._new()
            known = self._prove(cookie)
            if known is not None and len(header) <= _LONGEST_COOKIE:
                self._proved.put(header, known)
        session = self._still_good(known)
        if session is None:
            log.warning("session_cookie_refused")
            return self._new()
        return session

    def read(self, cookie: str) -> Session | None:
        """The session in a cookie's value; None for one that was not signed here, or long ago."""
        return self._still_good(self._prove(cookie))

    def _prove(self, cookie: str) -> _Proved | None:
        if len(cookie) > _LONGEST_COOKIE:
            return None
        try:
            stored, signed_at = self._serializer.loads(cookie, return_timestamp=True)
            session = Session(
                buyer_id=str(stored["b"]),
                city=str(stored["c"]),
                booking_keys={str(booking): str(key) for booking, key in stored["k"]},
                sign_in=str(stored.get("s", "")),
                challenge=Challenge(*map(str, stored["p"])) if "p" in stored else None,
                stored=True,
            )
        except (BadSignature, AttributeError, KeyError, TypeError, ValueError):
            return None
        return _Proved(session, signed_at.timestamp())

    def _still_good(self, proved: _Proved | None) -> Session | None:
        if proved is None:
            return None
        age = self._clock() - proved.signed_at
        if not -_SKEW_SECONDS <= age <= MAX_AGE_SECONDS:
            return None
        session = proved.copy()
        session.changed = age > RENEW_AFTER_SECONDS
        return session

    def write(self, session: Session) -> str:
        """The cookie's value for a session."""
        content: dict[str, object] = {
            "b": session.buyer_id,
            "c": session.city,
            "k": list(session.booking_keys.items()),
        }
        if session.sign_in:
            content["s"] = session.sign_in
        if session.challenge is not None:
            content["p"] = [session.challenge.challenge_id, session.challenge.hint]
        return str(self._serializer.dumps(content))

    def save(self, session: Session, response: web.StreamResponse) -> None:
        """Sends the cookie with a response that was not begun yet."""
        cookie = self.write(session)
        # Browsers without other cookies of ours send it back in just this way.
        self._proved.put(f"{self.cookie_name}={cookie}", _Proved(_stored(session), self._clock()))
        response.set_cookie(
            self.cookie_name,
            cookie,
            max_age=MAX_AGE_SECONDS,
            path="/",
            httponly=True,
            secure=self._secure,
            samesite="Lax",
        )

    @staticmethod
    def _new() -> Session:
        return Session(buyer_id=new_token())
