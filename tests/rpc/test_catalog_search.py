"""Searching movies over a socket, on the demo's movies: none of them showing but a few in Springfield."""

import datetime as dt
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from matinee.catalog.v1 import admin_pb2, catalog_pb2

from mesh.errors import RemoteError
from mesh.testing import eventually
from stack.demo.facts import facts
from stack.engines import MongoEngine
from tests.fixtures.catalog import NOON, Catalogue, catalogue_on, movie, show, springfield
from tests.fixtures.engines import MongoDatabase

SearchRequest = catalog_pb2.SearchMoviesRequest


def _shown(movie_id: str, hours: int, language: str, formats: list[str]) -> admin_pb2.ImportRecord:
    start = NOON + dt.timedelta(hours=hours)
    return show(f"{movie_id}-{hours}", start, movie_id=movie_id, language=language, formats=formats)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cinema(mongo: MongoEngine) -> AsyncIterator[Catalogue]:
    """The catalogue; no test of this module changes it."""
    async with catalogue_on(MongoDatabase(mongo.url, f"test_{uuid4().hex}")) as catalogue:
        report = await catalogue.store(
            *springfield(),
            *(admin_pb2.ImportRecord(movie=demo.record) for demo in facts().movies),
            _shown("sintel-2010", 6, "en", ["2D"]),
            _shown("big-buck-bunny-2008", 30, "zxx", ["2D", "3D"]),
            _shown("nosferatu-1922", 54, "zxx", ["2D", "Live music"]),
            _shown("charade-1963", 80, "en", ["2D"]),
        )
        assert not report.refused
        yield catalogue


async def _titles(catalogue: Catalogue, **fields: object) -> list[str]:
    answer = await catalogue.reads.SearchMovies(SearchRequest(**fields))  # type: ignore[arg-type]
    return [summary.movie.title for summary in answer.movies]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("sintel", "Sintel"),
        ("sintle", "Sintel"),
        ("Sint", "Sintel"),
        ("big buk", "Big Buck Bunny"),
        ("bick buck bunny", "Big Buck Bunny"),
        ("nosfratu", "Nosferatu"),
        ("caligary", "The Cabinet of Dr. Caligari"),
        ("voyage dans la lune", "A Trip to the Moon"),
        ("потемкин", "Battleship Potemkin"),
        ("fritz lang", "Metropolis"),
        ("hepbrun", "Charade"),
        ("wing it", "Wing It!"),
        ("  SAFETY   last ", "Safety Last!"),
    ],
)
async def test_movies_are_found_by_what_people_type(cinema: Catalogue, query: str, first: str) -> None:
    assert (await _titles(cinema, query=query))[0] == first


async def test_all_that_a_person_took_part_in_is_found(cinema: Catalogue) -> None:
    assert sorted(await _titles(cinema, query="keaton")) == ["Sherlock Jr.", "The General"]
    assert sorted(await _titles(cinema, query="cary grant")) == ["Charade", "His Girl Friday"]


@pytest.mark.parametrize("query", ["qqqqqqqq", "!!!", "sintel metropolis", "\u0000"])
async def test_what_nothing_matches_finds_nothing(cinema: Catalogue, query: str) -> None:
    answer = await cinema.reads.SearchMovies(SearchRequest(query=query))
    assert answer == catalog_pb2.SearchMoviesResponse()


async def test_without_a_query_all_movies_come_by_title(cinema: Catalogue) -> None:
    answer = await cinema.reads.SearchMovies(SearchRequest(page_size=100))
    titles = [summary.movie.title for summary in answer.movies]
    assert len(titles) == answer.total_size == len(facts().movies) + 1
    assert titles == sorted(titles, key=str.casefold)


async def test_only_movies_of_the_city_are_found_in_it_with_their_shows(cinema: Catalogue) -> None:
    assert await _titles(cinema, city_id="springfield") == [
        "Big Buck Bunny",
        "Charade",
        "Nosferatu",
        "Sintel",
    ]
    assert await _titles(cinema, city_id="springfield", query="metropolis") == []
    answer = await cinema.reads.SearchMovies(SearchRequest(city_id="springfield", query="sintle"))
    (summary,) = answer.movies
    assert (summary.show_count, summary.next_business_date) == (1, "2026-06-01")
    assert summary.lowest_price.minor_units == 1000


async def test_a_movie_that_is_not_showing_has_no_dates_and_no_price(cinema: Catalogue) -> None:
    answer = await cinema.reads.SearchMovies(SearchRequest(query="metropolis"))
    (summary,) = answer.movies
    assert not summary.HasField("lowest_price")
    assert (summary.show_count, summary.next_business_date) == (0, "")


async def test_values_of_a_field_are_alternatives_and_fields_add_up(cinema: Catalogue) -> None:
    horror = {"Nosferatu", "The Cabinet of Dr. Caligari", "Night of the Living Dead", "Sprite Fright"}
    assert set(await _titles(cinema, genres=["horror"])) == horror
    assert set(await _titles(cinema, genres=["horror", "war"])) == horror | {
        "The General",
        "Battleship Potemkin",
    }
    assert await _titles(cinema, genres=["horror"], languages=["zxx"]) == ["Nosferatu"]
    assert await _titles(cinema, genres=["horror"], languages=["en"]) == []
    assert await _titles(cinema, formats=["3D"]) == ["Big Buck Bunny"]
    assert await _titles(cinema, formats=["3D", "Live music"], genres=["horror"]) == ["Nosferatu"]


