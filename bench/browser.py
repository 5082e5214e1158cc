"""What a browser does over HTTP, as cheaply as it can be done here: the client shares the machine.

Cookies are kept by host, redirects followed one by one, pages unpacked; style sheets, scripts and pictures
are not asked for.
"""

import json
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlencode, urljoin, urlsplit

import aiohttp

_GZIP: Final = 31
_ANSWER_SECONDS: Final = 20.0
_MOST_REDIRECTS: Final = 5
_HEADERS: Final = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Encoding": "gzip, deflate, br",
    "Accept-Language": "en-GB,en;q=0.9",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}


class BadAnswer(Exception):
    """The site answered with something else than what was due; the text is its kind."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page as shown, and where."""

    url: str
    status: int
    text: str


class Browser:
    """One person's browser with a new profile: ``async with Browser() as browser``."""

    def __init__(self) -> None:
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=6),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers=_HEADERS,
            timeout=aiohttp.ClientTimeout(total=_ANSWER_SECONDS),
        )
        self._cookies: dict[str, dict[str, str]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def open(self, url: str) -> Page:
        """Goes to a page, redirects included."""
        for _ in range(_MOST_REDIRECTS):
            page, onward = await self._ask("GET", url)
            if not onward:
                return page
            url = onward
        raise BadAnswer("redirects without end")

    async def send(self, url: str, form: Sequence[tuple[str, str]]) -> tuple[Page, str]:
        """Sends a form: the answer, and where it leads if it is a redirect."""
        parts = urlsplit(url)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": f"{parts.scheme}://{parts.netloc}",
            "Sec-Fetch-Site": "same-origin",
        }
        return await self._ask("POST", url, headers, urlencode(form).encode())

    @asynccontextmanager
    async def listen(self, url: str) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
        """Server-sent events, as an EventSource takes them: name and JSON; closed at the end of the block."""
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"} | self._cookie(url)
        response = await self._http.get(url, headers=headers)
        try:
            if response.status != 200:
                raise BadAnswer(str(response.status))
            yield _events(response)
        finally:
            response.close()

    async def _ask(
        self, method: str, url: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> tuple[Page, str]:
        async with self._http.request(
            method, url, headers=self._cookie(url) | (headers or {}), data=body, allow_redirects=False
        ) as response:
            content = await response.read()
            self._keep_cookies(url, response)
            if response.headers.get("Content-Encoding") == "gzip":
                content = zlib.decompress(content, _GZIP)
            location = response.headers.get("Location", "")
            page = Page(url, response.status, content.decode())
            if response.status == 303 and location:
                return page, urljoin(url, location)
            return page, ""

    def _cookie(self, url: str) -> dict[str, str]:
        kept = self._cookies.get(urlsplit(url).netloc)
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in kept.items())} if kept else {}

    def _keep_cookies(self, url: str, response: aiohttp.ClientResponse) -> None:
        for line in response.headers.getall("Set-Cookie", ()):
            name, _, value = line.partition(";")[0].partition("=")
            self._cookies.setdefault(urlsplit(url).netloc, {})[name] = value


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, Any]]:
    name = ""
    async for line in response.content:
        if line.startswith(b"event: "):
            name = line[7:].strip().decode()
        elif line.startswith(b"data: "):
            yield name, json.loads(line[6:])
