"""The data files beside this module, as records of the catalogue."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from matinee.catalog.v1 import catalog_pb2
from matinee.type.v1 import geo_pb2

_FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class DemoMovie:
    """A movie and how it may be shown; `titles` is the language of its intertitles, if it has any."""

    record: catalog_pb2.Movie
    language: str
    titles: str
    formats: tuple[str, ...]

    @property
    def silent(self) -> bool:
        """Whether it is from the time before sound."""
        return int(self.record.release_date[:4]) < 1930

    @property
    def short(self) -> bool:
        """Whether it is no feature."""
        return self.record.runtime_minutes < 40


@dataclass(frozen=True, slots=True)
class DemoTheatre:
    """A theatre with its screens; `price` and `step` are the city's, in minor units."""

    record: catalog_pb2.Theatre
    screens: tuple[catalog_pb2.Screen, ...]
    currency_code: str
    price: int
    step: int
    subtitles: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that does not depend on the date."""

    cities: Sequence[catalog_pb2.City]
    movies: Sequence[DemoMovie]
    theatres: Sequence[DemoTheatre]


@cache
def facts() -> Facts:
    """Reads the data files."""
    movies = tomllib.loads((_FOLDER / "movies.toml").read_text(encoding="utf-8"))["movie"]
    cities = tomllib.loads((_FOLDER / "theatres.toml").read_text(encoding="utf-8"))["city"]
    return Facts(
        cities=[_city(city) for city in cities],
        movies=[_movie(movie) for movie in movies],
        theatres=[_theatre(city, theatre) for city in cities for theatre in city["theatre"]],
    )


def _city(city: dict[str, Any]) -> catalog_pb2.City:
    return catalog_pb2.City(
        city_id=city["city_id"],
        display_name=city["display_name"],
        country_code=city["country_code"],
        location=_point(city["location"]),
        time_zone=city["time_zone"],
        currency_code=city["currency_code"],
    )


def _movie(movie: dict[str, Any]) -> DemoMovie:
    record = catalog_pb2.Movie(
        movie_id=movie["movie_id"],
        slug=movie["movie_id"].rpartition("-")[0],
        title=movie["title"],
        original_title=movie.get("original_title", ""),
        description=movie["description"],
        runtime_minutes=movie["runtime_minutes"],
        certificate=movie["certificate"],
        release_date=movie["release_date"].isoformat(),
        genres=movie["genres"],
        directors=movie["directors"],
        cast=[catalog_pb2.CastMember(name=name, character=character) for name, character in movie["cast"]],
        trailers=[_whole_film(movie["video"])] if "video" in movie else [],
        palette=movie["palette"],
        credit=movie["credit"],
    )
    return DemoMovie(record, movie["language"], movie.get("titles", ""), tuple(movie.get("formats", ())))


def _whole_film(youtube_id: str) -> catalog_pb2.Trailer:
    return catalog_pb2.Trailer(
        title="The whole film",
        embed_url=f"https://www.youtube-nocookie.com/embed/{youtube_id}",
        page_url=f"https://www.youtube.com/watch?v={youtube_id}",
    )


def _theatre(city: dict[str, Any], theatre: dict[str, Any]) -> DemoTheatre:
    theatre_id = theatre["theatre_id"]
    return DemoTheatre(
        record=catalog_pb2.Theatre(
            theatre_id=theatre_id,
            display_name=theatre["display_name"],
            city_id=city["city_id"],
            address=theatre["address"],
            location=_point(theatre["location"]),
            time_zone=city["time_zone"],
            connector=catalog_pb2.THEATRE_CONNECTOR_HOSTED,
            refuse_lone_seats=theatre.get("refuse_lone_seats", False),
            disabled_price_rule_ids=theatre.get("disabled_price_rule_ids", []),
        ),
        screens=tuple(
            catalog_pb2.Screen(
                screen_id=f"{theatre_id}-{number}",
                theatre_id=theatre_id,
                display_name=f"Screen {number}",
                layout_id=layout_id,
            )
            for number, layout_id in enumerate(theatre["halls"], start=1)
        ),
        currency_code=city["currency_code"],
        price=city["price"],
        step=city["step"],
        subtitles=city["subtitles"],
    )


def _point(location: Sequence[float]) -> geo_pb2.GeoPoint:
    latitude, longitude = location
    return geo_pb2.GeoPoint(latitude=latitude, longitude=longitude)
