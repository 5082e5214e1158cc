"""What a request's fields may hold. Every face of the service checks here and nowhere else.

Each function returns the checked value or raises `InvalidField` naming the
field; none of them asks a store, so bad input costs nothing and changes nothing.
"""

import datetime as dt
import re
from collections.abc import Collection, Sequence

from mesh.errors import InvalidField
from mesh.ids import is_request_id
from seat_svc.domain.sale import SeatPayment

MOST_SEATS = 2_000
"""Seats of the largest layout; no list of seats is longer."""
MOST_SHOWS = 200
MOST_SECONDS = 600
LARGEST_PARTY = 10
_LARGEST_SEQUENCE = 2**53
"""Redis' Lua and browsers count in doubles."""
_LARGEST_AMOUNT = 2**53

_SHOW_ID = re.compile(r"[a-z0-9-]{1,64}")
_SEAT_ID = re.compile(r"(?=.{1,8}\Z)[A-Z]*[0-9]*")
_OPAQUE_ID = re.compile(r"[^\x00-\x1f\x7f]{1,64}")
_BOOKING_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CURRENCY = re.compile(r"[A-Z]{3}")


def checked_show_id(text: str) -> str:
    """A show's id."""
    return _matching("show_id", text, _SHOW_ID, "1 to 64 of a-z, 0-9 and -")


def checked_show_ids(texts: Sequence[str]) -> tuple[str, ...]:
    """1 to 200 shows, no repeats."""
    if not 1 <= len(texts) <= MOST_SHOWS:
        raise InvalidField("show_ids", f"1 to {MOST_SHOWS} shows")
    if len(set(texts)) < len(texts):
        raise InvalidField("show_ids", "a show is named twice")
    return tuple(_matching("show_ids", text, _SHOW_ID, "1 to 64 of a-z, 0-9 and -") for text in texts)


def checked_request_id(text: str) -> str:
    """A client-made UUID."""
    if not is_request_id(text):
        raise InvalidField("request_id", "must be a UUID in lower case")
    return text


def checked_seat_ids(texts: Sequence[str], field: str = "seat_ids") -> tuple[str, ...]:
    """At least one seat, no repeats; whether there are such seats is another question."""
    if not texts:
        raise InvalidField(field, "at least one seat")
    return checked_optional_seat_ids(texts, field)


def checked_optional_seat_ids(texts: Sequence[str], field: str = "seat_ids") -> tuple[str, ...]:
    """Seats, no repeats, or none."""
    if len(texts) > MOST_SEATS:
        raise InvalidField(field, f"at most {MOST_SEATS} seats")
    if len(set(texts)) < len(texts):
        raise InvalidField(field, "a seat is named twice")
    return tuple(
        _matching(field, text, _SEAT_ID, "such as C12: capital letters, then digits") for text in texts
    )


def checked_holder_id(text: str) -> str:
    """Who holds, opaque."""
    return _matching("holder_id", text, _OPAQUE_ID, "1 to 64 characters, none of control")


def checked_hold_id(text: str) -> str:
    """A hold's id, opaque; whether there is such a hold is another question."""
    return _matching("hold_id", text, _OPAQUE_ID, "1 to 64 characters, none of control")


def checked_booking_id(text: str) -> str:
    """A booking's id; a slash would make it look like another seller's (`Seller.own`)."""
    return _matching("booking_id", text, _BOOKING_ID, "1 to 64 letters, digits or ._:-")


def checked_theatre_id(text: str) -> str:
    """A theatre's id."""
    return _matching("theatre_id", text, _PLAIN_ID, "1 to 64 letters, digits or ._-")


def checked_category_id(text: str) -> str:
    """A price category, or none."""
    return _matching("category_id", text, _PLAIN_ID, "1 to 64 letters, digits or ._-") if text else ""


def checked_hold_seconds(seconds: int) -> int:
    """1 to 600, or 0 for the usual time."""
    return _between("hold_seconds", seconds, 0, MOST_SECONDS)


def checked_party_size(size: int) -> int:
    """1 to 10."""
    return _between("party_size", size, 1, LARGEST_PARTY)


def checked_sequence(sequence: int) -> int:
    """A sequence that was told before, or 0."""
    return _between("after_sequence", sequence, 0, _LARGEST_SEQUENCE)


def checked_payments(payments: Sequence[SeatPayment]) -> tuple[SeatPayment, ...]:
    """What was paid for 1 or more seats, no repeats, one currency, nothing below zero."""
    checked_seat_ids([payment.seat_id for payment in payments], "payments")
    for payment in payments:
        _matching("payments", payment.amount.currency_code, _CURRENCY, "an ISO 4217 currency code")
        _between("payments", payment.amount.minor_units, 0, _LARGEST_AMOUNT)
    if len({payment.amount.currency_code for payment in payments}) > 1:
        raise InvalidField("payments", "one currency for all seats")
    return tuple(payments)


def checked_kept_payments(
    payments: Sequence[SeatPayment], cancelled: Collection[str]
) -> tuple[SeatPayment, ...]:
    """What seats cost that are kept when these are cancelled (none: all), or nothing."""
    if not payments:
        return ()
    checked = checked_payments(payments)
    if not cancelled or any(payment.seat_id in cancelled for payment in checked):
        raise InvalidField("payments", "only seats that are kept")
    return checked


def checked_date(text: str) -> dt.date:
    """An ISO 8601 date."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InvalidField("business_date", "must be a date such as 2026-06-01") from None


def checked_page_size(size: int, usual: int, most: int) -> int:
    """0 means the usual size; more than the most is cut down to it."""
    if size < 0:
        raise InvalidField("page_size", "must not be negative")
    return min(size or usual, most)


def _matching(field: str, text: str, pattern: re.Pattern[str], meaning: str) -> str:
    if not pattern.fullmatch(text):
        raise InvalidField(field, meaning)
    return text


def _between(field: str, number: int, least: int, most: int) -> int:
    if not least <= number <= most:
        raise InvalidField(field, f"must be {least} to {most}")
    return number
