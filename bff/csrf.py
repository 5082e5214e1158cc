"""Forms from our own pages only: a token bound to the session, and what the browser says of the origin."""

import hmac
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from itsdangerous import BadSignature, URLSafeSerializer

from bff.errors import FormRefused
from bff.sessions import Session
from mesh.recent import Recent

FIELD = "csrf_token"
_SALT = "matinee.csrf.v1"
_REMEMBERED_TOKENS = 2000
_OWN_FETCHES = frozenset({"same-origin", "none"})


class CsrfGuard:
    """Makes and checks form tokens."""

    def __init__(self, secrets: list[str], hosts: frozenset[str]) -> None:
        self._serializer = URLSafeSerializer(secrets, salt=_SALT)
        self._hosts = hosts
        self._tokens: Recent[str, str] = Recent(_REMEMBERED_TOKENS)

    def token(self, session: Session) -> str:
        """The token of a session's forms; the session's cookie must go out with the page."""
        if not session.stored:
            session.changed = True
        return self._token_of(session.buyer_id)

    def check(self, request: web.Request, session: Session, token: str) -> None:
        """Raises FormRefused unless the form came from a page of ours in the same session."""
        fetch_site = request.headers.get("Sec-Fetch-Site")
        if fetch_site is not None and fetch_site not in _OWN_FETCHES:
            raise FormRefused("sec_fetch_site")
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and _host_of(origin) not in self._hosts:
            raise FormRefused("origin")
        if not token.isascii():
            raise FormRefused("token")
        if hmac.compare_digest(token, self._token_of(session.buyer_id)):
            return
        try:
            owner = str(self._serializer.loads(token))  # of another session, or signed with the secret before
        except BadSignature:
            raise FormRefused("token") from None
        if not hmac.compare_digest(owner, session.buyer_id):
            raise FormRefused("token_of_another_session")

    def _token_of(self, buyer_id: str) -> str:
        known = self._tokens.get(buyer_id)
        return known or self._tokens.put(buyer_id, str(self._serializer.dumps(buyer_id)))


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""  # no address at all, such as "http://["
