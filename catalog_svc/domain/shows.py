"""Shows: when they are, what they cost at the least, and which business date they belong to."""

import datetime as dt
import enum
from dataclasses import dataclass
from fractions import Fraction
from zoneinfo import ZoneInfo

from catalog_svc.domain.theatres import Theatre
from mesh.money import Money

AFTERNOON_RULE_ID = "afternoon-20"
"""The price rule that takes 20 % off each ticket of a show that starts in the afternoon."""

_AFTERNOON_DISCOUNT = Fraction(1, 5)
_AFTERNOON_BEGINS, _AFTERNOON_ENDS = dt.time(12), dt.time(17)

_FIRST_SHOW = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_LAST_SHOW = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)

NIGHT_ENDS = dt.time(6)
"""Until then, by the theatre's clock, a show may belong to the business date before."""


class ShowStatus(enum.Enum):
    """Whether a show takes place."""

    SCHEDULED = "scheduled"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class CategoryPrice:
    """What a seat of a category costs, all-in, before discounts."""

    category_id: str
    price: Money


@dataclass(frozen=True, slots=True)
class ShowPlan:
    """A show as its theatre plans it."""

    show_id: str
    movie_id: str
    theatre_id: str
    screen_id: str
    start_time: dt.datetime
    business_date: dt.date
    language: str
    subtitle_languages: tuple[str, ...]
    formats: tuple[str, ...]
    prices: tuple[CategoryPrice, ...]
    status: ShowStatus


@dataclass(frozen=True, slots=True)
class Show:
    """A planned show with what the catalogue adds to it when it is stored.

    `layout_id` is the screen's layout of that day: a screen that is rebuilt
    later changes nothing for seats that are on sale already.
    `in_afternoon` is by the theatre's clock, whether or not it gives the discount.
    """

    plan: ShowPlan
    city_id: str
    layout_id: str
    seat_count: int
    end_time: dt.datetime
    in_afternoon: bool

    @property
    def takes_screen(self) -> bool:
        """Whether its screen is taken while it runs."""
        return self.plan.status is ShowStatus.SCHEDULED

    def overlaps(self, other: "Show") -> bool:
        """Whether both run at one moment."""
        return self.plan.start_time < other.end_time and other.plan.start_time < self.end_time


def start_time_problem(start_time: dt.datetime) -> str:
    """What is wrong with a start time, for people; empty when nothing is."""
    if not _FIRST_SHOW <= start_time <= _LAST_SHOW:
        return "must be between the years 2000 and 2200"
    if start_time.microsecond:
        return "must be a whole second"
    return ""


def starts_in_afternoon(start_time: dt.datetime, zone: ZoneInfo) -> bool:
    """Whether the clock on the theatre's wall shows 12:00 ≤ t < 17:00 at the start."""
    return _AFTERNOON_BEGINS <= start_time.astimezone(zone).time() < _AFTERNOON_ENDS


def gives_afternoon_price(theatre: Theatre) -> bool:
    """Whether the theatre takes part in the afternoon discount."""
    return AFTERNOON_RULE_ID not in theatre.disabled_price_rule_ids


def afternoon_price(price: Money) -> Money:
    """The price less the afternoon discount, which is rounded half up to the minor unit."""
    return price - price.share(_AFTERNOON_DISCOUNT)


def possible_business_dates(start_time: dt.datetime, zone: ZoneInfo) -> tuple[dt.date, ...]:
    """Business dates that a show may belong to, the usual one first.

    Its date on the theatre's wall, and before 06:00 also the date before,
    which is then the usual one: the late show belongs to the evening.
    """
    local = start_time.astimezone(zone)
    if local.time() < NIGHT_ENDS:
        return (local.date() - dt.timedelta(days=1), local.date())
    return (local.date(),)
