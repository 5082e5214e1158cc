"""A person buys tickets, in a real browser, from the front page to the mail."""

import asyncio
import datetime as dt
import json
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from mesh.mongo import close, open_client
from mesh.testing import eventually
from stack.shows import move_show
from tests.e2e.visitor import DECLINED_CARD, Visitor
from tests.fixtures.site import Site

NewVisitor = Callable[..., Coroutine[Any, Any, Visitor]]

pytestmark = pytest.mark.timeout(240)


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(browser: Browser, site: Site) -> AsyncIterator[NewVisitor]:
    """Makes visitors, each with a browser profile of their own."""
    async with AsyncExitStack() as contexts:

        async def new(*, java_script: bool = True, width: int = 1280) -> Visitor:
            context = await browser.new_context(
                java_script_enabled=java_script, viewport={"width": width, "height": 900}, locale="en-GB"
            )
            contexts.push_async_callback(context.close)
            context.set_default_timeout(15_000)
            page = await context.new_page()
            page.on("pageerror", lambda error: problems.append(str(error)))
            return Visitor(page, site, f"ada-{uuid4().hex}@example.com")

        problems: list[str] = []
        yield new
        assert problems == []


@pytest.mark.parametrize("java_script", [True, False], ids=["with JavaScript", "without JavaScript"])
async def test_two_tickets_are_bought_and_arrive_by_mail(
    visitor: NewVisitor, site: Site, java_script: bool
) -> None:
    ada = await visitor(java_script=java_script)
    await ada.choose_show("London")
    seats = (await ada.free_seats())[-2:]
    await ada.choose_seats(seats)
    await ada.hold()
    await expect(ada.page.get_by_role("timer")).to_be_visible()
    await ada.start_payment()
    await ada.pay_by_card()
    tickets = await ada.ticket_ids()
    assert len(set(tickets)) == 2

    mail = await site.mail_to(ada.email)
    assert all(ticket in mail["text"] for ticket in tickets)
    assert all(seat in mail["text"] for seat in seats)
    await ada.page.goto(f"{site.url}/dev/inbox")
    await expect(ada.page.get_by_text(tickets[0]).first).to_be_attached()


@pytest.mark.parametrize("method", ["Debit card", "Internet banking"])
async def test_the_other_ways_to_pay(visitor: NewVisitor, method: str) -> None:
    ada = await visitor(width=360)
    await ada.choose_show("Tokyo")
    await ada.choose_seats((await ada.free_seats())[-1:])
    await ada.hold()
    await ada.start_payment(method)
    if method == "Internet banking":
        await ada.page.get_by_role("button", name=re.compile("approve")).click()
    else:
        await ada.pay_by_card()
    assert len(await ada.ticket_ids()) == 1


async def test_a_declined_card_leaves_the_seats_held_and_another_try_succeeds(visitor: NewVisitor) -> None:
    ada = await visitor()
    await ada.choose_show("Berlin")
    await ada.choose_seats((await ada.free_seats())[-1:])
    await ada.hold()
    await ada.start_payment()
    await ada.pay_by_card(DECLINED_CARD)
    await expect(ada.page.get_by_text("The payment did not go through")).to_be_visible(timeout=30_000)
    await expect(ada.page.get_by_role("timer")).to_be_visible()
    await ada.start_payment()
    await ada.pay_by_card()
    assert len(await ada.ticket_ids()) == 1


async def test_the_loser_of_a_race_is_told_which_seat_went_and_offered_others(visitor: NewVisitor) -> None:
    ada, bob = await visitor(java_script=False), await visitor(java_script=False)
    await ada.choose_show("London")
    await bob.page.goto(ada.page.url)
    contested = (await ada.free_seats())[-3]
    await ada.choose_seats([contested])
    await bob.choose_seats([contested])
    await ada.hold()
    await expect(ada.page.get_by_role("timer")).to_be_visible()
    await bob.hold()
    notice = bob.page.get_by_role("alert")
    await expect(notice).to_contain_text(contested)
    await bob.page.wait_for_load_state("domcontentloaded")  # the notice stands above the map
    offered = await bob.page.locator(".plan input:checked").evaluate_all("boxes => boxes.map(b => b.value)")
    assert len(offered) == 1
    assert offered != [contested]
    await bob.hold()
    await expect(bob.page.get_by_role("timer")).to_be_visible()


async def test_a_seat_that_goes_is_shown_at_once_to_who_looks_at_the_map(visitor: NewVisitor) -> None:
    ada, bob = await visitor(), await visitor()
    await ada.choose_show("London")
    await bob.page.goto(ada.page.url)
    wanted = (await ada.free_seats())[-1]
    await ada.choose_seats([wanted])
    await ada.hold()
    await expect(ada.page.get_by_role("timer")).to_be_visible()
    await expect(bob.page.locator(f"#seat-{wanted}")).to_be_disabled(timeout=15_000)
    await ada.page.get_by_role("button", name="Give the seats up").click()
    await expect(bob.page.locator(f"#seat-{wanted}")).to_be_enabled(timeout=15_000)


async def test_a_cancelled_booking_frees_its_seats_and_tells_of_the_refund(
    visitor: NewVisitor, site: Site
) -> None:
    ada = await visitor()
    await ada.choose_show("Mumbai")
    seat_page = ada.page.url
    seat = (await ada.free_seats())[-1]
    await ada.choose_seats([seat])
    await ada.hold()
    await ada.start_payment()
    await ada.pay_by_card()
    await ada.ticket_ids()
    await ada.page.get_by_text("Cancel tickets").click()
    await expect(ada.page.get_by_text("Goes back to you")).to_be_visible()
    await ada.page.get_by_role("button", name="See what goes back").click()
    await ada.page.get_by_role("button", name=f"Cancel {seat}").click()
    await expect(ada.page.get_by_text(re.compile("refund|money", re.IGNORECASE)).first).to_be_visible()

    async def told() -> bool:
        return len(await site.mails_to(ada.email)) >= 3  # tickets, cancellation, refund

    await eventually(told, within_seconds=60)
    await ada.page.goto(seat_page)
    assert seat in await ada.free_seats()


