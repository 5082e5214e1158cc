"""Session cookies and form tokens: what is remembered of one request must not be another's."""

import time

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from bff.csrf import CsrfGuard
from bff.errors import FormRefused
from bff.sessions import MAX_AGE_SECONDS, RENEW_AFTER_SECONDS, Session, Sessions

SECRET = "a-session-secret"
BEFORE = "the-secret-before"
HOSTS = frozenset({"matinee.test"})


class Clock:
    """The time, and what the test adds to it."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions([SECRET], secure=False, clock=clock)


def opened(sessions: Sessions, cookie: str, more: str = "") -> Session:
    headers = {"Cookie": f"matinee={cookie}{more}"}
    return sessions.open(make_mocked_request("GET", "/", headers=headers))


def test_what_one_request_does_to_its_session_is_not_seen_by_the_next(sessions: Sessions) -> None:
    cookie = sessions.write(Session("somebody", "lisbon", {"b": "k"}, sign_in="token"))
    first = opened(sessions, cookie)
    first.remember_city("porto")
    first.remember_key("c", "another")
    second = opened(sessions, cookie)
    second.leave()
    third = opened(sessions, cookie)
    assert (third.buyer_id, third.city, third.booking_keys) == ("somebody", "lisbon", {"b": "k"})
    assert (third.sign_in, third.stored, third.changed) == ("token", True, False)
    assert first.changed
    assert second.buyer_id != "somebody"


def test_a_cookie_is_known_from_when_it_is_sent_and_holds_what_was_sent(
    sessions: Sessions, clock: Clock
) -> None:
    session, response = Session("somebody", "lisbon", {"b": "k"}, changed=True), web.Response()
    sessions.save(session, response)
    session.remember_city("porto")
    session.remember_key("c", "another")
    cookie = response.cookies["matinee"].value
    for _ in range(2):
        again = opened(sessions, cookie)
        assert (again.buyer_id, again.city, again.booking_keys) == ("somebody", "lisbon", {"b": "k"})
        assert (again.stored, again.changed) == (True, False)
        again.leave()
    assert sessions.read(cookie) == opened(sessions, cookie)
    clock.ahead = MAX_AGE_SECONDS + 5
    assert opened(sessions, cookie).buyer_id != "somebody"


def test_two_browsers_have_two_sessions(sessions: Sessions) -> None:
    one, other = sessions.write(Session("one")), sessions.write(Session("other"))
    for _ in range(2):
        assert opened(sessions, one).buyer_id == "one"
        assert opened(sessions, other).buyer_id == "other"
        assert opened(sessions, one, "; theme=dark").buyer_id == "one"


def test_a_cookie_that_was_proved_once_grows_old_all_the_same(sessions: Sessions, clock: Clock) -> None:
    cookie = sessions.write(Session("somebody"))
    assert not opened(sessions, cookie).changed
    clock.ahead = RENEW_AFTER_SECONDS + 5
    assert opened(sessions, cookie).changed
    clock.ahead = MAX_AGE_SECONDS - 5
    assert opened(sessions, cookie).buyer_id == "somebody"
    clock.ahead = MAX_AGE_SECONDS + 5
    assert opened(sessions, cookie).buyer_id != "somebody"
    assert sessions.read(cookie) is None


def test_a_clock_that_is_a_little_slow_forgets_nobody(sessions: Sessions, clock: Clock) -> None:
    cookie = sessions.write(Session("somebody"))
    clock.ahead = -30
    assert opened(sessions, cookie).buyer_id == "somebody"
    clock.ahead = -3600
    assert opened(sessions, cookie).buyer_id != "somebody"


def test_a_forged_cookie_is_refused_each_time(sessions: Sessions) -> None:
    good = sessions.write(Session("somebody"))
    forged = Sessions([BEFORE], secure=False).write(Session("somebody"))
    assert opened(sessions, good).buyer_id == "somebody"
    for value in (forged, good[:-2] + "xx", "", "x" * 5000):
        for _ in range(2):
            assert opened(sessions, value).buyer_id != "somebody"


def test_new_visitors_are_different_people(sessions: Sessions) -> None:
    buyers = {sessions.open(make_mocked_request("GET", "/")).buyer_id for _ in range(3)}
    buyers |= {opened(sessions, "forged").buyer_id for _ in range(3)}
    assert len(buyers) == 6


def refusal_of(guard: CsrfGuard, session: Session, token: str) -> str:
    try:
        guard.check(make_mocked_request("POST", "/"), session, token)
    except FormRefused as error:
        return error.why
    return ""


def test_a_token_is_good_for_its_session_alone() -> None:
    guard = CsrfGuard([SECRET], HOSTS)
    one, other = Session("one"), Session("other")
    tokens = [guard.token(one), guard.token(other), guard.token(one)]
    assert tokens[0] == tokens[2]
    assert refusal_of(guard, one, tokens[0]) == ""
    assert refusal_of(guard, one, tokens[1]) == "token_of_another_session"
    assert refusal_of(guard, Session("nobody yet"), tokens[1]) == "token_of_another_session"
    for wrong in ("", "x", tokens[0][:-1], "\u20ac", "\ud800"):
        assert refusal_of(guard, one, wrong) == "token"


def test_a_token_signed_with_the_secret_before_is_good_until_that_is_taken_away() -> None:
    token = CsrfGuard([BEFORE], HOSTS).token(Session("one"))
    assert refusal_of(CsrfGuard([BEFORE, SECRET], HOSTS), Session("one"), token) == ""
    assert refusal_of(CsrfGuard([SECRET], HOSTS), Session("one"), token) == "token"


def test_a_session_starts_with_its_first_form() -> None:
    guard, session = CsrfGuard([SECRET], HOSTS), Session("one")
    guard.token(session)
    assert session.changed
    again = Session("one", stored=True)
    guard.token(again)
    assert not again.changed
