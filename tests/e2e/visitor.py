"""What a person does on the site, click by click; by the words on the page, as a person finds them."""

import re
from dataclasses import dataclass

from playwright.async_api import Page, expect

from tests.fixtures.site import Site

GOOD_CARD = "4242 4242 4242 4242"
DECLINED_CARD = "4000 0000 0000 0002"


@dataclass(slots=True)
class Visitor:
    """One person with one browser window."""

    page: Page
    site: Site
    email: str

    async def choose_show(self, city: str) -> None:
        """From the front page to a seat map: the city, its first movie, the last show of the last day."""
        page = self.page
        await page.goto(self.site.url)
        await page.get_by_role("link", name=city, exact=True).click()
        await page.locator(".posters a").first.click()
        days = page.get_by_role("navigation", name="Day").get_by_role("link")
        for choices in (days, page.locator("a.time")):
            # What is the last is known once the page is read to its end.
            await page.wait_for_load_state("domcontentloaded")
            await choices.last.click()
        await expect(page.get_by_role("group", name="Seat map")).to_be_visible()
        await page.wait_for_load_state("domcontentloaded")

    async def free_seats(self) -> list[str]:
        """Ids of the seats that may be chosen, in page order."""
        boxes = self.page.locator(".plan input[type=checkbox]:not([disabled])")
        return [str(seat) for seat in await boxes.evaluate_all("boxes => boxes.map(box => box.value)")]

    async def choose_seats(self, seat_ids: list[str]) -> None:
        """Ticks the seats."""
        for seat_id in seat_ids:
            await self.page.locator(f"label.seat:has(#seat-{seat_id})").click()

    async def hold(self) -> None:
        """Presses the button that holds what is ticked."""
        await self.page.get_by_role("button", name="Hold these seats").click()

    async def come_back(self) -> None:
        """Looks at another tab for a moment."""
        await self.page.evaluate(
            """() => {
              for (const hidden of [true, false]) {
                Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
                document.dispatchEvent(new Event("visibilitychange"));
              }
            }"""
        )

    async def start_payment(self, method: str = "Credit card") -> None:
        """Fills in who the tickets are for and goes to the provider."""
        page = self.page
        await page.get_by_label("Name").fill("Ada Lovelace")
        await page.get_by_label("E-mail").fill(self.email)
        await page.get_by_label(method).check()
        await page.get_by_role("button", name=re.compile("^Pay ")).click()

    async def pay_by_card(self, number: str = GOOD_CARD) -> None:
        """Pays on the provider's page."""
        page = self.page
        await expect(page).to_have_title(re.compile("Sandbox Pay"))
        await page.get_by_label("Card number").fill(number)
        await page.get_by_label("Valid until").fill("12/34")
        await page.get_by_label("Security code").fill("123")
        await page.get_by_role("button", name=re.compile("^Pay ")).click()

    async def ticket_ids(self, within_seconds: float = 30) -> list[str]:
        """Waits for the tickets and reads their ids."""
        await expect(self.page).to_have_title(re.compile("^Tickets:"), timeout=within_seconds * 1000)
        await self.page.wait_for_load_state("domcontentloaded")  # the title comes before the tickets
        return [text.strip() for text in await self.page.locator(".ticket .tear > span").all_inner_texts()]
