"""The sandbox's pages in a browser as wide as a phone."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, ViewportSize, expect

from tests.fixtures import sandbox as cards
from tests.fixtures.sandbox import running_sandbox

PHONE: ViewportSize = {"width": 360, "height": 700}


@pytest.mark.timeout(90)
async def test_cards_and_ledger_can_be_read_on_a_phone(browser: Browser, tmp_path: Path) -> None:
    async with running_sandbox(tmp_path) as sandbox:
        session = await sandbox.open_session(reference="3f1d2c77-6a5b-4a44-9a0e-6f2a4a3b9c10" * 2)
        await sandbox.pay(session["url"], cards.SLOW_REFUND)
        await sandbox.refund(session["id"], 1000)
        context = await browser.new_context(viewport=PHONE)
        page = await context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        try:
            for path, heading in (("/", "Test cards"), ("/ledger", "Ledger")):
                await page.goto(sandbox.url + path)
                await expect(page.get_by_role("heading", level=1)).to_have_text(heading)
                wide = await page.evaluate("document.documentElement.scrollWidth")
                assert wide <= PHONE["width"], f"{path} has to be pushed sideways"
            await expect(page.get_by_text("USD 12.50").first).to_be_visible()
            await page.get_by_role("link", name="3f1d2c77").first.click()
            await expect(page.get_by_role("heading", level=2)).to_contain_text(["Movements of 3f1d2c77"])
            await page.get_by_role("link", name="Test cards").click()
            await expect(page.get_by_role("heading", level=1)).to_have_text("Test cards")
            assert all(url.startswith((sandbox.url, "data:")) for url in asked)
        finally:
            await context.close()
