"""Signing in at the site: the pages, the session that changes, and what must not work."""

import json
from typing import Any

import pytest
from matinee.booking.v1 import booking_pb2
from structlog.testing import capture_logs

from bff.app import Site, make_app
from bff.sessions import Challenge, Session, Sessions
from mesh.run import Resources
from tests.fixtures.bff import ACCESS_KEY, SESSION_SECRET, SHOW_ID, Answer, Frontend, settings_for
from tests.fixtures.bff.people import CODE, Refusal

EMAIL = "ada@example.org"


async def ask(frontend: Frontend, address: str = EMAIL, **options: Any) -> Answer:
    """Asks for a code."""
    page = await frontend.get("/me/sign-in")
    form = {"address": address} | hidden(page)
    return await frontend.post("/me/sign-in", form, **options)


async def enter(frontend: Frontend, code: str = CODE) -> Answer:
    """Enters a code."""
    page = await frontend.get("/me/sign-in/code")
    return await frontend.post("/me/sign-in/code", {"code": code} | hidden(page))


async def sign_in(frontend: Frontend, address: str = EMAIL) -> None:
    """Signs in."""
    assert (await ask(frontend, address)).status == 303
    assert (await enter(frontend)).status == 303


def hidden(page: Answer, form: str = "") -> dict[str, str]:
    return {name: page.field(name, form) for name in ("csrf_token", "request_id")}


async def submit(frontend: Frontend, action: str, at: str = "/me", **fields: str) -> Answer:
    """Sends a form of a page."""
    page = await frontend.get(at)
    return await frontend.post(action, hidden(page, action) | fields)


async def booked_as_guest(frontend: Frontend, seat: str = "A1", email: str = EMAIL) -> str:
    """A booking that another browser has made; returns its address."""
    async with frontend.another_browser() as other:
        theirs = Frontend(
            frontend.url, frontend.cinema, other, frontend.clock, frontend.site, frontend.settings
        )
        return await booked(theirs, seat, email)


async def booked(frontend: Frontend, seat: str = "A1", email: str = EMAIL) -> str:
    """A booking of this browser, with its contact."""
    page = await frontend.get(f"/shows/{SHOW_ID}")
    answer = await frontend.post(f"/shows/{SHOW_ID}/hold", {"seat": seat} | hidden(page))
    url = str(answer.headers["Location"])
    booking = frontend.cinema.bookings[url.rpartition("/")[2]]
    booking.contact.CopyFrom(booking_pb2.Contact(full_name="Ada", email=email))
    return url


def session_of(frontend: Frontend) -> Session:
    session = Sessions([SESSION_SECRET], secure=False).read(frontend.cookie())
    assert session is not None
    return session


async def test_a_person_signs_in_and_sees_bookings_made_elsewhere(frontend: Frontend) -> None:
    url = await booked_as_guest(frontend)
    assert (await frontend.get(url)).status == 404
    sent = await ask(frontend, "  Ada@EXAMPLE.org ")
    assert (sent.status, sent.headers["Location"]) == (303, "/me/sign-in/code")
    [asked] = frontend.cinema.guests.asked
    assert (asked.email, asked.client_ip, asked.language) == ("Ada@example.org", "127.0.0.1", "en")
    asked.email = EMAIL
    page = await frontend.get("/me/sign-in/code")
    assert "A…@example.org" in page.text
    assert 'autocomplete="one-time-code"' in page.text
    assert 'inputmode="numeric"' in page.text
    entered = await enter(frontend, " 271-828 ")
    assert (entered.status, entered.headers["Location"]) == (303, "/me")
    mine = await frontend.get("/me")
    assert f"Signed in as {EMAIL}" in mine.text
    assert f'href="{url}"' in mine.text
    assert (await frontend.get(url)).status == 200


async def test_a_phone_number_is_brought_to_one_form(frontend: Frontend) -> None:
    await ask(frontend, "+351 912 345 678")
    assert frontend.cinema.guests.asked[0].phone == "+351912345678"
    assert "…678" in (await frontend.get("/me/sign-in/code")).text


