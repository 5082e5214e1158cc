"""Workers that are slow, die or come back with old answers: money and seats end right all the same."""

import pytest

from booking_svc.domain.booking import BookingState, SeatStanding
from tests.fixtures.interleaving import Interleaving, costs_of

LIVES = 4_000


def _check_end(life: Interleaving) -> None:
    """By the provider's and the theatre's own books, not by what the booking believes."""
    booking, kept, costs = life.booking, 0, dict[str, int]()
    if booking.state is BookingState.CONFIRMED:
        kept, costs = booking.kept_quote.total.minor_units, costs_of(booking.kept_quote)
    else:
        assert booking.state in {BookingState.EXPIRED, BookingState.REFUNDED}
        assert booking.seats is SeatStanding.FREED
    assert _sold(life) == costs
    assert life.captured - life.sent_back == kept
    assert not any(session.state == "open" for session in life.sessions.values())


def _sold(life: Interleaving) -> dict[str, int]:
    """The seats with good tickets, and what each costs by the theatre's books."""
    return {seat_id: life.theatre.costs[seat_id] for seat_id in life.theatre.live}


@pytest.mark.parametrize("bought", [False, True])
def test_whatever_is_on_its_way_money_and_seats_end_right(bought: bool) -> None:
    ends = set()
    for seed in range(LIVES):
        life = Interleaving(seed, bought=bought)
        life.live()
        try:
            _check_end(life)
        except AssertionError as error:
            raise AssertionError(f"life {seed}") from error
        ends.add((life.booking.state, bool(life.booking.partial_cancellations)))
    never_paid = set() if bought else {BookingState.EXPIRED}
    assert {state for state, _ in ends} == {BookingState.CONFIRMED, BookingState.REFUNDED} | never_paid
    assert (BookingState.CONFIRMED, True) in ends


def test_control_where_a_cancelled_sale_may_still_be_made_seats_are_sold_whose_money_went_back() -> None:
    for seed in range(LIVES):
        life = Interleaving(seed, rules_out=False)
        life.live()
        if life.booking.state is BookingState.REFUNDED and life.theatre.live:
            return
    pytest.fail("the control has not met what the guard is for")


def test_control_where_a_late_repeat_undoes_what_a_later_call_has_set_the_theatres_books_are_wrong() -> None:
    for seed in range(LIVES):
        life = Interleaving(seed, keeps_newer=False, bought=True)
        life.live()
        confirmed = life.booking.state is BookingState.CONFIRMED
        if confirmed and _sold(life) != costs_of(life.booking.kept_quote):
            return
    pytest.fail("the control has not met what the guard is for")
