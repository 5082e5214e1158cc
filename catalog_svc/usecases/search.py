"""Finding movies by what people type, narrowed by what they choose."""

import datetime as dt
import enum
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from catalog_svc.domain.movie_index import MovieIndex
from catalog_svc.domain.movies import Movie
from catalog_svc.domain.paging import Page, PageRequest, PageTokens, SortKey, page_of
from catalog_svc.domain.programme import MovieSummary
from catalog_svc.domain.words import folded
from catalog_svc.ports import Catalogue
from catalog_svc.usecases.browse import served_city
from mesh.errors import InvalidField

_LONGEST_QUERY = 100
_MOST_CHOICES = 50


class SearchOrder(enum.Enum):
    """What comes first."""

    RELEVANCE = "relevance"
    TITLE = "title"
    RELEASE_DATE = "release_date"


@dataclass(frozen=True, slots=True)
class MovieSearch:
    """What is looked for; values of one field are alternatives, fields add up, empty ones do not count."""

    query: str
    city_id: str
    genres: frozenset[str]
    languages: frozenset[str]
    formats: frozenset[str]
    released_from: dt.date | None
    released_to: dt.date | None
    order: SearchOrder

    def check(self) -> None:
        """Raises InvalidField."""
        if len(self.query) > _LONGEST_QUERY:
            raise InvalidField("query", f"must have at most {_LONGEST_QUERY} characters")
        for field, values in (
            ("genres", self.genres),
            ("languages", self.languages),
            ("formats", self.formats),
        ):
            if len(values) > _MOST_CHOICES:
                raise InvalidField(field, f"must have at most {_MOST_CHOICES} entries")
        if self.released_from and self.released_to and self.released_from > self.released_to:
            raise InvalidField("release_date_to", "must not be before release_date_from")

    def fingerprint(self) -> str:
        """The same for the same search, in any order of its choices."""
        parts = (
            self.query, self.city_id, sorted(self.genres), sorted(self.languages), sorted(self.formats),
            str(self.released_from), str(self.released_to), self.order.value,
        )  # fmt: skip
        return f"search {parts!r}"


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A page of what was found, with counts by value, most first."""

    page: Page[MovieSummary]
    genres: Sequence[tuple[str, int]]
    languages: Sequence[tuple[str, int]]


async def search_movies(
    search: MovieSearch, request: PageRequest, since: dt.datetime, catalogue: Catalogue, tokens: PageTokens
) -> SearchResult:
    """Movies that match; a facet counts as if nothing of its own were chosen.

    Raises InvalidField, UnknownCity, InvalidPageToken.
    """
    search.check()
    size = request.size_within(20, 100)
    if search.city_id:
        await served_city(search.city_id, catalogue)
    programme = await catalogue.programme(search.city_id or None, since)
    movies = await catalogue.movies()
    relevance = movies.find(search.query) if search.query.strip() else None
    candidates = [
        MovieSummary(movie, programme.get(movie.movie_id))
        for movie in _texts_found(movies, relevance)
        if (not search.city_id or movie.movie_id in programme) and _released_within(movie, search)
    ]
    of_genre, in_language, in_format = _genre_chosen(search), _language_chosen(search), _format_chosen(search)
    available = [summary for summary in candidates if in_format(summary)]
    found = [summary for summary in available if of_genre(summary) and in_language(summary)]
    order = _order(search.order, relevance)
    found.sort(key=order)
    return SearchResult(
        page=page_of(found, order, size, request.token, search.fingerprint(), tokens),
        genres=_counted(summary.movie.genres for summary in available if in_language(summary)),
        languages=_counted(_languages(summary) for summary in available if of_genre(summary)),
    )


def _texts_found(movies: MovieIndex, relevance: Mapping[str, int] | None) -> Iterable[Movie]:
    if relevance is None:
        return movies
    return [movie for movie_id in relevance if (movie := movies.by_id(movie_id)) is not None]


def _released_within(movie: Movie, search: MovieSearch) -> bool:
    return (search.released_from or dt.date.min) <= movie.release_date <= (search.released_to or dt.date.max)


Choice = Callable[[MovieSummary], bool]


def _genre_chosen(search: MovieSearch) -> Choice:
    return lambda summary: not search.genres or not search.genres.isdisjoint(summary.movie.genres)


def _language_chosen(search: MovieSearch) -> Choice:
    return lambda summary: not search.languages or not search.languages.isdisjoint(_languages(summary))


def _format_chosen(search: MovieSearch) -> Choice:
    return lambda summary: (
        not search.formats
        or (summary.coming is not None and not search.formats.isdisjoint(summary.coming.formats))
    )


def _languages(summary: MovieSummary) -> Sequence[str]:
    return summary.coming.languages if summary.coming else ()


def _counted(values: Iterable[Iterable[str]]) -> list[tuple[str, int]]:
    counts = Counter(value for several in values for value in several)
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))


def _order(order: SearchOrder, relevance: Mapping[str, int] | None) -> Callable[[MovieSummary], SortKey]:
    def by_title(summary: MovieSummary) -> SortKey:
        return folded(summary.movie.title), summary.movie.movie_id

    def by_release_date(summary: MovieSummary) -> SortKey:
        return -summary.movie.release_date.toordinal(), *by_title(summary)

    if order is SearchOrder.RELEASE_DATE:
        return by_release_date
    if order is SearchOrder.TITLE or relevance is None:
        return by_title

    def by_relevance(summary: MovieSummary) -> SortKey:
        return -relevance[summary.movie.movie_id], *by_title(summary)

    return by_relevance
