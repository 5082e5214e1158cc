"""What the use cases need from the outside."""

import datetime as dt
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from mesh.errors import MatineeError
from seat_svc.domain.orders import HoldOrder
from seat_svc.domain.sale import Purchase, RefusedSale, Sale, SeatPayment, Ticket
from seat_svc.domain.seats import Hold, SeatDelta, SeatMap
from seat_svc.domain.show import Connector, Show


class ShowDirectory(Protocol):
    """Knows shows."""

    async def find(self, show_id: str) -> Show:
        """The show as it was known lately; raises `UnknownShow`."""
        ...

    async def fetch(self, show_id: str) -> Show:
        """The show as the catalogue has it now; raises `UnknownShow` and `StoreUnavailable`."""
        ...

    async def newest(self, show_id: str) -> Show:
        """As `fetch`; while the catalogue is away, the show as it was known last."""
        ...


class TheatreConnector(Protocol):
    """One way to reach a theatre's seats; its lock is the lock.

    Every method may raise `StoreUnavailable` or `TheatreUnavailable`.
    """

    async def seat_map(self, show: Show) -> SeatMap:
        """The states now."""
        ...

    def watch(self, show: Show, after_sequence: int) -> AsyncGenerator[SeatMap | SeatDelta, None]:
        """A snapshot unless all changes after the sequence are known, then every change in order.

        A snapshot comes again after a gap. Raises `WatcherTooSlow`.
        """
        ...

    async def hold(self, show: Show, order: HoldOrder) -> Hold:
        """Holds all the seats or none.

        Raises `SeatTaken`, `SeatBlocked`, `UnknownSeat`, `ShowClosed`,
        `HoldLimit`, `LoneSeat`, `RequestIdReused`.
        """
        ...

    async def find_hold(self, show: Show, hold_id: str) -> Hold:
        """The live hold; raises `UnknownHold`."""
        ...

    async def release(self, show: Show, hold_id: str, request_id: str) -> None:
        """Ends the hold, if it lives. Raises `RequestIdReused`."""
        ...

    async def confirm(self, show: Show, purchase: Purchase, request_id: str) -> tuple[Ticket, ...]:
        """Sells the seats; the same sale id always gets the same tickets.

        Raises `SeatsLost`, `UnknownSeat`, `RequestIdReused`, `InvalidField`.
        """
        ...

    async def cancel(
        self,
        show: Show,
        sale_id: str,
        seat_ids: tuple[str, ...],
        request_id: str,
        payments: tuple[SeatPayment, ...] = (),
    ) -> tuple[Ticket, ...]:
        """Cancels tickets of the seats, or all; their seats are free. Answers with all tickets.

        `payments` are what seats cost from now on that are kept: set in the same step, or not at all when the
        tickets were cancelled before. Raises `UnknownSale`, `UnknownSeat`, `RequestIdReused`, `InvalidField`.
        """
        ...

    async def refresh(self, show: Show) -> None:
        """Takes over what the catalogue now says of the show."""
        ...


Connectors = dict[Connector, TheatreConnector]


class Sales(Protocol):
    """The sales, and the last word on who has which seat. Raises `StoreUnavailable`."""

    async def add(self, sale: Sale) -> None:
        """Records the sale, whole or not at all, durably.

        Raises `AlreadySold` when a seat, or the sale id, has a sale already.
        """
        ...

    async def refuse(self, refused: RefusedSale, show_id: str) -> None:
        """Sees to it that there will never be a sale with that id, whatever insert is still on its way.

        Raises `AlreadySold` when there is one, or when it was refused before.
        """
        ...

    async def find(self, sale_id: str) -> Sale | RefusedSale | None:
        """What is known of the sale. None means: nothing was recorded, but something may be on its way."""
        ...

    async def of_show(self, show_id: str) -> list[Sale]:
        """All sales of a show, also cancelled ones."""
        ...

    async def holding(self, show_id: str, seat_ids: Sequence[str]) -> list[Sale]:
        """The sales that have good tickets for any of these seats."""
        ...

    async def cancel(
        self, sale: Sale, seat_ids: Collection[str], payments: Collection[SeatPayment] = ()
    ) -> Sale:
        """Cancels the tickets of these seats and sets what others cost, by one update; the sale after it.

        Tickets that were cancelled before stay so. Nothing changes where all of them were, nor where one was
        whose seat `payments` name: then a later call has set what the rest costs.
        """
        ...

    async def changed_since(self, time: dt.datetime) -> list[Sale]:
        """Sales recorded or cancelled at or after that time."""
        ...

    async def newest_change(self) -> dt.datetime | None:
        """When a sale was last recorded or cancelled; None before the first."""
        ...

    async def of_date(
        self, theatre_id: str, date: dt.date, after: tuple[dt.datetime, str] | None, limit: int
    ) -> list[Sale]:
        """Sales of shows on a theatre's business date by (sale time, id), after that position."""
        ...

    async def blocked_seats(self, show_id: str) -> frozenset[str]:
        """Seats that the theatre does not sell in this show."""
        ...


class AlreadySold(Exception):
    """Nothing was recorded: the sale's id, or one of its seats, has a record already."""


