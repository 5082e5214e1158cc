"""People: known by an address that they have proved to be theirs."""

import datetime as dt
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from booking_svc.domain.contact import Contact, checked_email, checked_phone
from mesh.errors import InvalidField

# Only these: lower-casing other letters makes different mailboxes one ("K", the Kelvin sign, becomes k).
_LOWER: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


class AddressKind(Enum):
    """How a person is reached."""

    EMAIL = "email"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class Address:
    """An e-mail address or a phone number, in normal form."""

    kind: AddressKind
    text: str = field(repr=False)

    @property
    def key(self) -> str:
        """The same for addresses that reach the same person; e-mail without regard to case."""
        return f"{self.kind.value}:{self.text.translate(_LOWER)}"


@dataclass(frozen=True, slots=True)
class SignIn:
    """One browser's sign-in.

    `earlier_buyer_ids` are the buyers that the browser was before: what it
    booked as a guest stays visible to this sign-in, and to no other of the person.
    """

    person_id: str
    address: Address
    earlier_buyer_ids: tuple[str, ...] = field(repr=False)
    start_time: dt.datetime
    expire_time: dt.datetime

    def is_fresh(self, now: dt.datetime, within: dt.timedelta) -> bool:
        """Whether the person proved their address so short a time ago."""
        return now - self.start_time <= within


def email_address(text: str) -> Address:
    """The address in normal form; raises `InvalidField`."""
    address = checked_email(text, "email")
    if not address:
        raise InvalidField("email", "is not an e-mail address")
    return Address(AddressKind.EMAIL, address)


def phone_address(text: str) -> Address:
    """The number in normal form; raises `InvalidField`."""
    number = checked_phone(text, "phone")
    if not number:
        raise InvalidField("phone", "is not a phone number")
    return Address(AddressKind.PHONE, number)


def addresses_of(contact: Contact | None) -> tuple[Address, ...]:
    """Where the contact is reached."""
    if contact is None:
        return ()
    given = ((AddressKind.EMAIL, contact.email), (AddressKind.PHONE, contact.phone))
    return tuple(Address(kind, text) for kind, text in given if text)