@pytest.mark.parametrize(
    "address",
    ["", "ada", "912 345 678", "ada@", "ada@example.org\r\nBcc: eve@example.org", "a@b@c.example", "٠٩١٢"],
)
async def test_what_is_no_address_is_told_beside_the_field(frontend: Frontend, address: str) -> None:
    answer = await ask(frontend, address)
    assert answer.status == 422
    assert 'aria-describedby="address-problem"' in answer.text
    assert frontend.cinema.guests.asked == []


async def test_the_answer_does_not_tell_whether_the_address_is_known(frontend: Frontend) -> None:
    await booked_as_guest(frontend, email=EMAIL)
    answers = [await ask(frontend, address) for address in (EMAIL, "eve@example.org")]
    assert len({(answer.status, answer.headers["Location"], answer.text) for answer in answers}) == 1


@pytest.mark.parametrize("code", ["", "12345", "1234567", "١٢٣٤٥", "½23456", "abcdef"])
async def test_what_is_no_code_is_not_even_asked(frontend: Frontend, code: str) -> None:
    await ask(frontend)
    answer = await enter(frontend, code)
    assert answer.status == 422
    assert 'aria-describedby="code-problem"' in answer.text
    assert frontend.cinema.guests.entered == []


@pytest.mark.parametrize("code", ["271 828", "٢٧١٨٢٨", "２７１-８２８", "\u200e271828\u200f"])
async def test_a_code_may_be_typed_as_keyboards_write_it(frontend: Frontend, code: str) -> None:
    await ask(frontend)
    assert (await enter(frontend, code)).status == 303
    assert [each.code for each in frontend.cinema.guests.entered] == [CODE]


async def test_a_form_that_comes_again_with_another_address_sends_nothing_and_is_asked_for_once_more(
    frontend: Frontend,
) -> None:
    frontend.cinema.failures["StartSignIn"] = Refusal("ALREADY_EXISTS", "REQUEST_ID_REUSED")
    page = await frontend.get("/me/sign-in")
    again = await frontend.post("/me/sign-in", {"address": "eve@example.org"} | hidden(page))
    assert again.status == 409
    assert "Nothing was changed" in again.text


async def test_a_wrong_code_may_be_tried_again_until_it_is_over(frontend: Frontend) -> None:
    await ask(frontend)
    for left in ("4 more times", "3 more times", "2 more times", "1 more time."):
        answer = await enter(frontend, "000000")
        assert answer.status == 422
        assert left in answer.text
    over = await enter(frontend, "000000")
    assert over.status == 409
    assert "Please ask for a new one" in over.text
    assert (await frontend.get("/me/sign-in/code")).headers["Location"] == "/me/sign-in"


async def test_who_asks_too_often_is_told_when_to_come_again(frontend: Frontend) -> None:
    frontend.cinema.failures["StartSignIn"] = Refusal(
        "RESOURCE_EXHAUSTED", "SIGN_IN_LIMIT", retry_seconds="125"
    )
    answer = await ask(frontend)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "125")
    assert "in 3 minutes" in answer.text
    frontend.cinema.failures["StartSignIn"] = Refusal("UNIMPLEMENTED", "CHANNEL_NOT_OFFERED")
    assert "text messages" in (await ask(frontend, "+351912345678")).text


async def test_a_client_cannot_choose_the_ip_address_that_it_is_counted_under(frontend: Frontend) -> None:
    headers = {
        "X-Forwarded-For": "198.51.100.1",
        "Forwarded": "for=198.51.100.1",
        "X-Real-IP": "198.51.100.1",
    }
    await ask(frontend, headers=headers)
    assert frontend.cinema.guests.asked[0].client_ip == "127.0.0.1"


async def test_behind_a_proxy_of_ours_its_word_counts_and_nobody_elses(frontend: Frontend) -> None:
    settings = settings_for(frontend.settings.booking_target, trusted_proxies=["127.0.0.0/8"])
    async with Resources() as resources, frontend.another_browser() as http:
        site = Site(make_app(settings, resources, frontend.clock), settings)
        behind = Frontend(
            f"http://{await site.start()}", frontend.cinema, http, frontend.clock, site, settings
        )
        await ask(behind, headers={"X-Forwarded-For": "203.0.113.9, 198.51.100.7"})
        await site.drain(0, 1)
    assert frontend.cinema.guests.asked[0].client_ip == "198.51.100.7"


