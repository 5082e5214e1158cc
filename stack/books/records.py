"""What is compared: no names, addresses or secrets are ever read."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Final

from mesh.money import Money

CONFIRMED: Final = "CONFIRMED"
CANCELLED: Final = "CANCELLED"
WAITING_FOR_BUYER: Final = frozenset({"CREATED", "HELD", "AWAITING_PAYMENT"})
PASSING: Final = WAITING_FOR_BUYER | {"PAID", CANCELLED, "REFUNDING"}
COMPLETED: Final = "COMPLETED"
ACCEPTED: Final = "ACCEPTED"


class Kind(Enum):
    """Which way money went."""

    CAPTURE = "capture"
    REFUND = "refund"
    DISPUTE = "dispute"
    """Taken back by the buyer's bank, without anybody here."""


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that moved at a provider. `movement_id` is the provider's id of the session, charge, refund
    or dispute."""

    provider: str
    kind: Kind
    payment_id: str
    movement_id: str
    amount: Money
    time: dt.datetime


@dataclass(frozen=True, slots=True)
class Payment:
    """An attempt to pay, as the booking has it."""

    payment_id: str
    provider: str
    amount: Money
    captured: Money | None = None


@dataclass(frozen=True, slots=True)
class Refund:
    """Money to go back, as the booking has it. `tries` counts how often the provider has refused it."""

    refund_id: str
    payment_id: str
    amount: Money
    state: str
    provider_refund_id: str = ""
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket, as a booking or a sale has it."""

    ticket_id: str
    seat_id: str
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class PartialCancellation:
    """Single seats that were cancelled: `refund` is owed once it is `done`, `kept` is what the rest costs,
    `kept_prices` each seat of it."""

    request_id: str
    seat_ids: tuple[str, ...]
    refund: Money
    kept: Money
    kept_prices: Mapping[str, Money]
    done: bool = True


@dataclass(frozen=True, slots=True)
class Booking:
    """A booking. `seat_prices` are by seat; `lines` the amounts of all lines of the quote."""

    booking_id: str
    state: str
    show_id: str
    seat_ids: tuple[str, ...]
    total: Money
    lines: tuple[Money, ...]
    seat_prices: Mapping[str, Money]
    update_time: dt.datetime
    pay_until: dt.datetime | None = None
    payments: tuple[Payment, ...] = ()
    paid_by: str = ""
    refunds: tuple[Refund, ...] = ()
    tickets: tuple[Ticket, ...] = ()
    partial_cancellations: tuple[PartialCancellation, ...] = ()

    @property
    def price(self) -> Money:
        """What it costs, less what is owed or sent back for single seats."""
        given_back = sum(each.refund.minor_units for each in self.partial_cancellations if each.done)
        return Money(self.total.currency_code, self.total.minor_units - given_back)

    def prices_without(self, cancelled: Collection[str]) -> Mapping[str, Money]:
        """What each seat costs when the theatre has these back; of those, what they cost until then."""
        prices = dict(self.seat_prices)
        for partial in self.partial_cancellations:
            if set(partial.seat_ids).issubset(cancelled):
                prices.update(partial.kept_prices)
        return prices

    def given_back(self, *, done: bool) -> frozenset[str]:
        """Seats that were cancelled singly: those that the theatre has back, or those under way."""
        partials = (each for each in self.partial_cancellations if each.done is done)
        return frozenset(seat_id for each in partials for seat_id in each.seat_ids)


@dataclass(frozen=True, slots=True)
class Sale:
    """A sale in the seat inventory; `seller` is empty for sales to bookings of this installation.

    `paid` has what each seat costs, of a cancelled one what it cost until then.
    """

    sale_id: str
    booking_id: str
    seller: str
    show_id: str
    tickets: tuple[Ticket, ...]
    paid: Mapping[str, Money]
    guarded_seat_ids: frozenset[str]
    change_time: dt.datetime

    @property
    def live_seat_ids(self) -> frozenset[str]:
        """The seats with good tickets."""
        return frozenset(ticket.seat_id for ticket in self.tickets if not ticket.cancelled)

    @property
    def cancelled_seat_ids(self) -> frozenset[str]:
        """The seats whose tickets were cancelled."""
        return frozenset(ticket.seat_id for ticket in self.tickets if ticket.cancelled)


@dataclass(frozen=True)
class Books:
    """One look at everything. `providers` are those whose movements were read; `unread` has the others that
    were to be, and why they were not; `passed_over` counts what others took at the same providers."""

    bookings: Sequence[Booking]
    sales: Sequence[Sale]
    movements: Sequence[Movement]
    providers: frozenset[str] = frozenset({"sandbox"})
    unread: Mapping[str, str] = field(default_factory=dict)
    passed_over: int = 0

    @cached_property
    def booking_of_payment(self) -> Mapping[tuple[str, str], Booking]:
        """The booking by provider and payment id."""
        return {(payment.provider, payment.payment_id): booking for booking, payment in self.payments()}

    @cached_property
    def sale_of_booking(self) -> Mapping[str, Sale]:
        """This installation's sales by booking."""
        return {sale.booking_id: sale for sale in self.sales if not sale.seller}

    def payments(self) -> Iterator[tuple[Booking, Payment]]:
        """Every payment with its booking."""
        for booking in self.bookings:
            for payment in booking.payments:
                yield booking, payment


@dataclass(frozen=True, slots=True)
class Finding:
    """Two books that disagree, or something that is not at its end yet.

    `under_way_since` is when it began, if the system puts it right by itself; None means that
    nothing will. `by_provider` when only the provider can end it. `certain` when one look is enough.
    """

    rule: str
    ids: Mapping[str, str]
    told: str
    under_way_since: dt.datetime | None = None
    by_provider: bool = False
    certain: bool = False

    @property
    def key(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """The same for the same finding in another look."""
        return self.rule, tuple(sorted(self.ids.items()))


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came out of one look."""

    differences: tuple[Finding, ...] = ()
    under_way: tuple[Finding, ...] = ()
    figures: Mapping[str, int] = field(default_factory=dict)
    sums: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Currency → what → minor units."""
