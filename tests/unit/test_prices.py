"""The two price rules, as properties and at their edges."""

import datetime as dt
from dataclasses import replace
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking_svc.domain.prices import RULES, PriceRule, Quote, quote
from booking_svc.errors import UnknownSeat
from mesh.money import Money
from tests.fixtures.bookings import a_show

ZONES = ("UTC", "Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Kathmandu")
CURRENCIES = ("USD", "JPY", "KWD")

seats = st.dictionaries(
    st.from_regex(r"[A-Z][1-9][0-9]?", fullmatch=True), st.integers(0, 10**7), min_size=1, max_size=10
)
starts = st.integers(1_700_000_000, 1_830_000_000).map(
    lambda seconds: dt.datetime.fromtimestamp(seconds, dt.UTC)
)


def _price(prices: dict[str, int], **show: object) -> Quote:
    return quote(a_show(prices, **show), tuple(prices))  # type: ignore[arg-type]


def _totals(priced: Quote) -> dict[str, int]:
    return {each.seat_id: each.amount.minor_units for each in priced.seat_prices}


def _at(hour: int, minute: int = 0, second: int = 0, zone: str = "Asia/Kolkata") -> dict[str, object]:
    local = dt.datetime(2026, 6, 1, hour, minute, second, tzinfo=ZoneInfo(zone))
    return {"time_zone": zone, "start_time": local.astimezone(dt.UTC)}


EVENING = _at(19)
AFTERNOON = _at(13)


@given(seats, starts, st.sampled_from(ZONES), st.sampled_from(CURRENCIES))
def test_lines_and_seat_prices_add_up_and_nothing_is_negative(
    prices: dict[str, int], start: dt.datetime, zone: str, currency: str
) -> None:
    priced = _price(prices, start_time=start, time_zone=zone, currency=currency)
    assert sum(line.amount.minor_units for line in priced.lines) == priced.total.minor_units
    assert sum(_totals(priced).values()) == priced.total.minor_units
    assert all(amount >= 0 for amount in _totals(priced).values())
    assert {line.amount.currency_code for line in priced.lines} == {currency}
    assert all(line.amount.minor_units <= 0 for line in priced.lines if line.rule_id != "base")
    assert [each.seat_id for each in priced.seat_prices] == list(prices)


@given(seats, starts, st.sampled_from(ZONES), st.randoms(use_true_random=False))
def test_the_order_of_the_seats_changes_no_price(
    prices: dict[str, int], start: dt.datetime, zone: str, random: object
) -> None:
    shuffled = list(prices)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    show = a_show(prices, start_time=start, time_zone=zone)
    assert _totals(quote(show, tuple(prices))) == _totals(quote(show, tuple(shuffled)))


@given(seats, starts, st.sampled_from(ZONES))
def test_the_total_is_what_the_contract_says(prices: dict[str, int], start: dt.datetime, zone: str) -> None:
    """The same rules once more, written as plainly as possible."""
    local = start.astimezone(ZoneInfo(zone))
    costs = sorted(prices.values(), reverse=True)
    if 12 <= local.hour < 17:
        costs = [cost - int(Fraction(cost, 5) + Fraction(1, 2)) for cost in costs]
    if len(costs) >= 3:
        costs[2] -= int(Fraction(costs[2], 2) + Fraction(1, 2))
    assert _price(prices, start_time=start, time_zone=zone).total.minor_units == sum(costs)


@pytest.mark.parametrize(
    ("at", "discounted"),
    [
        (_at(11, 59, 59), False),
        (_at(12), True),
        (_at(16, 59, 59), True),
        (_at(17), False),
        (_at(0), False),
        (_at(12, zone="Pacific/Apia"), True),
        (_at(12, zone="Pacific/Honolulu"), True),
    ],
)
def test_the_afternoon_is_from_twelve_to_five_on_the_theatres_wall(
    at: dict[str, object], discounted: bool
) -> None:
    assert _price({"A1": 1000}, **at).total.minor_units == (800 if discounted else 1000)


@pytest.mark.parametrize(
    ("utc", "local_hour"),
    [
        # London goes to summer time on 29 March 2026 at 01:00 UTC and back on 25 October.
        (dt.datetime(2026, 3, 28, 12, 0, tzinfo=dt.UTC), 12),
        (dt.datetime(2026, 3, 29, 11, 0, tzinfo=dt.UTC), 12),
        (dt.datetime(2026, 3, 29, 16, 0, tzinfo=dt.UTC), 17),
        (dt.datetime(2026, 10, 24, 11, 30, tzinfo=dt.UTC), 12),
        (dt.datetime(2026, 10, 25, 11, 30, tzinfo=dt.UTC), 11),
        (dt.datetime(2026, 10, 25, 12, 0, tzinfo=dt.UTC), 12),
    ],
)
def test_days_on_which_the_clocks_change_follow_the_wall(utc: dt.datetime, local_hour: int) -> None:
    assert utc.astimezone(ZoneInfo("Europe/London")).hour == local_hour
    total = _price({"A1": 1000}, start_time=utc, time_zone="Europe/London").total.minor_units
    assert total == (800 if 12 <= local_hour < 17 else 1000)