# Sessions


async def test_signing_in_gives_the_browser_a_new_session_and_keeps_its_bookings(frontend: Frontend) -> None:
    own = await booked(frontend, "A2", "somebody@example.org")
    before = session_of(frontend)
    planted = frontend.cookie()
    await sign_in(frontend)
    after = session_of(frontend)
    assert after.buyer_id != before.buyer_id
    assert frontend.cinema.guests.entered[-1].buyer_id == before.buyer_id
    assert after.sign_in
    await sign_in(frontend)
    assert frontend.cinema.guests.entered[-1].earlier_sign_in_token == after.sign_in
    # Whoever had planted the cookie is not signed in, and shares nothing that comes after.
    async with frontend.another_browser() as attacker:
        headers = {"Cookie": f"matinee={planted}"}
        async with attacker.get(f"{frontend.url}/me", headers=headers) as answer:
            assert "Signed in" not in await answer.text()
        later = await booked(frontend, "A3", "somebody@example.org")
        async with attacker.get(f"{frontend.url}{later}", headers=headers) as answer:
            assert answer.status == 404
        async with attacker.get(f"{frontend.url}{own}", headers=headers) as answer:
            assert answer.status == 200  # the control: what it had before it still has


async def test_a_form_of_the_session_before_is_refused_afterwards(frontend: Frontend) -> None:
    before = await frontend.get("/me/sign-in")
    await sign_in(frontend)
    answer = await frontend.post("/me/sign-out", hidden(before))
    assert answer.status == 403
    assert frontend.cinema.guests.signed_in


async def test_signing_out_leaves_nothing_of_the_person(frontend: Frontend) -> None:
    url = await booked_as_guest(frontend)
    await sign_in(frontend)
    await frontend.get(f"{url}?key={ACCESS_KEY}")
    stolen = frontend.cookie()
    assert (await submit(frontend, "/me/sign-out")).headers["Location"] == "/me"
    session = session_of(frontend)
    assert (session.sign_in, session.booking_keys, session.challenge) == ("", {}, None)
    assert (await frontend.get(url)).status == 404
    assert "Signed in" not in (await frontend.get("/me")).text
    headers = {"Cookie": f"matinee={stolen}"}
    async with (
        frontend.another_browser() as other,
        other.get(f"{frontend.url}/me", headers=headers) as answer,
    ):
        assert "Signed in" not in await answer.text()


async def test_signing_out_leaves_the_browser_a_strangers_also_while_the_service_is_away(
    frontend: Frontend,
) -> None:
    await sign_in(frontend)
    frontend.cinema.failures["EndSignIn"] = Refusal("UNAVAILABLE", "STORE_UNAVAILABLE")
    assert (await submit(frontend, "/me/sign-out")).status == 303
    assert session_of(frontend).sign_in == ""


async def test_a_sign_in_that_is_over_is_forgotten(frontend: Frontend) -> None:
    await sign_in(frontend)
    frontend.cinema.guests.signed_in.clear()
    assert "Signed in" not in (await frontend.get("/me")).text
    assert session_of(frontend).sign_in == ""


async def test_a_code_can_be_entered_only_where_it_was_asked_for(frontend: Frontend) -> None:
    await ask(frontend)
    async with frontend.another_browser() as other:
        theirs = Frontend(
            frontend.url, frontend.cinema, other, frontend.clock, frontend.site, frontend.settings
        )
        form = {"code": CODE} | hidden(await theirs.get("/me/sign-in"))
        answer = await theirs.post("/me/sign-in/code", form)
    assert (answer.status, answer.headers["Location"]) == (303, "/me/sign-in")
    assert frontend.cinema.guests.entered == []


def test_a_session_goes_through_its_cookie_and_back() -> None:
    sessions = Sessions([SESSION_SECRET], secure=True)
    session = Session("buyer", "lisbon", {"b": "k"}, sign_in="token", challenge=Challenge("c", "a…@b"))
    again = sessions.read(sessions.write(session))
    assert again is not None
    assert (again.sign_in, again.challenge) == ("token", Challenge("c", "a…@b"))
    assert "token" not in repr(again)


