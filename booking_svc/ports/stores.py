"""What is kept: bookings, and what payment providers told."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from booking_svc.domain.booking import Booking
from booking_svc.domain.events import Event
from booking_svc.domain.proof import Viewer
from booking_svc.ports.payments import PaymentEvent


@dataclass(frozen=True, slots=True)
class Lease:
    """That one worker, and no other, drives a booking until then."""

    owner: str
    until: dt.datetime


class LeaseChange(Enum):
    """What saving a booking does to its lease, when it does not take it."""

    KEEP = "KEEP"
    END = "END"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A leased booking, and how often in a row driving it has failed."""

    booking: Booking
    failures: int


class RequestKnown(Exception):
    """A booking was not added: the buyer's request has made one before."""


class Bookings(Protocol):
    """The bookings. Every method raises `StoreUnavailable`: what was done is then unknown."""

    async def add(self, booking: Booking, next_look: dt.datetime | None) -> None:
        """Keeps a new booking; raises `RequestKnown`."""
        ...

    async def find(self, booking_id: str) -> Booking | None:
        """The booking with that id."""
        ...

    async def find_by_request(self, buyer_id: str, request_id: str) -> Booking | None:
        """The booking that the buyer's request made."""
        ...

    async def save(
        self,
        before: Booking,
        booking: Booking,
        events: Sequence[Event],
        next_look: dt.datetime | None,
        lease: Lease | LeaseChange,
        now: dt.datetime,
    ) -> bool:
        """Keeps the booking and its events by one update, if what was before is what is stored.

        With a `Lease`, only if nobody else has one. False: somebody was faster.
        """
        ...

    async def of_viewer(
        self, viewer: Viewer, before: tuple[dt.datetime, str] | None, limit: int
    ) -> list[Booking]:
        """Bookings of the viewer's buyers or with their address whose seats were held at least once.

        Newest first, after that position.
        """
        ...

    async def of_show(self, show_id: str, after: str, limit: int) -> list[Booking]:
        """Bookings of a show that are not over, or may still be paid, by their ids, after that one."""
        ...

    async def heard(self, booking_ids: Collection[str]) -> Mapping[str, Collection[str]]:
        """Which events have changed each of the bookings (`Booking.heard`)."""
        ...

    async def versions(self, booking_ids: Collection[str]) -> Mapping[str, int]:
        """The present versions."""
        ...

    async def due(self, now: dt.datetime, limit: int, except_theatres: Collection[str]) -> "list[DueBooking]":
        """Bookings that are to be looked at and that nobody drives, the longest due first."""
        ...

    async def claim(self, booking_id: str, lease: Lease, now: dt.datetime) -> Claimed | None:
        """Takes the lease; None when somebody else has it."""
        ...

    async def release(
        self, booking_id: str, owner: str, next_look: dt.datetime | None, version: int, failures: int
    ) -> None:
        """Ends the lease; the next look is set only if the booking still has that version."""
        ...

    async def resting(self, now: dt.datetime) -> "Resting":
        """How much is overdue."""
        ...


@dataclass(frozen=True, slots=True)
class DueBooking:
    """A booking that is to be looked at, and its theatre."""

    booking_id: str
    theatre_id: str


@dataclass(frozen=True, slots=True)
class Resting:
    """What lies overdue: how many bookings, and how long the oldest event waits to be published."""

    overdue_count: int
    outbox_lag: dt.timedelta


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """A payment event, and which provider told it."""

    provider: str
    event: PaymentEvent

    @property
    def key(self) -> str:
        """Tells it from all other events of all providers."""
        return f"{self.provider}/{self.event.event_id}"


class PaymentEvents(Protocol):
    """What providers told and no booking has heard. Every method raises `StoreUnavailable`."""

    async def add(self, told: ToldEvent, now: dt.datetime, *, waiting: bool = True) -> bool:
        """Keeps the event, to be acted on or as one that said nothing new; False when it is known already."""
        ...

    async def unknown(self, provider: str, event_ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that are not kept."""
        ...

    async def acted_on(self, told: ToldEvent, now: dt.datetime) -> None:
        """Nothing is left to do for it."""
        ...

    async def put_off(self, told: ToldEvent, until: dt.datetime) -> None:
        """Acting on it failed for a reason that will hardly pass soon."""
        ...

    async def waiting(self, received_before: dt.datetime, limit: int) -> list[ToldEvent]:
        """Events that nobody has acted on, the oldest first."""
        ...

    async def claim_cursor(self, provider: str, lease: Lease, now: dt.datetime) -> str | None:
        """The place up to which the provider's list was read, for one reader at a time; None: not now."""
        ...

    async def move_cursor(self, provider: str, owner: str, cursor: str) -> None:
        """All events up to there are kept."""
        ...
