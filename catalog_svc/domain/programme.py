"""What is coming: a city's shows, told by movie."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from catalog_svc.domain.movies import Movie
from catalog_svc.domain.places import City
from catalog_svc.domain.theatres import Screen, Theatre
from mesh.money import Money

_CUTOFF_STEP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class ComingShows:
    """A movie's coming shows in a city, or everywhere.

    `lowest_price` is of one ticket, with the discounts that the time of day
    gives; None where the shows are not priced in one currency.
    """

    business_dates: tuple[dt.date, ...]
    formats: tuple[str, ...]
    languages: tuple[str, ...]
    lowest_price: Money | None
    show_count: int


Programme = Mapping[str, ComingShows]
"""Movie id → its coming shows; movies without any are missing."""


@dataclass(frozen=True, slots=True)
class MovieSummary:
    """A movie with what a visitor decides by."""

    movie: Movie
    coming: ComingShows | None


@dataclass(frozen=True, slots=True)
class Places:
    """Every city, theatre and screen, by id."""

    cities: Mapping[str, City]
    theatres: Mapping[str, Theatre]
    screens: Mapping[str, Screen]
    served_cities: Sequence[City] = field(init=False)
    """Cities that have a theatre."""

    def __post_init__(self) -> None:
        with_theatre = {theatre.city_id for theatre in self.theatres.values()}
        served = [city for city_id, city in self.cities.items() if city_id in with_theatre]
        object.__setattr__(self, "served_cities", served)

    def served_city(self, city_id: str) -> City | None:
        """The city, if it has a theatre."""
        return next((city for city in self.served_cities if city.city_id == city_id), None)


def coming_since(now: dt.datetime, sales_end_after_start: dt.timedelta) -> dt.datetime:
    """The start time from which on shows are coming: those that are still sold.

    Counted in steps of half a minute, so that what is kept by it stays of use.
    """
    seconds = int(now.timestamp()) // _CUTOFF_STEP_SECONDS * _CUTOFF_STEP_SECONDS
    return dt.datetime.fromtimestamp(seconds, dt.UTC) - sales_end_after_start
