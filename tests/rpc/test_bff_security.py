"""What must not work: forged cookies, foreign forms, oversized and endless bodies, forged webhooks."""

import asyncio
import gzip
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from matinee.booking.v1 import booking_pb2
from structlog.testing import capture_logs

from bff.app import Site, make_app
from bff.sessions import Session, Sessions
from bff.views.webhooks import LONGEST_BODY
from mesh.errors import MatineeError
from mesh.run import Resources
from tests.fixtures.bff import SESSION_SECRET, SHOW_ID, Answer, Frontend, settings_for

SEAT_PAGE = f"/shows/{SHOW_ID}"
HOLD = f"{SEAT_PAGE}/hold"
WEBHOOK = "/webhooks/payments/sandbox"


def hold_form(page: Answer, **changes: str) -> dict[str, str]:
    form = {name: page.field(name) for name in ("csrf_token", "request_id")}
    return form | {"seat": "A1"} | changes


async def test_a_form_with_its_token_is_taken(frontend: Frontend) -> None:
    page = await frontend.get(SEAT_PAGE)
    assert (await frontend.post(HOLD, hold_form(page))).status == 303


@pytest.mark.parametrize("token", ["", "x", "eyJhIjoxfQ.forged"])
async def test_a_form_without_its_token_is_refused(frontend: Frontend, token: str) -> None:
    page = await frontend.get(SEAT_PAGE)
    answer = await frontend.post(HOLD, hold_form(page, csrf_token=token))
    assert answer.status == 403
    assert "Nothing was changed" in answer.text
    assert frontend.cinema.bookings == {}


async def test_the_token_of_another_session_is_refused(frontend: Frontend) -> None:
    async with (
        frontend.another_browser() as attacker,
        attacker.get(f"{frontend.url}{SEAT_PAGE}") as answer,
    ):
        foreign = Answer(answer.status, answer.headers, await answer.text()).field("csrf_token")
    page = await frontend.get(SEAT_PAGE)
    assert (await frontend.post(HOLD, hold_form(page, csrf_token=foreign))).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_form_from_another_site_is_refused_even_with_a_token(
    frontend: Frontend, headers: dict[str, str]
) -> None:
    page = await frontend.get(SEAT_PAGE)
    assert (await frontend.post(HOLD, hold_form(page), headers=headers)).status == 403
    assert frontend.cinema.bookings == {}


async def test_a_form_from_our_own_page_is_taken_with_the_browsers_headers(frontend: Frontend) -> None:
    page = await frontend.get(SEAT_PAGE)
    headers = {"Origin": frontend.url, "Sec-Fetch-Site": "same-origin"}
    assert (await frontend.post(HOLD, hold_form(page), headers=headers)).status == 303


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data"])
async def test_only_the_form_encoding_of_our_pages_is_read(frontend: Frontend, content_type: str) -> None:
    answer = await frontend.post(HOLD, b"{}", headers={"Content-Type": content_type})
    assert answer.status == 400


@pytest.mark.parametrize("path", ["/locate", "/bookings/x/pay", "/bookings/x/cancel", "/bookings/x/abandon"])
async def test_every_form_needs_a_token(frontend: Frontend, path: str) -> None:
    assert (await frontend.post(path, {"request_id": "x"})).status == 403


async def test_the_cookie_is_kept_from_scripts_and_other_sites(frontend: Frontend) -> None:
    cookie = (await frontend.get(SEAT_PAGE)).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie


async def test_behind_a_proxy_that_speaks_https_everything_is_for_https(frontend: Frontend) -> None:
    settings = settings_for(frontend.settings.booking_target).model_copy(
        update={"public_url": "https://shop.example"}
    )
    host = {"Host": "shop.example"}
    async with Resources() as resources, frontend.another_browser() as http:
        site = Site(make_app(settings, resources, frontend.clock), settings)
        url = f"http://{await site.start()}"
        shop = Frontend(url, frontend.cinema, http, frontend.clock, site, settings)
        page = await shop.get(SEAT_PAGE, headers=host)
        cookie = page.headers["Set-Cookie"]
        name = cookie.partition("=")[0]
        assert name == "__Host-matinee"
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
        assert page.headers["Strict-Transport-Security"]
        sent = host | {"Cookie": cookie.partition(";")[0], "Origin": "https://shop.example"}
        assert (await shop.post(HOLD, hold_form(page), headers=sent)).status == 303
        elsewhere = sent | {"Origin": url}
        assert (await shop.post(HOLD, hold_form(page), headers=elsewhere)).status == 403
        assert (await shop.get(SEAT_PAGE)).status == 421
        await site.drain(0, 1)


async def test_a_visitor_who_only_reads_posters_gets_no_cookie(frontend: Frontend) -> None:
    for path in ("/posters/sintel-2010.svg", "/healthz", "/nowhere", "/"):
        expected = path == "/"  # holds the form of "use my location"
        assert ("Set-Cookie" in (await frontend.get(path)).headers) == expected


