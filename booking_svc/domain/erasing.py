"""A booking without its person: what the books need stays, who it was goes."""

import datetime as dt
from dataclasses import dataclass, field, replace

from booking_svc.domain.booking import AcceptedRequest, Booking, BookingState, Payment
from booking_svc.domain.duties import Pace, duties
from booking_svc.domain.people import Address


@dataclass(frozen=True, slots=True)
class Erasure:
    """That a person is to be erased: kept until it is done, whatever crashes meanwhile.

    `swept` says that everything was erased once, and that only messages which were then still under
    way are to be looked for again.
    """

    erasure_id: str
    request_id: str
    token_hash: str = field(repr=False)
    person_id: str
    address: Address
    create_time: dt.datetime
    swept: bool = False


def is_settled(booking: Booking, pace: Pace, now: dt.datetime) -> bool:
    """Whether nobody has to reach the person about the booking any more, nor they the booking."""
    if duties(booking, pace):
        return False
    over = booking.show.start_time + dt.timedelta(minutes=booking.show.runtime_minutes)
    return booking.state is not BookingState.CONFIRMED or now >= over


def without_person(booking: Booking, nobody: str) -> Booking:
    """The booking as it is kept for the books; `nobody` takes the place of its buyer and is told to no one.

    Show, seats, prices, payments, refunds, tickets and their times stay. Digests of requests go, too:
    a name and an address could be guessed from them.
    """
    return replace(
        booking,
        version=booking.version + 1,
        buyer_id=nobody,
        access_key="",
        contact=None,
        request=_without_content(booking.request),
        payments=tuple(_anonymous(payment) for payment in booking.payments),
        accepted=tuple(_without_content(request) for request in booking.accepted),
    )


def _anonymous(payment: Payment) -> Payment:
    return replace(payment, request=_without_content(payment.request), redirect_url="")


def _without_content(request: AcceptedRequest) -> AcceptedRequest:
    return replace(request, content="")
