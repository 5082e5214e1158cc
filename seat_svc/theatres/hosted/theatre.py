"""The connector for theatres whose seats are kept here."""

from collections.abc import AsyncGenerator
from typing import Final

from mesh.background import Background
from mesh.clock import Clock
from mesh.errors import StoreUnavailable
from seat_svc.domain.lone_seat import lone_seats_left
from seat_svc.domain.orders import HoldOrder
from seat_svc.domain.sale import Purchase, SeatPayment, Ticket
from seat_svc.domain.seats import Hold, SeatDelta, SeatMap, neighbourhood
from seat_svc.domain.show import Show
from seat_svc.errors import LoneSeat
from seat_svc.ports import (
    ChangeHints,
    Judged,
    MapReading,
    Sales,
    SeatLedger,
    ShowDirectory,
    StatesChanged,
)
from seat_svc.theatres.hosted.access import LedgerAccess
from seat_svc.theatres.hosted.loading import ShowLoader
from seat_svc.theatres.hosted.metrics import CONFIRMS, HOLDS, Counted
from seat_svc.theatres.hosted.selling import Selling
from seat_svc.theatres.hosted.settlement import Settlement
from seat_svc.theatres.hosted.watching import Watching

_JUDGEMENTS: Final = 20
"""Times that a pick is judged anew because seats beside it changed; each time somebody got seats."""
_REBUILD_SECONDS: Final = 10.0
_SWEEP_SECONDS: Final = 0.5
_SETTLE_SECONDS: Final = 2.0


class HostedTheatre:
    """The `TheatreConnector` of theatres hosted here."""

    def __init__(
        self,
        ledger: SeatLedger,
        sales: Sales,
        directory: ShowDirectory,
        hints: ChangeHints,
        background: Background,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._directory = directory
        self._holds, self._confirms = Counted(HOLDS, "HELD"), Counted(CONFIRMS, "SOLD")
        self._settlement = Settlement(ledger, sales, directory, clock)
        self._access = LedgerAccess(ShowLoader(ledger, sales, directory, _REBUILD_SECONDS), self._settlement)
        self._selling = Selling(ledger, sales, self._access, background, clock)
        self._watching = Watching(self._read_changes, hints)

    def run(self, background: Background) -> None:
        """Begins to tell watchers of holds that ended, and to settle what crashed. Nothing else needs it."""
        background.every("watch-sweep", _SWEEP_SECONDS, self._watching.sweep, self._watching.wake)
        background.every("settlement", _SETTLE_SECONDS, self._settlement.step, self._settlement.wake)

    async def seat_map(self, show: Show) -> SeatMap:
        """See `TheatreConnector.seat_map`."""
        return (await self._read_map(show)).seat_map

    def watch(self, show: Show, after_sequence: int) -> AsyncGenerator[SeatMap | SeatDelta, None]:
        """See `TheatreConnector.watch`."""
        return self._watching.watch(show, after_sequence)

    async def hold(self, show: Show, order: HoldOrder) -> Hold:
        """See `TheatreConnector.hold`."""
        with self._holds:
            return await self._access.settled(show, lambda current: self._hold(current, order))

    async def find_hold(self, show: Show, hold_id: str) -> Hold:
        """See `TheatreConnector.find_hold`."""
        return await self._access.on(show, lambda current: self._ledger.find_hold(current, hold_id))

    async def release(self, show: Show, hold_id: str, request_id: str) -> None:
        """See `TheatreConnector.release`."""
        await self._access.on(show, lambda current: self._ledger.release(current, hold_id, request_id))

    async def confirm(self, show: Show, purchase: Purchase, request_id: str) -> tuple[Ticket, ...]:
        """See `TheatreConnector.confirm`."""
        with self._confirms:
            return await self._selling.sell(show, purchase, request_id)

    async def cancel(
        self,
        show: Show,
        sale_id: str,
        seat_ids: tuple[str, ...],
        request_id: str,
        payments: tuple[SeatPayment, ...] = (),
    ) -> tuple[Ticket, ...]:
        """See `TheatreConnector.cancel`."""
        return await self._selling.cancel(show, sale_id, seat_ids, request_id, payments)

    async def refresh(self, show: Show) -> None:
        """See `TheatreConnector.refresh`."""
        await self._access.refresh(show.show_id)

    async def _hold(self, show: Show, order: HoldOrder) -> Hold:
        if not show.refuse_lone_seats:
            return await self._ledger.hold(show, order, ())
        states = (await self._ledger.seat_map(show)).seat_map.states
        for _ in range(_JUDGEMENTS):
            try:
                return await self._ledger.hold(show, order, _judged(show, order, states))
            except StatesChanged as change:
                states = change.states
        raise StoreUnavailable("redis")

    async def _read_map(self, show: Show) -> MapReading:
        reading = await self._access.on(show, self._ledger.seat_map)
        if reading.overdue_count:
            self._settlement.soon(show)
        return reading

    async def _read_changes(self, show: Show, after_sequence: int) -> list[SeatDelta] | MapReading:
        # A watcher may have come long ago, and the show have moved since.
        show = await self._directory.find(show.show_id)
        reading = await self._access.on(show, lambda current: self._ledger.changes(current, after_sequence))
        if reading.overdue_count:
            self._settlement.soon(show)
        return reading if isinstance(reading, MapReading) else reading.deltas


def _judged(show: Show, order: HoldOrder, states: bytes) -> Judged:
    """The states that the pick was found right by; raises `LoneSeat` where it is not."""
    picked = show.layout.indexes_of(order.seat_ids)
    lone = lone_seats_left(show.layout, states, picked)
    if lone:
        raise LoneSeat(show.layout.seat_ids(lone))
    looked_at = {index for seat in picked for index in show.layout.segments[show.layout.segment_of[seat]]}
    return neighbourhood(states, looked_at)
