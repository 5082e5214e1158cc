"""Somebody switches a kind of mail off, by the link in one and at /me, in a real browser."""

import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio
from matinee.notify.v1 import notify_pb2, notify_pb2_grpc
from playwright.async_api import Browser, Page, expect

from mesh.testing import calling, eventually
from tests.e2e.test_signing_in_in_a_browser import sign_in
from tests.e2e.visitor import DECLINED_CARD, Visitor
from tests.fixtures.site import Site

pytestmark = pytest.mark.timeout(240)

NewPage = Callable[[], Coroutine[Any, Any, Page]]

PAYMENTS = "A payment that did not go through, or seats that were released"


@pytest_asyncio.fixture(loop_scope="session")
async def new_page(browser: Browser) -> AsyncIterator[NewPage]:
    """Makes browsers without JavaScript, on a phone."""
    async with AsyncExitStack() as contexts:

        async def new() -> Page:
            context = await browser.new_context(
                java_script_enabled=False, viewport={"width": 360, "height": 800}, locale="en-GB"
            )
            contexts.push_async_callback(context.close)
            context.set_default_timeout(15_000)
            return await context.new_page()

        yield new


async def is_declined(guest: Visitor) -> str:
    """Books and pays with a card that is declined; returns the booking's id."""
    await guest.choose_show("London")
    await guest.choose_seats((await guest.free_seats())[-1:])
    await guest.hold()
    await guest.start_payment()
    await guest.pay_by_card(DECLINED_CARD)
    await expect(guest.page).to_have_url(re.compile("/bookings/"))
    return guest.page.url.partition("?")[0].rpartition("/")[2]


async def told_of(site: Site, booking_id: str) -> notify_pb2.Notification:
    """What became of the message about the declined payment."""
    request = notify_pb2.ListNotificationsRequest(booking_id=booking_id)
    notify, token = site.installation.address("notify_svc"), site.installation.mesh_token
    async with calling(notify, token, timeout_seconds=20) as channel:
        stub = channel.stub(notify_pb2_grpc.NotificationServiceStub)

        async def settled() -> list[notify_pb2.Notification]:
            found = (await stub.ListNotifications(request)).notifications
            return [each for each in found if each.state != notify_pb2.NOTIFICATION_STATE_SENDING]

        [told] = await eventually(settled, within_seconds=30)
        return told


async def test_the_link_in_a_mail_and_the_page_of_whoever_has_the_address(
    site: Site, new_page: NewPage
) -> None:
    email = f"ada-{uuid4().hex}@example.com"
    page = await new_page()
    ada = Visitor(page, site, email)

    async def as_guest() -> notify_pb2.Notification:
        return await told_of(site, await is_declined(Visitor(await new_page(), site, email)))

    assert (await as_guest()).state == notify_pb2.NOTIFICATION_STATE_SENT
    mail = await site.mail_to(email)
    [link] = set(re.findall(rf"{site.url}/unsubscribe/\S+", mail["text"]))

    await page.goto(link)
    await expect(page.get_by_text("a…@example.com")).to_be_visible()
    await page.get_by_role("button", name="Stop these").click()
    await expect(page.get_by_role("heading", name="These are switched off")).to_be_visible()
    skipped = await as_guest()
    assert skipped.state == notify_pb2.NOTIFICATION_STATE_SKIPPED
    assert skipped.skip_reason == notify_pb2.SKIP_REASON_UNWANTED

    await sign_in(ada, email)
    box = page.get_by_label(PAYMENTS)
    await expect(box).not_to_be_checked()
    await expect(page.get_by_label("What you cancelled yourself")).to_be_checked()
    await box.check()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved.")).to_be_visible()
    await expect(page.get_by_label(PAYMENTS)).to_be_checked()
    assert (await as_guest()).state == notify_pb2.NOTIFICATION_STATE_SENT

    # A mail program: one POST, without a session.
    async with aiohttp.ClientSession() as program:
        for token, status in (("", 200), ("x", 404)):
            async with program.post(link + token, data={"List-Unsubscribe": "One-Click"}) as answer:
                assert answer.status == status
    await page.goto(f"{site.url}/me")
    await expect(page.get_by_label(PAYMENTS)).not_to_be_checked()
