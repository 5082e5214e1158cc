"""What protobuf and the conversions of a call cost the server, measured by themselves."""

import timeit
from datetime import UTC, datetime
from typing import Final

from matinee.seat.v1 import seat_pb2
from matinee.theatre.v1 import seats_pb2

from bench.programme import SEAT_IDS
from bench.requests import confirm_request, hold_request
from seat_svc import convert
from seat_svc.domain.sale import Ticket
from seat_svc.domain.seats import Hold, SeatMap

_REPEATS: Final = 3_000
_PAIR: Final = ("A1", "A2")
_SHOW: Final = "bench-1"


def conversion_seconds() -> dict[str, float]:
    """Seconds for each call: from the request's bytes to the domain, and from the domain to bytes."""
    now = datetime.now(UTC)
    held = Hold("a" * 22, _SHOW, _PAIR, "buyer-1", expire_time=now, as_of_time=now)
    seat_map = SeatMap(_SHOW, "hall-300", bytes([1]) * len(SEAT_IDS), 1, now)
    tickets = tuple(Ticket(f"odeon-{'t' * 22}", seat_id) for seat_id in _PAIR)
    hold_bytes = hold_request((_SHOW, _PAIR)).SerializeToString()
    map_bytes = seat_pb2.GetSeatMapRequest(show_id=_SHOW).SerializeToString()
    confirm_bytes = confirm_request(
        seats_pb2.Hold(hold_id="a" * 22, show_id=_SHOW, seat_ids=_PAIR)
    ).SerializeToString()

    def hold() -> None:
        request = seat_pb2.HoldSeatsRequest.FromString(hold_bytes)
        tuple(request.seat_ids)
        seat_pb2.HoldSeatsResponse(hold=convert.hold(held)).SerializeToString()

    def map_of_seats() -> None:
        seat_pb2.GetSeatMapRequest.FromString(map_bytes)
        seat_pb2.GetSeatMapResponse(seat_map=convert.seat_map(seat_map)).SerializeToString()

    def confirm() -> None:
        request = seat_pb2.ConfirmHoldRequest.FromString(confirm_bytes)
        convert.seat_payments(request.payments)
        seat_pb2.ConfirmHoldResponse(tickets=convert.tickets(tickets)).SerializeToString()

    calls = {"hold": hold, "seat_map": map_of_seats, "confirm": confirm}
    # The fastest of several: what others do on the machine only ever adds.
    return {
        name: min(timeit.repeat(call, number=_REPEATS, repeat=5)) / _REPEATS for name, call in calls.items()
    }
