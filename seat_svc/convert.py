"""Domain to protobuf and back. Pure."""

import base64
import datetime as dt
import json
from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp
from matinee.catalog.v1 import catalog_pb2
from matinee.theatre.v1 import seats_pb2, theatre_pb2
from matinee.type.v1 import layout_pb2, money_pb2

from mesh.errors import InvalidField
from mesh.money import Money
from seat_svc.domain.layout import Category, Layout, Seat
from seat_svc.domain.sale import Sale, SeatPayment, Ticket
from seat_svc.domain.seats import Hold, SeatDelta, SeatMap
from seat_svc.domain.show import Connector, Show
from seat_svc.usecases.sales import SalePosition

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_STATES_TAG = bytes([seats_pb2.SeatMap.SEAT_STATES_FIELD_NUMBER << 3 | 2])
_CONNECTORS = {
    catalog_pb2.THEATRE_CONNECTOR_HOSTED: Connector.HOSTED,
    catalog_pb2.THEATRE_CONNECTOR_API: Connector.API,
    catalog_pb2.THEATRE_CONNECTOR_DATABASE: Connector.DATABASE,
}


def timestamp(time: dt.datetime) -> Timestamp:
    """An instant."""
    since = time - _EPOCH
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1000)


def seat_map(reading: SeatMap) -> seats_pb2.SeatMap:
    """A seat map; the states' bytes are the enum's numbers.

    That is how protobuf writes them as well (packed, each below 128), so they are read in as a piece of the
    message: one by one they took five times as long as all the rest.
    """
    message = seats_pb2.SeatMap(
        show_id=reading.show_id,
        layout_id=reading.layout_id,
        sequence=reading.sequence,
        as_of_time=timestamp(reading.as_of_time),
    )
    message.MergeFromString(_STATES_TAG + _length(reading.states) + reading.states)
    return message


def _length(content: bytes) -> bytes:
    """As protobuf writes it: seven bits a byte, the lowest first."""
    size, written = len(content), bytearray()
    while size > 127:
        written.append(size & 127 | 128)
        size >>= 7
    written.append(size)
    return bytes(written)


def seat_delta(delta: SeatDelta) -> seats_pb2.SeatDelta:
    """A change."""
    return seats_pb2.SeatDelta(
        sequence=delta.sequence,
        changes=[
            seats_pb2.SeatChange(seat_index=seat, state=state)  # type: ignore[arg-type]  # the enum's number
            for seat, state in delta.changes
        ],
        change_time=timestamp(delta.change_time),
    )


def hold(held: Hold) -> seats_pb2.Hold:
    """A hold."""
    return seats_pb2.Hold(
        hold_id=held.hold_id,
        show_id=held.show_id,
        seat_ids=held.seat_ids,
        holder_id=held.holder_id,
        expire_time=timestamp(held.expire_time),
        as_of_time=timestamp(held.as_of_time),
    )


def tickets(issued: Iterable[Ticket]) -> list[seats_pb2.Ticket]:
    """Tickets."""
    return [
        seats_pb2.Ticket(ticket_id=ticket.ticket_id, seat_id=ticket.seat_id, cancelled=ticket.cancelled)
        for ticket in issued
    ]


def sale(sold: Sale) -> theatre_pb2.Sale:
    """A sale for a theatre's books."""
    return theatre_pb2.Sale(
        booking_id=sold.booking_id,
        show_id=sold.show_id,
        tickets=tickets(sold.tickets),
        payments=[
            seats_pb2.SeatPayment(
                seat_id=payment.seat_id,
                amount=money_pb2.Money(
                    currency_code=payment.amount.currency_code, minor_units=payment.amount.minor_units
                ),
            )
            for payment in sold.payments
        ],
        sale_time=timestamp(sold.sale_time),
    )


def layout_message(layout: Layout) -> layout_pb2.Layout:
    """A layout."""
    return layout_pb2.Layout(
        layout_id=layout.layout_id,
        seats=[
            layout_pb2.Seat(
                seat_id=seat.seat_id,
                row=seat.row,
                number=seat.number,
                category_id=seat.category_id,
                x=seat.x,
                y=seat.y,
                accessible=seat.accessible,
                companion_of_seat_id=seat.companion_of,
            )
            for seat in layout.seats
        ],
        categories=[
            layout_pb2.Category(category_id=category.category_id, display_name=category.display_name)
            for category in layout.categories
        ],
    )


def page_token(position: SalePosition | None) -> str:
    """Where the next page begins; empty when there is none."""
    if position is None:
        return ""
    time, sale_id = position
    return base64.urlsafe_b64encode(json.dumps([time.isoformat(), sale_id]).encode()).decode()


def sale_position(token: str) -> SalePosition | None:
    """The reverse of `page_token`; raises `InvalidField` when it is none of ours."""
    if not token:
        return None
    try:
        time, sale_id = json.loads(base64.urlsafe_b64decode(token))
        position = dt.datetime.fromisoformat(time)
        if position.tzinfo is None or not isinstance(sale_id, str):
            raise ValueError("incomplete")
    except (ValueError, TypeError):
        raise InvalidField("page_token", "must be a next_page_token") from None
    return position, sale_id


def seat_payments(messages: Iterable[seats_pb2.SeatPayment]) -> list[SeatPayment]:
    """What was paid."""
    return [
        SeatPayment(message.seat_id, Money(message.amount.currency_code, message.amount.minor_units))
        for message in messages
    ]


def layout_from(message: layout_pb2.Layout) -> Layout:
    """A layout."""
    return Layout(
        layout_id=message.layout_id,
        seats=tuple(
            Seat(
                seat_id=seat.seat_id,
                row=seat.row,
                number=seat.number,
                category_id=seat.category_id,
                x=seat.x,
                y=seat.y,
                accessible=seat.accessible,
                companion_of=seat.companion_of_seat_id,
            )
            for seat in message.seats
        ),
        categories=tuple(
            Category(category.category_id, category.display_name) for category in message.categories
        ),
    )


def show_from(response: catalog_pb2.GetShowResponse, layout: Layout) -> Show:
    """A show as the catalogue tells it, with its layout already converted."""
    return Show(
        show_id=response.show.show_id,
        theatre_id=response.show.theatre_id,
        layout=layout,
        start_time=response.show.start_time.ToDatetime(tzinfo=dt.UTC),
        business_date=dt.date.fromisoformat(response.show.business_date),
        cancelled=response.show.status == catalog_pb2.SHOW_STATUS_CANCELLED,
        refuse_lone_seats=response.theatre.refuse_lone_seats,
        connector=_CONNECTORS[response.theatre.connector],
    )
