"""From a view model to an answer: the one place where pages are put together with their visitor."""

import gzip

from aiohttp import hdrs, web

from bff.keys import CATALOGUE, CSRF, INBOX, PAGES, SESSION, VISITOR_TEXTS
from bff.pages import Page
from bff.presenters.places import CityChoice, present_city

_WORTH_COMPRESSING = 1000


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


def render_fragment(request: web.Request, template: str, **values: object) -> web.Response:
    """A part of a page, for scripts that put it into place."""
    html = request.app[PAGES].render(template, page_of(request, None, ""), **values)
    return html_response(request, html, 200)


def html_response(request: web.Request, html: str, status: int) -> web.Response:
    """HTML, compressed where the browser takes it."""
    body = html.encode()
    headers = {hdrs.VARY: "Accept-Encoding, Accept-Language, Cookie"}
    if len(body) > _WORTH_COMPRESSING and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        body = gzip.compress(body, 5, mtime=0)
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(body=body, status=status, content_type="text/html", charset="utf-8", headers=headers)


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
