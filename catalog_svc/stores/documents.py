"""How the catalogue's objects look in MongoDB. Pure; dates are ISO 8601 text, times UTC.

Reading names every field, so that a process of the version before goes on
reading what the next one writes.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from catalog_svc.domain.movies import CastMember, Movie, Trailer
from catalog_svc.domain.places import City, GeoPoint
from catalog_svc.domain.schedule import ScheduleChange, ScheduleChangeKind
from catalog_svc.domain.shows import CategoryPrice, Show, ShowPlan, ShowStatus
from catalog_svc.domain.theatres import Category, Layout, Screen, Seat, Theatre, TheatreConnector
from mesh.money import Money

Document = dict[str, Any]
Stored = Mapping[str, Any]


def city_document(city: City) -> Document:
    """The city's document."""
    return _with_id(asdict(city), "city_id")


def city_of(document: Stored) -> City:
    """The document's city."""
    return City(
        city_id=document["_id"],
        display_name=document["display_name"],
        country_code=document["country_code"],
        location=_point_of(document["location"]),
        time_zone=document["time_zone"],
        currency_code=document["currency_code"],
    )


def movie_document(movie: Movie) -> Document:
    """The movie's document."""
    return {**_with_id(asdict(movie), "movie_id"), "release_date": movie.release_date.isoformat()}


def movie_of(document: Stored) -> Movie:
    """The document's movie."""
    return Movie(
        movie_id=document["_id"],
        slug=document["slug"],
        title=document["title"],
        original_title=document["original_title"],
        description=document["description"],
        runtime_minutes=document["runtime_minutes"],
        certificate=document["certificate"],
        release_date=dt.date.fromisoformat(document["release_date"]),
        genres=tuple(document["genres"]),
        directors=tuple(document["directors"]),
        cast=tuple(CastMember(member["name"], member["character"]) for member in document["cast"]),
        trailers=tuple(
            Trailer(trailer["title"], trailer["embed_url"], trailer["page_url"])
            for trailer in document["trailers"]
        ),
        palette=tuple(document["palette"]),
        credit=document["credit"],
    )


def theatre_document(theatre: Theatre) -> Document:
    """The theatre's document."""
    return {**_with_id(asdict(theatre), "theatre_id"), "connector": theatre.connector.value}


def theatre_of(document: Stored) -> Theatre:
    """The document's theatre."""
    return Theatre(
        theatre_id=document["_id"],
        display_name=document["display_name"],
        city_id=document["city_id"],
        address=document["address"],
        location=_point_of(document["location"]),
        time_zone=document["time_zone"],
        connector=TheatreConnector(document["connector"]),
        refuse_lone_seats=document["refuse_lone_seats"],
        disabled_price_rule_ids=tuple(document["disabled_price_rule_ids"]),
    )


def screen_document(screen: Screen) -> Document:
    """The screen's document."""
    return _with_id(asdict(screen), "screen_id")


def screen_of(document: Stored) -> Screen:
    """The document's screen."""
    return Screen(
        screen_id=document["_id"],
        theatre_id=document["theatre_id"],
        display_name=document["display_name"],
        layout_id=document["layout_id"],
    )


def layout_document(layout: Layout) -> Document:
    """The layout's document."""
    return _with_id(asdict(layout), "layout_id")


def layout_of(document: Stored) -> Layout:
    """The document's layout."""
    return Layout(
        layout_id=document["_id"],
        seats=tuple(_seat_of(seat) for seat in document["seats"]),
        categories=tuple(
            Category(category["category_id"], category["display_name"]) for category in document["categories"]
        ),
    )


def show_document(show: Show) -> Document:
    """The show's document, with its lowest full price to be aggregated by."""
    plan = show.plan
    return {
        "_id": plan.show_id,
        "movie_id": plan.movie_id,
        "theatre_id": plan.theatre_id,
        "screen_id": plan.screen_id,
        "city_id": show.city_id,
        "layout_id": show.layout_id,
        "seat_count": show.seat_count,
        "start_time": plan.start_time,
        "end_time": show.end_time,
        "business_date": plan.business_date.isoformat(),
        "in_afternoon": show.in_afternoon,
        "language": plan.language,
        "subtitle_languages": list(plan.subtitle_languages),
        "formats": list(plan.formats),
        "prices": [
            {"category_id": entry.category_id, "price": _money_document(entry.price)} for entry in plan.prices
        ],
        "lowest_price": _money_document(min((entry.price for entry in plan.prices), key=_minor_units)),
        "status": plan.status.value,
    }


def show_of(document: Stored) -> Show:
    """The document's show."""
    plan = ShowPlan(
        show_id=document["_id"],
        movie_id=document["movie_id"],
        theatre_id=document["theatre_id"],
        screen_id=document["screen_id"],
        start_time=document["start_time"],
        business_date=dt.date.fromisoformat(document["business_date"]),
        language=document["language"],
        subtitle_languages=tuple(document["subtitle_languages"]),
        formats=tuple(document["formats"]),
        prices=tuple(
            CategoryPrice(entry["category_id"], _money_of(entry["price"])) for entry in document["prices"]
        ),
        status=ShowStatus(document["status"]),
    )
    return Show(
        plan=plan,
        city_id=document["city_id"],
        layout_id=document["layout_id"],
        seat_count=document["seat_count"],
        end_time=document["end_time"],
        in_afternoon=document["in_afternoon"],
    )


def schedule_change_document(change: ScheduleChange) -> Document:
    """The change's document."""
    return {**_with_id(asdict(change), "sequence"), "kind": change.kind.value}


def schedule_change_of(document: Stored) -> ScheduleChange:
    """The document's change."""
    return ScheduleChange(
        sequence=document["_id"],
        kind=ScheduleChangeKind(document["kind"]),
        show_id=document["show_id"],
        theatre_id=document["theatre_id"],
        previous_start_time=document["previous_start_time"],
        start_time=document["start_time"],
        reason=document["reason"],
        time=document["time"],
    )


def _with_id(fields: Document, id_field: str) -> Document:
    return {"_id": fields.pop(id_field), **fields}


def _point_of(document: Stored) -> GeoPoint:
    return GeoPoint(document["latitude"], document["longitude"])


def _minor_units(money: Money) -> int:
    return money.minor_units


def _money_document(money: Money) -> Document:
    # asdict would do, but a day's import has tens of thousands of prices and asdict is slow.
    return {"currency_code": money.currency_code, "minor_units": money.minor_units}


def _money_of(document: Stored) -> Money:
    return Money(document["currency_code"], document["minor_units"])


def _seat_of(document: Stored) -> Seat:
    return Seat(
        seat_id=document["seat_id"],
        row=document["row"],
        number=document["number"],
        category_id=document["category_id"],
        x=document["x"],
        y=document["y"],
        accessible=document["accessible"],
        companion_of_seat_id=document["companion_of_seat_id"],
    )
