"""What the measured inventory sells: one theatre with halls of 300 seats, and as many shows as needed."""

import datetime as dt
import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from matinee.catalog.v1 import admin_pb2, admin_pb2_grpc, catalog_pb2
from matinee.type.v1 import geo_pb2, layout_pb2, money_pb2

from mesh.channel import open_channel
from mesh.ids import new_request_id
from stack.errors import StackError

ROWS: Final = "ABCDEFGHIJKLMNO"
SEATS_IN_ROW: Final = 20
SEAT_IDS: Final = tuple(f"{row}{number}" for row in ROWS for number in range(1, SEATS_IN_ROW + 1))
_SCREENS: Final = 50
_HOURS_APART: Final = 3
_BATCH: Final = 800
_IMPORT_SECONDS: Final = 120.0


class ProgrammeRefused(StackError):
    """The catalogue refused the shows to measure with."""


def show_id(number: int) -> str:
    """The id of a show by its number, from 0."""
    return f"bench-{number}"


async def import_shows(catalog_target: str, token: str, count: int, first_day: dt.date) -> list[str]:
    """Gives the catalogue the theatre and this many shows from that day on; their ids."""
    await send(
        catalog_target,
        token,
        itertools.chain(_lasting(), (_show(number, first_day) for number in range(count))),
    )
    return [show_id(number) for number in range(count)]


async def send(catalog_target: str, token: str, records: Iterator[admin_pb2.ImportRecord]) -> None:
    """Gives the catalogue these records; raises `ProgrammeRefused` unless it takes all of them."""
    async with open_channel(catalog_target, token, timeout_seconds=_IMPORT_SECONDS) as channel:
        admin = channel.stub(admin_pb2_grpc.CatalogAdminServiceStub)
        report = await admin.ImportCatalog(_batches(records), timeout=_IMPORT_SECONDS)
    if report.refused:
        first = report.refused[0]
        raise ProgrammeRefused(f"the catalogue refused a record: {first.field}: {first.problem}")


async def _batches(
    records: Iterator[admin_pb2.ImportRecord],
) -> AsyncIterator[admin_pb2.ImportCatalogRequest]:
    while batch := list(itertools.islice(records, _BATCH)):
        yield admin_pb2.ImportCatalogRequest(request_id=new_request_id(), records=batch)


def _lasting() -> Iterator[admin_pb2.ImportRecord]:
    here = geo_pb2.GeoPoint(latitude=51.5, longitude=-0.1)
    yield admin_pb2.ImportRecord(
        city=catalog_pb2.City(
            city_id="london",
            display_name="London",
            country_code="GB",
            location=here,
            time_zone="Europe/London",
            currency_code="GBP",
        )
    )
    yield admin_pb2.ImportRecord(
        movie=catalog_pb2.Movie(
            movie_id="sintel-2010",
            slug="sintel",
            title="Sintel",
            description="A girl looks for a dragon.",
            runtime_minutes=15,
            certificate="PG",
            release_date="2010-09-30",
            genres=["fantasy"],
            palette=["#112233", "#445566"],
            credit="CC BY 3.0 Blender Foundation",
        )
    )
    yield admin_pb2.ImportRecord(layout=hall())
    yield admin_pb2.ImportRecord(
        theatre=catalog_pb2.Theatre(
            theatre_id="odeon",
            display_name="Odeon",
            city_id="london",
            address="1 Long Acre",
            location=here,
            time_zone="Europe/London",
            connector=catalog_pb2.THEATRE_CONNECTOR_HOSTED,
        )
    )
    for number in range(_SCREENS):
        yield admin_pb2.ImportRecord(
            screen=catalog_pb2.Screen(
                screen_id=f"odeon-{number}",
                theatre_id="odeon",
                display_name=f"Screen {number}",
                layout_id="hall-300",
            )
        )


def hall() -> layout_pb2.Layout:
    """A hall of 300 seats: 15 rows with an aisle in the middle."""
    return layout_pb2.Layout(
        layout_id="hall-300",
        categories=[layout_pb2.Category(category_id="standard", display_name="Standard")],
        seats=[
            layout_pb2.Seat(
                seat_id=f"{row}{number}",
                row=row,
                number=number,
                category_id="standard",
                x=number + (number > SEATS_IN_ROW // 2),
                y=depth,
            )
            for depth, row in enumerate(ROWS)
            for number in range(1, SEATS_IN_ROW + 1)
        ],
    )


def _show(number: int, first_day: dt.date) -> admin_pb2.ImportRecord:
    slot, screen = divmod(number, _SCREENS)
    days, place = divmod(slot, 4)
    day = first_day + dt.timedelta(days=days)
    start = dt.datetime.combine(day, dt.time(10), dt.UTC) + dt.timedelta(hours=_HOURS_APART * place)
    start_time = Timestamp()
    start_time.FromDatetime(start)
    return admin_pb2.ImportRecord(
        show=catalog_pb2.Show(
            show_id=show_id(number),
            movie_id="sintel-2010",
            theatre_id="odeon",
            screen_id=f"odeon-{screen}",
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
    )
