"""Domain to protobuf and back."""

import base64
import datetime as dt
import json

import pytest
from matinee.catalog.v1 import catalog_pb2
from matinee.theatre.v1 import seats_pb2

from mesh.errors import InvalidField
from seat_svc import convert
from seat_svc.domain.seats import SeatDelta, SeatMap, SeatState
from seat_svc.domain.show import Connector
from tests.fixtures.seats import a_show, hall

MOMENT = dt.datetime(2026, 6, 1, 12, 30, 15, 250_000, tzinfo=dt.UTC)


def test_states_have_the_contracts_numbers() -> None:
    contract = {
        name.removeprefix("SEAT_STATE_"): number
        for name, number in seats_pb2.SeatState.items()
        if number != seats_pb2.SEAT_STATE_UNSPECIFIED
    }
    assert {state.name: state.value for state in SeatState} == contract


def test_a_map_carries_its_states_in_order() -> None:
    message = convert.seat_map(SeatMap("show", "hall", bytes([1, 5, 4, 2, 3]), 7, MOMENT))
    assert list(message.seat_states) == [1, 5, 4, 2, 3]
    assert (message.sequence, message.as_of_time.ToDatetime(tzinfo=dt.UTC)) == (7, MOMENT)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 300, 2_000, 16_383, 16_384, 3_000_000])
def test_a_map_of_any_size_is_what_protobuf_itself_would_write(size: int) -> None:
    states = (bytes([1, 5, 4, 2, 3]) * (size // 5 + 1))[:size]
    usual = seats_pb2.SeatMap(
        show_id="show", layout_id="hall", sequence=7, as_of_time=convert.timestamp(MOMENT)
    )
    usual.seat_states.extend(states)  # type: ignore[arg-type]  # bytes are the enum's numbers
    assert convert.seat_map(SeatMap("show", "hall", states, 7, MOMENT)) == usual


def test_a_delta_names_each_seat() -> None:
    message = convert.seat_delta(SeatDelta(8, ((0, 2), (3, 1)), MOMENT))
    assert [(change.seat_index, change.state) for change in message.changes] == [(0, 2), (3, 1)]


def test_a_layout_survives_the_way_there_and_back() -> None:
    layout = hall(2, 4, aisles=[3], accessible=["A1"], companions={"A2": "A1"}, premium_rows="B")
    assert convert.layout_from(convert.layout_message(layout)) == layout


def test_a_show_is_read_from_the_catalogues_answer() -> None:
    show = a_show(cancelled=True, refuse_lone_seats=True, connector=Connector.DATABASE)
    answer = catalog_pb2.GetShowResponse(
        show=catalog_pb2.Show(
            show_id=show.show_id,
            theatre_id=show.theatre_id,
            start_time=convert.timestamp(show.start_time),
            business_date=show.business_date.isoformat(),
            status=catalog_pb2.SHOW_STATUS_CANCELLED,
        ),
        theatre=catalog_pb2.Theatre(connector=catalog_pb2.THEATRE_CONNECTOR_DATABASE, refuse_lone_seats=True),
    )
    assert convert.show_from(answer, show.layout) == show


def test_page_tokens_come_back_as_they_went() -> None:
    position = (MOMENT, "booking-1")
    assert convert.sale_position(convert.page_token(position)) == position
    assert convert.page_token(None) == ""
    assert convert.sale_position("") is None


@pytest.mark.parametrize(
    "token",
    ["x", "====", "bm90IGpzb24=", base64.urlsafe_b64encode(json.dumps([1, 2]).encode()).decode()],
)
def test_page_tokens_of_others_are_refused(token: str) -> None:
    with pytest.raises(InvalidField):
        convert.sale_position(token)
