"""One movie's page: its facts, and where and when it is shown on a day."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from matinee.catalog.v1 import catalog_pb2
from matinee.seat.v1 import seat_pb2

from bff.presenters.genres import genre_label
from bff.presenters.movies import poster_url
from bff.presenters.places import CityChoice, present_city
from bff.texts import Texts

NOON = dt.time(12)
FIVE = dt.time(17)
FEW_LEFT = 0.15
FILLING_UP = 0.5


@dataclass(frozen=True, slots=True)
class TrailerView:
    """A trailer that is loaded only when asked for."""

    title: str
    embed_url: str
    page_url: str
    site: str


@dataclass(frozen=True, slots=True)
class MovieFacts:
    """What is true of a movie wherever it is shown."""

    title: str
    original_title: str
    poster_url: str
    backdrop_url: str
    description: str
    certificate: str
    runtime: str
    genres: tuple[str, ...]
    year: str
    directors: str
    cast: tuple[tuple[str, str], ...]
    trailer: TrailerView | None
    credit: str


@dataclass(frozen=True, slots=True)
class Showtime:
    """One show to choose."""

    url: str
    time: str
    instant: str
    formats: str
    language: str
    subtitles: str
    price_from: str
    afternoon: bool
    fullness: str
    fullness_text: str
    open: bool


@dataclass(frozen=True, slots=True)
class TheatreTimes:
    """A theatre's shows of a day, by part of the day; `afternoon_off`: all of its afternoon costs less."""

    name: str
    address: str
    morning: tuple[Showtime, ...]
    afternoon: tuple[Showtime, ...]
    evening: tuple[Showtime, ...]
    afternoon_off: bool


@dataclass(frozen=True, slots=True)
class DateTab:
    """A day on which the movie is shown."""

    url: str
    weekday: str
    date: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class MovieView:
    """A movie's page in a city."""

    city: CityChoice
    movie: MovieFacts
    day: str
    dates: tuple[DateTab, ...]
    theatres: tuple[TheatreTimes, ...]


def present_movie_facts(movie: catalog_pb2.Movie, texts: Texts) -> MovieFacts:
    """A movie's own facts."""
    poster = poster_url(movie.movie_id)
    return MovieFacts(
        title=movie.title,
        original_title=movie.original_title if movie.original_title != movie.title else "",
        poster_url=poster,
        backdrop_url=f"{poster}?view=wide",
        description=movie.description,
        certificate=movie.certificate,
        runtime=texts.runtime(movie.runtime_minutes) if movie.runtime_minutes else "",
        genres=tuple(genre_label(genre, texts) for genre in movie.genres),
        year=movie.release_date[:4],
        directors=texts.listed(movie.directors) if movie.directors else "",
        cast=tuple((member.name, member.character) for member in movie.cast),
        trailer=_present_trailer(movie.trailers),
        credit=movie.credit,
    )


def present_programme(
    movie: catalog_pb2.Movie,
    city: catalog_pb2.City,
    shows: catalog_pb2.ListShowsResponse,
    occupancies: Mapping[str, seat_pb2.Occupancy],
    texts: Texts,
    now: dt.datetime,
) -> MovieView:
    """The movie's shows of one business date in a city; shows that have begun are left out."""
    today = now.astimezone(ZoneInfo(city.time_zone)).date()
    day = texts.day(dt.date.fromisoformat(shows.business_date)) if shows.business_date else ""
    theatres = [_present_theatre(entry, occupancies, texts, now) for entry in shows.theatres]
    return MovieView(
        city=present_city(city),
        movie=present_movie_facts(movie, texts),
        day=day,
        dates=tuple(
            _present_date(date, f"/{city.city_id}/movies/{movie.slug}", shows.business_date, texts, today)
            for date in shows.available_dates
        ),
        theatres=tuple(theatre for theatre in theatres if theatre is not None),
    )