class SeatLedger(Protocol):
    """The soft state of hosted shows: who holds or is buying which seat, by the ledger's own clock.

    A hold is over the instant its time passes. Methods that take a show raise
    `ShowMissing` or `ShowOutdated`, and all raise `StoreUnavailable`: whether
    something was changed is then unknown, and the same call may be repeated.
    """

    async def seat_map(self, show: Show) -> "MapReading":
        """The states of all seats at one instant."""
        ...

    async def changes(self, show: Show, after_sequence: int) -> "ChangesReading | MapReading":
        """The changes after that one, in order; all states when they are not remembered that far."""
        ...

    async def hold(self, show: Show, order: HoldOrder, judged: "Judged") -> Hold:
        """Holds all the seats or none; a repeat by request id gets the first answer.

        `judged` are states by which a rule let the pick pass: it is made only
        while they are true, else `StatesChanged` is raised. Raises
        `SeatTaken`, `SeatBlocked`, `ShowClosed`, `HoldLimit`,
        `RequestIdReused`, `ClaimsOverdue`.
        """
        ...

    async def find_hold(self, show: Show, hold_id: str) -> Hold:
        """The live hold; raises `UnknownHold`."""
        ...

    async def release(self, show: Show, hold_id: str, request_id: str) -> None:
        """Frees the seats of the hold, if it lives. Raises `RequestIdReused`."""
        ...

    async def claim(self, show: Show, purchase: Purchase, request_id: str) -> "Claim":
        """Keeps the seats of a hold, or free ones, for a sale until it is recorded or given up.

        Claiming again for the same sale renews the claim. Raises `SaleRecorded`,
        `SeatsLost`, `RequestIdReused`, `InvalidField` and `ClaimsOverdue`.
        """
        ...

    async def record(self, show: Show, sale: Sale | RefusedSale) -> None:
        """Brings the show into line with a sale; older versions of it than known change nothing.

        After a refused one, or one of another show, there is no claim for it, and never will be.
        """
        ...

    async def give_up(self, show: Show, claim: "Claim") -> None:
        """Frees the seats of a claim for which there is no sale, unless it was renewed since."""
        ...

    async def overdue(self, show: Show) -> "Overdue":
        """What was not settled in time."""
        ...

    async def rechecked(self, show: Show, due_ms: int) -> None:
        """Notes that all sales were recorded again, as was due at that time."""
        ...

    async def remember(self, show_id: str, request_id: str, content: str) -> None:
        """Remembers a request for a while; raises `RequestIdReused` when its id stands for another."""
        ...

    async def lives(self) -> "Lives":
        """The lives of the ledger's servers: a new one may have forgotten something."""
        ...

    async def begin_rebuild(self, show_id: str, token: str) -> "RebuildTurn":
        """Asks to rebuild a show that is missing."""
        ...

    async def abandon_rebuild(self, show_id: str, token: str) -> None:
        """Gives the turn back at once, after a failure."""
        ...

    async def rebuild(
        self, show: Show, token: str, sales: Sequence[Sale], blocked: frozenset[str]
    ) -> "RebuildTurn":
        """Puts the show in place, if the turn is still the token's."""
        ...

    async def begin_refresh(self, show_id: str) -> int:
        """Gives the turn for what is read of the show from now on; a rebuild under way begins anew."""
        ...

    async def refresh(self, show: Show, turn: int, blocked: frozenset[str]) -> None:
        """Takes over the show's facts and blocked seats, unless those of a later turn are in place."""
        ...


class ChangeHints(Protocol):
    """Tells of changes as they happen; some may be missed, so readers also look by themselves."""

    def follow(self, show_id: str, tell: Callable[[SeatDelta], None]) -> None:
        """Begins to call `tell` with every change of the show."""
        ...

    def unfollow(self, show_id: str) -> None:
        """Ends it."""
        ...


Judged = tuple[tuple[int, bytes], ...]
"""Stretches of states, as `neighbourhood` gives them."""


class RebuildTurn(Enum):
    """Who rebuilds a missing show."""

    READY = "READY"
    """Nobody: it is there."""
    YOURS = "YOURS"
    WAIT = "WAIT"
    """Somebody else does."""
    LATE = "LATE"
    """The guard ran out before the rebuild was done; ask again."""


@dataclass(frozen=True, slots=True)
class MapReading:
    """A seat map, and how many claims of the show are overdue."""

    seat_map: SeatMap
    overdue_count: int


@dataclass(frozen=True, slots=True)
class ChangesReading:
    """Changes of a show that follow each other, and how many of its claims are overdue."""

    deltas: list[SeatDelta]
    overdue_count: int


@dataclass(frozen=True, slots=True)
class Lives:
    """Names for the present lives of those of the ledger's servers that answer."""

    names: frozenset[str]
    complete: bool
    """Whether all of them answer."""
    of_show: Callable[[str], str | None]
    """The life of the server that keeps the show; None when it does not answer."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim for a sale; `due_ms` tells it from its renewals."""

    sale_id: str
    due_ms: int


@dataclass(frozen=True, slots=True)
class Overdue:
    """Claims whose confirms crashed, and when a recheck of all sales was due, if it was."""

    claims: tuple[Claim, ...]
    recheck_due_ms: int | None


class ShowMissing(Exception):
    """The ledger does not know the show: it must be rebuilt first."""


class ShowOutdated(Exception):
    """The ledger has other facts of the show than the caller."""


class SaleRecorded(Exception):
    """The sale is there already: there is nothing to claim."""


class StatesChanged(Exception):
    """The states that a pick was judged by are no longer true; `states` are the present ones."""

    def __init__(self, states: bytes) -> None:
        super().__init__("seats nearby changed")
        self.states = states


class ClaimsOverdue(Exception):
    """A refusal that may no longer be right: overdue claims should be settled before it is given."""

    def __init__(self, refusal: MatineeError) -> None:
        super().__init__("claims are overdue")
        self.refusal = refusal