async def test_a_forged_cookie_is_refused_and_told_in_the_log(frontend: Frontend) -> None:
    page = await frontend.get(SEAT_PAGE)
    await frontend.post(HOLD, hold_form(page))
    good = frontend.cookie()
    buyer = next(iter(frontend.cinema.buyers.values()))
    other = Sessions(["another-secret-altogether"], secure=False)
    forged = other.write(Session(buyer))
    async with frontend.another_browser() as attacker:
        for value in (forged, good[:-2] + "xx", "x" * 5000, "", "{}"):
            with capture_logs() as logs:
                answer = await attacker.get(
                    f"{frontend.url}/bookings/booking-1", headers={"Cookie": f"matinee={value}"}
                )
            assert answer.status == 404
            assert value == "" or "session_cookie_refused" in {entry["event"] for entry in logs}
        answer = await attacker.get(
            f"{frontend.url}/bookings/booking-1", headers={"Cookie": f"matinee={good}"}
        )
        assert answer.status == 200  # the control: with the real cookie the page opens


async def test_a_cookie_of_the_previous_secret_is_still_good() -> None:
    old = Sessions([SESSION_SECRET], secure=True)
    new = Sessions([SESSION_SECRET, "a-new-session-secret"], secure=True)
    kept = Session("somebody", "lisbon", {"b": "k"})
    opened = new.read(old.write(kept))
    assert opened is not None
    assert (opened.buyer_id, opened.city, opened.booking_keys) == ("somebody", "lisbon", {"b": "k"})
    assert old.read(new.write(kept)) is None
    assert new.cookie_name == "__Host-matinee"


async def test_a_form_that_is_too_large_is_refused(frontend: Frontend) -> None:
    page = await frontend.get(SEAT_PAGE)
    answer = await frontend.post(HOLD, hold_form(page, seat="A" * 100_000))
    assert answer.status == 413


async def test_a_form_that_never_ends_is_cut_off(frontend: Frontend) -> None:
    object.__setattr__(frontend.settings, "body_seconds", 0.3)
    host, _, port = frontend.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST {HOLD} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 500\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\nseat=A1".encode()
    )
    async with asyncio.timeout(15):
        assert b" 408 " in await reader.readline()
    writer.close()


