"""Protobuf to domain.

Raises InvalidField for what the domain has no value for; the rest is for its
rules to judge.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from google.protobuf import timestamp_pb2
from matinee.catalog.v1 import admin_pb2, catalog_pb2
from matinee.type.v1 import geo_pb2, layout_pb2

from catalog_svc.domain.imports.records import Record
from catalog_svc.domain.movies import CastMember, Movie, Trailer
from catalog_svc.domain.paging import PageRequest
from catalog_svc.domain.places import City, GeoPoint
from catalog_svc.domain.revisions import Revisions
from catalog_svc.domain.shows import CategoryPrice, ShowPlan, ShowStatus
from catalog_svc.domain.theatres import Category, Layout, Screen, Seat, Theatre, TheatreConnector
from catalog_svc.ports import RequestKey
from catalog_svc.usecases.search import MovieSearch, SearchOrder
from mesh.errors import InvalidField
from mesh.money import Money

Paged: TypeAlias = (
    catalog_pb2.ListCitiesRequest | catalog_pb2.ListMoviesRequest | catalog_pb2.SearchMoviesRequest
)
Change: TypeAlias = (
    admin_pb2.ImportCatalogRequest | admin_pb2.CancelShowRequest | admin_pb2.RescheduleShowRequest
)

_LAST_SECOND = 253_402_300_799
"""9999-12-31T23:59:59Z, where both Python's and protobuf's times end."""

_CONNECTORS: Mapping[int, TheatreConnector] = {
    catalog_pb2.THEATRE_CONNECTOR_HOSTED: TheatreConnector.HOSTED,
    catalog_pb2.THEATRE_CONNECTOR_API: TheatreConnector.API,
    catalog_pb2.THEATRE_CONNECTOR_DATABASE: TheatreConnector.DATABASE,
}
_STATUSES: Mapping[int, ShowStatus] = {
    catalog_pb2.SHOW_STATUS_SCHEDULED: ShowStatus.SCHEDULED,
    catalog_pb2.SHOW_STATUS_CANCELLED: ShowStatus.CANCELLED,
}


def page_request(message: Paged) -> PageRequest:
    """Which page is wanted."""
    return PageRequest(message.page_size, message.page_token)


def request_key(message: Change) -> RequestKey:
    """The request's id and what makes it the same request."""
    digest = hashlib.sha256(message.SerializeToString(deterministic=True)).hexdigest()
    return RequestKey(message.request_id, digest)


def revisions(message: catalog_pb2.Revision) -> Revisions:
    """The revision."""
    return Revisions(message.movies, message.places, message.shows)


def movie_search(message: catalog_pb2.SearchMoviesRequest) -> MovieSearch:
    """What is looked for. Without an order, relevance: it is the title's order when there is no query."""
    orders = {
        catalog_pb2.SEARCH_ORDER_UNSPECIFIED: SearchOrder.RELEVANCE,
        catalog_pb2.SEARCH_ORDER_RELEVANCE: SearchOrder.RELEVANCE,
        catalog_pb2.SEARCH_ORDER_TITLE: SearchOrder.TITLE,
        catalog_pb2.SEARCH_ORDER_RELEASE_DATE: SearchOrder.RELEASE_DATE,
    }
    if message.order_by not in orders:
        raise InvalidField("order_by", "is not an order")
    return MovieSearch(
        query=message.query,
        city_id=message.city_id,
        genres=frozenset(message.genres),
        languages=frozenset(message.languages),
        formats=frozenset(message.formats),
        released_from=optional_date("release_date_from", message.release_date_from),
        released_to=optional_date("release_date_to", message.release_date_to),
        order=orders[message.order_by],
    )


def optional_date(field: str, text: str) -> dt.date | None:
    """The date, or None for an empty text."""
    return date(field, text) if text else None


def date(field: str, text: str) -> dt.date:
    """An ISO 8601 date in its long form."""
    try:
        # Python also takes "20260131" and "2026-W05-6".
        if len(text) != len("2026-01-31") or text[4] != "-" or text[7] != "-":
            raise ValueError
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InvalidField(field, 'must be a date such as "2026-01-31"') from None


