"""Forms from our own pages only: a token bound to the session, and what the browser says of the origin."""

import hmac
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from itsdangerous import BadSignature, URLSafeSerializer

from bff.errors import FormRefused
from bff.sessions import Session

FIELD = "csrf_token"
_SALT = "matinee.csrf.v1"
_OWN_FETCHES = frozenset({"same-origin", "none"})


class CsrfGuard:
    """Makes and checks form tokens."""

    def __init__(self, secrets: list[str], hosts: frozenset[str]) -> None:
        self._serializer = URLSafeSerializer(secrets, salt=_SALT)
        self._hosts = hosts

    def token(self, session: Session) -> str:
        """The token of a session's forms; the session's cookie must go out with the page."""
        if not session.stored:
            session.changed = True
        return str(self._serializer.dumps(session.buyer_id))

    def check(self, request: web.Request, session: Session, token: str) -> None:
        """Raises FormRefused unless the form came from a page of ours in the same session."""
        fetch_site = request.headers.get("Sec-Fetch-Site")
        if fetch_site is not None and fetch_site not in _OWN_FETCHES:
            raise FormRefused("sec_fetch_site")
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and urlsplit(origin).netloc.lower() not in self._hosts:
            raise FormRefused("origin")
        try:
            owner = str(self._serializer.loads(token))
        except BadSignature:
            raise FormRefused("token") from None
        if not hmac.compare_digest(owner, session.buyer_id):
            raise FormRefused("token_of_another_session")
