"""Buyers, and what is theirs."""

import datetime as dt

from matinee.booking.v1 import buyer_pb2

from booking_svc.convert.bookings import booking, payment
from booking_svc.convert.values import timestamp
from booking_svc.domain.booking import Booking
from booking_svc.domain.people import Address, AddressKind, SignIn, email_address, phone_address
from mesh.errors import InvalidField


def address_from(message: buyer_pb2.StartSignInRequest) -> Address:
    """The address in normal form; raises `InvalidField`."""
    match message.WhichOneof("address"):
        case "email":
            return email_address(message.email)
        case "phone":
            return phone_address(message.phone)
    raise InvalidField("address", "an e-mail address or a phone number is needed")


def buyer(sign_in: SignIn) -> buyer_pb2.Buyer:
    """Who is signed in."""
    message = buyer_pb2.Buyer(
        person_id=sign_in.person_id,
        sign_in_time=timestamp(sign_in.start_time),
        expire_time=timestamp(sign_in.expire_time),
    )
    if sign_in.address.kind is AddressKind.EMAIL:
        message.email = sign_in.address.text
    else:
        message.phone = sign_in.address.text
    return message


def exported_booking(whole: Booking, as_of: dt.datetime) -> buyer_pb2.ExportedBooking:
    """The booking for its person's own file: without what would open it or pay for it."""
    message = booking(whole, as_of)
    message.ClearField("access_key")
    message.payment.ClearField("redirect_url")
    payments = [payment(each) for each in whole.payments]
    for each in payments:
        each.ClearField("redirect_url")
    return buyer_pb2.ExportedBooking(booking=message, payments=payments)
