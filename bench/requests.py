"""The requests that the load clients send."""

import itertools

from matinee.seat.v1 import seat_pb2
from matinee.theatre.v1 import seats_pb2
from matinee.type.v1 import money_pb2

from bench.jobs import Pick
from mesh.ids import new_request_id

_holders = itertools.count()


def hold_request(pick: Pick) -> seat_pb2.HoldSeatsRequest:
    """Each hold has a holder of its own."""
    show_id, seat_ids = pick
    return seat_pb2.HoldSeatsRequest(
        request_id=new_request_id(), show_id=show_id, seat_ids=seat_ids, holder_id=f"buyer-{next(_holders)}"
    )


def confirm_request(hold: seats_pb2.Hold) -> seat_pb2.ConfirmHoldRequest:
    """Pays 12.00 for each seat of the hold."""
    amount = money_pb2.Money(currency_code="GBP", minor_units=1200)
    return seat_pb2.ConfirmHoldRequest(
        request_id=new_request_id(),
        show_id=hold.show_id,
        hold_id=hold.hold_id,
        booking_id=f"booking-{hold.hold_id}",
        payments=[seats_pb2.SeatPayment(seat_id=seat_id, amount=amount) for seat_id in hold.seat_ids],
    )
