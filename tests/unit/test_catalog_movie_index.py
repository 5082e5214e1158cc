"""What the index finds, and in which order."""

import datetime as dt
from dataclasses import replace

import pytest

from catalog_svc.domain.movie_index import MovieIndex
from catalog_svc.domain.movies import CastMember, Movie


def _movie(movie_id: str, title: str, **fields: object) -> Movie:
    plain = Movie(
        movie_id=movie_id,
        slug=movie_id,
        title=title,
        original_title="",
        description="",
        runtime_minutes=90,
        certificate="U",
        release_date=dt.date(2000, 1, 1),
        genres=("drama",),
        directors=(),
        cast=(),
        trailers=(),
        palette=("#000000", "#ffffff"),
        credit="",
    )
    return replace(plain, **fields)  # type: ignore[arg-type]  # the fields of the tests are right


SINTEL = _movie("sintel", "Sintel", directors=("Colin Levy",))
BUNNY = _movie("bunny", "Big Buck Bunny")
MOON = _movie("moon", "A Trip to the Moon", original_title="Le Voyage dans la Lune")
GENERAL = _movie("general", "The General", cast=(CastMember("Buster Keaton", "Johnnie Gray"),))
KEATON = _movie("keaton", "Keaton", cast=(CastMember("Somebody Else", ""),))
INDEX = MovieIndex([SINTEL, BUNNY, MOON, GENERAL, KEATON])


def _found(query: str) -> list[str]:
    relevance = INDEX.find(query)
    return sorted(relevance, key=lambda movie_id: (-relevance[movie_id], movie_id))


@pytest.mark.parametrize(
    ("query", "movie_ids"),
    [
        ("sintel", ["sintel"]),
        ("SINTÉL", ["sintel"]),
        ("sintle", ["sintel"]),
        ("big buk", ["bunny"]),
        ("bug buck buny", ["bunny"]),
        ("bun", ["bunny"]),
        ("voyage lune", ["moon"]),
        ("colin levy", ["sintel"]),
        ("buster", ["general"]),
        ("gray general", []),
        ("kaeton", ["keaton", "general"]),
        ("keaton", ["keaton", "general"]),
        ("moon sintel", []),
        ("...", []),
        ("x" * 100, []),
    ],
)
def test_movies_are_found_by_title_people_prefix_and_in_spite_of_slips(
    query: str, movie_ids: list[str]
) -> None:
    assert _found(query) == movie_ids


def test_what_matches_as_typed_hides_what_is_only_near() -> None:
    index = MovieIndex([_movie("hero", "Hero"), _movie("zero", "Zero")])
    assert list(index.find("hero")) == ["hero"]
    assert set(index.find("xero")) == {"hero", "zero"}


def test_the_title_itself_comes_before_longer_titles_with_it() -> None:
    index = MovieIndex(
        [_movie("spring", "Spring"), _movie("late", "Late Spring"), _movie("s2", "Spring Again")]
    )
    relevance = index.find("spring")
    assert relevance["spring"] > relevance["s2"] > relevance["late"]


def test_a_movie_that_changed_is_found_by_its_new_words_and_slug_only() -> None:
    index = MovieIndex([SINTEL, BUNNY])
    index.put(replace(SINTEL, title="Durian", slug="durian", directors=()))
    assert not index.find("sintel")
    assert not index.find("levy")
    assert list(index.find("durian")) == ["sintel"]
    assert index.by_slug("sintel") is None
    found = index.by_slug("durian")
    assert found is not None
    assert found.movie_id == "sintel"
    assert len(index) == 2


def test_a_slug_that_another_movie_took_over_stays_with_it() -> None:
    index = MovieIndex([SINTEL, BUNNY])
    index.put(replace(BUNNY, slug="sintel"))
    index.put(replace(SINTEL, slug="the-first-sintel"))
    found = index.by_slug("sintel")
    assert found is not None
    assert found.movie_id == "bunny"
