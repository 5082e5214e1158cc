"""Ending what was left half done: MongoDB is asked, and the ledger is brought into line."""

import asyncio
import datetime as dt
from typing import Final

import structlog

from mesh import deadlines
from mesh.clock import Clock
from mesh.errors import MatineeError, StoreUnavailable
from seat_svc.domain.sale import Sale
from seat_svc.domain.show import Show
from seat_svc.ports import Claim, Sales, SeatLedger, ShowDirectory, ShowMissing, ShowOutdated
from seat_svc.theatres.hosted.metrics import SETTLEMENTS

log = structlog.get_logger()

_RECENT: Final = dt.timedelta(seconds=60)
"""Redis writes its append-only file out every second: what it forgot in a crash is younger than this."""
_MOST_SHOWS: Final = 10_000


class Settlement:
    """Settles claims whose confirms crashed; also sales that a ledger forgot when its server died."""

    def __init__(self, ledger: SeatLedger, sales: Sales, directory: ShowDirectory, clock: Clock) -> None:
        self._ledger = ledger
        self._sales = sales
        self._directory = directory
        self._clock = clock
        self._waiting: dict[str, Show] = {}
        self._settling: dict[str, asyncio.Task[None]] = {}
        self._lives: frozenset[str] = frozenset()
        self._all_well_at: dt.datetime | None = None
        self.wake = asyncio.Event()

    def soon(self, show: Show) -> None:
        """Has the show's overdue claims settled by the next `step`."""
        if len(self._waiting) < _MOST_SHOWS:
            self._waiting[show.show_id] = show
            self.wake.set()

    async def step(self) -> None:
        """Settles what was asked for, and looks whether the ledger has lost its memory."""
        try:
            await self._reconcile_after_restart()
        except StoreUnavailable as error:
            log.warning("reconciliation_put_off", store=error.facts["store"])
            return
        while self._waiting:
            _, show = self._waiting.popitem()
            try:
                await self.settle(show)
            except (ShowMissing, ShowOutdated, StoreUnavailable) as error:
                # Who meets the claim next asks again.
                log.warning("settlement_put_off", show_id=show.show_id, error=type(error).__name__)

    async def settle(self, show: Show) -> None:
        """Ends every overdue claim of the show as MongoDB says: sold, or free.

        A claim is overdue only when no confirm can still be at work on it.
        All who meet them at the same time wait for one settlement.
        """
        settling = self._settling.get(show.show_id)
        if settling is None:
            settling = asyncio.create_task(self._settle(show), name="settle")
            self._settling[show.show_id] = settling
            settling.add_done_callback(lambda _: self._settling.pop(show.show_id))
        await asyncio.shield(settling)

    async def _settle(self, show: Show) -> None:
        deadlines.set_remaining(None)
        overdue = await self._ledger.overdue(show)
        for claim in overdue.claims:
            await self._settle_claim(show, claim)
        if overdue.recheck_due_ms is not None:
            for sale in await self._sales.of_show(show.show_id):
                await self._ledger.record(show, sale)
            await self._ledger.rechecked(show, overdue.recheck_due_ms)

    async def _settle_claim(self, show: Show, claim: Claim) -> None:
        found = await self._sales.find(claim.sale_id)
        if found is None:
            await self._ledger.give_up(show, claim)
        else:
            await self._ledger.record(show, found)
        outcome = "sold" if isinstance(found, Sale) else "free"
        SETTLEMENTS.labels(outcome).inc()
        log.info("claim_settled", show_id=show.show_id, sale_id=claim.sale_id, outcome=outcome)

    async def _reconcile_after_restart(self) -> None:
        """A server that died may have forgotten its last second, also sales: these are told to it again.

        While one is away the shows of others go on being sold: what it had forgotten is as old as the time
        when all of them were last well.
        """
        asked_at = self._clock.now()
        lives = await self._ledger.lives()
        new = lives.names - self._lives
        newest = await self._sales.newest_change() if new else None
        if newest is not None:
            # A clock that was ahead may have written the newest.
            last_known = min(newest, self._all_well_at or asked_at)
            for sale in await self._sales.changed_since(last_known - _RECENT):
                if lives.of_show(sale.show_id) in new:
                    await self._tell_again(sale)
        # A server that is away is not forgotten: it may come back in the same life.
        self._lives = lives.names if lives.complete else self._lives | lives.names
        if lives.complete:
            self._all_well_at = asked_at

    async def _tell_again(self, sale: Sale) -> None:
        try:
            await self._ledger.record(await self._directory.find(sale.show_id), sale)
        except (ShowMissing, ShowOutdated, MatineeError) as error:
            if isinstance(error, StoreUnavailable):
                raise
            # The show will be rebuilt from all its sales, or is no longer in the catalogue.
