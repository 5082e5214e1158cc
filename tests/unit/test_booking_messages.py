"""Bookings as messages: instants are exact, and nothing is told that is not there."""

import datetime as dt

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from booking_svc.convert.bookings import booking
from booking_svc.convert.values import timestamp
from booking_svc.domain.booking import BookingState
from tests.fixtures.bookings import NOW, in_state


@given(
    st.datetimes(min_value=dt.datetime(1, 1, 2), max_value=dt.datetime(9999, 12, 30)),  # noqa: DTZ001
    st.integers(-14, 14),
)
def test_an_instant_is_what_the_library_makes_of_it(naive: dt.datetime, hours: int) -> None:
    time = naive.replace(tzinfo=dt.timezone(dt.timedelta(hours=hours)))
    expected = Timestamp()
    expected.FromDatetime(time)
    assert timestamp(time) == expected


@pytest.mark.parametrize("state", BookingState)
def test_only_what_a_booking_has_is_told(state: BookingState) -> None:
    whole = in_state(state)
    message = booking(whole, NOW)
    has = {
        "contact": whole.contact,
        "hold_expire_time": whole.hold,
        "pay_until_time": whole.hold,
        "payment": whole.payments,
        "show_cancellation": whole.show_cancellation,
        "show_move": whole.show_move,
    }
    told = {field.name for field, _ in message.ListFields()}
    assert told & has.keys() == {name for name, part in has.items() if part}
    assert message.as_of_time == timestamp(NOW)
    assert [ticket.ticket_id for ticket in message.tickets] == [ticket.ticket_id for ticket in whole.tickets]