@pytest.mark.parametrize(
    "body", [b"\xff\xfe\x00", b"%ff%fe=%80", b"&&&&=", b"a" * 60_000, b"seat=%00&csrf_token=%00"]
)
async def test_a_form_of_rubbish_is_refused(frontend: Frontend, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await frontend.post(HOLD, body, headers=headers)
    assert answer.status in (400, 403, 413)
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("charset", ["utf-16", "no-such-charset", "cp037"])
async def test_an_encoding_that_is_none_of_ours_changes_nothing(frontend: Frontend, charset: str) -> None:
    headers = {"Content-Type": f"application/x-www-form-urlencoded; charset={charset}"}
    answer = await frontend.post(HOLD, b"seat=A1&csrf_token=x", headers=headers)
    assert answer.status in (400, 403)


@pytest.mark.parametrize("charset", ["unicode_escape", "utf-16"])
async def test_an_encoding_of_pythons_own_is_not_read_even_with_a_token(
    frontend: Frontend, charset: str
) -> None:
    page = await frontend.get("/me/sign-in")
    fields = "&".join(f"{name}={page.field(name)}" for name in ("csrf_token", "request_id"))
    headers = {"Content-Type": f"application/x-www-form-urlencoded; charset={charset}"}
    answer = await frontend.post("/me/sign-in", rf"{fields}&address=\ud800@x".encode(), headers=headers)
    assert answer.status == 400


async def test_a_body_is_taken_as_it_came(frontend: Frontend) -> None:
    compressed = gzip.compress(b"{}" * 100_000)
    headers = {"Content-Encoding": "gzip", "Sandbox-Signature": "good"}
    for body in (compressed, b"not compressed at all"):
        assert (await frontend.post(WEBHOOK, body, headers=headers)).status == 204
        assert frontend.cinema.payment_events.pop().body == body
    page = await frontend.get(SEAT_PAGE)
    form = gzip.compress(urlencode(hold_form(page)).encode())
    sent = {"Content-Encoding": "gzip", "Content-Type": "application/x-www-form-urlencoded"}
    assert (await frontend.post(HOLD, form, headers=sent)).status in (400, 403)
    assert frontend.cinema.bookings == {}


async def test_a_signature_that_is_no_text_is_refused(frontend: Frontend) -> None:
    host, _, port = frontend.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {WEBHOOK} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 2\r\nSandbox-Signature: "
    writer.write(head.encode() + b"\xff\r\n\r\n{}")
    async with asyncio.timeout(15):
        assert b" 401 " in await reader.readline()
    writer.close()


async def test_a_method_that_is_not_for_an_address_is_told_with_those_that_are(frontend: Frontend) -> None:
    page = await frontend.get(SEAT_PAGE)
    answer = await frontend.post("/me", {"csrf_token": page.field("csrf_token")})
    assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")


async def test_a_webhook_is_acknowledged_once_it_is_stored(frontend: Frontend) -> None:
    body = json.dumps({"id": "evt_1", "note": "ü"}).encode()
    answer = await frontend.post(WEBHOOK, body, headers={"Sandbox-Signature": "good", "Host": "bff-1:8080"})
    assert answer.status == 204
    (event,) = frontend.cinema.payment_events
    assert event == booking_pb2.RecordPaymentEventRequest(provider="sandbox", body=body, signature="good")


async def test_each_providers_own_signature_is_handed_on(frontend: Frontend) -> None:
    both = {"Sandbox-Signature": "bad", "Stripe-Signature": "good"}
    body = b'{"id":  "evt_1",\r\n "note": "\xc3\xbc"}'
    answer = await frontend.post("/webhooks/payments/stripe", body, headers=both)
    assert answer.status == 204
    (event,) = frontend.cinema.payment_events
    assert event == booking_pb2.RecordPaymentEventRequest(provider="stripe", body=body, signature="good")
    for headers in ({}, {"Sandbox-Signature": "good"}, {"Stripe-Signature": "x" * 3000}):
        assert (await frontend.post("/webhooks/payments/stripe", body, headers=headers)).status == 401
    larger = b"x" * (LONGEST_BODY + 1)
    good = {"Stripe-Signature": "good"}
    assert (await frontend.post("/webhooks/payments/stripe", larger, headers=good)).status == 413
    assert len(frontend.cinema.payment_events) == 1


async def test_a_forged_webhook_is_refused(frontend: Frontend) -> None:
    for headers in ({}, {"Sandbox-Signature": "bad"}, {"Sandbox-Signature": "x" * 3000}):
        assert (await frontend.post(WEBHOOK, b"{}", headers=headers)).status == 401
    assert frontend.cinema.payment_events == []


async def test_a_webhook_of_an_unknown_provider_is_not_there(frontend: Frontend) -> None:
    assert (await frontend.post("/webhooks/payments/nobody", b"{}")).status == 404


async def test_a_webhook_as_large_as_allowed_passes_and_a_larger_one_does_not(frontend: Frontend) -> None:
    headers = {"Sandbox-Signature": "good"}
    assert (await frontend.post(WEBHOOK, b"x" * LONGEST_BODY, headers=headers)).status == 204
    assert (await frontend.post(WEBHOOK, b"x" * (LONGEST_BODY + 1), headers=headers)).status == 413


class Down(MatineeError):
    """The booking service's store is away."""

    code = "UNAVAILABLE"
    reason = "STORE_UNAVAILABLE"


async def test_a_webhook_that_could_not_be_stored_is_to_be_sent_again(frontend: Frontend) -> None:
    frontend.cinema.failures["RecordPaymentEvent"] = Down("away")
    answer = await frontend.post(WEBHOOK, b"{}", headers={"Sandbox-Signature": "good"})
    assert answer.status == 503


async def test_an_unsigned_webhook_is_refused_here_and_never_handed_on(frontend: Frontend) -> None:
    frontend.cinema.failures["RecordPaymentEvent"] = Down("away")
    for headers in ({}, {"Sandbox-Signature": "x" * 3000}):
        assert (await frontend.post(WEBHOOK, b"{}", headers=headers)).status == 401


async def test_logs_hold_neither_queries_nor_secrets(frontend: Frontend) -> None:
    page = await frontend.get(SEAT_PAGE)
    with capture_logs() as logs:
        await frontend.get("/lisbon/search?q=something-private")
        await frontend.post(HOLD, hold_form(page, full_name="Ada Private"))
        await frontend.get("/bookings/booking-1?key=a-secret-key")
    text = json.dumps(logs, default=str)
    assert "http_request" in text
    for private in ("something-private", "Ada Private", "a-secret-key", frontend.cookie()):
        assert private not in text


async def test_the_trace_of_the_caller_goes_on(frontend: Frontend) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = await frontend.get("/", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert answer.headers["X-Request-Id"] == trace


async def test_a_position_needs_to_be_one(frontend: Frontend) -> None:
    page = await frontend.get("/")
    form: dict[str, Any] = {"csrf_token": page.field("csrf_token")}
    for latitude, longitude in (("91", "0"), ("0", "181"), ("nan", "0"), ("x", "0"), ("", "")):
        answer = await frontend.post("/locate", form | {"latitude": latitude, "longitude": longitude})
        assert answer.status == 400
    answer = await frontend.post("/locate", form | {"latitude": "41.1", "longitude": "-8.6"})
    assert (answer.status, answer.headers["Location"]) == (303, "/porto")
