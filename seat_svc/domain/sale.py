"""Sales and the tickets that a theatre issues for them."""

import datetime as dt
import secrets
from dataclasses import dataclass

from mesh.money import Money

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U, so that a ticket can be read out."""
_RANDOM_LENGTH = 12
_GROUP = 4


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket: the theatre's own unique id, and the seat it is for."""

    ticket_id: str
    seat_id: str
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class SeatPayment:
    """What was paid for one seat, after discounts."""

    seat_id: str
    amount: Money

    @property
    def word(self) -> str:
        """Seat, amount and currency: by which a repeated request is told from another one."""
        return f"{self.seat_id}={self.amount.minor_units}{self.amount.currency_code}"


@dataclass(frozen=True, slots=True)
class Purchase:
    """What somebody asks to be sold: the seats of a hold, paid for by a booking."""

    sale_id: str
    booking_id: str
    seller: str
    hold_id: str
    payments: tuple[SeatPayment, ...]

    @property
    def seat_ids(self) -> tuple[str, ...]:
        """The seats to sell."""
        return tuple(payment.seat_id for payment in self.payments)

    def is_of(self, sale: "Sale") -> bool:
        """Whether the sale is this purchase's outcome, and not another one under the same id."""
        return frozenset(self.payments) == frozenset(sale.sold_for or sale.payments)


@dataclass(frozen=True, slots=True)
class Sale:
    """What was sold to one booking. `version` is 1 when sold and grows with each cancellation.

    `payments` are what each seat costs now, of a cancelled one what it cost until then; `sold_for` what was
    paid at first, where a cancellation has changed that.
    """

    sale_id: str
    booking_id: str
    seller: str
    show_id: str
    theatre_id: str
    business_date: dt.date
    hold_id: str
    tickets: tuple[Ticket, ...]
    payments: tuple[SeatPayment, ...]
    sale_time: dt.datetime
    version: int = 1
    sold_for: tuple[SeatPayment, ...] = ()

    @property
    def live_seat_ids(self) -> tuple[str, ...]:
        """Seats whose tickets are good."""
        return tuple(ticket.seat_id for ticket in self.tickets if not ticket.cancelled)

    @property
    def cancelled_seat_ids(self) -> tuple[str, ...]:
        """Seats whose tickets were cancelled."""
        return tuple(ticket.seat_id for ticket in self.tickets if ticket.cancelled)


@dataclass(frozen=True, slots=True)
class RefusedSale:
    """A sale that will never be: its buyer was told that these seats are lost.

    None are named where it was given up before it was made.
    """

    sale_id: str
    lost_seat_ids: tuple[str, ...]


def new_ticket_id(theatre_id: str) -> str:
    """A ticket id such as `PVRI-7K3M-9QX2-4TBC-8`: theatre, 60 random bits, check character.

    Sixty bits of a theatre's own are neither guessed nor met twice.
    """
    theatre = "".join(letter for letter in theatre_id.upper() if letter.isascii() and letter.isalnum())[:4]
    body = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))
    groups = [body[at : at + _GROUP] for at in range(0, _RANDOM_LENGTH, _GROUP)]
    return "-".join([theatre, *groups, _check_character(body)])


def is_ticket_id(text: str) -> bool:
    """Whether the text may be a ticket id: any one wrong character is found without asking a store."""
    parts = text.split("-")
    body = "".join(parts[1:-1])
    if len(parts) < 2 or len(body) != _RANDOM_LENGTH or any(letter not in _ALPHABET for letter in body):
        return False
    return parts[-1] == _check_character(body)


def _check_character(body: str) -> str:
    # Odd weights have an inverse modulo 32, so changing one character always changes the sum.
    return _ALPHABET[sum((2 * at + 1) * _ALPHABET.index(letter) for at, letter in enumerate(body)) % 32]
