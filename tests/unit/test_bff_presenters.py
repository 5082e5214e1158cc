"""Protobuf to what a page says, without any page."""

import datetime as dt

import pytest
from matinee.booking.v1 import booking_pb2
from matinee.catalog.v1 import catalog_pb2
from matinee.seat.v1 import seat_pb2

from bff.presenters.bookings import FACES, present_booking
from bff.presenters.errors import ErrorKind, present_error
from bff.presenters.programme import present_programme
from bff.presenters.quotes import present_quote
from bff.texts import TextsByLanguage
from tests.fixtures.bff import CITY, MOVIE, NOW, SHOW, THEATRE, euros, held_booking, timestamp

TEXTS = TextsByLanguage().for_header("en-GB")


def show_at(local: str, business_date: str = "2026-06-01") -> catalog_pb2.Show:
    """A show in Lisbon, which is an hour ahead of UTC in June."""
    start = dt.datetime.fromisoformat(f"{local}+01:00")
    show = catalog_pb2.Show()
    show.CopyFrom(SHOW)
    show.start_time.CopyFrom(timestamp(start))
    show.business_date = business_date
    return show


def programme(*shows: catalog_pb2.Show, **occupancies: seat_pb2.Occupancy) -> "list[list[str]]":
    response = catalog_pb2.ListShowsResponse(
        business_date="2026-06-01", theatres=[catalog_pb2.TheatreShows(theatre=THEATRE, shows=shows)]
    )
    view = present_programme(MOVIE, CITY, response, occupancies, TEXTS, NOW)
    if not view.theatres:
        return []
    (theatre,) = view.theatres
    return [[show.time for show in part] for part in (theatre.morning, theatre.afternoon, theatre.evening)]


@pytest.mark.parametrize(
    ("local", "part"),
    [
        ("2026-06-01T11:59", 0),
        ("2026-06-01T12:00", 1),
        ("2026-06-01T16:59", 1),
        ("2026-06-01T17:00", 2),
        ("2026-06-01T23:59", 2),
    ],
)
def test_a_show_stands_in_its_part_of_the_day(local: str, part: int) -> None:
    parts = programme(show_at(local))
    assert [len(shows) for shows in parts] == [int(index == part) for index in range(3)]


@pytest.mark.parametrize("discounted", [True, False])
def test_an_afternoon_is_called_cheaper_only_where_the_theatre_makes_it_so(discounted: bool) -> None:
    show = show_at("2026-06-01T15:00")
    show.afternoon = discounted
    response = catalog_pb2.ListShowsResponse(
        business_date="2026-06-01", theatres=[catalog_pb2.TheatreShows(theatre=THEATRE, shows=[show])]
    )
    (theatre,) = present_programme(MOVIE, CITY, response, {}, TEXTS, NOW).theatres
    assert theatre.afternoon_off is discounted


def test_a_show_after_midnight_belongs_to_the_evening_before() -> None:
    assert programme(show_at("2026-06-02T00:30"))[2] == ["00:30"]


def test_a_show_that_began_is_not_offered() -> None:
    assert programme(show_at("2026-06-01T09:40")) == []
    assert programme(show_at("2026-06-01T09:55")) != []  # sales go on for ten minutes


@pytest.mark.parametrize(
    ("free", "fullness", "is_open"),
    [(0, "full", False), (3, "few", True), (12, "filling", True), (13, "plenty", True)],
)
def test_how_full_a_show_is(free: int, fullness: str, is_open: bool) -> None:
    response = catalog_pb2.ListShowsResponse(
        business_date="2026-06-01", theatres=[catalog_pb2.TheatreShows(theatre=THEATRE, shows=[SHOW])]
    )
    occupancy = seat_pb2.Occupancy(show_id=SHOW.show_id, available_count=free, seat_count=24)
    view = present_programme(MOVIE, CITY, response, {SHOW.show_id: occupancy}, TEXTS, NOW)
    (show,) = view.theatres[0].afternoon
    assert (show.fullness, show.open) == (fullness, is_open)


def test_a_cancelled_show_cannot_be_chosen() -> None:
    cancelled = show_at("2026-06-01T15:00")
    cancelled.status = catalog_pb2.SHOW_STATUS_CANCELLED
    response = catalog_pb2.ListShowsResponse(
        business_date="2026-06-01", theatres=[catalog_pb2.TheatreShows(theatre=THEATRE, shows=[cancelled])]
    )
    (show,) = present_programme(MOVIE, CITY, response, {}, TEXTS, NOW).theatres[0].afternoon
    assert not show.open
    assert show.fullness_text == "Cancelled"


def test_a_rule_that_is_not_known_here_speaks_for_itself() -> None:
    line = booking_pb2.PriceLine(rule_id="students-10", description="Students, 10 % off", amount=euros(-85))
    (shown,) = present_quote(booking_pb2.Quote(lines=[line], total=euros(0)), ["A1"], TEXTS).lines
    assert (shown.label, shown.amount, shown.discount) == ("Students, 10 % off", "-€0.85", True)


def test_every_state_of_a_booking_has_a_face() -> None:
    states = set(booking_pb2.BookingState.values()) - {booking_pb2.BOOKING_STATE_UNSPECIFIED}
    assert set(FACES) == states


def test_the_time_left_is_told_by_the_servers_clock() -> None:
    booking = held_booking("b", ["A1"])
    assert present_booking(booking, TEXTS).seconds_left == 287
    booking.as_of_time.CopyFrom(timestamp(NOW + dt.timedelta(hours=1)))
    assert present_booking(booking, TEXTS).seconds_left == 0


def test_cancelling_ends_at_its_time() -> None:
    booking = held_booking("b", ["A1"])
    booking.state = booking_pb2.BOOKING_STATE_CONFIRMED
    assert present_booking(booking, TEXTS).may_cancel
    booking.as_of_time.CopyFrom(booking.cancel_until_time)
    assert not present_booking(booking, TEXTS).may_cancel


@pytest.mark.parametrize(
    "reason",
    [
        *("seats_lost", "seats_refused", "theatre_unavailable", "cancelled_by_buyer"),
        *("show_cancelled", "amount_mismatch", "paid_twice"),
    ],
)
def test_every_refund_says_why(reason: str) -> None:
    booking = held_booking("b-1", ["A1"])
    booking.refunds.add(amount=euros(900), refund_reason=reason)
    (shown,) = present_booking(booking, TEXTS).refunds
    assert shown.reason


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_every_error_says_what_happened_and_what_to_do(kind: ErrorKind) -> None:
    view = present_error(kind, None, TEXTS)
    assert view.title
    assert view.what.endswith(".")
    assert view.advice.endswith(".")


def test_a_booking_that_ran_out_after_a_try_to_pay_waits_for_late_news() -> None:
    booking = held_booking("b", ["A1"])
    booking.state = booking_pb2.BOOKING_STATE_EXPIRED
    assert present_booking(booking, TEXTS).settled
    booking.payment.payment_id = "p"
    late = present_booking(booking, TEXTS)
    assert late.may_still_be_paid
    assert not late.settled
