"""What a booking needs to know of its show."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from mesh.money import Money


@dataclass(frozen=True, slots=True)
class ShowFacts:
    """A show as a booking remembers it. `time_zone` is the theatre's IANA zone."""

    show_id: str
    movie_title: str
    movie_slug: str
    city_id: str
    theatre_id: str
    theatre_name: str
    theatre_address: str
    time_zone: str
    screen_name: str
    start_time: dt.datetime
    runtime_minutes: int
    language: str
    formats: tuple[str, ...]

    @property
    def local_start(self) -> dt.datetime:
        """The start as the clock on the theatre's wall shows it."""
        return self.start_time.astimezone(ZoneInfo(self.time_zone))


@dataclass(frozen=True, slots=True)
class ShowOnSale:
    """A show with what its seats cost: `seat_prices` has every seat of its layout."""

    facts: ShowFacts
    seat_prices: Mapping[str, Money]
    disabled_rule_ids: frozenset[str]
    cancelled: bool = False
