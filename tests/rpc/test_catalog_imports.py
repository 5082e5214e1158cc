"""Imports over a socket: whole batches or nothing, and a report that names line and field."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import aio
from matinee.catalog.v1 import admin_pb2, catalog_pb2
from matinee.type.v1 import geo_pb2, layout_pb2
from pymongo import AsyncMongoClient

from mesh.errors import RemoteError
from mesh.ids import new_request_id
from mesh.interceptors.errors import failure_in
from mesh.testing import MESH_TOKEN
from stack.engines import MongoEngine
from tests.fixtures.catalog import (
    Catalogue,
    catalogue_on,
    city,
    import_batches,
    layout,
    movie,
    price,
    screen,
    show,
    springfield,
    theatre,
)
from tests.fixtures.engines import MongoDatabase

Record = admin_pb2.ImportRecord


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stocked(mongo: MongoEngine) -> AsyncIterator[tuple[Catalogue, MongoDatabase]]:
    """A catalogue with all that a show needs, for imports that are refused."""
    database = MongoDatabase(mongo.url, f"test_{uuid4().hex}")
    async with catalogue_on(database) as catalogue:
        await catalogue.store(*springfield())
        yield catalogue, database


async def _contents(database: MongoDatabase) -> dict[str, list[Any]]:
    """Everything that the database holds, but for the memory of requests."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(database.url)
    try:
        names = await client[database.name].list_collection_names()
        return {
            name: sorted([found async for found in client[database.name][name].find()], key=repr)
            for name in names
            if name != "receipts"
        }
    finally:
        await client.close()


async def _refusals(catalogue: Catalogue, *records: Record) -> list[tuple[int, str, str]]:
    report = await catalogue.store(*records)
    assert report.stored_count == 0
    assert report.rejected_count == len(records)
    return [(refused.line, refused.field, refused.problem) for refused in report.refused]


