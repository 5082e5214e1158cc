"""Afternoons, business dates and what is coming, in the theatre's own time."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_svc.domain.programme import coming_since
from catalog_svc.domain.shows import (
    afternoon_price,
    possible_business_dates,
    start_time_problem,
    starts_in_afternoon,
)
from mesh.money import Money

LONDON, KATHMANDU, NEW_YORK = (
    ZoneInfo("Europe/London"),
    ZoneInfo("Asia/Kathmandu"),
    ZoneInfo("America/New_York"),
)


def _local(zone: ZoneInfo, *wall: int) -> dt.datetime:
    year, month, day, hour, minute = wall
    return dt.datetime(year, month, day, hour, minute, tzinfo=zone).astimezone(dt.UTC)


@pytest.mark.parametrize(
    ("hour", "minute", "afternoon"), [(11, 59, False), (12, 0, True), (16, 59, True), (17, 0, False)]
)
@pytest.mark.parametrize(
    ("zone", "month", "day"),
    [
        (LONDON, 3, 29),  # the clock goes forward
        (LONDON, 10, 25),  # the clock goes back
        (NEW_YORK, 3, 8),
        (NEW_YORK, 11, 1),
        (KATHMANDU, 6, 1),
    ],
)
def test_afternoon_is_by_the_clock_on_the_wall(
    zone: ZoneInfo, month: int, day: int, hour: int, minute: int, afternoon: bool
) -> None:
    assert starts_in_afternoon(_local(zone, 2026, month, day, hour, minute), zone) is afternoon


@pytest.mark.parametrize(
    ("price", "reduced"),
    [(1000, 800), (999, 799), (1, 1), (2, 2), (3, 2), (0, 0), (1900, 1520), (3750, 3000)],
)
def test_the_afternoon_price_is_four_fifths_with_the_discount_rounded_half_up(
    price: int, reduced: int
) -> None:
    assert afternoon_price(Money("JPY", price)) == Money("JPY", reduced)


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_the_discount_keeps_the_order_of_prices(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert (
        0 <= afternoon_price(Money("EUR", low)).minor_units <= afternoon_price(Money("EUR", high)).minor_units
    )


@pytest.mark.parametrize(
    ("wall", "dates"),
    [
        ((2026, 6, 2, 0, 15), ["2026-06-01", "2026-06-02"]),
        ((2026, 6, 2, 5, 59), ["2026-06-01", "2026-06-02"]),
        ((2026, 6, 2, 6, 0), ["2026-06-02"]),
        ((2026, 6, 2, 23, 59), ["2026-06-02"]),
        ((2026, 1, 1, 0, 0), ["2025-12-31", "2026-01-01"]),
    ],
)
def test_a_show_before_six_may_belong_to_the_evening_before(wall: tuple[int, ...], dates: list[str]) -> None:
    found = possible_business_dates(_local(KATHMANDU, *wall), KATHMANDU)
    assert [date.isoformat() for date in found] == dates


@pytest.mark.parametrize("second", [0, 1, 29])
def test_what_is_coming_is_counted_in_half_minutes(second: int) -> None:
    now = dt.datetime(2026, 6, 1, 12, 0, second, tzinfo=dt.UTC)
    assert coming_since(now, dt.timedelta(minutes=10)) == dt.datetime(2026, 6, 1, 11, 50, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("start", "fine"),
    [
        (dt.datetime(2026, 6, 1, tzinfo=dt.UTC), True),
        (dt.datetime(1999, 12, 31, tzinfo=dt.UTC), False),
        (dt.datetime(9999, 12, 31, tzinfo=dt.UTC), False),
        (dt.datetime(2026, 6, 1, microsecond=1, tzinfo=dt.UTC), False),
    ],
)
def test_start_times_are_whole_seconds_of_this_age(start: dt.datetime, fine: bool) -> None:
    assert (start_time_problem(start) == "") is fine
