"""What a browser does over HTTP, as cheaply as it can be done here: the client shares the machine.

Cookies are kept by host, connections kept alive, redirects followed one by one, pages unpacked; style sheets,
scripts and pictures are not asked for. With aiohttp's client a booking took half as much CPU again.
"""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit

_GZIP: Final = 31
_ANSWER_SECONDS: Final = 20.0
_MOST_REDIRECTS: Final = 5
_EVERY_REQUEST: Final = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0\r\n"
    "Accept-Language: en-GB,en;q=0.9\r\n"
)
_PAGE: Final = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Encoding": "gzip, deflate, br",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}
_EVENTS: Final = {"Accept": "text/event-stream"}


class BadAnswer(Exception):
    """The site answered with something else than what was due; the text is its kind."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page as shown, and where."""

    url: str
    status: int
    text: str


@dataclass(frozen=True, slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


@dataclass(frozen=True, slots=True)
class _Head:
    status: int
    fields: Mapping[str, str]
    cookies: Sequence[str]


class Browser:
    """One person's browser with a new profile: ``async with Browser() as browser``.

    Raises `BadAnswer`, OSError, EOFError and TimeoutError.
    """

    def __init__(self) -> None:
        self._cookies: dict[str, dict[str, str]] = {}
        self._idle: dict[str, list[_Connection]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.writer.close()

    async def open(self, url: str) -> Page:
        """Goes to a page, redirects included."""
        for _ in range(_MOST_REDIRECTS):
            page, onward = await self._page("GET", url, _PAGE)
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
        return await self._page("POST", url, _PAGE | headers, urlencode(form).encode())

    @asynccontextmanager
    async def listen(self, url: str) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
        """Server-sent events, as an EventSource takes them: name and JSON; closed at the end of the block."""
        async with self._asked("GET", urlsplit(url), _EVENTS) as (head, connection):
            try:
                if head.status != 200:
                    raise BadAnswer(str(head.status))
                yield _events(connection.reader)
            finally:
                connection.writer.close()

    async def _page(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[Page, str]:
        parts = urlsplit(url)
        async with (
            asyncio.timeout(_ANSWER_SECONDS),
            self._asked(method, parts, headers, body) as (head, connection),
        ):
            content = await connection.reader.readexactly(int(head.fields.get("content-length", "0")))
        self._idle.setdefault(parts.netloc, []).append(connection)
        if head.fields.get("content-encoding") == "gzip":
            content = zlib.decompress(content, _GZIP)
        location = head.fields.get("location", "") if head.status == 303 else ""
        return Page(url, head.status, content.decode()), urljoin(url, location) if location else ""

    @asynccontextmanager
    async def _asked(
        self, method: str, url: SplitResult, headers: Mapping[str, str], body: bytes = b""
    ) -> AsyncIterator[tuple[_Head, _Connection]]:
        """Sends the request and reads the head of the answer; closes the connection when that fails."""
        idle = self._idle.get(url.netloc)
        connection = (
            idle.pop() if idle else _Connection(*await asyncio.open_connection(url.hostname, url.port))
        )
        try:
            connection.writer.write(self._request(method, url, headers, body))
            head = _head(await connection.reader.readuntil(b"\r\n\r\n"))
            for line in head.cookies:
                name, _, value = line.partition(";")[0].partition("=")
                self._cookies.setdefault(url.netloc, {})[name] = value
            yield head, connection
        except BaseException:
            connection.writer.close()
            raise

    def _request(self, method: str, url: SplitResult, headers: Mapping[str, str], body: bytes) -> bytes:
        target = f"{url.path}?{url.query}" if url.query else url.path
        lines = [f"{method} {target} HTTP/1.1\r\nHost: {url.netloc}\r\n{_EVERY_REQUEST}"]
        lines += (f"{name}: {value}\r\n" for name, value in headers.items())
        if kept := self._cookies.get(url.netloc):
            lines.append(f"Cookie: {'; '.join(f'{name}={value}' for name, value in kept.items())}\r\n")
        if method == "POST":
            lines.append(f"Content-Length: {len(body)}\r\n")
        return "".join([*lines, "\r\n"]).encode() + body


async def _connected(url: SplitResult) -> _Connection:
    return _Connection(*await asyncio.open_connection(url.hostname, url.port))


def _head(text: bytes) -> _Head:
    first, *lines = text.decode("latin-1").rstrip("\r\n").split("\r\n")
    fields, cookies = {}, []
    for line in lines:
        name, _, value = line.partition(": ")
        fields[name.lower()] = value
        if name.lower() == "set-cookie":
            cookies.append(value)
    return _Head(int(first.split(" ", 2)[1]), fields, cookies)


async def _events(reader: asyncio.StreamReader) -> AsyncIterator[tuple[str, Any]]:
    """The events of a body in chunks."""
    name, rest = "", b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        *lines, rest = (rest + (await reader.readexactly(size + 2))[:-2]).split(b"\n")
        for line in lines:
            if line.startswith(b"event: "):
                name = line[7:].decode()
            elif line.startswith(b"data: "):
                yield name, json.loads(line[6:])
