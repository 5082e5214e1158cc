"""What the demo's theatres charge, all-in."""

import datetime as dt
from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from matinee.catalog.v1 import catalog_pb2
from matinee.type.v1 import layout_pb2, money_pb2

from stack.demo.facts import DemoMovie, DemoTheatre

_CATEGORY_PERCENT: Final = {"standard": 100, "premium": 130, "recliner": 170}
_SHORT_PERCENT: Final = 50
_WEEKEND_EVENING_PERCENT: Final = 115
_LIVE_MUSIC_PERCENT: Final = 125
_FRIDAY: Final = 4
_EVENING: Final = dt.time(17)


def prices(
    theatre: DemoTheatre,
    movie: DemoMovie,
    layout: layout_pb2.Layout,
    day: dt.date,
    start: dt.datetime,
    formats: Sequence[str],
) -> list[catalog_pb2.CategoryPrice]:
    """A price for each category of the layout, rounded up to the city's step."""
    local = start.astimezone(ZoneInfo(theatre.record.time_zone))
    percents = [
        _SHORT_PERCENT if movie.short else 100,
        _WEEKEND_EVENING_PERCENT if day.weekday() >= _FRIDAY and local.time() >= _EVENING else 100,
        _LIVE_MUSIC_PERCENT if "Live music" in formats else 100,
    ]
    return [
        catalog_pb2.CategoryPrice(
            category_id=category.category_id,
            price=money_pb2.Money(
                currency_code=theatre.currency_code,
                minor_units=_scaled(
                    theatre.price, [*percents, _CATEGORY_PERCENT[category.category_id]], theatre.step
                ),
            ),
        )
        for category in layout.categories
    ]


def _scaled(price: int, percents: Sequence[int], step: int) -> int:
    scale = 1
    for percent in percents:
        price *= percent
        scale *= 100
    return -(-price // (scale * step)) * step
