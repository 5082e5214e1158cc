"""What a search found, with its facets."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from matinee.catalog.v1 import catalog_pb2

from bff.presenters.genres import genre_label
from bff.presenters.movies import Filter, MovieCard, Option, options, present_card
from bff.presenters.places import CityChoice, present_city
from bff.texts import Texts


@dataclass(frozen=True, slots=True)
class SearchTerms:
    """What a visitor searches by."""

    query: str = ""
    genres: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    released_from: str = ""
    released_to: str = ""
    order: str = ""
    page_token: str = ""

    def url(self, action: str, page_token: str) -> str:
        """The address of another page of the same search."""
        fields = [
            ("q", self.query),
            ("from", self.released_from),
            ("to", self.released_to),
            ("order", self.order),
        ]
        fields += [("genre", genre) for genre in self.genres]
        fields += [("language", language) for language in self.languages]
        fields.append(("page", page_token))
        return f"{action}?{urlencode([(name, value) for name, value in fields if value])}"


@dataclass(frozen=True, slots=True)
class SearchView:
    """What a search found."""

    city: CityChoice | None
    action: str
    query: str
    cards: tuple[MovieCard, ...]
    total: int
    genres: Filter
    languages: Filter
    orders: Filter
    released_from: str
    released_to: str
    next_url: str
    filtered: bool


def present_search(
    response: catalog_pb2.SearchMoviesResponse,
    terms: SearchTerms,
    city: catalog_pb2.City,
    texts: Texts,
    today: dt.date,
) -> SearchView:
    """A page of results with its facets."""
    action = f"/{city.city_id}/search"
    orders = {
        "": texts.gettext("Best match"),
        "title": texts.gettext("Title"),
        "release": texts.gettext("Newest first"),
    }
    return SearchView(
        city=present_city(city),
        action=action,
        query=terms.query,
        cards=tuple(present_card(summary, city.city_id, texts, today) for summary in response.movies),
        total=response.total_size,
        genres=Filter(
            "genre",
            texts.gettext("Genre"),
            _facets(
                response.genre_facets,
                {f.value: genre_label(f.value, texts) for f in response.genre_facets},
                terms.genres,
            ),
        ),
        languages=Filter(
            "language",
            texts.gettext("Language"),
            _facets(
                response.language_facets,
                {f.value: texts.language(f.value) for f in response.language_facets},
                terms.languages,
            ),
        ),
        orders=Filter("order", texts.gettext("Sort by"), options(orders, {terms.order})),
        released_from=terms.released_from,
        released_to=terms.released_to,
        next_url=terms.url(action, response.next_page_token) if response.next_page_token else "",
        filtered=bool(terms.genres or terms.languages or terms.released_from or terms.released_to),
    )


def _facets(
    counts: Iterable[catalog_pb2.FacetCount], labels: Mapping[str, str], chosen: Sequence[str]
) -> tuple[Option, ...]:
    found = tuple(
        Option(facet.value, labels[facet.value], facet.value in chosen, facet.count) for facet in counts
    )
    known = {option.value for option in found}
    return found + tuple(Option(value, value, True, 0) for value in chosen if value not in known)
