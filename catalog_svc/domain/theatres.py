"""Theatres, their screens and the layouts of their seats."""

import enum
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from catalog_svc.domain.places import GeoPoint


class TheatreConnector(enum.Enum):
    """How a theatre's seats are reached."""

    HOSTED = "hosted"
    API = "api"
    DATABASE = "database"


@dataclass(frozen=True, slots=True)
class Theatre:
    """One building with one or more screens; every show of it is told in its zone."""

    theatre_id: str
    display_name: str
    city_id: str
    address: str
    location: GeoPoint
    time_zone: str
    connector: TheatreConnector
    refuse_lone_seats: bool
    disabled_price_rule_ids: tuple[str, ...]

    @property
    def zone(self) -> ZoneInfo:
        """Its time zone."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, slots=True)
class Screen:
    """A hall. When it is rebuilt it gets another layout; shows on sale keep the one they were sold in."""

    screen_id: str
    theatre_id: str
    display_name: str
    layout_id: str


@dataclass(frozen=True, slots=True)
class Category:
    """A price category of seats."""

    category_id: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Seat:
    """One seat; `x` in seat widths from the left wall, `y` in row depths from the front row."""

    seat_id: str
    row: str
    number: int
    category_id: str
    x: float
    y: float
    accessible: bool
    companion_of_seat_id: str


@dataclass(frozen=True, slots=True)
class Layout:
    """The seats of a screen; never changed once stored."""

    layout_id: str
    seats: tuple[Seat, ...]
    categories: tuple[Category, ...]
