"""The pipeline that tells a city's coming shows by movie, and what its answer means. Pure."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from catalog_svc.domain.programme import ComingShows
from catalog_svc.domain.shows import ShowStatus, afternoon_price
from mesh.money import Money


def programme_pipeline(
    city_id: str | None, since: dt.datetime, undiscounted_theatre_ids: Iterable[str]
) -> list[Mapping[str, Any]]:
    """Groups the scheduled shows that start at `since` or later by movie.

    The lowest full price is found apart for shows with and without the
    afternoon discount; the discount itself is worked out in `coming_shows_of`,
    where money is. A null counts for nothing in `$min`.
    """
    where: dict[str, Any] = {"status": ShowStatus.SCHEDULED.value, "start_time": {"$gte": since}}
    if city_id is not None:
        where["city_id"] = city_id
    discounted = {
        "$and": ["$in_afternoon", {"$not": {"$in": ["$theatre_id", list(undiscounted_theatre_ids)]}}]
    }
    price = "$lowest_price.minor_units"
    return [
        {"$match": where},
        {
            "$group": {
                "_id": "$movie_id",
                "business_dates": {"$addToSet": "$business_date"},
                "languages": {"$addToSet": "$language"},
                "formats": {"$addToSet": "$formats"},
                "currencies": {"$addToSet": "$lowest_price.currency_code"},
                "lowest_full": {"$min": {"$cond": [discounted, None, price]}},
                "lowest_discounted": {"$min": {"$cond": [discounted, price, None]}},
                "show_count": {"$sum": 1},
            }
        },
    ]


def coming_shows_of(group: Mapping[str, Any]) -> ComingShows:
    """What one group of the pipeline's answer says."""
    return ComingShows(
        business_dates=tuple(dt.date.fromisoformat(text) for text in sorted(group["business_dates"])),
        formats=tuple(sorted({name for names in group["formats"] for name in names})),
        languages=tuple(sorted(group["languages"])),
        lowest_price=_lowest_price(group),
        show_count=group["show_count"],
    )


def _lowest_price(group: Mapping[str, Any]) -> Money | None:
    if len(group["currencies"]) != 1:
        return None
    currency_code = group["currencies"][0]
    full, discounted = group["lowest_full"], group["lowest_discounted"]
    prices = [Money(currency_code, full)] if full is not None else []
    if discounted is not None:
        # The discount keeps the order of prices, so the least before it is the least after it.
        prices.append(afternoon_price(Money(currency_code, discounted)))
    return min(prices, key=lambda price: price.minor_units)