@pytest.mark.parametrize(
    ("prices", "total"),
    [
        ({"A1": 1000}, 1000),
        ({"A1": 1000, "A2": 1000}, 2000),
        ({"A1": 1000, "A2": 1000, "A3": 1000}, 2500),
        ({"A1": 1000, "A2": 1000, "A3": 1000, "A4": 1000, "A5": 1000, "A6": 1000}, 5500),
        # Unequal: the third by price is half, not the cheapest and not the third in the request.
        ({"A1": 300, "A2": 2000, "A3": 1000, "A4": 500}, 3550),
    ],
)
def test_exactly_one_ticket_of_three_or_more_is_half_price(prices: dict[str, int], total: int) -> None:
    priced = _price(prices, **EVENING)
    assert priced.total.minor_units == total
    discounts = [line for line in priced.lines if line.rule_id == "third-ticket-50"]
    assert len(discounts) == (1 if len(prices) >= 3 else 0)


def test_equal_prices_are_told_apart_by_seat_id() -> None:
    priced = _price({"C9": 1000, "A1": 1000, "B5": 1000}, **EVENING)
    assert _totals(priced) == {"C9": 500, "A1": 1000, "B5": 1000}


def test_the_third_ticket_is_half_of_its_afternoon_price() -> None:
    priced = _price({"A1": 1000, "A2": 1000, "A3": 999}, **AFTERNOON)
    # 999 less 20 % (199.8, so 200) is 799; less 50 % (399.5, so 400) is 399.
    assert _totals(priced) == {"A1": 800, "A2": 800, "A3": 399}
    assert [(line.rule_id, line.amount.minor_units) for line in priced.lines if line.seat_id == "A3"] == [
        ("base", 999),
        ("afternoon-20", -200),
        ("third-ticket-50", -400),
    ]


@pytest.mark.parametrize(("cost", "off"), [(0, 0), (1, 0), (2, 0), (3, 1), (7, 1), (8, 2), (12, 2), (13, 3)])
def test_a_discount_is_rounded_half_up_to_the_minor_unit(cost: int, off: int) -> None:
    line = _price({"A1": cost}, currency="JPY", **AFTERNOON).lines[1]
    assert line.amount == Money("JPY", -off)


def test_a_theatre_may_switch_either_rule_off() -> None:
    prices = {"A1": 1000, "A2": 1000, "A3": 1000}
    totals = {
        disabled: _price(prices, disabled=frozenset(disabled), **AFTERNOON).total.minor_units
        for disabled in ((), ("afternoon-20",), ("third-ticket-50",), ("afternoon-20", "third-ticket-50"))
    }
    assert totals == {
        (): 2000,
        ("afternoon-20",): 2500,
        ("third-ticket-50",): 2400,
        ("afternoon-20", "third-ticket-50"): 3000,
    }


def test_another_rule_is_only_more_data() -> None:
    early = PriceRule("early-10", "Early bird", Fraction(1, 10), local_start=(dt.time(6), dt.time(12)))
    show = a_show({"A1": 1000}, **_at(9))  # type: ignore[arg-type]
    assert quote(show, ("A1",), (*RULES, early)).total.minor_units == 900


def test_seats_that_the_show_does_not_have_are_named() -> None:
    with pytest.raises(UnknownSeat) as caught:
        quote(a_show(), ("A1", "Z9", "Z8"))
    assert caught.value.facts == {"seat_ids": "Z9,Z8"}
    assert caught.value.reason == "UNKNOWN_SEAT"


def test_a_show_without_a_local_afternoon_in_utc_still_follows_its_own_zone() -> None:
    noon_in_kolkata = a_show({"A1": 1000}, **_at(12))  # type: ignore[arg-type]
    elsewhere = replace(noon_in_kolkata, facts=replace(noon_in_kolkata.facts, time_zone="America/New_York"))
    assert quote(noon_in_kolkata, ("A1",)).total.minor_units == 800
    assert quote(elsewhere, ("A1",)).total.minor_units == 1000


@pytest.mark.parametrize(
    ("utc", "in_the_hour"),
    [
        # London has no 01:00 to 02:00 on 29 March 2026, and has it twice on 25 October.
        (dt.datetime(2026, 3, 29, 0, 59, tzinfo=dt.UTC), False),
        (dt.datetime(2026, 3, 29, 1, 0, tzinfo=dt.UTC), False),
        (dt.datetime(2026, 3, 29, 0, 0, tzinfo=dt.UTC), False),
        (dt.datetime(2026, 10, 24, 23, 59, tzinfo=dt.UTC), False),
        (dt.datetime(2026, 10, 25, 0, 0, tzinfo=dt.UTC), True),
        (dt.datetime(2026, 10, 25, 0, 59, tzinfo=dt.UTC), True),
        (dt.datetime(2026, 10, 25, 1, 0, tzinfo=dt.UTC), True),
        (dt.datetime(2026, 10, 25, 1, 59, tzinfo=dt.UTC), True),
        (dt.datetime(2026, 10, 25, 2, 0, tzinfo=dt.UTC), False),
    ],
)
def test_an_hour_that_there_is_not_or_twice_is_that_of_the_wall(utc: dt.datetime, in_the_hour: bool) -> None:
    night = PriceRule("night-10", "Late", Fraction(1, 10), local_start=(dt.time(1), dt.time(2)))
    show = a_show({"A1": 1000}, start_time=utc, time_zone="Europe/London")
    assert quote(show, ("A1",), (night,)).total.minor_units == (900 if in_the_hour else 1000)


@pytest.mark.parametrize("currency", CURRENCIES)
def test_minor_units_are_counted_alike_in_every_currency(currency: str) -> None:
    """Of 1 unit of Yen, cent or fils, half is rounded up: the discount is 1, and nothing goes below zero."""
    priced = _price({"A1": 1, "A2": 1, "A3": 1}, currency=currency, **EVENING)
    assert (priced.total, _totals(priced)["A3"]) == (Money(currency, 2), 0)
