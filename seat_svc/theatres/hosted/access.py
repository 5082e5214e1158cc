"""Reaching a show in the ledger whatever state the ledger is in."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from mesh.errors import StoreUnavailable
from seat_svc.domain.show import Show
from seat_svc.ports import ClaimsOverdue, ShowMissing, ShowOutdated
from seat_svc.theatres.hosted.loading import ShowLoader
from seat_svc.theatres.hosted.settlement import Settlement

T = TypeVar("T")
Step = Callable[[Show], Awaitable[T]]
"""Something done in the ledger with a show; taken again when the ledger did not have the show."""

_ATTEMPTS: Final = 4


class LedgerAccess:
    """Takes steps in the ledger, and first mends what keeps them from being taken."""

    def __init__(self, loader: ShowLoader, settlement: Settlement) -> None:
        self._loader = loader
        self._settlement = settlement

    async def on(self, show: Show, step: Step[T]) -> T:
        """Takes the step; a show that the ledger has lost is rebuilt, one whose facts changed refreshed."""
        for _ in range(_ATTEMPTS):
            try:
                return await step(show)
            except ShowMissing:
                show = await self._loader.load(show.show_id)
            except ShowOutdated:
                show = await self._loader.refresh(show.show_id)
        raise StoreUnavailable("redis")

    async def settled(self, show: Show, step: Step[T]) -> T:
        """As `on`; where claims that nobody completed are in the way, settles them before it refuses."""

        async def after_settling(current: Show) -> T:
            try:
                return await step(current)
            except ClaimsOverdue as overdue:
                try:
                    await self._settlement.settle(current)
                except StoreUnavailable:
                    raise overdue.refusal from None
            try:
                return await step(current)
            except ClaimsOverdue as still:
                raise still.refusal from None

        return await self.on(show, after_settling)

    async def refresh(self, show_id: str) -> None:
        """Takes over what the catalogue now says of the show."""
        await self._loader.refresh(show_id)
