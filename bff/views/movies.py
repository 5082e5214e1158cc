"""What is on in a city, search, and a movie's page."""

import datetime as dt
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from aiohttp import hdrs, web
from matinee.catalog.v1 import catalog_pb2

from bff import policy
from bff.keys import CATALOGUE, CLOCK, SEATS, SESSION, VISITOR_TEXTS
from bff.presenters.movies import CityFilters, CityView, present_city_movies
from bff.presenters.places import present_city
from bff.presenters.programme import MovieView, present_programme
from bff.presenters.search import SearchTerms, present_search
from bff.respond import render, render_shared
from bff.views.fields import date_in_query, id_in_path, text_in_query

_FACET_LIMIT = 20
_SUGGESTIONS = 8
_ORDERS = {
    "title": catalog_pb2.SEARCH_ORDER_TITLE,
    "release": catalog_pb2.SEARCH_ORDER_RELEASE_DATE,
}


async def city_movies(request: web.Request) -> web.Response:
    """The movies of a city, by day, genre, language and format."""
    catalogue = request.app[CATALOGUE]
    city = await catalogue.city(id_in_path(request, "city"))
    request[SESSION].remember_city(city.city_id)
    filters = CityFilters(
        date=date_in_query(request, "date"),
        genre=text_in_query(request, "genre"),
        language=text_in_query(request, "language"),
        format=text_in_query(request, "format"),
    )

    async def view() -> CityView:
        summaries = await catalogue.movies(city.city_id, filters.date)
        return present_city_movies(city, summaries, filters, request[VISITOR_TEXTS], _today(request, city))

    return await render_shared(request, "city.html", filters, present_city(city), view)


async def search(request: web.Request) -> web.Response:
    """Results of a search, with facets."""
    catalogue = request.app[CATALOGUE]
    city = await catalogue.city(id_in_path(request, "city"))
    terms = SearchTerms(
        query=text_in_query(request, "q"),
        genres=_several(request, "genre"),
        languages=_several(request, "language"),
        released_from=date_in_query(request, "from"),
        released_to=date_in_query(request, "to"),
        order=text_in_query(request, "order") if request.query.get("order") in _ORDERS else "",
        page_token=text_in_query(request, "page", 500),
    )
    response = await catalogue.search(
        catalog_pb2.SearchMoviesRequest(
            query=terms.query,
            city_id=city.city_id,
            genres=terms.genres,
            languages=terms.languages,
            release_date_from=terms.released_from,
            release_date_to=terms.released_to,
            order_by=_ORDERS.get(terms.order, catalog_pb2.SEARCH_ORDER_UNSPECIFIED),
            page_token=terms.page_token,
        )
    )
    view = present_search(response, terms, city, request[VISITOR_TEXTS], _today(request, city))
    return render(request, "search.html", view=view, city=view.city, query=terms.query)


async def suggest_titles(request: web.Request) -> web.Response:
    """Titles for what was typed so far, as a JSON list."""
    catalogue = request.app[CATALOGUE]
    city = await catalogue.city(id_in_path(request, "city"))
    query = text_in_query(request, "q")
    titles: list[str] = []
    if query:
        response = await catalogue.search(
            catalog_pb2.SearchMoviesRequest(query=query, city_id=city.city_id, page_size=_SUGGESTIONS)
        )
        titles = [summary.movie.title for summary in response.movies]
    return web.json_response(titles, headers={hdrs.CACHE_CONTROL: "private, max-age=60"})


async def movie(request: web.Request) -> web.Response:
    """A movie, and its shows of a day in the city."""
    catalogue = request.app[CATALOGUE]
    city = await catalogue.city(id_in_path(request, "city"))
    request[SESSION].remember_city(city.city_id)
    date = date_in_query(request, "date")

    async def view() -> MovieView:
        found = await catalogue.movie(slug=id_in_path(request, "slug"))
        shows = await catalogue.shows(found.movie_id, city.city_id, date)
        show_ids = [show.show_id for theatre in shows.theatres for show in theatre.shows]
        occupancies = await request.app[SEATS].occupancies(show_ids)
        return present_programme(
            found, city, shows, occupancies, request[VISITOR_TEXTS], request.app[CLOCK].now()
        )

    return await render_shared(request, "movie.html", date, present_city(city), view, _trailer_policy)


def _trailer_policy(view: MovieView) -> dict[str, str]:
    """Lets the trailer's player in."""
    if not (view.movie.trailer and view.movie.trailer.embed_url):
        return {}
    site = urlsplit(view.movie.trailer.embed_url)
    return {policy.HEADER: policy.content_security_policy(frames=[f"https://{site.netloc}"])}


def _several(request: web.Request, name: str) -> tuple[str, ...]:
    return tuple(value[:50] for value in request.query.getall(name, [])[:_FACET_LIMIT] if value)


def _today(request: web.Request, city: catalog_pb2.City) -> dt.date:
    return request.app[CLOCK].now().astimezone(ZoneInfo(city.time_zone)).date()