@pytest.mark.parametrize("java_script", [True, False], ids=["with JavaScript", "without JavaScript"])
async def test_one_of_three_tickets_is_cancelled_and_the_others_stay(
    visitor: NewVisitor, site: Site, java_script: bool
) -> None:
    ada = await visitor(java_script=java_script, width=390)
    await ada.choose_show("Mumbai")
    seats = (await ada.free_seats())[-3:]
    await ada.choose_seats(seats)
    await ada.hold()
    await ada.start_payment()
    await ada.pay_by_card()
    assert len(await ada.ticket_ids()) == 3
    page = ada.page
    await page.get_by_text("Cancel tickets").click()
    await page.get_by_label(f"Seat {seats[0]}").check()
    if java_script:
        await expect(page.get_by_text("Goes back to you")).to_be_visible()
    await page.get_by_role("button", name="See what goes back").click()
    # The third ticket's discount goes with it.
    await expect(page.get_by_role("button", name=f"Cancel {seats[0]}")).to_be_visible()
    await expect(page.get_by_text("lose a discount")).to_be_visible()
    told = await page.locator("tfoot td").inner_text()
    await page.get_by_role("button", name=f"Cancel {seats[0]}").click()
    await expect(page.locator("li.ticket.void")).to_have_count(1)
    await expect(page.locator("li.ticket:not(.void)")).to_have_count(2)
    await expect(page.get_by_text(f"{seats[0]}: {told} back")).to_be_visible()

    async def letter() -> str | None:
        mails = [mail["text"] for mail in await site.mails_to(ada.email)]
        return next((text for text in mails if f"on its way: {seats[0]}." in text), None)

    text = await eventually(letter, within_seconds=60)
    assert text is not None
    assert "still valid" in text


async def test_a_moved_show_can_be_given_back(visitor: NewVisitor, site: Site) -> None:
    ada = await visitor()
    await ada.choose_show("London")
    show_id = ada.page.url.rpartition("/")[2].partition("?")[0]
    start = dt.datetime.fromisoformat(str(await ada.page.locator("time").first.get_attribute("datetime")))
    await ada.choose_seats((await ada.free_seats())[-1:])
    await ada.hold()
    await ada.start_payment()
    await ada.pay_by_card()
    tickets = await ada.ticket_ids()
    page = ada.page
    await page.evaluate("window.sameAsBefore = true")
    await page.context.set_offline(True)
    async with page.expect_event("requestfailed"):
        await ada.come_back()
    assert await ada.ticket_ids() == tickets  # at a door without network
    await page.context.set_offline(False)
    async with page.expect_event("requestfinished"):
        await ada.come_back()
    assert await page.evaluate("window.sameAsBefore")
    later = (start + dt.timedelta(minutes=5)).isoformat()
    moved = await asyncio.to_thread(move_show, site.data, show_id, later, "The film was late.")
    assert moved == 0

    async def told() -> bool:
        await ada.come_back()
        return await page.get_by_text("The film was late.").count() > 0

    await eventually(told, within_seconds=20, every_seconds=0.5)
    await page.get_by_role("button", name="Have the money back").click()
    await page.get_by_role("button", name="Cancel ").click()
    await expect(page.get_by_text("Refund").first).to_be_visible()

    async def letter() -> bool:
        return any("Your show was moved" in mail["text"] for mail in await site.mails_to(ada.email))

    await eventually(letter, within_seconds=60)


async def test_a_booking_survives_kill_9_between_payment_and_confirmation(
    visitor: NewVisitor, site: Site
) -> None:
    ada = await visitor()
    await ada.choose_show("London")
    await ada.choose_seats((await ada.free_seats())[-1:])
    await ada.hold()
    await expect(ada.page.get_by_role("timer")).to_be_visible()
    booking_id = ada.page.url.rpartition("/")[2].partition("?")[0]
    await ada.start_payment()
    mongo = open_client(site.mongo_url, "test")
    bookings = mongo["bookings"]["bookings"]

    async def paid() -> bool:
        found = await bookings.find_one({"_id": booking_id})
        return bool(found and found["state"] == "PAID")

    await site.send("seat_svc", signal.SIGSTOP)  # the payment arrives, the seats cannot be confirmed
    try:
        await ada.pay_by_card()
        await eventually(paid, within_seconds=20)
        await site.send("booking_svc", signal.SIGKILL)
    finally:
        await close(mongo)
        await site.send("seat_svc", signal.SIGCONT)
    assert len(await ada.ticket_ids(within_seconds=75)) == 1


async def test_the_books_of_the_running_site_balance(visitor: NewVisitor, site: Site, tmp_path: Path) -> None:
    """With whatever the other tests have bought, cancelled and left behind."""
    ada = await visitor()
    await ada.choose_show("London")
    await ada.choose_seats((await ada.free_seats())[-1:])
    await ada.hold()
    await ada.start_payment()
    await ada.pay_by_card()
    await ada.ticket_ids()
    file = tmp_path / "books.json"
    command = (sys.executable, "-m", "stack", "books", "--data", str(site.data), "--json", str(file))
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    printed, _ = await process.communicate()
    assert process.returncode == 0, printed.decode()
    assert printed.decode().endswith("differences: none\n")
    told = json.loads(file.read_text())
    assert told["compared"]["bookings CONFIRMED"] >= 1
    assert told["sums"]["GBP"]["captured by providers"] > 0
