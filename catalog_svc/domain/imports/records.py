"""Rules for each kind of record by itself; what it refers to is looked at in `batch`."""

import datetime as dt
from collections.abc import Callable
from typing import Any, TypeAlias

from catalog_svc.domain.imports import fields
from catalog_svc.domain.imports.fields import Problem, Problems
from catalog_svc.domain.imports.seats import layout_problems
from catalog_svc.domain.movies import CastMember, Movie, Trailer
from catalog_svc.domain.places import City, GeoPoint
from catalog_svc.domain.shows import CategoryPrice, ShowPlan, start_time_problem
from catalog_svc.domain.theatres import Layout, Screen, Theatre

Record: TypeAlias = City | Movie | Theatre | Layout | Screen | ShowPlan

_NAME = 120
_FIRST_FILM = dt.date(1888, 1, 1)
_LAST_RELEASE = dt.date(2200, 1, 1)
_LONGEST_MINUTES = 1000
_HIGHEST_PRICE = 10**9


def record_problems(record: Record) -> list[Problem]:
    """What is wrong with the record, whatever else is stored."""
    rules: dict[type, Callable[[Any], Problems]] = {
        City: _city_problems,
        Movie: _movie_problems,
        Theatre: _theatre_problems,
        Layout: layout_problems,
        Screen: _screen_problems,
        ShowPlan: _show_problems,
    }
    return list(rules[type(record)](record))


def _city_problems(city: City) -> Problems:
    yield from fields.identifier("city.city_id", city.city_id)
    yield from fields.text("city.display_name", city.display_name, _NAME)
    yield from fields.matching(
        "city.country_code", city.country_code, "[A-Z]{2}", "an ISO 3166-1 code of two capitals"
    )
    yield from _point_problems("city.location", city.location)
    yield from fields.time_zone("city.time_zone", city.time_zone)
    yield from fields.currency("city.currency_code", city.currency_code)


def _point_problems(field: str, point: GeoPoint) -> Problems:
    yield from fields.between(f"{field}.latitude", point.latitude, -90, 90)
    yield from fields.between(f"{field}.longitude", point.longitude, -180, 180)


def _movie_problems(movie: Movie) -> Problems:
    yield from fields.identifier("movie.movie_id", movie.movie_id)
    yield from fields.identifier("movie.slug", movie.slug)
    yield from fields.text("movie.title", movie.title, _NAME)
    yield from fields.text("movie.original_title", movie.original_title, _NAME, least=0)
    yield from fields.text("movie.description", movie.description, 2000)
    yield from fields.between("movie.runtime_minutes", movie.runtime_minutes, 1, _LONGEST_MINUTES)
    yield from fields.matching(
        "movie.certificate", movie.certificate, r"[A-Z0-9][A-Z0-9+/-]{0,9}", "a certificate such as U or 12A"
    )
    if not _FIRST_FILM <= movie.release_date <= _LAST_RELEASE:
        yield Problem("movie.release_date", f"must be {_FIRST_FILM} or later")
    yield from fields.listed("movie.genres", movie.genres, 1, 10)
    for genre in movie.genres:
        yield from fields.matching("movie.genres", genre, "[a-z][a-z -]{1,29}", "names in lower case")
    yield from _people_problems(movie)
    yield from fields.listed("movie.trailers", movie.trailers, 0, 10)
    for trailer in movie.trailers:
        yield from _trailer_problems(trailer)
    yield from fields.listed("movie.palette", movie.palette, 2, 8)
    for colour in movie.palette:
        yield from fields.colour("movie.palette", colour)
    yield from fields.text("movie.credit", movie.credit, 500)


def _people_problems(movie: Movie) -> Problems:
    yield from fields.listed("movie.directors", movie.directors, 0, 20)
    for director in movie.directors:
        yield from fields.text("movie.directors", director, _NAME)
    yield from fields.listed("movie.cast", movie.cast, 0, 100)
    for member in movie.cast:
        yield from _cast_problems(member)


def _cast_problems(member: CastMember) -> Problems:
    yield from fields.text("movie.cast.name", member.name, _NAME)
    yield from fields.text("movie.cast.character", member.character, _NAME, least=0)


def _trailer_problems(trailer: Trailer) -> Problems:
    yield from fields.text("movie.trailers.title", trailer.title, _NAME)
    yield from fields.https_address("movie.trailers.embed_url", trailer.embed_url)
    yield from fields.https_address("movie.trailers.page_url", trailer.page_url)


def _theatre_problems(theatre: Theatre) -> Problems:
    yield from fields.identifier("theatre.theatre_id", theatre.theatre_id)
    yield from fields.text("theatre.display_name", theatre.display_name, _NAME)
    yield from fields.identifier("theatre.city_id", theatre.city_id)
    yield from fields.text("theatre.address", theatre.address, 300)
    yield from _point_problems("theatre.location", theatre.location)
    yield from fields.time_zone("theatre.time_zone", theatre.time_zone)
    rules = theatre.disabled_price_rule_ids
    yield from fields.listed("theatre.disabled_price_rule_ids", rules, 0, 20)
    for rule_id in rules:
        yield from fields.identifier("theatre.disabled_price_rule_ids", rule_id)


def _screen_problems(screen: Screen) -> Problems:
    yield from fields.identifier("screen.screen_id", screen.screen_id)
    yield from fields.identifier("screen.theatre_id", screen.theatre_id)
    yield from fields.text("screen.display_name", screen.display_name, _NAME)
    yield from fields.identifier("screen.layout_id", screen.layout_id)


def _show_problems(show: ShowPlan) -> Problems:
    yield from fields.identifier("show.show_id", show.show_id)
    yield from fields.identifier("show.movie_id", show.movie_id)
    yield from fields.identifier("show.theatre_id", show.theatre_id)
    yield from fields.identifier("show.screen_id", show.screen_id)
    problem = start_time_problem(show.start_time)
    if problem:
        yield Problem("show.start_time", problem)
    yield from fields.language("show.language", show.language)
    yield from fields.listed("show.subtitle_languages", show.subtitle_languages, 0, 10)
    for language in show.subtitle_languages:
        yield from fields.language("show.subtitle_languages", language)
    yield from fields.listed("show.formats", show.formats, 1, 10)
    for format_name in show.formats:
        yield from fields.matching(
            "show.formats", format_name, "[A-Za-z0-9][A-Za-z0-9 .+-]{0,19}", "names such as 2D or IMAX"
        )
    for entry in show.prices:
        yield from _price_problems(entry)


def _price_problems(entry: CategoryPrice) -> Problems:
    if not 0 <= entry.price.minor_units <= _HIGHEST_PRICE:
        yield Problem("show.prices.price", f"must be 0 to {_HIGHEST_PRICE} minor units")
