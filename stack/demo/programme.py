"""What a theatre shows on a day: always the same for the same theatre and date.

Days are planned in the theatre's own time and counted in UTC, so that a day with 23 or 25 hours has no
overlap and no gap. A show after midnight belongs to the evening before.
"""

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp
from matinee.catalog.v1 import catalog_pb2

from stack.demo.facts import DemoMovie, DemoTheatre
from stack.demo.halls import layouts
from stack.demo.prices import prices

_REPERTOIRE: Final = 11
_LAST_START: Final = dt.time(22, 30)
_LATE_SHOW: Final = dt.time(0, 15)
_FRIDAY, _SATURDAY = 4, 5
_STEP: Final = dt.timedelta(minutes=5)
_LARGE_HALL: Final = 200


def shows_of_day(theatre: DemoTheatre, movies: Sequence[DemoMovie], day: dt.date) -> list[catalog_pb2.Show]:
    """The theatre's shows of that business date, screen by screen."""
    chance = _chance(f"{theatre.record.theatre_id} {day}")
    repertoire = _repertoire(theatre, movies, day)
    return [
        show
        for index, screen in enumerate(theatre.screens)
        for show in _screen_day(theatre, screen, index == 0, repertoire, day, chance)
    ]


def first_show_id(theatre: DemoTheatre, day: dt.date) -> str:
    """The id of a show that every planned day has, whatever else changes in this module."""
    return _show_id(theatre.screens[0], day, 1)


def _show_id(screen: catalog_pb2.Screen, day: dt.date, number: int) -> str:
    return f"{screen.screen_id}-{day:%Y%m%d}-{number}"


def _repertoire(theatre: DemoTheatre, movies: Sequence[DemoMovie], day: dt.date) -> list[DemoMovie]:
    """The week's movies: features and shorts, changing on Thursdays."""
    week = (day.toordinal() - 4) // 7
    chance = _chance(f"{theatre.record.theatre_id} week {week}")
    features = [movie for movie in movies if not movie.short]
    shorts = [movie for movie in movies if movie.short]
    return chance.sample(features, _REPERTOIRE // 2) + chance.sample(shorts, _REPERTOIRE - _REPERTOIRE // 2)


def _screen_day(
    theatre: DemoTheatre,
    screen: catalog_pb2.Screen,
    late_screen: bool,
    repertoire: Sequence[DemoMovie],
    day: dt.date,
    chance: random.Random,
) -> Iterator[catalog_pb2.Show]:
    zone = ZoneInfo(theatre.record.time_zone)
    last_start = _instant(day, _LAST_START, zone)
    start = _instant(day, dt.time(chance.randint(10, 13), chance.choice((0, 15, 30, 45))), zone)
    number = 0
    while start <= last_start:
        number += 1
        movie = _movie_for(start.astimezone(zone).time(), repertoire, chance)
        yield _show(theatre, screen, movie, start, day, number, chance)
        start = _after(start, movie, chance)
    if late_screen and day.weekday() in (_FRIDAY, _SATURDAY):
        late = max(start, _instant(day + dt.timedelta(days=1), _LATE_SHOW, zone))
        movie = _movie_for(_LATE_SHOW, repertoire, chance)
        yield _show(theatre, screen, movie, late, day, number + 1, chance)


def _after(start: dt.datetime, movie: DemoMovie, chance: random.Random) -> dt.datetime:
    """When the screen is next free: cleaned, with trailers and a pause, on a round five minutes."""
    free = start + dt.timedelta(minutes=movie.record.runtime_minutes + chance.randint(25, 60))
    return free + (dt.datetime.min.replace(tzinfo=dt.UTC) - free) % _STEP


def _movie_for(local: dt.time, repertoire: Sequence[DemoMovie], chance: random.Random) -> DemoMovie:
    """Shorts and what is for everybody by day, features in the evening, dark things at night."""

    def weight(movie: DemoMovie) -> float:
        genres, evening = movie.record.genres, local >= dt.time(17)
        night = local < dt.time(6) or local >= dt.time(22)
        if night:
            return 6.0 if "horror" in genres else 0.5 if movie.short else 1.0
        if evening:
            return 0.4 if movie.short else 2.0
        return 1.2 if movie.record.certificate in ("U", "7+") else 0.8

    return chance.choices(repertoire, [weight(movie) for movie in repertoire])[0]


def _show(
    theatre: DemoTheatre,
    screen: catalog_pb2.Screen,
    movie: DemoMovie,
    start: dt.datetime,
    day: dt.date,
    number: int,
    chance: random.Random,
) -> catalog_pb2.Show:
    layout = layouts()[screen.layout_id]
    formats = _formats(movie, len(layout.seats), start.astimezone(ZoneInfo(theatre.record.time_zone)), chance)
    return catalog_pb2.Show(
        show_id=_show_id(screen, day, number),
        movie_id=movie.record.movie_id,
        theatre_id=theatre.record.theatre_id,
        screen_id=screen.screen_id,
        start_time=Timestamp(seconds=int(start.timestamp())),
        business_date=day.isoformat(),
        language=movie.language,
        subtitle_languages=_subtitles(movie, theatre),
        formats=formats,
        prices=prices(theatre, movie, layout, day, start, formats),
        status=catalog_pb2.SHOW_STATUS_SCHEDULED,
    )


def _formats(movie: DemoMovie, seats: int, local: dt.datetime, chance: random.Random) -> list[str]:
    formats = ["3D"] if "3D" in movie.formats and seats >= _LARGE_HALL and chance.random() < 0.5 else ["2D"]
    if seats >= _LARGE_HALL and not movie.silent:
        formats.append("4K")
    if movie.silent and not movie.short and local.hour >= 18 and chance.random() < 0.4:
        formats.append("Live music")
    return formats


def _subtitles(movie: DemoMovie, theatre: DemoTheatre) -> list[str]:
    """What can be read: the intertitles, and under them or under speech the city's language."""
    spoken = "" if movie.language == "zxx" else movie.language
    read = [movie.titles] if movie.titles else []
    if (spoken or read) and theatre.subtitles not in (spoken, *read):
        read.append(theatre.subtitles)
    return read


def _instant(day: dt.date, wall: dt.time, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, wall, tzinfo=zone).astimezone(dt.UTC)


def _chance(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 - plans shows, guards nothing
