"""The load client's browser against a real server: what a buyer relies on without looking."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio
from aiohttp import web

from bench.browser import BadAnswer, Browser

_PAGE: Final = "<p>Kinosäle</p>" * 100


@pytest_asyncio.fixture
async def address() -> AsyncIterator[str]:
    """A server on a loopback port."""
    app = web.Application()
    app.add_routes(
        [
            web.get("/page", _page),
            web.post("/form", _form),
            web.get("/mine", _mine),
            web.get("/circle", _circle),
            web.get("/events", _events),
            web.get("/none", _none),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


async def _page(_request: web.Request) -> web.Response:
    body = gzip.compress(_PAGE.encode())
    return web.Response(body=body, content_type="text/html", headers={"Content-Encoding": "gzip"})


async def _form(request: web.Request) -> web.Response:
    seats = (await request.post()).getall("seat")
    response = web.Response(status=303, headers={"Location": "/mine"})
    response.set_cookie("seats", "-".join(str(seat) for seat in seats))
    return response


async def _mine(request: web.Request) -> web.Response:
    return web.Response(text=request.cookies.get("seats", "nobody's"))


async def _circle(_request: web.Request) -> web.Response:
    return web.Response(status=303, headers={"Location": "/circle"})


async def _events(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for part in (b"retry: 2000\n\n", b"event: book", b'ing\ndata: {"version"', b": 4}\n", b"\n:\n\n"):
        await response.write(part)
    return response


async def _none(_request: web.Request) -> web.Response:
    return web.Response(status=404, text="none")


async def test_a_packed_page_is_read_on_one_connection_as_often_as_wanted(address: str) -> None:
    async with Browser() as browser:
        for _ in range(3):
            page = await browser.open(f"{address}/page")
            assert (page.status, page.text) == (200, _PAGE)


async def test_a_form_leads_on_and_its_cookie_stays_with_this_browser(address: str) -> None:
    async with Browser() as browser, Browser() as other:
        answer, onward = await browser.send(f"{address}/form", [("seat", "A1"), ("seat", "A2")])
        assert (answer.status, onward) == (303, f"{address}/mine")
        assert (await browser.open(onward)).text == "A1-A2"
        assert (await other.open(onward)).text == "nobody's"


async def test_events_are_put_together_however_they_are_cut(address: str) -> None:
    async with Browser() as browser, browser.listen(f"{address}/events") as events:
        assert [event async for event in events] == [("booking", {"version": 4})]


async def test_redirects_without_end_and_refused_events_are_bad_answers(address: str) -> None:
    async with Browser() as browser:
        with pytest.raises(BadAnswer, match="without end"):
            await browser.open(f"{address}/circle")
        with pytest.raises(BadAnswer, match="404"):
            async with browser.listen(f"{address}/none"):
                pass


async def test_a_server_that_hangs_up_is_an_error_and_no_page() -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Browser() as browser:
        with pytest.raises((OSError, EOFError)):
            await browser.open(f"http://127.0.0.1:{port}/")
