"""Domain to protobuf."""

import datetime as dt
from collections.abc import Mapping

from google.protobuf import timestamp_pb2
from matinee.catalog.v1 import admin_pb2, catalog_pb2
from matinee.type.v1 import geo_pb2, layout_pb2, money_pb2

from catalog_svc.domain.imports.batch import Refusal
from catalog_svc.domain.movies import Movie
from catalog_svc.domain.places import City, GeoPoint
from catalog_svc.domain.programme import MovieSummary
from catalog_svc.domain.revisions import Revisions
from catalog_svc.domain.schedule import ScheduleChange, ScheduleChangeKind
from catalog_svc.domain.shows import Show, ShowStatus, gives_afternoon_price
from catalog_svc.domain.theatres import Layout, Screen, Theatre, TheatreConnector
from mesh.money import Money

_CONNECTORS: Mapping[TheatreConnector, catalog_pb2.TheatreConnector.ValueType] = {
    TheatreConnector.HOSTED: catalog_pb2.THEATRE_CONNECTOR_HOSTED,
    TheatreConnector.API: catalog_pb2.THEATRE_CONNECTOR_API,
    TheatreConnector.DATABASE: catalog_pb2.THEATRE_CONNECTOR_DATABASE,
}
_STATUSES: Mapping[ShowStatus, catalog_pb2.ShowStatus.ValueType] = {
    ShowStatus.SCHEDULED: catalog_pb2.SHOW_STATUS_SCHEDULED,
    ShowStatus.CANCELLED: catalog_pb2.SHOW_STATUS_CANCELLED,
}


_KINDS: Mapping[ScheduleChangeKind, catalog_pb2.ScheduleChangeKind.ValueType] = {
    ScheduleChangeKind.CANCELLED: catalog_pb2.SCHEDULE_CHANGE_KIND_CANCELLED,
    ScheduleChangeKind.MOVED: catalog_pb2.SCHEDULE_CHANGE_KIND_MOVED,
}


def schedule_change(value: ScheduleChange) -> catalog_pb2.ScheduleChange:
    """The change's message."""
    return catalog_pb2.ScheduleChange(
        sequence=value.sequence,
        kind=_KINDS[value.kind],
        show_id=value.show_id,
        theatre_id=value.theatre_id,
        previous_start_time=_timestamp(value.previous_start_time),
        start_time=_timestamp(value.start_time),
        change_reason=value.reason,
        change_time=_timestamp(value.time),
    )


def revision(value: Revisions) -> catalog_pb2.Revision:
    """The revision's message."""
    return catalog_pb2.Revision(movies=value.movies, places=value.places, shows=value.shows)


def city(value: City) -> catalog_pb2.City:
    """The city's message."""
    return catalog_pb2.City(
        city_id=value.city_id,
        display_name=value.display_name,
        country_code=value.country_code,
        location=_point(value.location),
        time_zone=value.time_zone,
        currency_code=value.currency_code,
    )


def movie(value: Movie) -> catalog_pb2.Movie:
    """The movie's message."""
    return catalog_pb2.Movie(
        movie_id=value.movie_id,
        slug=value.slug,
        title=value.title,
        original_title=value.original_title,
        description=value.description,
        runtime_minutes=value.runtime_minutes,
        certificate=value.certificate,
        release_date=value.release_date.isoformat(),
        genres=value.genres,
        directors=value.directors,
        cast=[catalog_pb2.CastMember(name=member.name, character=member.character) for member in value.cast],
        trailers=[
            catalog_pb2.Trailer(title=trailer.title, embed_url=trailer.embed_url, page_url=trailer.page_url)
            for trailer in value.trailers
        ],
        palette=value.palette,
        credit=value.credit,
    )


def movie_summary(value: MovieSummary) -> catalog_pb2.MovieSummary:
    """The message of a movie in a list; without coming shows only the movie is set."""
    coming = value.coming
    if coming is None:
        return catalog_pb2.MovieSummary(movie=movie(value.movie))
    return catalog_pb2.MovieSummary(
        movie=movie(value.movie),
        next_business_date=coming.business_dates[0].isoformat(),
        formats=coming.formats,
        languages=coming.languages,
        lowest_price=money(coming.lowest_price) if coming.lowest_price else None,
        show_count=coming.show_count,
    )


def theatre(value: Theatre) -> catalog_pb2.Theatre:
    """The theatre's message."""
    return catalog_pb2.Theatre(
        theatre_id=value.theatre_id,
        display_name=value.display_name,
        city_id=value.city_id,
        address=value.address,
        location=_point(value.location),
        time_zone=value.time_zone,
        connector=_CONNECTORS[value.connector],
        refuse_lone_seats=value.refuse_lone_seats,
        disabled_price_rule_ids=value.disabled_price_rule_ids,
    )


def screen(value: Screen) -> catalog_pb2.Screen:
    """The screen's message."""
    return catalog_pb2.Screen(
        screen_id=value.screen_id,
        theatre_id=value.theatre_id,
        display_name=value.display_name,
        layout_id=value.layout_id,
    )


def layout(value: Layout) -> layout_pb2.Layout:
    """The layout's message."""
    return layout_pb2.Layout(
        layout_id=value.layout_id,
        seats=[
            layout_pb2.Seat(
                seat_id=seat.seat_id,
                row=seat.row,
                number=seat.number,
                category_id=seat.category_id,
                x=seat.x,
                y=seat.y,
                accessible=seat.accessible,
                companion_of_seat_id=seat.companion_of_seat_id,
            )
            for seat in value.seats
        ],
        categories=[
            layout_pb2.Category(category_id=category.category_id, display_name=category.display_name)
            for category in value.categories
        ],
    )


def show(value: Show, of: Theatre) -> catalog_pb2.Show:
    """The show's message; whether it gets the afternoon discount depends on its theatre."""
    plan = value.plan
    return catalog_pb2.Show(
        show_id=plan.show_id,
        movie_id=plan.movie_id,
        theatre_id=plan.theatre_id,
        screen_id=plan.screen_id,
        start_time=_timestamp(plan.start_time),
        business_date=plan.business_date.isoformat(),
        language=plan.language,
        subtitle_languages=plan.subtitle_languages,
        formats=plan.formats,
        prices=[
            catalog_pb2.CategoryPrice(category_id=entry.category_id, price=money(entry.price))
            for entry in plan.prices
        ],
        status=_STATUSES[plan.status],
        seat_count=value.seat_count,
        afternoon=value.in_afternoon and gives_afternoon_price(of),
    )


def refusal(value: Refusal) -> admin_pb2.RefusedRecord:
    """The message of a line that was refused."""
    return admin_pb2.RefusedRecord(line=value.line, field=value.problem.field, problem=value.problem.text)


def money(value: Money) -> money_pb2.Money:
    """The amount's message."""
    return money_pb2.Money(currency_code=value.currency_code, minor_units=value.minor_units)


def _point(value: GeoPoint) -> geo_pb2.GeoPoint:
    return geo_pb2.GeoPoint(latitude=value.latitude, longitude=value.longitude)


def _timestamp(value: dt.datetime) -> timestamp_pb2.Timestamp:
    return timestamp_pb2.Timestamp(seconds=int(value.timestamp()), nanos=value.microsecond * 1000)
