"""Movies in lists: what is on in a city."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from matinee.catalog.v1 import catalog_pb2

from bff.presenters.genres import genre_label
from bff.presenters.places import CityChoice, present_city
from bff.texts import Texts

DAYS_AHEAD = 7


@dataclass(frozen=True, slots=True)
class MovieCard:
    """A movie in a list."""

    title: str
    url: str
    poster_url: str
    certificate: str
    runtime: str
    genres: str
    languages: str
    formats: tuple[str, ...]
    price_from: str
    next_day: str


@dataclass(frozen=True, slots=True)
class Option:
    """One value of a filter."""

    value: str
    label: str
    chosen: bool
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter by one field; `name` is its form field."""

    name: str
    label: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class DayLink:
    """A day to look at."""

    label: str
    url: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class CityView:
    """What is on in a city."""

    city: CityChoice
    cards: tuple[MovieCard, ...]
    days: tuple[DayLink, ...]
    filters: tuple[Filter, ...]
    filtered: bool
    chosen_date: str


@dataclass(frozen=True, slots=True)
class CityFilters:
    """What a visitor narrowed a city's movies by; empty means any."""

    date: str = ""
    genre: str = ""
    language: str = ""
    format: str = ""


def poster_url(movie_id: str) -> str:
    """Where a movie's poster is served."""
    return f"/posters/{movie_id}.svg"


def present_card(
    summary: catalog_pb2.MovieSummary, city_slug: str, texts: Texts, today: dt.date
) -> MovieCard:
    """One movie with what a visitor decides by."""
    movie = summary.movie
    next_day = ""
    if summary.next_business_date:
        next_day = texts.near_day(dt.date.fromisoformat(summary.next_business_date), today)
    return MovieCard(
        title=movie.title,
        url=f"/{city_slug}/movies/{movie.slug}" if city_slug else "",
        poster_url=poster_url(movie.movie_id),
        certificate=movie.certificate,
        runtime=texts.runtime(movie.runtime_minutes) if movie.runtime_minutes else "",
        genres=" · ".join(genre_label(genre, texts) for genre in movie.genres[:2]),
        languages=" · ".join(texts.language(language) for language in summary.languages[:3]),
        formats=tuple(summary.formats),
        price_from=texts.money(summary.lowest_price) if summary.HasField("lowest_price") else "",
        next_day=next_day,
    )


def present_city_movies(
    city: catalog_pb2.City,
    summaries: Sequence[catalog_pb2.MovieSummary],
    filters: CityFilters,
    texts: Texts,
    today: dt.date,
) -> CityView:
    """The city's movies that pass the filters, and the filters' own values."""
    passing = [summary for summary in summaries if _passes(summary, filters)]
    every_genre = sorted({genre for summary in summaries for genre in summary.movie.genres})
    every_language = sorted({language for summary in summaries for language in summary.languages})
    every_format = sorted({name for summary in summaries for name in summary.formats})
    return CityView(
        city=present_city(city),
        cards=tuple(present_card(summary, city.city_id, texts, today) for summary in passing),
        days=_day_links(city.city_id, filters, texts, today),
        filters=(
            Filter(
                "genre",
                texts.gettext("Genre"),
                options({genre: genre_label(genre, texts) for genre in every_genre}, {filters.genre}),
            ),
            Filter(
                "language",
                texts.gettext("Language"),
                options({tag: texts.language(tag) for tag in every_language}, {filters.language}),
            ),
            Filter(
                "format",
                texts.gettext("Format"),
                options({name: name for name in every_format}, {filters.format}),
            ),
        ),
        filtered=bool(filters.genre or filters.language or filters.format),
        chosen_date=filters.date,
    )


def _passes(summary: catalog_pb2.MovieSummary, filters: CityFilters) -> bool:
    return (
        (not filters.genre or filters.genre in summary.movie.genres)
        and (not filters.language or filters.language in summary.languages)
        and (not filters.format or filters.format in summary.formats)
    )


def _day_links(city_slug: str, filters: CityFilters, texts: Texts, today: dt.date) -> tuple[DayLink, ...]:
    kept = {"genre": filters.genre, "language": filters.language, "format": filters.format}
    links = [DayLink(texts.gettext("Any day"), _with_query(f"/{city_slug}", kept), not filters.date)]
    for offset in range(DAYS_AHEAD):
        date = today + dt.timedelta(days=offset)
        url = _with_query(f"/{city_slug}", {"date": date.isoformat(), **kept})
        links.append(DayLink(texts.near_day(date, today), url, filters.date == date.isoformat()))
    return tuple(links)


def _with_query(path: str, fields: Mapping[str, str]) -> str:
    query = urlencode({name: value for name, value in fields.items() if value})
    return f"{path}?{query}" if query else path


def options(labels: Mapping[str, str], chosen: Iterable[str]) -> tuple[Option, ...]:
    """A filter's options from the labels of its values."""
    return tuple(Option(value, label, value in chosen) for value, label in labels.items())