def time(field: str, message: timestamp_pb2.Timestamp) -> dt.datetime:
    """An instant; parts of a microsecond are refused, not dropped."""
    if not 0 < message.seconds <= _LAST_SECOND or not 0 <= message.nanos < 10**9 or message.nanos % 1000:
        raise InvalidField(field, "must be a time after 1970, in whole microseconds")
    instant = dt.datetime.fromtimestamp(message.seconds, dt.UTC)
    return instant.replace(microsecond=message.nanos // 1000)


def point(message: geo_pb2.GeoPoint) -> GeoPoint:
    """The point."""
    return GeoPoint(message.latitude, message.longitude)


def record(message: admin_pb2.ImportRecord) -> Record:
    """The record that an import line holds."""
    readers: dict[str | None, Callable[[Any], Record]] = {
        "city": _city,
        "movie": _movie,
        "theatre": _theatre,
        "layout": _layout,
        "screen": _screen,
        "show": _show,
    }
    kind = message.WhichOneof("record")
    if kind is None:
        raise InvalidField("record", "must be a city, movie, theatre, layout, screen or show")
    return readers[kind](getattr(message, kind))


def _city(message: catalog_pb2.City) -> City:
    return City(
        city_id=message.city_id,
        display_name=message.display_name,
        country_code=message.country_code,
        location=_required_point("city.location", message),
        time_zone=message.time_zone,
        currency_code=message.currency_code,
    )


def _movie(message: catalog_pb2.Movie) -> Movie:
    return Movie(
        movie_id=message.movie_id,
        slug=message.slug,
        title=message.title,
        original_title=message.original_title,
        description=message.description,
        runtime_minutes=message.runtime_minutes,
        certificate=message.certificate,
        release_date=date("movie.release_date", message.release_date),
        genres=tuple(message.genres),
        directors=tuple(message.directors),
        cast=tuple(CastMember(member.name, member.character) for member in message.cast),
        trailers=tuple(
            Trailer(trailer.title, trailer.embed_url, trailer.page_url) for trailer in message.trailers
        ),
        palette=tuple(message.palette),
        credit=message.credit,
    )


def _theatre(message: catalog_pb2.Theatre) -> Theatre:
    if message.connector not in _CONNECTORS:
        raise InvalidField("theatre.connector", "must say how the seats are reached")
    return Theatre(
        theatre_id=message.theatre_id,
        display_name=message.display_name,
        city_id=message.city_id,
        address=message.address,
        location=_required_point("theatre.location", message),
        time_zone=message.time_zone,
        connector=_CONNECTORS[message.connector],
        refuse_lone_seats=message.refuse_lone_seats,
        disabled_price_rule_ids=tuple(message.disabled_price_rule_ids),
    )


def _layout(message: layout_pb2.Layout) -> Layout:
    return Layout(
        layout_id=message.layout_id,
        seats=tuple(
            Seat(
                seat_id=seat.seat_id,
                row=seat.row,
                number=seat.number,
                category_id=seat.category_id,
                x=seat.x,
                y=seat.y,
                accessible=seat.accessible,
                companion_of_seat_id=seat.companion_of_seat_id,
            )
            for seat in message.seats
        ),
        categories=tuple(Category(entry.category_id, entry.display_name) for entry in message.categories),
    )


def _screen(message: catalog_pb2.Screen) -> Screen:
    return Screen(
        screen_id=message.screen_id,
        theatre_id=message.theatre_id,
        display_name=message.display_name,
        layout_id=message.layout_id,
    )


def _show(message: catalog_pb2.Show) -> ShowPlan:
    if message.status not in _STATUSES:
        raise InvalidField("show.status", "must say whether the show takes place")
    return ShowPlan(
        show_id=message.show_id,
        movie_id=message.movie_id,
        theatre_id=message.theatre_id,
        screen_id=message.screen_id,
        start_time=time("show.start_time", message.start_time),
        business_date=date("show.business_date", message.business_date),
        language=message.language,
        subtitle_languages=tuple(message.subtitle_languages),
        formats=tuple(message.formats),
        prices=tuple(
            CategoryPrice(entry.category_id, Money(entry.price.currency_code, entry.price.minor_units))
            for entry in message.prices
        ),
        status=_STATUSES[message.status],
    )


def _required_point(field: str, message: catalog_pb2.City | catalog_pb2.Theatre) -> GeoPoint:
    if not message.HasField("location"):
        raise InvalidField(field, "is missing")
    return point(message.location)
