"""What the use cases need from the outside."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from booking_svc.domain.terms import Terms
from booking_svc.ports.payments import (
    EventPage,
    PaymentEvent,
    PaymentProvider,
    ProviderRefund,
    RefundOutcome,
    Session,
    SessionState,
)
from booking_svc.ports.people import Erasures, KnownRequest, Notices, People, SignInCodes, SignInPorts, Try
from booking_svc.ports.schedule import ScheduleChange, ScheduleChangeKind, ScheduleFeed, ShowWalks, Walk
from booking_svc.ports.stores import (
    Bookings,
    Claimed,
    DueBooking,
    Lease,
    LeaseChange,
    PaymentEvents,
    RequestKnown,
    Resting,
    ToldEvent,
)
from booking_svc.ports.theatres import HeldSeats, SeatInventory, ShowDirectory
from mesh.background import Background
from mesh.clock import Clock

__all__ = [
    "Bookings",
    "Claimed",
    "DueBooking",
    "Erasures",
    "EventPage",
    "HeldSeats",
    "KnownRequest",
    "Lease",
    "LeaseChange",
    "Notices",
    "PaymentEvent",
    "PaymentEvents",
    "PaymentProvider",
    "People",
    "Ports",
    "ProviderRefund",
    "RefundOutcome",
    "RequestKnown",
    "Resting",
    "ScheduleChange",
    "ScheduleChangeKind",
    "ScheduleFeed",
    "SeatInventory",
    "Session",
    "SessionState",
    "ShowDirectory",
    "ShowWalks",
    "SignInCodes",
    "SignInPorts",
    "ToldEvent",
    "Try",
    "Walk",
]


@dataclass(frozen=True, slots=True)
class Ports:
    """All of it, with the operator's terms."""

    bookings: Bookings
    payment_events: PaymentEvents
    shows: ShowDirectory
    seats: SeatInventory
    providers: Mapping[str, PaymentProvider]
    chosen_provider: str
    clock: Clock
    terms: Terms
    background: Background

    def now(self) -> dt.datetime:
        """The present, to the millisecond that the store keeps."""
        now = self.clock.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)