async def test_records_are_stored_and_counted(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        report = await catalogue.store(*springfield(), show())
        assert report == admin_pb2.ImportCatalogResponse(stored_count=6)


async def test_records_of_a_batch_may_stand_in_any_order(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        report = await catalogue.store(*reversed([*springfield(), show()]))
        assert report.stored_count == 6


async def test_a_batch_with_one_refused_record_changes_nothing(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        await catalogue.store(*springfield())
        before = await _contents(mongo_database)
        refusals = await _refusals(
            catalogue, movie("new"), city("newtown"), show(), show("bad", screen_id="plaza-9")
        )
        assert refusals == [(4, "show.screen_id", "there is no 'plaza-9'")]
        assert await _contents(mongo_database) == before


async def test_batches_stand_for_themselves_and_lines_are_those_of_the_file(
    mongo_database: MongoDatabase,
) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        report = await import_batches(
            catalogue, springfield(), [show(), movie("x", runtime_minutes=0)], [movie("the-last")]
        )
        assert (report.stored_count, report.rejected_count) == (6, 2)
        assert [(refused.line, refused.field) for refused in report.refused] == [(7, "movie.runtime_minutes")]
        await catalogue.reads.GetMovie(catalog_pb2.GetMovieRequest(movie_id="the-last"))


async def test_importing_again_changes_nothing(mongo_database: MongoDatabase) -> None:
    records = [*springfield(), show(), show("late", dt.datetime(2026, 6, 2, 22, 30, tzinfo=dt.UTC))]
    async with catalogue_on(mongo_database) as catalogue:
        await catalogue.store(*records)
        before = await _contents(mongo_database)
        report = await catalogue.store(*records)
        assert report.stored_count == len(records)
        assert await _contents(mongo_database) == before


async def test_a_repeated_request_is_answered_again_and_another_content_refused(
    mongo_database: MongoDatabase,
) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        request = admin_pb2.ImportCatalogRequest(
            request_id=new_request_id(), records=springfield(), first_line=1
        )
        first = await catalogue.admin.ImportCatalog(iter([request]))
        await catalogue.store(movie(title="Another Title"))
        assert await catalogue.admin.ImportCatalog(iter([request])) == first
        stored = await catalogue.reads.GetMovie(catalog_pb2.GetMovieRequest(movie_id="the-comet"))
        assert stored.movie.title == "Another Title"
        request.records.pop()
        with pytest.raises(RemoteError) as caught:
            await catalogue.admin.ImportCatalog(iter([request]))
        assert (caught.value.code, caught.value.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")


async def test_a_batch_that_is_no_message_ends_the_import_with_a_reason(
    stocked: tuple[Catalogue, MongoDatabase],
) -> None:
    catalogue, database = stocked
    kept = await _contents(database)
    async with aio.insecure_channel(catalogue.address) as channel:
        call: Any = channel.stream_unary("/matinee.catalog.v1.CatalogAdminService/ImportCatalog")
        with pytest.raises(aio.AioRpcError) as refused:
            await call(iter([b"\xff" * 40]), timeout=5, metadata=(("authorization", f"Bearer {MESH_TOKEN}"),))
    failure = failure_in(refused.value)
    assert (failure.code, failure.reason) == ("INVALID_ARGUMENT", "UNREADABLE_MESSAGE")
    assert await _contents(database) == kept


async def test_a_refused_batch_may_come_again_put_right_with_its_id(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        request = admin_pb2.ImportCatalogRequest(
            request_id=new_request_id(), records=[city(time_zone="Mars")]
        )
        assert (await catalogue.admin.ImportCatalog(iter([request]))).rejected_count == 1
        request.records[0].city.time_zone = "Europe/London"
        assert (await catalogue.admin.ImportCatalog(iter([request]))).stored_count == 1


async def test_too_many_records_are_refused_at_once(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        with pytest.raises(RemoteError) as caught:
            await catalogue.store(*(movie(f"movie-{number}") for number in range(1001)))
        assert (caught.value.code, caught.value.reason) == ("INVALID_ARGUMENT", "BATCH_TOO_LARGE")
        report = await catalogue.store(*(movie(f"movie-{number}") for number in range(1000)))
        assert report.stored_count == 1000


@pytest.mark.parametrize("request_id", ["", "1", "x" * 36, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"])
async def test_a_request_id_must_be_a_uuid(mongo_database: MongoDatabase, request_id: str) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        request = admin_pb2.ImportCatalogRequest(request_id=request_id, records=[city()])
        with pytest.raises(RemoteError) as caught:
            await catalogue.admin.ImportCatalog(iter([request]))
        assert (caught.value.code, caught.value.facts.get("field")) == ("INVALID_ARGUMENT", "request_id")


async def test_no_batches_and_empty_batches_store_nothing(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        assert await import_batches(catalogue) == admin_pb2.ImportCatalogResponse()
        assert await import_batches(catalogue, []) == admin_pb2.ImportCatalogResponse()


def _seat(seat_id: str = "A1", **fields: Any) -> layout_pb2.Seat:
    values: dict[str, Any] = {"row": "A", "number": 1, "category_id": "standard", "x": 0, "y": 0}
    return layout_pb2.Seat(seat_id=seat_id, **{**values, **fields})


def _hall(*seats: layout_pb2.Seat, categories: tuple[str, ...] = ("standard",)) -> Record:
    return layout(
        seats=seats,
        categories=[layout_pb2.Category(category_id=name, display_name=name.title()) for name in categories],
    )


_EARLY = dt.datetime(2026, 6, 1, 23, 30, tzinfo=dt.UTC)

BAD = [
    (Record(), "record"),
    (city("Spring Field"), "city.city_id"),
    (city(""), "city.city_id"),
    (city("x" * 65), "city.city_id"),
    (city("-a"), "city.city_id"),
    (city(display_name=""), "city.display_name"),
    (city(display_name="A\nB"), "city.display_name"),
    (city(display_name=" A"), "city.display_name"),
    (city(country_code="UK1"), "city.country_code"),
    (city(location=None), "city.location"),
    (city(location=geo_pb2.GeoPoint(latitude=90.5)), "city.location.latitude"),
    (city(location=geo_pb2.GeoPoint(longitude=float("nan"))), "city.location.longitude"),
    (city(time_zone="Europe/Atlantis"), "city.time_zone"),
    (city(time_zone="../../etc/passwd"), "city.time_zone"),
    (city(currency_code="QQQ"), "city.currency_code"),
    (city(currency_code="gbp"), "city.currency_code"),
    (movie("Bad Id"), "movie.movie_id"),
    (movie(slug="Bad Slug"), "movie.slug"),
    (movie(title=""), "movie.title"),
    (movie(title="x" * 121), "movie.title"),
    (movie(description=""), "movie.description"),
    (movie(description="x" * 2001), "movie.description"),
    (movie(runtime_minutes=-1), "movie.runtime_minutes"),
    (movie(runtime_minutes=1001), "movie.runtime_minutes"),
    (movie(certificate="for all"), "movie.certificate"),
    (movie(release_date="1.1.2020"), "movie.release_date"),
    (movie(release_date="1700-01-01"), "movie.release_date"),
    (movie(genres=[]), "movie.genres"),
    (movie(genres=["Drama"]), "movie.genres"),
    (movie(genres=["drama", "drama"]), "movie.genres"),
    (movie(directors=[""]), "movie.directors"),
    (movie(cast=[catalog_pb2.CastMember(character="Nobody")]), "movie.cast.name"),
    (movie(palette=["#102030"]), "movie.palette"),
    (movie(palette=["#102030", "red"]), "movie.palette"),
    (movie(credit=""), "movie.credit"),
    (
        movie(
            trailers=[catalog_pb2.Trailer(title="T", embed_url="javascript:x", page_url="https://a.example")]
        ),
        "movie.trailers.embed_url",
    ),
    (
        movie(
            trailers=[catalog_pb2.Trailer(title="T", embed_url="https://a.example/x", page_url="https://a@b")]
        ),
        "movie.trailers.page_url",
    ),
    (theatre(city_id="atlantis"), "theatre.city_id"),
    (theatre(connector=0), "theatre.connector"),
    (theatre(connector=9), "theatre.connector"),
    (theatre(time_zone=""), "theatre.time_zone"),
    (theatre(location=None), "theatre.location"),
    (theatre(address=""), "theatre.address"),
    (theatre(disabled_price_rule_ids=["Afternoon!"]), "theatre.disabled_price_rule_ids"),
    (screen(theatre_id="odeon"), "screen.theatre_id"),
    (screen(layout_id="no-hall"), "screen.layout_id"),
    (screen(display_name=""), "screen.display_name"),
    (_hall(), "layout.seats"),
    (_hall(_seat(), categories=()), "layout.categories"),
    (_hall(_seat(), categories=("standard", "premium")), "layout.categories"),
    (_hall(_seat(), _seat(x=1)), "layout.seats.seat_id"),
    (_hall(_seat(), _seat("A2", number=2)), "layout.seats.x"),
    (_hall(_seat("a1", row="a")), "layout.seats[a1].seat_id"),
    (_hall(_seat("A1", row="B")), "layout.seats[A1].seat_id"),
    (_hall(_seat("A1", number=2)), "layout.seats[A1].seat_id"),
    (_hall(_seat(category_id="gold")), "layout.seats[A1].category_id"),
    (_hall(_seat(x=-1)), "layout.seats[A1].x"),
    (_hall(_seat(y=float("inf"))), "layout.seats[A1].y"),
    (_hall(_seat(companion_of_seat_id="A9")), "layout.seats[A1].companion_of_seat_id"),
    (show("Bad Show"), "show.show_id"),
    (show(movie_id="the-void"), "show.movie_id"),
    (show(theatre_id="odeon"), "show.theatre_id"),
    (show(screen_id="plaza-9"), "show.screen_id"),
    (show(start_time=None), "show.start_time"),
    (show(start_time=Timestamp(seconds=-5)), "show.start_time"),
    (show(start_time=Timestamp(seconds=2**62)), "show.start_time"),
    (show(start_time=Timestamp(seconds=253_402_300_799)), "show.start_time"),
    (show(start_time=Timestamp(seconds=1, nanos=-1)), "show.start_time"),
    (show(start_time=Timestamp(seconds=1_780_000_000, nanos=500)), "show.start_time"),
    (show(start_time=Timestamp(seconds=1_780_000_000, nanos=5000)), "show.start_time"),
    (show(business_date=""), "show.business_date"),
    (show(business_date="2026-06-02"), "show.business_date"),
    (show(business_date="2026-05-31"), "show.business_date"),
    (show("night", _EARLY, business_date="2026-05-31"), "show.business_date"),
    (show(language=""), "show.language"),
    (show(language="english"), "show.language"),
    (show(subtitle_languages=["en", "en"]), "show.subtitle_languages"),
    (show(subtitle_languages=["e"]), "show.subtitle_languages"),
    (show(formats=[]), "show.formats"),
    (show(formats=["<b>"]), "show.formats"),
    (show(prices=[]), "show.prices"),
    (show(prices=[price("standard", 1)]), "show.prices"),
    (show(prices=[price("standard", 1), price("premium", 1), price("gold", 1)]), "show.prices"),
    (show(prices=[price("standard", 1), price("premium", 1), price("premium", 2)]), "show.prices"),
    (show(prices=[price("standard", -1), price("premium", 1)]), "show.prices.price"),
    (show(prices=[price("standard", 10**10), price("premium", 1)]), "show.prices.price"),
    (show(prices=[price("standard", 1), price("premium", 1, "EUR")]), "show.prices.price.currency_code"),
    (show(status=0), "show.status"),
]


@pytest.mark.parametrize(
    ("record", "field"), BAD, ids=[f"{number}-{field}" for number, (_, field) in enumerate(BAD)]
)
async def test_a_wrong_field_is_named_and_nothing_is_stored(
    stocked: tuple[Catalogue, MongoDatabase], record: Record, field: str
) -> None:
    catalogue, database = stocked
    before = await _contents(database)
    refusals = await _refusals(catalogue, record)
    assert {line for line, _, _ in refusals} == {1}
    assert field in {named for _, named, _ in refusals}
    assert all(problem for _, _, problem in refusals)
    assert await _contents(database) == before


async def test_records_that_come_twice_in_a_batch_are_refused(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        refusals = await _refusals(catalogue, *springfield(), movie(title="Again"))
        assert refusals == [(6, "movie.movie_id", "comes in line 2 too")]


async def test_a_flaw_is_told_at_its_own_line_only(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        records = [city(), movie(), layout(), theatre(time_zone="Mars/Base"), screen(), show()]
        assert [(line, field) for line, field, _ in await _refusals(catalogue, *records)] == [
            (4, "theatre.time_zone")
        ]


async def test_two_movies_cannot_have_one_slug(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        assert await _refusals(catalogue, movie("one", slug="same"), movie("two", slug="same")) == [
            (2, "movie.slug", "is the slug of 'one'")
        ]
        await catalogue.store(movie("one", slug="same"))
        assert (await _refusals(catalogue, movie("two", slug="same")))[0][:2] == (1, "movie.slug")
        assert (await catalogue.store(movie("one", slug="other"), movie("three"))).stored_count == 2
        assert (await catalogue.store(movie("two", slug="same"))).stored_count == 1


_EVENING = dt.datetime(2026, 6, 1, 18, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("minutes", "taken"), [(-90, False), (-89, True), (0, True), (45, True), (89, True), (90, False)]
)
async def test_a_screen_shows_one_thing_at_a_time(
    mongo_database: MongoDatabase, minutes: int, taken: bool
) -> None:
    other = show("other", _EVENING + dt.timedelta(minutes=minutes))
    async with catalogue_on(mongo_database) as catalogue:
        await catalogue.store(*springfield())
        in_one_batch = await catalogue.store(show(), other)
        assert bool(in_one_batch.refused) is taken
        await catalogue.store(show())
        report = await catalogue.store(other)
        assert [(refused.line, refused.field) for refused in report.refused] == [
            (1, "show.start_time")
        ] * taken


async def test_a_cancelled_show_takes_no_screen(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        await catalogue.store(*springfield(), show(status=catalog_pb2.SHOW_STATUS_CANCELLED))
        assert (await catalogue.store(show("instead"))).stored_count == 1


async def test_a_show_after_midnight_may_belong_to_either_date(mongo_database: MongoDatabase) -> None:
    late = dt.datetime(2026, 6, 1, 23, 30, tzinfo=dt.UTC)  # half past midnight on the wall
    async with catalogue_on(mongo_database) as catalogue:
        await catalogue.store(*springfield())
        assert (await catalogue.store(show("late", late, business_date="2026-06-01"))).stored_count == 1
        later = late + dt.timedelta(hours=2)
        assert (await catalogue.store(show("early", later, business_date="2026-06-02"))).stored_count == 1


async def test_shows_on_the_days_that_clocks_change_are_told_by_the_wall(
    mongo_database: MongoDatabase,
) -> None:
    zone = ZoneInfo("Europe/London")
    async with catalogue_on(mongo_database) as catalogue:
        await catalogue.store(*springfield())
        shows = []
        for day in (dt.date(2026, 10, 25), dt.date(2027, 3, 28)):
            for hour in (0, 11, 12, 16, 17, 23):
                start = dt.datetime.combine(day, dt.time(hour, 1), tzinfo=zone).astimezone(dt.UTC)
                shows.append(
                    show(f"{day:%m%d}-{hour}", start, movie_id="short", business_date=day.isoformat())
                )
        report = await catalogue.store(movie("short", runtime_minutes=30), *shows)
        assert not report.refused
        for record in shows:
            got = await catalogue.reads.GetShow(catalog_pb2.GetShowRequest(show_id=record.show.show_id))
            assert got.show.afternoon is record.show.show_id.endswith(("-12", "-16"))


async def test_what_tickets_were_sold_on_cannot_be_changed_by_an_import(
    mongo_database: MongoDatabase,
) -> None:
    later = Timestamp(seconds=int(_EVENING.timestamp()) + 60)
    seats = layout().layout.seats
    async with catalogue_on(mongo_database) as catalogue:
        await catalogue.store(
            *springfield(),
            show(),
            city("shelbyville"),
            theatre("odeon"),
            screen("plaza-2"),
            movie("the-moth"),
        )
        for record, field in (
            (city(currency_code="EUR"), "city.currency_code"),
            (theatre(city_id="shelbyville"), "theatre.city_id"),
            (theatre(time_zone="Europe/Paris"), "theatre.time_zone"),
            (screen(theatre_id="odeon"), "screen.theatre_id"),
            (layout(seats=[*seats[:-1]]), "layout.layout_id"),
            (show(start_time=later), "show.start_time"),
            (show(movie_id="the-moth"), "show.movie_id"),
            (show(screen_id="plaza-2"), "show.screen_id"),
            (show(status=catalog_pb2.SHOW_STATUS_CANCELLED), "show.status"),
        ):
            assert [(line, named) for line, named, _ in await _refusals(catalogue, record)] == [(1, field)]
        assert (await catalogue.store(theatre("odeon", time_zone="Europe/Paris"))).stored_count == 1


async def test_prices_languages_and_formats_can_be_corrected(mongo_database: MongoDatabase) -> None:
    corrected = show(
        prices=[price("standard", 1100), price("premium", 1500)], language="fr", formats=["2D", "4K"]
    )
    async with catalogue_on(mongo_database) as catalogue:
        await catalogue.store(*springfield(), show())
        assert (await catalogue.store(corrected)).stored_count == 1
        got = await catalogue.reads.GetShow(catalog_pb2.GetShowRequest(show_id=corrected.show.show_id))
        assert got.show.prices == corrected.show.prices
        assert (got.show.language, list(got.show.formats)) == ("fr", ["2D", "4K"])


async def test_a_rebuilt_screen_leaves_shows_on_sale_their_seats(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        await catalogue.store(*springfield(), show())
        await catalogue.store(_hall_named("larger-hall"), screen(layout_id="larger-hall"))
        sold = await catalogue.reads.GetShow(catalog_pb2.GetShowRequest(show_id=show().show.show_id))
        assert (sold.layout.layout_id, sold.show.seat_count) == ("small-hall", 6)
        assert (await catalogue.store(show())).stored_count == 1
        new = show("new", _EVENING + dt.timedelta(days=1), prices=[price("standard", 1)])
        assert (await catalogue.store(new)).stored_count == 1
        got = await catalogue.reads.GetShow(catalog_pb2.GetShowRequest(show_id="new"))
        assert (got.layout.layout_id, got.show.seat_count) == ("larger-hall", 1)


def _hall_named(layout_id: str) -> Record:
    hall = _hall(_seat())
    hall.layout.layout_id = layout_id
    return hall


async def test_at_most_a_thousand_refusals_are_told(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        bad = [movie(f"movie-{number}", title="", credit="") for number in range(900)]
        report = await import_batches(catalogue, bad, bad)
        assert report.rejected_count == 1800
        assert len(report.refused) == 1000
