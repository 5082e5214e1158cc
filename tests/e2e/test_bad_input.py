"""What goes wrong at the site's edge, against every real process: a clear page, and nothing changed."""

import re
from collections.abc import AsyncIterator
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from mesh.testing import eventually
from tests.e2e.visitor import Visitor
from tests.fixtures.site import Site

pytestmark = pytest.mark.timeout(240)

SURPLUS_CARD = "4000 0000 0000 0168"
INSIDE = re.compile(r"Traceback|mongodb|grpc|127\.0\.0\.1:\d+/|\.py\b|UNAVAILABLE|INTERNAL", re.IGNORECASE)


@pytest_asyncio.fixture(loop_scope="session")
async def http(site: Site) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that keeps its cookies, as a browser does."""
    async with aiohttp.ClientSession(site.url, timeout=aiohttp.ClientTimeout(30)) as session:
        yield session


@pytest_asyncio.fixture(loop_scope="session")
async def ada(browser: Browser, site: Site) -> AsyncIterator[Visitor]:
    """A visitor without JavaScript, who sees what the server says."""
    context = await browser.new_context(java_script_enabled=False)
    yield Visitor(await context.new_page(), site, f"ada-{uuid4().hex}@example.com")
    await context.close()


@pytest.mark.parametrize(
    "path",
    [
        "/atlantis",
        "/london/movies/no-such-movie",
        "/shows/no-such-show",
        "/bookings/AAAAAAAAAAAAAAAAAAAAAA",
        "/bookings/..%2F..%2Fetc%2Fpasswd",
        "/shows/%00",
        "/" + "x" * 2000,
    ],
)
async def test_what_does_not_exist_is_a_page_that_says_so(http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(path) as answer:
        body = await answer.text()
    assert answer.status == 404
    assert "<h1" in body
    assert not INSIDE.search(body)


async def test_a_form_without_its_token_or_with_a_forged_cookie_changes_nothing(
    ada: Visitor, http: aiohttp.ClientSession
) -> None:
    await ada.choose_show("London")
    before = await ada.free_seats()
    show = ada.page.url.removeprefix(ada.site.url)
    fields = {"seat": before[-1], "request_id": str(uuid4())}
    async with http.post(f"{show}/hold", data=fields, allow_redirects=False) as answer:
        assert answer.status == 403
    tokens = await ada.page.locator("#seats-form [name=csrf_token]").get_attribute("value")
    forged = {"Cookie": "matinee=forged; session=forged; __Host-session=forged"}
    async with http.post(
        f"{show}/hold", data=fields | {"csrf_token": tokens or ""}, headers=forged, allow_redirects=False
    ) as answer:
        assert answer.status == 403
    await ada.page.reload()
    assert await ada.free_seats() == before


async def test_a_booking_is_a_404_for_anybody_but_its_buyer(
    ada: Visitor, http: aiohttp.ClientSession
) -> None:
    await ada.choose_show("London")
    await ada.choose_seats((await ada.free_seats())[-1:])
    await ada.hold()
    await expect(ada.page.get_by_role("timer")).to_be_visible()
    booking = ada.page.url.removeprefix(ada.site.url)
    for path in (booking, f"{booking}/calendar.ics", f"{booking}?key=AAAAAAAAAAAAAAAAAAAAAA"):
        async with http.get(path) as answer:
            assert answer.status == 404, path
            assert "Ada" not in await answer.text()


async def test_a_wrong_form_says_which_field_and_keeps_the_seats(ada: Visitor) -> None:
    await ada.choose_show("London")
    await ada.choose_seats((await ada.free_seats())[-1:])
    await ada.hold()
    await ada.page.locator("form.form").evaluate("form => form.noValidate = true")
    await ada.page.get_by_label("Name").fill("Ada")
    await ada.page.get_by_label("E-mail").fill("ada@example.com\r\nBcc: all@example.com")
    await ada.page.locator("#email").evaluate(
        "input => { input.type = 'text'; input.value = 'not an address' }"
    )
    await ada.page.get_by_label("Credit card").check()
    await ada.page.get_by_role("button", name=re.compile("^Pay ")).click()
    await expect(ada.page.locator("#email")).to_have_attribute("aria-invalid", "true")
    await expect(ada.page.get_by_role("timer")).to_be_visible()


async def test_paying_twice_from_the_same_form_opens_one_payment(ada: Visitor) -> None:
    page = ada.page
    await ada.choose_show("Berlin")
    await ada.choose_seats((await ada.free_seats())[-1:])
    await ada.hold()
    await expect(page.get_by_role("timer")).to_be_visible()
    held = page.url
    await ada.start_payment()
    await expect(page).to_have_title(re.compile("Sandbox Pay"))
    first = page.url
    await page.goto(held)  # back, and on again
    await page.get_by_role("link", name="Go on to the payment").click()
    await expect(page).to_have_url(first)
    await ada.pay_by_card()
    tickets = await ada.ticket_ids()
    await page.goto(first)
    await expect(page.get_by_text("There is nothing more to do here")).to_be_visible()
    await page.goto(held)
    assert await ada.ticket_ids() == tickets


async def test_a_payment_of_another_amount_goes_back(ada: Visitor, site: Site) -> None:
    await ada.choose_show("London")
    show, seat = ada.page.url, (await ada.free_seats())[-1]
    await ada.choose_seats([seat])
    await ada.hold()
    await ada.start_payment()
    await ada.pay_by_card(SURPLUS_CARD)

    async def told_of_the_refund() -> bool:
        return any("refund" in mail["subject"].lower() for mail in await site.mails_to(ada.email))

    await eventually(told_of_the_refund, within_seconds=60, every_seconds=0.3)
    await ada.page.goto(show)
    assert seat in await ada.free_seats()
