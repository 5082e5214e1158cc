"""A person signs in, in a real browser, and finds what they booked as a guest in another one."""

import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from mesh.testing import eventually
from tests.e2e.visitor import Visitor
from tests.fixtures.site import Site

NewVisitor = Callable[..., Coroutine[Any, Any, Visitor]]

pytestmark = pytest.mark.timeout(240)


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(browser: Browser, site: Site) -> AsyncIterator[NewVisitor]:
    """Makes visitors, each with a browser profile of their own."""
    async with AsyncExitStack() as contexts:

        async def new(email: str, *, java_script: bool = True, width: int = 1280) -> Visitor:
            context = await browser.new_context(
                java_script_enabled=java_script,
                viewport={"width": width, "height": 900},
                locale="en-GB",
                accept_downloads=True,
            )
            contexts.push_async_callback(context.close)
            context.set_default_timeout(15_000)
            return Visitor(await context.new_page(), site, email)

        yield new


async def code_in_the_inbox(visitor: Visitor, recipient: str) -> str:
    """Reads the newest code that was sent there, as a person reads it in the demo's inbox."""
    page = await visitor.page.context.new_page()
    subject = page.locator("summary", has_text=recipient).filter(has_text="is your sign-in code").first

    async def arrived() -> bool:
        await page.goto(f"{visitor.site.url}/dev/inbox")
        return await subject.count() > 0

    await eventually(arrived, within_seconds=20, every_seconds=0.3)
    found = re.search(r"\b[0-9]{6}\b", await subject.inner_text())
    assert found is not None
    await page.close()
    return found[0]


async def sign_in(visitor: Visitor, address: str, shown: str = "") -> None:
    """From the list of bookings to signed in."""
    page = visitor.page
    await page.goto(f"{visitor.site.url}/me")
    await page.get_by_role("link", name="Sign in").click()
    await page.get_by_label("E-mail address or phone number").fill(address)
    await page.get_by_role("button", name="Send me a code").click()
    await expect(page.get_by_label("Six digits")).to_be_visible()
    await page.get_by_label("Six digits").fill(await code_in_the_inbox(visitor, shown or address))
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_text(f"Signed in as {shown or address}")).to_be_visible()


@pytest.mark.parametrize("java_script", [True, False], ids=["with JavaScript", "without JavaScript"])
async def test_a_booking_made_as_a_guest_elsewhere_is_there_after_signing_in(
    visitor: NewVisitor, java_script: bool
) -> None:
    email = f"ada-{uuid4().hex}@example.com"
    guest = await visitor(email)
    await guest.choose_show("London")
    await guest.choose_seats((await guest.free_seats())[-1:])
    await guest.hold()
    await guest.start_payment()
    await guest.pay_by_card()
    [ticket] = await guest.ticket_ids()
    booking_url = guest.page.url.partition("?")[0]

    ada = await visitor(email, java_script=java_script, width=1280 if java_script else 360)
    await ada.page.goto(booking_url)
    await expect(ada.page).to_have_title(re.compile("No such booking"))
    await sign_in(ada, email)
    await ada.page.locator(".mine-list a").click()
    await expect(ada.page).to_have_url(booking_url)
    assert await ada.ticket_ids() == [ticket]

    await ada.page.goto(f"{ada.site.url}/me")
    async with ada.page.expect_download() as download:
        await ada.page.get_by_role("button", name="Download my data").click()
    exported = (await (await download.value).path()).read_text()
    assert email in exported
    assert ticket in exported
    await ada.page.get_by_role("link", name="Erase my data").click()
    await ada.page.get_by_label("Yes, erase everything about me").check()
    await ada.page.get_by_role("button", name="Erase").click()
    await expect(ada.page.get_by_role("alert")).to_contain_text("You still have tickets")

    await ada.page.goto(f"{ada.site.url}/me")
    await ada.page.get_by_role("button", name="Sign out").click()
    await expect(ada.page.get_by_text("Made in this browser")).to_be_visible()
    await ada.page.goto(booking_url)
    await expect(ada.page).to_have_title(re.compile("No such booking"))


async def test_a_code_comes_to_a_phone_as_well_and_a_person_can_be_erased(visitor: NewVisitor) -> None:
    number = f"+35191{uuid4().int % 10**7:07d}"
    ada = await visitor("", width=360)
    await sign_in(ada, number)
    await ada.page.get_by_role("link", name="Erase my data").click()
    await ada.page.get_by_label("Yes, erase everything about me").check()
    await ada.page.get_by_role("button", name="Erase").click()
    await expect(ada.page.get_by_text("You are being erased")).to_be_visible()
    await ada.page.goto(f"{ada.site.url}/me")
    await expect(ada.page.get_by_text("Made in this browser")).to_be_visible()