def _present_theatre(
    entry: catalog_pb2.TheatreShows,
    occupancies: Mapping[str, seat_pb2.Occupancy],
    texts: Texts,
    now: dt.datetime,
) -> TheatreTimes | None:
    zone = ZoneInfo(entry.theatre.time_zone)
    parts: dict[str, list[Showtime]] = {"morning": [], "afternoon": [], "evening": []}
    for show in entry.shows:
        start = show.start_time.ToDatetime(dt.UTC)
        if start < now - dt.timedelta(minutes=10):
            continue
        part = _part_of_day(start.astimezone(zone), show.business_date)
        parts[part].append(_present_showtime(show, occupancies.get(show.show_id), zone, texts))
    if not any(parts.values()):
        return None
    return TheatreTimes(
        name=entry.theatre.display_name,
        address=entry.theatre.address,
        morning=tuple(parts["morning"]),
        afternoon=tuple(parts["afternoon"]),
        evening=tuple(parts["evening"]),
        # A theatre may have switched that rule off.
        afternoon_off=all(show.afternoon for show in parts["afternoon"]),
    )


def _part_of_day(local_start: dt.datetime, business_date: str) -> str:
    if local_start.date().isoformat() > business_date:
        return "evening"  # after midnight, but still the evening before
    if local_start.time() < NOON:
        return "morning"
    return "afternoon" if local_start.time() < FIVE else "evening"


def _present_showtime(
    show: catalog_pb2.Show, occupancy: seat_pb2.Occupancy | None, zone: ZoneInfo, texts: Texts
) -> Showtime:
    start = show.start_time.ToDatetime(dt.UTC)
    cheapest = min((price.price for price in show.prices), key=lambda price: price.minor_units, default=None)
    fullness, fullness_text = _fullness(occupancy, texts)
    cancelled = show.status == catalog_pb2.SHOW_STATUS_CANCELLED
    if cancelled:
        fullness, fullness_text = "cancelled", texts.gettext("Cancelled")
    subtitles = texts.listed(texts.language(tag) for tag in show.subtitle_languages)
    return Showtime(
        url=f"/shows/{show.show_id}",
        time=texts.clock(start, zone),
        instant=start.isoformat(),
        formats=" · ".join(show.formats),
        language=texts.language(show.language),
        subtitles=texts.gettext("%(languages)s subtitles", languages=subtitles) if subtitles else "",
        price_from=texts.money(cheapest) if cheapest is not None else "",
        afternoon=show.afternoon,
        fullness=fullness,
        fullness_text=fullness_text,
        open=not cancelled and fullness != "full",
    )


def _fullness(occupancy: seat_pb2.Occupancy | None, texts: Texts) -> tuple[str, str]:
    if occupancy is None or not occupancy.seat_count:
        return "unknown", ""
    share = occupancy.available_count / occupancy.seat_count
    if share == 0:
        return "full", texts.gettext("Sold out")
    if share <= FEW_LEFT:
        return "few", texts.ngettext("%(count)d seat left", "%(count)d seats left", occupancy.available_count)
    if share <= FILLING_UP:
        return "filling", texts.gettext("Filling up")
    return "plenty", texts.gettext("Plenty of seats")


def _present_date(date: str, path: str, chosen: str, texts: Texts, today: dt.date) -> DateTab:
    day = dt.date.fromisoformat(date)
    if day == today:
        weekday = texts.gettext("Today")
    elif day == today + dt.timedelta(days=1):
        weekday = texts.gettext("Tomorrow")
    else:
        weekday = texts.weekday(day)
    return DateTab(f"{path}?date={date}", weekday, texts.day_and_month(day), date == chosen)


def _present_trailer(trailers: Sequence[catalog_pb2.Trailer]) -> TrailerView | None:
    for trailer in trailers:
        if trailer.page_url.startswith("https://"):
            embed = trailer.embed_url if trailer.embed_url.startswith("https://") else ""
            return TrailerView(trailer.title, embed, trailer.page_url, trailer.page_url.split("/")[2])
    return None
