"""Reading the catalogue over a socket, from the list of cities down to one show.

The clock stands at Monday, 1 June 2026, 12:00 UTC: 13:00 in London.
"""

import datetime as dt
from collections.abc import AsyncIterator
from ipaddress import IPv4Network
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from matinee.catalog.v1 import admin_pb2, catalog_pb2
from matinee.type.v1 import geo_pb2

from mesh.errors import RemoteError
from mesh.testing import FakeClock
from stack.engines import MongoEngine
from tests.fixtures.catalog import (
    NOON,
    Catalogue,
    catalogue_on,
    city,
    movie,
    price,
    screen,
    show,
    springfield,
    theatre,
)
from tests.fixtures.engines import MongoDatabase
from tests.fixtures.mmdb import Value, write_mmdb


def _at(day: int, hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime(2026, 6, day, hour, minute, tzinfo=dt.UTC)


def _town() -> list[admin_pb2.ImportRecord]:
    """Two theatres; the Odeon gives no afternoon discount. Times are UTC, an hour less than on the wall."""
    return [
        *springfield(),
        city("alesund", display_name="Ålesund", location=_point(62.47, 6.15)),
        city("zurich", display_name="Zürich", location=_point(47.37, 8.54), currency_code="CHF"),
        city("nowhere", location=_point(0, 0)),
        theatre("fjord", city_id="alesund"),
        theatre("bahnhof", city_id="zurich"),
        theatre("odeon", disabled_price_rule_ids=["afternoon-20"]),
        screen("odeon-1", theatre_id="odeon"),
        movie("the-moth", title="The Moth", genres=["animation"]),
        movie("the-unseen"),
        show("started-long-ago", _at(1, 9)),
        show("sold-until-now", _at(1, 11, 51)),
        show("afternoon", _at(1, 14)),
        show("evening", _at(1, 18), formats=["2D", "4K"], language="fr"),
        show("after-midnight", _at(1, 23, 30)),
        show("tuesday", _at(2, 18), prices=[price("standard", 900), price("premium", 900)]),
        show("odeon-afternoon", _at(1, 13), theatre_id="odeon", screen_id="odeon-1"),
        show("moth-wednesday", _at(3, 18), movie_id="the-moth", language="zxx"),
        show("moth-cancelled", _at(4, 18), movie_id="the-moth", status=catalog_pb2.SHOW_STATUS_CANCELLED),
    ]


def _point(latitude: float, longitude: float) -> geo_pb2.GeoPoint:
    return geo_pb2.GeoPoint(latitude=latitude, longitude=longitude)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def town(mongo: MongoEngine) -> AsyncIterator[Catalogue]:
    """The catalogue with all of the town; no test of this module changes it."""
    async with catalogue_on(MongoDatabase(mongo.url, f"test_{uuid4().hex}")) as catalogue:
        report = await catalogue.store(*_town())
        assert not report.refused
        yield catalogue


async def _reason(call: object) -> tuple[str, str, str]:
    with pytest.raises(RemoteError) as caught:
        await call  # type: ignore[misc]  # any awaitable
    return caught.value.code, caught.value.reason, caught.value.facts.get("field", "")


async def test_cities_with_a_theatre_are_listed_by_name(town: Catalogue) -> None:
    answer = await town.reads.ListCities(catalog_pb2.ListCitiesRequest())
    assert [city.display_name for city in answer.cities] == ["Ålesund", "Springfield", "Zürich"]
    assert answer.next_page_token == ""
    assert answer.cities[1] == springfield()[0].city


async def test_pages_of_cities_lead_to_the_end_without_repeats(town: Catalogue) -> None:
    names: list[str] = []
    request = catalog_pb2.ListCitiesRequest(page_size=1)
    while True:
        answer = await town.reads.ListCities(request)
        names += [city.city_id for city in answer.cities]
        if not answer.next_page_token:
            break
        request.page_token = answer.next_page_token
    assert names == ["alesund", "springfield", "zurich"]


@pytest.mark.parametrize("token", ["x", "AAAA", "é", "A" * 5000])
async def test_a_forged_page_token_is_refused(town: Catalogue, token: str) -> None:
    for call in (
        town.reads.ListCities(catalog_pb2.ListCitiesRequest(page_token=token)),
        town.reads.ListMovies(catalog_pb2.ListMoviesRequest(city_id="springfield", page_token=token)),
        town.reads.SearchMovies(catalog_pb2.SearchMoviesRequest(page_token=token)),
    ):
        assert await _reason(call) == ("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN", "page_token")


async def test_a_page_token_of_another_query_is_refused(town: Catalogue) -> None:
    answer = await town.reads.ListMovies(catalog_pb2.ListMoviesRequest(city_id="springfield", page_size=1))
    assert answer.next_page_token
    other = catalog_pb2.ListMoviesRequest(
        city_id="springfield", business_date="2026-06-01", page_token=answer.next_page_token
    )
    assert (await _reason(town.reads.ListMovies(other)))[1] == "INVALID_PAGE_TOKEN"


async def test_a_negative_page_size_is_refused(town: Catalogue) -> None:
    call = town.reads.ListCities(catalog_pb2.ListCitiesRequest(page_size=-1))
    assert await _reason(call) == ("INVALID_ARGUMENT", "INVALID_FIELD", "page_size")


async def test_the_nearest_city_is_found_with_its_distance(town: Catalogue) -> None:
    answer = await town.reads.LocateCity(catalog_pb2.LocateCityRequest(point=_point(47.0, 8.5)))
    assert answer.city.city_id == "zurich"
    assert answer.distance_km == pytest.approx(41.2, abs=0.5)


@pytest.mark.parametrize(
    "request_", [catalog_pb2.LocateCityRequest(point=_point(0, 0)), catalog_pb2.LocateCityRequest()]
)
async def test_a_city_without_a_theatre_is_not_near(
    town: Catalogue, request_: catalog_pb2.LocateCityRequest
) -> None:
    if request_.HasField("point"):
        assert (await town.reads.LocateCity(request_)).city.city_id != "nowhere"
    else:
        assert await _reason(town.reads.LocateCity(request_)) == (
            "INVALID_ARGUMENT",
            "INVALID_FIELD",
            "origin",
        )


@pytest.mark.parametrize(
    "point", [_point(91, 0), _point(0, 181), _point(float("nan"), 0), _point(0, float("inf"))]
)
async def test_a_point_off_the_earth_is_refused(town: Catalogue, point: geo_pb2.GeoPoint) -> None:
    call = town.reads.LocateCity(catalog_pb2.LocateCityRequest(point=point))
    assert await _reason(call) == ("INVALID_ARGUMENT", "INVALID_FIELD", "point")


async def test_without_a_location_database_no_address_is_known(town: Catalogue) -> None:
    call = town.reads.LocateCity(catalog_pb2.LocateCityRequest(ip_address="192.0.2.7"))
    assert (await _reason(call))[:2] == ("NOT_FOUND", "CITY_NOT_LOCATED")


@pytest.mark.parametrize("address", ["", "192.0.2", "example.com", "192.0.2.1/24"])
async def test_what_is_no_address_is_refused(town: Catalogue, address: str) -> None:
    call = town.reads.LocateCity(catalog_pb2.LocateCityRequest(ip_address=address))
    assert await _reason(call) == ("INVALID_ARGUMENT", "INVALID_FIELD", "ip_address")


@pytest.mark.parametrize("nested", [True, False])
async def test_an_address_is_located_by_the_configured_database(
    mongo_database: MongoDatabase, tmp_path: Path, nested: bool
) -> None:
    place: dict[str, Value] = {"latitude": 47.4, "longitude": 8.5}
    file = tmp_path / "cities.mmdb"
    write_mmdb(file, IPv4Network("192.0.2.0/24"), {"location": place} if nested else place)
    async with catalogue_on(mongo_database, city_database=file) as catalogue:
        await catalogue.store(*_town())
        known = await catalogue.reads.LocateCity(catalog_pb2.LocateCityRequest(ip_address="192.0.2.7"))
        assert known.city.city_id == "zurich"
        for unknown in ("198.51.100.1", "2001:db8::1"):
            call = catalogue.reads.LocateCity(catalog_pb2.LocateCityRequest(ip_address=unknown))
            assert (await _reason(call))[:2] == ("NOT_FOUND", "CITY_NOT_LOCATED")


async def test_an_empty_catalogue_lists_nothing_and_is_near_to_nobody(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        assert not (await catalogue.reads.ListCities(catalog_pb2.ListCitiesRequest())).cities
        assert not (await catalogue.reads.SearchMovies(catalog_pb2.SearchMoviesRequest())).movies
        call = catalogue.reads.LocateCity(catalog_pb2.LocateCityRequest(point=_point(0, 0)))
        assert (await _reason(call))[1] == "CITY_NOT_LOCATED"


async def test_movies_of_a_city_come_with_what_one_decides_by(town: Catalogue) -> None:
    answer = await town.reads.ListMovies(catalog_pb2.ListMoviesRequest(city_id="springfield"))
    comet, moth = answer.movies
    assert comet.movie.movie_id == "the-comet"
    assert comet.show_count == 6
    assert comet.next_business_date == "2026-06-01"
    assert list(comet.formats) == ["2D", "4K"]
    assert list(comet.languages) == ["en", "fr"]
    assert (comet.lowest_price.currency_code, comet.lowest_price.minor_units) == ("GBP", 800)
    assert (moth.movie.movie_id, moth.show_count) == ("the-moth", 1)
    assert list(moth.languages) == ["zxx"]


async def test_movies_can_be_asked_for_by_business_date(town: Catalogue) -> None:
    for date, movie_ids in {
        "2026-06-02": ["the-comet"],
        "2026-06-03": ["the-moth"],
        "2026-06-09": [],
    }.items():
        answer = await town.reads.ListMovies(
            catalog_pb2.ListMoviesRequest(city_id="springfield", business_date=date)
        )
        assert [summary.movie.movie_id for summary in answer.movies] == movie_ids


@pytest.mark.parametrize("date", ["2026-6-1", "20260601", "2026-W23-1", "2026-02-30", "soon"])
async def test_what_is_no_date_is_refused(town: Catalogue, date: str) -> None:
    call = town.reads.ListMovies(catalog_pb2.ListMoviesRequest(city_id="springfield", business_date=date))
    assert await _reason(call) == ("INVALID_ARGUMENT", "INVALID_FIELD", "business_date")


@pytest.mark.parametrize("city_id", ["", "nowhere", "atlantis", "x" * 5000, "SPRINGFIELD"])
async def test_a_city_that_is_not_served_is_unknown(town: Catalogue, city_id: str) -> None:
    for call in (
        town.reads.ListMovies(catalog_pb2.ListMoviesRequest(city_id=city_id)),
        town.reads.ListShows(catalog_pb2.ListShowsRequest(movie_id="the-comet", city_id=city_id)),
    ):
        assert (await _reason(call))[:2] == ("NOT_FOUND", "UNKNOWN_CITY")


async def test_the_lowest_price_has_the_afternoon_discount_only_where_it_is_given(
    mongo_database: MongoDatabase,
) -> None:
    async with catalogue_on(mongo_database) as catalogue:

        async def lowest() -> int:
            answer = await catalogue.reads.ListMovies(catalog_pb2.ListMoviesRequest(city_id="springfield"))
            return int(answer.movies[0].lowest_price.minor_units)

        await catalogue.store(*springfield(), show("evening", _at(1, 18)))
        assert await lowest() == 1000
        await catalogue.store(show("afternoon", _at(2, 15, 59)))
        assert await lowest() == 800
        await catalogue.store(theatre(disabled_price_rule_ids=["afternoon-20"]))
        assert await lowest() == 1000


async def test_shows_leave_the_lists_when_their_sales_end(mongo_database: MongoDatabase) -> None:
    clock = FakeClock(NOON)
    async with catalogue_on(mongo_database, clock, sales_end_seconds=600) as catalogue:
        await catalogue.store(*springfield(), show("soon", NOON), show("later", NOON + dt.timedelta(hours=3)))

        async def listed() -> list[str]:
            request = catalog_pb2.ListShowsRequest(movie_id="the-comet", city_id="springfield")
            answer = await catalogue.reads.ListShows(request)
            return [show.show_id for theatre in answer.theatres for show in theatre.shows]

        assert await listed() == ["soon", "later"]
        clock.advance(600)
        assert await listed() == ["soon", "later"]
        clock.advance(60)
        assert await listed() == ["later"]
        clock.advance(4 * 3600)
        assert await listed() == []
        assert not (
            await catalogue.reads.ListMovies(catalog_pb2.ListMoviesRequest(city_id="springfield"))
        ).movies
        assert (
            await catalogue.reads.GetShow(catalog_pb2.GetShowRequest(show_id="soon"))
        ).show.show_id == "soon"


@pytest.mark.parametrize("key", [{"movie_id": "the-comet"}, {"slug": "the-comet"}])
async def test_a_movie_is_got_whole_by_id_and_by_slug(town: Catalogue, key: dict[str, str]) -> None:
    answer = await town.reads.GetMovie(catalog_pb2.GetMovieRequest(**key))
    assert answer.movie == movie().movie


async def test_a_movie_that_is_not_there_is_unknown(town: Catalogue) -> None:
    for key in ({"movie_id": "the-void"}, {"slug": "the-void"}, {"slug": ""}):
        got = town.reads.GetMovie(catalog_pb2.GetMovieRequest(**key))
        assert (await _reason(got))[:2] == ("NOT_FOUND", "UNKNOWN_MOVIE")
    assert await _reason(town.reads.GetMovie(catalog_pb2.GetMovieRequest())) == (
        "INVALID_ARGUMENT",
        "INVALID_FIELD",
        "key",
    )
    listed = town.reads.ListShows(catalog_pb2.ListShowsRequest(movie_id="the-void", city_id="springfield"))
    assert (await _reason(listed))[:2] == ("NOT_FOUND", "UNKNOWN_MOVIE")


async def test_shows_of_the_next_date_are_grouped_by_theatre(town: Catalogue) -> None:
    answer = await town.reads.ListShows(
        catalog_pb2.ListShowsRequest(movie_id="the-comet", city_id="springfield")
    )
    assert answer.business_date == "2026-06-01"
    assert list(answer.available_dates) == ["2026-06-01", "2026-06-02"]
    assert [
        (entry.theatre.theatre_id, [(show.show_id, show.afternoon) for show in entry.shows])
        for entry in answer.theatres
    ] == [
        ("odeon", [("odeon-afternoon", False)]),
        (
            "plaza",
            [("sold-until-now", True), ("afternoon", True), ("evening", False), ("after-midnight", False)],
        ),
    ]


async def test_shows_can_be_asked_for_by_date(town: Catalogue) -> None:
    for date, show_ids in {"2026-06-02": ["tuesday"], "2026-05-01": [], "2026-06-03": []}.items():
        answer = await town.reads.ListShows(
            catalog_pb2.ListShowsRequest(movie_id="the-comet", city_id="springfield", business_date=date)
        )
        assert answer.business_date == date
        assert [show.show_id for entry in answer.theatres for show in entry.shows] == show_ids
        assert list(answer.available_dates) == ["2026-06-01", "2026-06-02"]


async def test_a_movie_without_coming_shows_has_no_date(town: Catalogue) -> None:
    answer = await town.reads.ListShows(
        catalog_pb2.ListShowsRequest(movie_id="the-unseen", city_id="springfield")
    )
    assert answer == catalog_pb2.ListShowsResponse()


async def test_a_show_comes_with_all_that_it_refers_to(town: Catalogue) -> None:
    answer = await town.reads.GetShow(catalog_pb2.GetShowRequest(show_id="evening"))
    _, stored_movie, stored_layout, stored_theatre, stored_screen = springfield()
    assert answer.movie == stored_movie.movie
    assert answer.layout == stored_layout.layout
    assert answer.theatre == stored_theatre.theatre
    assert answer.screen == stored_screen.screen
    expected = show("evening", _at(1, 18), formats=["2D", "4K"], language="fr").show
    expected.seat_count = 6
    assert answer.show == expected


async def test_a_cancelled_show_can_still_be_got(town: Catalogue) -> None:
    answer = await town.reads.GetShow(catalog_pb2.GetShowRequest(show_id="moth-cancelled"))
    assert answer.show.status == catalog_pb2.SHOW_STATUS_CANCELLED


@pytest.mark.parametrize("show_id", ["", "no-such-show", "$where", "x" * 10_000, "\u0000"])
async def test_a_show_that_is_not_there_is_unknown(town: Catalogue, show_id: str) -> None:
    call = town.reads.GetShow(catalog_pb2.GetShowRequest(show_id=show_id))
    assert (await _reason(call))[:2] == ("NOT_FOUND", "UNKNOWN_SHOW")
