"""What whole bookings are made of: a city with a programme of a usual size, all of it on one day."""

import datetime as dt
import itertools
from collections.abc import Iterator
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from matinee.catalog.v1 import admin_pb2, catalog_pb2
from matinee.type.v1 import geo_pb2, money_pb2

from bench.programme import hall, send

CITY: Final = "london"
_TITLES: Final = (
    "Sintel",
    "Big Buck Bunny",
    "Tears of Steel",
    "Cosmos Laundromat",
    "Spring",
    "Sprite Fright",
    "Charge",
    "Wing It",
)
_THEATRES: Final = ("Odeon", "Palace", "Rex", "Astoria")
_SCREENS: Final = 6
_HOURS: Final = (9, 12, 15, 18, 21)
_HERE: Final = geo_pb2.GeoPoint(latitude=51.5, longitude=-0.1)


async def import_city(catalog_target: str, token: str, day: dt.date) -> list[str]:
    """Gives the catalogue the city and its shows of that day, 300 seats each; the shows' ids."""
    shows = list(_shows(day))
    records = (admin_pb2.ImportRecord(show=show) for show in shows)
    await send(catalog_target, token, itertools.chain(_lasting(), records))
    return [show.show_id for show in shows]


def _lasting() -> Iterator[admin_pb2.ImportRecord]:
    yield admin_pb2.ImportRecord(
        city=catalog_pb2.City(
            city_id=CITY,
            display_name="London",
            country_code="GB",
            location=_HERE,
            time_zone="Europe/London",
            currency_code="GBP",
        )
    )
    for title in _TITLES:
        yield admin_pb2.ImportRecord(movie=_movie(title))
    yield admin_pb2.ImportRecord(layout=hall())
    for name in _THEATRES:
        theatre_id = name.lower()
        yield admin_pb2.ImportRecord(
            theatre=catalog_pb2.Theatre(
                theatre_id=theatre_id,
                display_name=name,
                city_id=CITY,
                address="1 Long Acre",
                location=_HERE,
                time_zone="Europe/London",
                connector=catalog_pb2.THEATRE_CONNECTOR_HOSTED,
            )
        )
        for number in range(_SCREENS):
            yield admin_pb2.ImportRecord(
                screen=catalog_pb2.Screen(
                    screen_id=f"{theatre_id}-{number}",
                    theatre_id=theatre_id,
                    display_name=f"Screen {number + 1}",
                    layout_id="hall-300",
                )
            )


def _slug(title: str) -> str:
    return title.lower().replace(" ", "-")


def _movie(title: str) -> catalog_pb2.Movie:
    return catalog_pb2.Movie(
        movie_id=f"{_slug(title)}-2010",
        slug=_slug(title),
        title=title,
        description=" ".join(["A short film that anybody may show."] * 5),
        runtime_minutes=15,
        certificate="PG",
        release_date="2010-09-30",
        genres=["fantasy", "animation"],
        directors=["A Director"],
        cast=[catalog_pb2.CastMember(name=f"Player {n}", character=f"Part {n}") for n in range(6)],
        palette=["#112233", "#445566"],
        credit="CC BY 3.0 Blender Foundation",
    )


def _shows(day: dt.date) -> Iterator[catalog_pb2.Show]:
    """Every screen at every hour; the movies take turns."""
    turns = itertools.cycle(_TITLES)
    for hour, name, number in itertools.product(_HOURS, _THEATRES, range(_SCREENS)):
        start_time = Timestamp()
        start_time.FromDatetime(dt.datetime.combine(day, dt.time(hour), dt.UTC))
        theatre_id = name.lower()
        yield catalog_pb2.Show(
            show_id=f"{theatre_id}-{number}-{hour}",
            movie_id=f"{_slug(next(turns))}-2010",
            theatre_id=theatre_id,
            screen_id=f"{theatre_id}-{number}",
            start_time=start_time,
            business_date=day.isoformat(),
            language="en",
            formats=["2D"],
            prices=[
                catalog_pb2.CategoryPrice(
                    category_id="standard", price=money_pb2.Money(currency_code="GBP", minor_units=1200)
                )
            ],
            status=catalog_pb2.SHOW_STATUS_SCHEDULED,
        )