@pytest.mark.parametrize(
    "path", ["/me/sign-in", "/me/sign-in/code", "/me/sign-out", "/me/export", "/me/erase"]
)
async def test_every_form_about_a_person_needs_its_token(frontend: Frontend, path: str) -> None:
    await sign_in(frontend)
    calls = list(frontend.cinema.calls)
    form = {"request_id": "x", "address": EMAIL, "code": CODE, "sure": "yes"}
    assert (await frontend.post(path, form)).status == 403
    assert (await frontend.post(path, form, headers={"Origin": "https://evil.example"})).status == 403
    assert frontend.cinema.calls == calls


@pytest.mark.parametrize("path", ["/me/export", "/me/erase"])
async def test_who_is_not_signed_in_has_to_sign_in(frontend: Frontend, path: str) -> None:
    page = await frontend.get("/me/sign-in")
    answer = await frontend.post(path, hidden(page) | {"sure": "yes"})
    assert (answer.status, answer.headers["Location"]) == (303, "/me/sign-in")


async def test_logs_hold_neither_address_nor_code_nor_token(frontend: Frontend) -> None:
    with capture_logs() as logs:
        await ask(frontend)
        await enter(frontend, "000000")
        await enter(frontend)
        await frontend.get("/me")
    text = json.dumps(logs, default=str)
    assert "/me/sign-in/code" in text
    for secret in (EMAIL, CODE, "challenge-1", "token-", "127.0.0.1"):
        assert secret not in text


# Rights


async def test_an_export_is_a_file_of_everything(frontend: Frontend) -> None:
    await booked_as_guest(frontend)
    await sign_in(frontend)
    answer = await submit(frontend, "/me/export")
    assert answer.status == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"
    whole = json.loads(answer.text)
    assert whole["person"]["email"] == EMAIL
    assert [booking["contact"]["full_name"] for booking in whole["bookings"]] == ["Ada"]
    assert whole["messages"][0]["recipient"] == EMAIL


async def test_erasing_asks_first_and_signs_out(frontend: Frontend) -> None:
    await sign_in(frontend)
    unsure = await submit(frontend, "/me/erase", "/me/erase")
    assert unsure.status == 422
    assert frontend.cinema.guests.erased == []
    done = await submit(frontend, "/me/erase", "/me/erase", sure="yes")
    assert done.status == 200
    assert "You are being erased" in done.text
    assert frontend.cinema.guests.erased == [EMAIL]
    assert session_of(frontend).sign_in == ""


@pytest.mark.parametrize(
    ("reason", "words"),
    [("SIGN_IN_STALE", "Please sign in again"), ("LIVE_BOOKINGS", "You still have tickets")],
)
async def test_why_somebody_is_not_erased_is_told(frontend: Frontend, reason: str, words: str) -> None:
    await sign_in(frontend)
    for name, action, at in (("EraseBuyer", "/me/erase", "/me/erase"), ("ExportBuyer", "/me/export", "/me")):
        frontend.cinema.failures[name] = Refusal("FAILED_PRECONDITION", reason, count="1")
        answer = await submit(frontend, action, at, sure="yes")
        assert answer.status == 409
        assert words in answer.text
    assert session_of(frontend).sign_in


# The link in the e-mail


async def test_a_wrong_key_looks_like_an_unknown_booking_and_a_right_one_leaves_the_address(
    frontend: Frontend,
) -> None:
    url = await booked_as_guest(frontend)
    unknown = await frontend.get("/bookings/no-such-booking")
    for key in ("wrong", "x" * 5000, "ключ", "%00"):
        wrong = await frontend.get(f"{url}?key={key}")
        assert (wrong.status, wrong.text) == (404, unknown.text)
        assert "Set-Cookie" not in wrong.headers
    right = await frontend.get(f"{url}?key={ACCESS_KEY}")
    assert (right.status, right.headers["Location"]) == (303, url)
    assert right.headers["Referrer-Policy"] == "same-origin"
    page = await frontend.get(url)
    assert page.status == 200
    assert ACCESS_KEY not in page.text
