"""One whole booking: what a person with a browser asks the site and the payment provider for, page by page.

Without time to think, and without what a browser has in its cache: style sheets, scripts, pictures.
"""

import asyncio
import html
import random
import re
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urljoin

from bench.browser import BadAnswer, Browser, Page
from bench.cinemas import CITY

CONFIRMATION: Final = "confirmation after payment"
_CARD: Final = (("number", "4242 4242 4242 4242"), ("expiry", "12/34"), ("cvc", "123"), ("holder", ""))
_WAITS: Final = 10
_PAID_SECONDS: Final = 1.0
_HOLD_TRIES: Final = 5
_MOVIE: Final = re.compile(rf'<h3><a href="(/{CITY}/movies/[^"?]+)')
_SHOW: Final = re.compile(r'<a class="time" href="(/shows/[^"?]+)')
_FREE_SEAT: Final = re.compile(r' free"><input type="checkbox" name="seat" value="([A-Z]+)(\d+)"')
_HIDDEN: Final = re.compile(r'name="(csrf_token|request_id)" value="([^"]+)"')
_PAY_FORM: Final = re.compile(r'action="/bookings/[^"]+/pay"')
_ONWARD: Final = re.compile(r'http-equiv="refresh" content="0; url=([^"]+)"')
_WATCH: Final = re.compile(r'data-watch="([^"]+)" data-version="(\d+)"')
_TICKET: Final = re.compile(r"<span>([^<]+)</span></div>\s*</li>")


@dataclass(slots=True)
class Visit:
    """What one visit came to. `steps_ms` are in the order of the steps."""

    email: str = field(default_factory=lambda: f"buyer-{secrets.token_hex(8)}@example.com")
    steps_ms: dict[str, float] = field(default_factory=dict)
    step: str = ""
    show_id: str = ""
    seats: tuple[str, ...] = ()
    booking_id: str = ""
    tickets: tuple[str, ...] = ()
    seats_lost: int = 0

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Adds the time of the block to the step."""
        self.step = step
        started = time.perf_counter()
        yield
        self.steps_ms[step] = self.steps_ms.get(step, 0.0) + (time.perf_counter() - started) * 1000

    async def make(self, site: str) -> None:
        """From the city's page to the tickets; raises what `Browser` raises."""
        async with Browser() as browser:
            with self.timed("city page"):
                city = _good(await browser.open(f"{site}/{CITY}"))
            with self.timed("movie page"):
                movie = _good(await browser.open(_chosen(_MOVIE, city)))
            with self.timed("show page"):
                show = _good(await browser.open(_chosen(_SHOW, movie)))
            self.show_id = show.url.rpartition("/")[2]
            booking = await self._hold(browser, show)
            self.booking_id = booking.url.rpartition("/")[2]
            provider = await self._to_provider(browser, booking)
            with self.timed("provider's form"):
                back = _led(await browser.send(provider.url, _CARD))
            with self.timed(CONFIRMATION):
                await self._see_tickets(browser, back)

    async def _hold(self, browser: Browser, show: Page) -> Page:
        """Two neighbours; who loses one to somebody else chooses again."""
        for _ in range(_HOLD_TRIES):
            self.seats = _two_neighbours(show)
            async with browser.listen(f"{show.url.removesuffix('/hold')}/events") as events:
                with self.timed("live seats"):
                    await anext(events)
                seats = [("seat", seat) for seat in self.seats]
                with self.timed("price of the seats"):
                    _good(await browser.open(f"{show.url.removesuffix('/hold')}/quote?{urlencode(seats)}"))
            with self.timed("hold"):
                form = [*_HIDDEN.findall(show.text)[:2], ("party", "2"), ("category", ""), *seats]
                answer, onward = await browser.send(f"{show.url.removesuffix('/hold')}/hold", form)
            if onward:
                with self.timed("booking page"):
                    return _good(await browser.open(onward))
            if answer.status != 409:
                raise BadAnswer(str(answer.status))
            self.seats_lost += 1
            show = answer
        raise BadAnswer("seats lost again and again")

    async def _to_provider(self, browser: Browser, booking: Page) -> Page:
        form = _PAY_FORM.search(booking.text)
        if form is None:
            raise BadAnswer("no form to pay with")
        fields = [
            *_HIDDEN.findall(booking.text, form.end())[:2],
            ("full_name", "Ada Lovelace"),
            ("email", self.email),
            ("phone", ""),
            ("method", "credit_card"),
        ]
        with self.timed("pay"):
            leaving, _ = await browser.send(f"{booking.url}/pay", fields)
        with self.timed("provider's page"):
            return _good(await browser.open(_chosen(_ONWARD, _good(leaving))))

    async def _see_tickets(self, browser: Browser, url: str) -> None:
        """As the waiting page does: listens, and loads itself again when the booking changed."""
        for _ in range(_WAITS):
            page = _good(await browser.open(url))
            self.tickets = tuple(_TICKET.findall(page.text))
            if self.tickets:
                return
            watch = _WATCH.search(page.text)
            if watch is None:
                raise BadAnswer("neither tickets nor waiting")
            async with browser.listen(urljoin(url, watch[1])) as events:
                await _changed(events, int(watch[2]))
        raise BadAnswer("never confirmed")


async def _changed(events: AsyncIterator[tuple[str, Any]], shown: int) -> None:
    """Until the page would load itself again; what is paid is given a second to be confirmed."""
    async for name, facts in events:
        if name == "booking" and facts["version"] != shown:
            if facts["state"] == "paid":
                with suppress(TimeoutError, StopAsyncIteration):
                    await asyncio.wait_for(anext(events), _PAID_SECONDS)
            return


def _good(page: Page) -> Page:
    if page.status != 200:
        raise BadAnswer(str(page.status))
    return page


def _led(answer: tuple[Page, str]) -> str:
    page, onward = answer
    if not onward:
        raise BadAnswer(f"{page.status} instead of a redirect")
    return onward


def _chosen(links: re.Pattern[str], page: Page) -> str:
    """One of the page's links, any of them."""
    found = links.findall(page.text)
    if not found:
        raise BadAnswer("no link to go on by")
    return urljoin(page.url, html.unescape(random.choice(found)))


def _two_neighbours(show: Page) -> tuple[str, str]:
    """Two free seats beside each other, anywhere; 1 and 2, 3 and 4, …, so that nobody leaves one alone."""
    begin = random.randrange(len(show.text))
    for text in (show.text[begin:], show.text):
        row, number = "", 0
        for seat in _FREE_SEAT.finditer(text):
            if seat[1] == row and int(seat[2]) == number + 1 and number % 2:
                return f"{row}{number}", f"{row}{number + 1}"
            row, number = seat[1], int(seat[2])
    raise BadAnswer("no two seats are free")
