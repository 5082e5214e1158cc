"""The demo catalogue as import records, in an order in which each refers to earlier ones only."""

import datetime as dt
from collections.abc import Iterator, Sequence

from matinee.catalog.v1 import admin_pb2

from stack.demo.facts import DemoTheatre, facts
from stack.demo.halls import layouts
from stack.demo.programme import shows_of_day


def lasting_records() -> Iterator[admin_pb2.ImportRecord]:
    """All that does not depend on the date."""
    known = facts()
    for city in known.cities:
        yield admin_pb2.ImportRecord(city=city)
    for movie in known.movies:
        yield admin_pb2.ImportRecord(movie=movie.record)
    for layout in layouts().values():
        yield admin_pb2.ImportRecord(layout=layout)
    for theatre in known.theatres:
        yield admin_pb2.ImportRecord(theatre=theatre.record)
        for screen in theatre.screens:
            yield admin_pb2.ImportRecord(screen=screen)


def day_records(theatre: DemoTheatre, day: dt.date) -> list[admin_pb2.ImportRecord]:
    """A theatre's shows of a business date."""
    return [admin_pb2.ImportRecord(show=show) for show in shows_of_day(theatre, facts().movies, day)]


def dates_from(today: dt.date) -> Sequence[dt.date]:
    """The coming 14 days, and a day on either side: somewhere it is yesterday still, or tomorrow already."""
    return [today + dt.timedelta(days=offset) for offset in range(-1, 15)]
