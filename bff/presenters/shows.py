"""One show: what is shown where and when, for the seat page and above a booking."""

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from matinee.booking.v1 import booking_pb2
from matinee.catalog.v1 import catalog_pb2

from bff.presenters.movies import poster_url
from bff.texts import Texts

THIRD_TICKET_RULE = "third-ticket-50"
PARTY_SIZES = range(1, 11)


@dataclass(frozen=True, slots=True)
class ShowFacts:
    """A show in words."""

    show_id: str
    url: str
    movie_title: str
    movie_url: str
    poster_url: str
    backdrop_url: str
    theatre: str
    address: str
    screen: str
    day: str
    time: str
    instant: str
    language: str
    formats: str
    afternoon: bool
    third_ticket: bool
    cancelled: bool


def present_show(response: catalog_pb2.GetShowResponse, texts: Texts) -> ShowFacts:
    """A show as the catalogue knows it."""
    show, movie, theatre = response.show, response.movie, response.theatre
    zone = ZoneInfo(theatre.time_zone)
    start = show.start_time.ToDatetime(dt.UTC)
    poster = poster_url(movie.movie_id)
    return ShowFacts(
        show_id=show.show_id,
        url=f"/shows/{show.show_id}",
        movie_title=movie.title,
        movie_url=f"/{theatre.city_id}/movies/{movie.slug}?date={show.business_date}",
        poster_url=poster,
        backdrop_url=f"{poster}?view=wide",
        theatre=theatre.display_name,
        address=theatre.address,
        screen=response.screen.display_name,
        day=texts.day(start.astimezone(zone).date()),
        time=texts.clock(start, zone),
        instant=start.isoformat(),
        language=texts.language(show.language),
        formats=" · ".join(show.formats),
        afternoon=show.afternoon,
        third_ticket=THIRD_TICKET_RULE not in theatre.disabled_price_rule_ids,
        cancelled=show.status == catalog_pb2.SHOW_STATUS_CANCELLED,
    )


def present_booked_show(facts: booking_pb2.ShowFacts, texts: Texts) -> ShowFacts:
    """A show as its booking remembers it."""
    zone = ZoneInfo(facts.time_zone)
    start = facts.start_time.ToDatetime(dt.UTC)
    poster = f"/posters/by-slug/{facts.movie_slug}.svg"
    return ShowFacts(
        show_id=facts.show_id,
        url=f"/shows/{facts.show_id}",
        movie_title=facts.movie_title,
        movie_url=f"/{facts.city_id}/movies/{facts.movie_slug}",
        poster_url=poster,
        backdrop_url=f"{poster}?view=wide",
        theatre=facts.theatre_name,
        address=facts.theatre_address,
        screen=facts.screen_name,
        day=texts.day(start.astimezone(zone).date()),
        time=texts.clock(start, zone),
        instant=start.isoformat(),
        language=texts.language(facts.language),
        formats=" · ".join(facts.formats),
        afternoon=False,
        third_ticket=False,
        cancelled=False,
    )