async def test_release_dates_are_limited_on_both_sides_inclusively(cinema: Catalogue) -> None:
    assert await _titles(cinema, release_date_to="1903-12-07") == [
        "A Trip to the Moon",
        "The Great Train Robbery",
    ]
    assert await _titles(cinema, release_date_from="2023-09-12") == ["Wing It!"]
    assert await _titles(cinema, release_date_from="1922-03-04", release_date_to="1922-03-04") == [
        "Nosferatu"
    ]


async def test_results_come_in_the_order_asked_for(cinema: Catalogue) -> None:
    newest = catalog_pb2.SEARCH_ORDER_RELEASE_DATE
    assert (await _titles(cinema, order_by=newest))[:2] == ["Wing It!", "Charge"]
    by_title = catalog_pb2.SEARCH_ORDER_TITLE
    assert await _titles(cinema, query="the", order_by=by_title, page_size=2) == [
        "A Trip to the Moon",
        "Night of the Living Dead",
    ]


async def test_a_facet_counts_as_if_nothing_of_its_own_were_chosen(cinema: Catalogue) -> None:
    answer = await cinema.reads.SearchMovies(
        SearchRequest(city_id="springfield", genres=["horror"], languages=["zxx"])
    )
    assert [summary.movie.title for summary in answer.movies] == ["Nosferatu"]
    genres = {facet.value: facet.count for facet in answer.genre_facets}
    assert genres == {"animation": 1, "comedy": 1, "family": 1, "horror": 1, "fantasy": 1}
    languages = {facet.value: facet.count for facet in answer.language_facets}
    assert languages == {"zxx": 1}
    plain = await cinema.reads.SearchMovies(SearchRequest(city_id="springfield"))
    assert [(facet.value, facet.count) for facet in plain.language_facets] == [("en", 2), ("zxx", 2)]
    assert plain.genre_facets[0].count >= plain.genre_facets[-1].count


@pytest.mark.parametrize(
    "fields",
    [{}, {"query": "the"}, {"order_by": catalog_pb2.SEARCH_ORDER_RELEASE_DATE}, {"genres": ["comedy"]}],
)
async def test_pages_lead_to_the_end_without_repeats(cinema: Catalogue, fields: dict[str, object]) -> None:
    whole = await _titles(cinema, page_size=100, **fields)
    walked: list[str] = []
    token = ""
    while True:
        answer = await cinema.reads.SearchMovies(
            SearchRequest(page_size=3, page_token=token, **fields)  # type: ignore[arg-type]
        )
        assert answer.total_size == len(whole)
        walked += [summary.movie.title for summary in answer.movies]
        token = answer.next_page_token
        if not token:
            break
    assert walked == whole


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"query": "x" * 101}, "query"),
        ({"release_date_from": "yesterday"}, "release_date_from"),
        ({"release_date_to": "2020-13-01"}, "release_date_to"),
        ({"release_date_from": "2020-01-02", "release_date_to": "2020-01-01"}, "release_date_to"),
        ({"order_by": 77}, "order_by"),
        ({"page_size": -3}, "page_size"),
        ({"genres": [f"genre {number}" for number in range(51)]}, "genres"),
    ],
)
async def test_a_wrong_field_is_named(cinema: Catalogue, fields: dict[str, object], field: str) -> None:
    with pytest.raises(RemoteError) as caught:
        await cinema.reads.SearchMovies(SearchRequest(**fields))  # type: ignore[arg-type]
    error = caught.value
    assert (error.code, error.reason, error.facts["field"]) == ("INVALID_ARGUMENT", "INVALID_FIELD", field)


async def test_an_unknown_city_is_told(cinema: Catalogue) -> None:
    with pytest.raises(RemoteError) as caught:
        await cinema.reads.SearchMovies(SearchRequest(city_id="atlantis"))
    assert (caught.value.code, caught.value.reason) == ("NOT_FOUND", "UNKNOWN_CITY")


async def test_a_movie_is_found_as_soon_as_its_import_was_answered(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as catalogue:
        assert await _titles(catalogue, query="comet") == []
        await catalogue.store(*springfield())
        assert await _titles(catalogue, query="comet") == ["The Comet"]
        await catalogue.store(movie(title="The Asteroid"))
        assert await _titles(catalogue, query="comet") == []
        assert await _titles(catalogue, query="asteroid") == ["The Asteroid"]


async def test_another_process_finds_it_a_moment_later(mongo_database: MongoDatabase) -> None:
    async with catalogue_on(mongo_database) as one, catalogue_on(mongo_database) as other:
        assert await _titles(other, query="comet") == []
        await one.store(*springfield(), show())

        async def found() -> bool:
            return await _titles(other, query="comet", city_id="") == ["The Comet"]

        await eventually(found)
        got = await other.reads.GetShow(catalog_pb2.GetShowRequest(show_id=show().show.show_id))
        assert got.movie.movie_id == "the-comet"
