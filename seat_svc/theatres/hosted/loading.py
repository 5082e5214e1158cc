"""Putting shows in the ledger, and keeping them there as the catalogue has them."""

import asyncio
import contextlib
from typing import Final

import structlog

from mesh import deadlines
from mesh.errors import MatineeError, StoreUnavailable
from mesh.ids import new_token
from seat_svc.domain.show import Show
from seat_svc.ports import RebuildTurn, Sales, SeatLedger, ShowDirectory, ShowMissing
from seat_svc.theatres.hosted.metrics import REBUILDS

log = structlog.get_logger()

_LONGEST_PAUSE_SECONDS: Final = 0.2


class ShowLoader:
    """Rebuilds shows that the ledger has lost, one caller at a time for each show."""

    def __init__(
        self, ledger: SeatLedger, sales: Sales, directory: ShowDirectory, within_seconds: float
    ) -> None:
        self._ledger = ledger
        self._sales = sales
        self._directory = directory
        self._within = within_seconds
        self._loading: dict[str, asyncio.Task[Show]] = {}

    async def load(self, show_id: str) -> Show:
        """Returns when the show is in the ledger, with what the catalogue says of it now.

        Callers of this process wait for the same rebuild; those of others are
        kept out by a guard in the ledger. Raises `UnknownShow` and
        `StoreUnavailable`.
        """
        loading = self._loading.get(show_id)
        if loading is None:
            loading = asyncio.create_task(self._load(show_id), name="rebuild")
            self._loading[show_id] = loading
            loading.add_done_callback(lambda _: self._loading.pop(show_id))
        # One caller's patience must not end what the others wait for.
        return await asyncio.shield(loading)

    async def refresh(self, show_id: str) -> Show:
        """Takes over what the catalogue and the theatre now say of the show.

        Raises `StoreUnavailable` also when the catalogue does not say: what was known of a show that has
        changed would open it again, or take it away with all its holds.
        """
        turn = await self._ledger.begin_refresh(show_id)
        show = await self._directory.fetch(show_id)
        blocked = await self._sales.blocked_seats(show_id)
        # A show that is missing, or that moved to another screen, is rebuilt when it is next asked for.
        with contextlib.suppress(ShowMissing):
            await self._ledger.refresh(show, turn, blocked)
        return show

    async def _load(self, show_id: str) -> Show:
        deadlines.set_remaining(None)
        token = new_token()
        pause = 0.01
        try:
            async with asyncio.timeout(self._within):
                while (turn := await self._ledger.begin_rebuild(show_id, token)) is not RebuildTurn.READY:
                    if turn is RebuildTurn.YOURS:
                        if rebuilt := await self._rebuild(show_id, token):
                            return rebuilt
                        continue
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
                return await self._directory.newest(show_id)
        except TimeoutError:
            raise StoreUnavailable("redis") from None

    async def _rebuild(self, show_id: str, token: str) -> Show | None:
        """What is read here counts only while the guard is ours; the ledger checks that when it writes."""
        try:
            show = await self._directory.newest(show_id)
            sales = await self._sales.of_show(show_id)
            blocked = await self._sales.blocked_seats(show_id)
        except MatineeError:
            await self._ledger.abandon_rebuild(show_id, token)
            raise
        if await self._ledger.rebuild(show, token, sales, blocked) is not RebuildTurn.READY:
            return None
        REBUILDS.inc()
        log.info("show_rebuilt", show_id=show_id, sales=len(sales))
        return show
