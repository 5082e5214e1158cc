"""What somebody is told: the form at /me, and the link in a letter with and without a person behind it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from matinee.notify.v1 import notify_pb2

from tests.fixtures.bff import Answer, Frontend
from tests.fixtures.bff.people import CODE, LINKED, UNSUBSCRIBE_TOKEN, Refusal

LINK = f"/unsubscribe/{UNSUBSCRIBE_TOKEN}"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
PAYMENTS, CANCELLATIONS = notify_pb2.NEWS_KIND_PAYMENTS, notify_pb2.NEWS_KIND_CANCELLATIONS
EVE = "eve@example.org"


def hidden(page: Answer, form: str) -> dict[str, str]:
    return {name: page.field(name, form) for name in ("csrf_token", "request_id")}


async def sign_in(frontend: Frontend, address: str = LINKED) -> None:
    for path, field, value in (("/me/sign-in", "address", address), ("/me/sign-in/code", "code", CODE)):
        page = await frontend.get(path)
        assert (await frontend.post(path, {field: value} | hidden(page, path))).status == 303


@pytest_asyncio.fixture(loop_scope="session")
async def signed_in(frontend: Frontend) -> AsyncIterator[Frontend]:
    await sign_in(frontend)
    yield frontend


async def save(frontend: Frontend, *fields: tuple[str, str], **options: Any) -> Answer:
    form = hidden(await frontend.get("/me"), "/me/preferences")
    return await frontend.post("/me/preferences", [*form.items(), *fields], **options)


def shown(*names: str) -> list[tuple[str, str]]:
    return [("shown", name) for name in names]


def wanted(*names: str) -> list[tuple[str, str]]:
    return [("wanted", name) for name in names]


async def test_the_page_has_a_box_for_what_can_be_switched_off_and_words_for_what_cannot(
    signed_in: Frontend,
) -> None:
    page = await signed_in.get("/me")
    assert "By e-mail" in page.text
    assert "By text message" not in page.text
    for name in ("email.payments", "email.cancellations"):
        assert f'name="wanted" value="{name}" checked' in page.text
    assert "codes to sign in, your tickets, refunds, and a show that the theatre cancels" in page.text
    for fixed in ("sign_in", "tickets", "refunds", "show_changes"):
        assert f"email.{fixed}" not in page.text
    assert "disabled" not in page.text[page.text.index('id="news"') :]


async def test_what_is_not_ticked_is_switched_off_and_the_page_says_so(signed_in: Frontend) -> None:
    answer = await save(
        signed_in, *shown("email.payments", "email.cancellations"), *wanted("email.cancellations")
    )
    assert (answer.status, answer.headers["Location"]) == (303, "/me?news=saved#news")
    assert signed_in.cinema.guests.unwanted == {LINKED: {PAYMENTS}}
    page = await signed_in.get("/me?news=saved")
    assert 'role="status"><strong>Saved.' in page.text
    assert 'value="email.payments">' in page.text
    assert 'value="email.cancellations" checked' in page.text
    await save(signed_in, *shown("email.payments"), *wanted("email.payments"))
    assert signed_in.cinema.guests.unwanted == {LINKED: set()}


async def test_an_old_page_switches_only_what_it_showed(signed_in: Frontend) -> None:
    signed_in.cinema.guests.unwanted[LINKED] = {CANCELLATIONS}
    await save(signed_in, *shown("email.payments"))
    assert signed_in.cinema.guests.unwanted[LINKED] == {PAYMENTS, CANCELLATIONS}


async def test_a_phone_has_text_messages(frontend: Frontend) -> None:
    await sign_in(frontend, "+351912345678")
    page = await frontend.get("/me")
    assert "By text message" in page.text
    await save(frontend, *shown("sms.payments"))
    assert frontend.cinema.guests.unwanted == {"+351912345678": {PAYMENTS}}


async def test_nobody_sets_another_addresss_preferences(signed_in: Frontend) -> None:
    await save(signed_in, *shown("email.payments"), ("address", EVE), ("person_id", EVE), ("email", EVE))
    assert signed_in.cinema.guests.unwanted.keys() == {LINKED}
    async with signed_in.another_browser() as other:
        theirs = Frontend(
            signed_in.url, signed_in.cinema, other, signed_in.clock, signed_in.site, signed_in.settings
        )
        form = hidden(await theirs.get("/me/sign-in"), "/me/sign-in") | {"shown": "email.payments"}
        answer = await theirs.post("/me/preferences", form)
        assert (answer.status, answer.headers["Location"]) == (303, "/me/sign-in")
        assert 'id="news"' not in (await theirs.get("/me")).text
    signed_in.cinema.guests.signed_in.clear()
    form = hidden(await signed_in.get("/me/sign-in"), "/me/sign-in") | {"shown": "email.cancellations"}
    assert (await signed_in.post("/me/preferences", form)).headers["Location"] == "/me/sign-in"
    assert signed_in.cinema.guests.unwanted == {LINKED: {PAYMENTS}}


@pytest.mark.parametrize(
    "fields",
    [
        [],
        wanted("email.payments"),
        shown("email.payments", "email.nonsense"),
        shown("pigeon.payments"),
        shown("email.payments.payments"),
        shown("ü" * 5_000),
        shown(*(f"email.{n}" for n in range(500))),
        shown("email.reminders"),
    ],
)
async def test_a_form_that_is_none_of_ours_changes_nothing(
    signed_in: Frontend, fields: list[tuple[str, str]]
) -> None:
    assert (await save(signed_in, *fields)).status == 400
    assert signed_in.cinema.guests.unwanted == {}


async def test_the_form_needs_its_token_and_its_id(signed_in: Frontend) -> None:
    form = hidden(await signed_in.get("/me"), "/me/preferences") | {"shown": "email.payments"}
    for wrong in ({"csrf_token": ""}, {"csrf_token": "x"}):
        assert (await signed_in.post("/me/preferences", form | wrong)).status == 403
    evil = {"Origin": "https://evil.example"}
    assert (await signed_in.post("/me/preferences", form, headers=evil)).status == 403
    assert (await signed_in.post("/me/preferences", form | {"request_id": "1"})).status == 400
    assert signed_in.cinema.guests.unwanted == {}


async def test_what_must_be_told_is_kept_and_the_page_says_why(signed_in: Frontend) -> None:
    answer = await save(signed_in, *shown("email.tickets", "email.payments"))
    assert (answer.status, answer.headers["Location"]) == (303, "/me?news=kept#news")
    assert "Nothing was changed" in (await signed_in.get("/me?news=kept")).text
    assert signed_in.cinema.guests.unwanted == {}


async def test_bookings_are_listed_while_preferences_are_away(signed_in: Frontend) -> None:
    signed_in.cinema.failures["GetPreferences"] = Refusal("UNAVAILABLE", "STORE_UNAVAILABLE")
    page = await signed_in.get("/me")
    assert page.status == 200
    assert "This cannot be shown just now" in page.text
    assert "Sign out" in page.text


async def test_the_export_has_them(signed_in: Frontend) -> None:
    signed_in.cinema.guests.unwanted[LINKED] = {PAYMENTS}
    form = hidden(await signed_in.get("/me"), "/me/export")
    whole = json.loads((await signed_in.post("/me/export", form)).text)
    by_kind = {each["news_kind"]: each["wanted"] for each in whole["preferences"]}
    assert by_kind["NEWS_KIND_PAYMENTS"] is False
    assert by_kind["NEWS_KIND_CANCELLATIONS"] is True


# The link in a letter


async def test_a_link_asks_and_its_form_switches_off_without_signing_in(frontend: Frontend) -> None:
    for _ in range(3):
        page = await frontend.get(LINK)
    assert page.status == 200
    assert "a…@example.org" in page.text
    assert "a payment that did not go through" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert frontend.cinema.guests.unwanted == {}, "looking changes nothing"
    form = hidden(page, "/unsubscribe") | {"token": page.field("token", "/unsubscribe")}
    for _ in range(2):
        answer = await frontend.post("/unsubscribe", form)
        assert (answer.status, answer.headers["Location"]) == (303, LINK)
    assert frontend.cinema.guests.unwanted == {LINKED: {PAYMENTS}}
    assert set(frontend.cinema.guests.unsubscribed) == {form["request_id"]}
    after = await frontend.get(LINK)
    assert "These are switched off" in after.text
    assert "<form" not in after.text[after.text.index("<main") :]


async def test_the_links_form_needs_its_token_as_every_form(frontend: Frontend) -> None:
    page = await frontend.get(LINK)
    form = hidden(page, "/unsubscribe") | {"token": UNSUBSCRIBE_TOKEN}
    assert (await frontend.post("/unsubscribe", form | {"csrf_token": "x"})).status == 403
    assert (await frontend.post("/unsubscribe", form | {"request_id": "x"})).status == 400
    assert (await frontend.post("/unsubscribe", form | {"token": "x" * 101})).status == 400
    assert (await frontend.post("/unsubscribe", form | {"token": ""})).status == 404
    assert (await frontend.post("/unsubscribe", form | {"token": "forged"})).status == 404
    assert frontend.cinema.guests.unwanted == {}


async def test_a_mail_program_needs_one_post_and_nothing_else(frontend: Frontend) -> None:
    multipart = aiohttp.FormData(default_to_multipart=True)
    multipart.add_field("List-Unsubscribe", "One-Click")
    old = aiohttp.BytesPayload(
        b"List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded; charset=US-ASCII"
    )
    for body in (ONE_CLICK, multipart, old):
        frontend.cinema.guests.unwanted.clear()
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as program,
            program.post(f"{frontend.url}{LINK}", data=body, allow_redirects=False) as answer,
        ):
            assert answer.status == 200
            assert "Set-Cookie" not in answer.headers
        assert frontend.cinema.guests.unwanted == {LINKED: {PAYMENTS}}
    ids = frontend.cinema.guests.unsubscribed
    assert len(set(ids)) == 3, "switched on again meanwhile, the next one must count"


async def test_it_only_lowers_and_only_for_its_address(frontend: Frontend) -> None:
    frontend.cinema.guests.unwanted[EVE] = {CANCELLATIONS}
    form = ONE_CLICK | {"wanted": "email.payments", "shown": "email.payments", "address": EVE}
    for _ in range(2):
        assert (await frontend.post(LINK, form)).status == 200
    assert frontend.cinema.guests.unwanted == {LINKED: {PAYMENTS}, EVE: {CANCELLATIONS}}
    assert "SetPreferences" not in frontend.cinema.calls


@pytest.mark.parametrize("token", ["forged", UNSUBSCRIBE_TOKEN + "x", UNSUBSCRIBE_TOKEN.upper(), "0" * 54])
async def test_forged_links_lead_nowhere(frontend: Frontend, token: str) -> None:
    for answer in (
        await frontend.get(f"/unsubscribe/{token}"),
        await frontend.post(f"/unsubscribe/{token}", ONE_CLICK),
    ):
        assert answer.status == 404
        assert "This link leads nowhere any more" in answer.text
    for path in (
        f"/unsubscribe/{'x' * 5000}",
        "/unsubscribe/",
        "/unsubscribe/%00",
        "/unsubscribe/a/b",
        "/unsubscribe/ü",
    ):
        assert (await frontend.get(path)).status == 404
        assert (await frontend.post(path, ONE_CLICK)).status == 404
    assert frontend.cinema.guests.unwanted == {}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ({}, {}, 400),
        ({"List-Unsubscribe": "no"}, {}, 400),
        ("List-Unsubscribe=One-Click", {"Content-Type": "text/plain"}, 400),
        (b"\xff\xfe", {"Content-Type": "application/x-www-form-urlencoded"}, 400),
        (b"x", {"Content-Type": "multipart/form-data; boundary=y"}, 400),
        (b"x", {"Content-Type": "multipart/form-data"}, 400),
        (
            b'--y\r\nContent-Disposition: form-data; name="a"\r\n'
            b"Content-Transfer-Encoding: odd\r\n\r\nx\r\n--y--",
            {"Content-Type": "multipart/form-data; boundary=y"},
            400,
        ),
        (
            b"List-Unsubscribe=One-Click&" + b"x" * 70_000,
            {"Content-Type": "application/x-www-form-urlencoded"},
            413,
        ),
    ],
)
async def test_a_post_that_is_no_one_click_changes_nothing(
    frontend: Frontend, body: Any, headers: dict[str, str], status: int
) -> None:
    answer = await frontend.post(LINK, body, headers=headers)
    assert answer.status == status
    assert frontend.cinema.guests.unwanted == {}


async def test_a_service_that_is_away_is_told_and_the_program_may_come_again(frontend: Frontend) -> None:
    frontend.cinema.failures["Unsubscribe"] = Refusal("UNAVAILABLE", "PREFERENCES_BUSY")
    answer = await frontend.post(LINK, ONE_CLICK)
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
