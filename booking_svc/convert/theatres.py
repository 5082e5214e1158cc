"""What the catalogue and the theatres tell."""

import datetime as dt
from typing import Any

from matinee.catalog.v1 import catalog_pb2

from booking_svc.convert.values import kept
from booking_svc.domain.booking import Ticket
from booking_svc.domain.show import ShowFacts, ShowOnSale
from mesh.money import Money


def show_from(response: catalog_pb2.GetShowResponse) -> ShowOnSale:
    """What a booking needs of a show. Seats whose category has no price are not on sale."""
    show, theatre = response.show, response.theatre
    prices = {
        each.category_id: Money(each.price.currency_code, each.price.minor_units) for each in show.prices
    }
    facts = ShowFacts(
        show_id=show.show_id,
        movie_title=response.movie.title,
        movie_slug=response.movie.slug,
        city_id=theatre.city_id,
        theatre_id=theatre.theatre_id,
        theatre_name=theatre.display_name,
        theatre_address=theatre.address,
        time_zone=theatre.time_zone,
        screen_name=response.screen.display_name,
        start_time=kept(show.start_time.ToDatetime(dt.UTC)),
        runtime_minutes=response.movie.runtime_minutes,
        language=show.language,
        formats=tuple(show.formats),
    )
    return ShowOnSale(
        facts=facts,
        seat_prices={
            seat.seat_id: prices[seat.category_id]
            for seat in response.layout.seats
            if seat.category_id in prices
        },
        disabled_rule_ids=frozenset(theatre.disabled_price_rule_ids),
        cancelled=show.status == catalog_pb2.SHOW_STATUS_CANCELLED,
    )


def tickets_from(messages: Any) -> tuple[Ticket, ...]:
    """The theatre's tickets."""
    return tuple(Ticket(message.ticket_id, message.seat_id, message.cancelled) for message in messages)
