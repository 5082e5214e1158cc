"""Reading the catalogue page by page, from the city down to one show."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from catalog_svc.domain.movies import Movie
from catalog_svc.domain.paging import Page, PageRequest, PageTokens, page_of
from catalog_svc.domain.places import City, GeoPoint, nearest_city
from catalog_svc.domain.programme import MovieSummary
from catalog_svc.domain.revisions import Revisions
from catalog_svc.domain.shows import Show
from catalog_svc.domain.theatres import Layout, Screen, Theatre
from catalog_svc.domain.words import folded
from catalog_svc.errors import CityNotLocated, UnknownCity, UnknownMovie, UnknownShow
from catalog_svc.ports import Catalogue, CityLocator
from mesh.errors import InvalidField


@dataclass(frozen=True, slots=True)
class TheatreDay:
    """A theatre's shows of one business date."""

    theatre: Theatre
    shows: Sequence[Show]


@dataclass(frozen=True, slots=True)
class MovieDay:
    """A movie's shows of one business date in a city, and the dates there are; without any, no date."""

    business_date: dt.date | None
    theatres: Sequence[TheatreDay]
    available_dates: Sequence[dt.date]


@dataclass(frozen=True, slots=True)
class ShowDetails:
    """A show with everything it refers to."""

    show: Show
    movie: Movie
    theatre: Theatre
    screen: Screen
    layout: Layout


async def list_cities(request: PageRequest, catalogue: Catalogue, tokens: PageTokens) -> Page[City]:
    """Cities that have a theatre, by name. Raises InvalidPageToken."""
    size = request.size_within(100, 500)
    places = await catalogue.places()
    by_name = sorted(places.served_cities, key=_city_order)
    return page_of(by_name, _city_order, size, request.token, "cities", tokens)


async def locate_city(
    origin: GeoPoint | str, catalogue: Catalogue, locator: CityLocator
) -> tuple[City, float]:
    """The city nearest to a point, or to where an IP address is, with its distance in kilometres.

    Raises CityNotLocated and InvalidField.
    """
    point = _located(origin, locator) if isinstance(origin, str) else origin
    if not (abs(point.latitude) <= 90 and abs(point.longitude) <= 180):
        raise InvalidField("point", "must be degrees north and east")
    places = await catalogue.places()
    nearest = nearest_city(point, places.served_cities)
    if nearest is None:
        raise CityNotLocated("there are no cities")
    return nearest


async def list_movies(
    city_id: str,
    business_date: dt.date | None,
    request: PageRequest,
    since: dt.datetime,
    catalogue: Catalogue,
    tokens: PageTokens,
) -> Page[MovieSummary]:
    """Movies with coming shows in the city, most shows first. Raises UnknownCity, InvalidPageToken."""
    size = request.size_within(50, 200)
    await served_city(city_id, catalogue)
    programme, movies = await catalogue.programme(city_id, since), await catalogue.movies()
    summaries = [
        MovieSummary(movie, coming)
        for movie_id, coming in programme.items()
        if (business_date is None or business_date in coming.business_dates)
        and (movie := movies.by_id(movie_id)) is not None
    ]
    summaries.sort(key=_most_shown)
    query = f"movies {city_id} {business_date}"
    return page_of(summaries, _most_shown, size, request.token, query, tokens)


async def get_movie_by_id(movie_id: str, catalogue: Catalogue) -> Movie:
    """The movie. Raises UnknownMovie."""
    movie = (await catalogue.movies()).by_id(movie_id)
    if movie is None:
        raise UnknownMovie(movie_id)
    return movie


async def get_movie_by_slug(slug: str, catalogue: Catalogue) -> Movie:
    """The movie. Raises UnknownMovie."""
    movie = (await catalogue.movies()).by_slug(slug)
    if movie is None:
        raise UnknownMovie(slug)
    return movie


async def list_shows(
    movie_id: str, city_id: str, business_date: dt.date | None, since: dt.datetime, catalogue: Catalogue
) -> MovieDay:
    """A movie's coming shows of a date, or of its next one, by theatre. Raises UnknownMovie, UnknownCity."""
    await get_movie_by_id(movie_id, catalogue)
    await served_city(city_id, catalogue)
    coming = (await catalogue.programme(city_id, since)).get(movie_id)
    dates = coming.business_dates if coming else ()
    day = business_date or next(iter(dates), None)
    if day is None:
        return MovieDay(None, (), ())
    shows = await catalogue.shows(city_id, movie_id, day, since)
    places = await catalogue.places()
    by_theatre: dict[str, list[Show]] = {}
    for show in shows:
        by_theatre.setdefault(show.plan.theatre_id, []).append(show)
    theatre_days = [
        TheatreDay(theatre, by_theatre[theatre_id])
        for theatre_id in by_theatre
        if (theatre := places.theatres.get(theatre_id)) is not None
    ]
    theatre_days.sort(key=lambda day: (folded(day.theatre.display_name), day.theatre.theatre_id))
    return MovieDay(day, theatre_days, dates)


async def get_show(show_id: str, at_least: Revisions | None, catalogue: Catalogue) -> ShowDetails:
    """The show with its movie, theatre, screen and layout; from the store, or as new as said.

    Raises UnknownShow.
    """
    show = await (
        catalogue.show(show_id) if at_least is None else catalogue.remembered_show(show_id, at_least)
    )
    if show is None:
        raise UnknownShow(show_id)
    details = await _details(show, catalogue)
    if details is None:
        # The show was read from the store, what it refers to perhaps from before it was imported.
        catalogue.expire()
        details = await _details(show, catalogue)
    if details is None:
        raise UnknownShow(show_id)
    return details


async def served_city(city_id: str, catalogue: Catalogue) -> City:
    """The city, which has a theatre. Raises UnknownCity."""
    city = (await catalogue.places()).served_city(city_id)
    if city is None:
        raise UnknownCity(city_id)
    return city


async def _details(show: Show, catalogue: Catalogue) -> ShowDetails | None:
    places, layout = await catalogue.places(), await catalogue.layout(show.layout_id)
    movie = (await catalogue.movies()).by_id(show.plan.movie_id)
    theatre = places.theatres.get(show.plan.theatre_id)
    screen = places.screens.get(show.plan.screen_id)
    if movie is None or theatre is None or screen is None or layout is None:
        return None
    return ShowDetails(show, movie, theatre, screen, layout)


def _located(address: str, locator: CityLocator) -> GeoPoint:
    try:
        parsed = ip_address(address)
    except ValueError:
        raise InvalidField("ip_address", "must be an IPv4 or IPv6 address") from None
    point = locator.locate(parsed)
    if point is None:
        raise CityNotLocated("it is not known where this address is")
    return point


def _city_order(city: City) -> tuple[str, str]:
    return folded(city.display_name), city.city_id


def _most_shown(summary: MovieSummary) -> tuple[int, str, str]:
    count = summary.coming.show_count if summary.coming else 0
    return -count, folded(summary.movie.title), summary.movie.movie_id
