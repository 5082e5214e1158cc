"""From a view model to an answer: the one place where pages are put together with their visitor."""

import gzip
import zlib
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import NoReturn, TypeVar

from aiohttp import hdrs, web

from bff.keys import CATALOGUE, CSRF, INBOX, PAGES, SESSION, SHARED_PAGES, VISITOR_TEXTS
from bff.pages import Page, SharedPage
from bff.presenters.places import CityChoice, present_city

V = TypeVar("V")

_WORTH_COMPRESSING = 1000
_QUICKLY, _WELL = 1, 6
"""Levels of compression: of a page for one visitor, and of one that is made once for many. A seat map of
57 kB comes to 7.6 kB in 0.11 ms, or to 7.0 kB in 0.35 ms."""
_GZIP_OF_16_KB = 16 + 14
"""zlib's number for gzip with a window of 16 kB: most pages are no longer, and beginning one costs half."""
_PAGE_HEADERS: Mapping[str, str] = {
    hdrs.VARY: "Accept-Encoding, Accept-Language, Cookie",
    hdrs.CONTENT_TYPE: "text/html; charset=utf-8",
}


class NotForAll(Exception):
    """A page that all visitors share asked for something of one visitor's own: a fault of its template."""


def render(
    request: web.Request,
    template: str,
    *,
    view: object,
    city: CityChoice | None = None,
    query: str = "",
    status: int = 200,
) -> web.Response:
    """A whole page."""
    page = page_of(request, city, query)
    html = request.app[PAGES].render(template, page, view=view)
    return html_response(request, html, status)


async def render_shared(
    request: web.Request,
    template: str,
    key: Hashable,
    city: CityChoice,
    view: Callable[[], Awaitable[V]],
    headers: Callable[[V], Mapping[str, str]] = lambda _: {},
) -> web.Response:
    """A whole page without anything of its visitor's own; made once in two seconds for all who ask for it.

    `key` tells pages of the template apart; language and path do so besides.
    """
    texts = request[VISITOR_TEXTS]

    async def load() -> SharedPage:
        shown = await view()
        page = Page(
            texts=texts,
            path=request.path,
            new_csrf_token=_not_for_all,
            city=city,
            inbox=INBOX in request.app,
        )
        body = request.app[PAGES].render(template, page, view=shown).encode()
        return SharedPage(body, gzip.compress(body, _WELL, mtime=0), headers(shown))

    shared = await request.app[SHARED_PAGES].get((template, request.path, texts.locale, key), load)
    return _html(request, shared.plain, lambda: shared.compressed, shared.headers)


def render_fragment(request: web.Request, template: str, **values: object) -> web.Response:
    """A part of a page, for scripts that put it into place."""
    html = request.app[PAGES].render(template, page_of(request, None, ""), **values)
    return html_response(request, html, 200)


def html_response(request: web.Request, html: str, status: int) -> web.Response:
    """HTML, compressed where the browser takes it."""
    body = html.encode()
    return _html(request, body, lambda: _compressed_quickly(body), {}, status)


def _compressed_quickly(body: bytes) -> bytes:
    compressor = zlib.compressobj(_QUICKLY, zlib.DEFLATED, _GZIP_OF_16_KB)
    return compressor.compress(body) + compressor.flush()


def _html(
    request: web.Request,
    body: bytes,
    compressed: Callable[[], bytes],
    more: Mapping[str, str],
    status: int = 200,
) -> web.Response:
    headers = {**_PAGE_HEADERS, **more}
    if len(body) > _WORTH_COMPRESSING and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        body = compressed()
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(body=body, status=status, headers=headers)


def _not_for_all() -> NoReturn:
    raise NotForAll("a form's token on a page that is shared")


def see_other(location: str) -> web.Response:
    """The answer to a form: go and look there (post, redirect, get)."""
    return web.Response(status=303, headers={hdrs.LOCATION: location, hdrs.CACHE_CONTROL: "no-store"})


def page_of(request: web.Request, city: CityChoice | None, query: str) -> Page:
    """What every template is told of the visitor."""
    session = request[SESSION]
    guard = request.app[CSRF]
    return Page(
        texts=request[VISITOR_TEXTS],
        path=request.path,
        new_csrf_token=lambda: guard.token(session),
        city=city or remembered_city(request),
        query=query,
        inbox=INBOX in request.app,
    )


def remembered_city(request: web.Request) -> CityChoice | None:
    """The visitor's city, if it is known without asking anybody."""
    slug = request[SESSION].city
    city = request.app[CATALOGUE].remembered_city(slug) if slug else None
    return present_city(city) if city else None
