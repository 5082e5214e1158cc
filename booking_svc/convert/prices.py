"""Prices, and what a cancellation would mean for them."""

from matinee.booking.v1 import booking_pb2
from matinee.theatre.v1 import seats_pb2

from booking_svc.convert.values import money
from booking_svc.domain.machine.cancelling import Settlement
from booking_svc.domain.prices import Quote


def quote(priced: Quote) -> booking_pb2.Quote:
    """The price with its lines."""
    return booking_pb2.Quote(
        lines=[
            booking_pb2.PriceLine(
                seat_id=line.seat_id,
                rule_id=line.rule_id,
                description=line.description,
                amount=money(line.amount),
            )
            for line in priced.lines
        ],
        total=money(priced.total),
        seat_prices=seat_payments(priced),
    )


def seat_payments(priced: Quote) -> list[seats_pb2.SeatPayment]:
    """What is paid for each seat."""
    return [
        seats_pb2.SeatPayment(seat_id=each.seat_id, amount=money(each.amount)) for each in priced.seat_prices
    ]


def settlement(settled: Settlement) -> booking_pb2.PreviewCancellationResponse:
    """What a cancellation would mean."""
    return booking_pb2.PreviewCancellationResponse(
        seat_ids=settled.seat_ids,
        paid_amount=money(settled.paid),
        refunded_amount=money(settled.refunded),
        kept_quote=quote(settled.kept) if settled.kept is not None else None,
        refund_amount=money(settled.refund),
    )
