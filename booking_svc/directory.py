"""Shows as catalog_svc knows them, and what happened to them."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Final

from matinee.catalog.v1 import catalog_pb2, catalog_pb2_grpc

from booking_svc.convert.theatres import show_from
from booking_svc.domain.show import ShowOnSale
from booking_svc.errors import CatalogUnavailable, UnknownShow
from booking_svc.ports import ScheduleChange, ScheduleChangeKind
from mesh.errors import RemoteError
from mesh.recent import Recent

_FRESH_SECONDS: Final = 1.0
_MOST_SHOWS: Final = 2_000


class CatalogShowDirectory:
    """The `ShowDirectory` port. What was asked within the last second is not asked again.

    That is the time between a price that is shown and the booking made at it.
    What is asked, the catalogue may remember for a second more. A show that
    changes meanwhile is met by the second walk through its bookings
    (`usecases.following`), which allows for longer than this.
    """

    def __init__(
        self, catalog: "catalog_pb2_grpc.CatalogServiceAsyncStub", monotonic: Callable[[], float]
    ) -> None:
        self._catalog = catalog
        self._monotonic = monotonic
        self._known: Recent[str, tuple[float, ShowOnSale]] = Recent(_MOST_SHOWS)

    async def find(self, show_id: str) -> ShowOnSale:
        """See `ShowDirectory.find`."""
        known = self._known.get(show_id)
        if known is not None and self._monotonic() - known[0] < _FRESH_SECONDS:
            return known[1]
        asked_at = self._monotonic()
        show = await self._ask(show_id, may_be_remembered=True)
        self._known.put(show_id, (asked_at, show))
        return show

    async def is_cancelled(self, show_id: str) -> bool:
        """See `ShowDirectory.is_cancelled`; always asks."""
        return (await self._ask(show_id, may_be_remembered=False)).cancelled

    async def _ask(self, show_id: str, *, may_be_remembered: bool) -> ShowOnSale:
        request = catalog_pb2.GetShowRequest(show_id=show_id, may_be_remembered=may_be_remembered)
        try:
            response = await self._catalog.GetShow(request)
        except RemoteError as error:
            if error.code == "NOT_FOUND":
                raise UnknownShow("no such show", show_id=show_id) from None
            if error.outcome_unknown:
                raise CatalogUnavailable("the catalogue is not answering") from error
            raise
        return show_from(response)


_KINDS: Final = {
    catalog_pb2.SCHEDULE_CHANGE_KIND_CANCELLED: ScheduleChangeKind.CANCELLED,
    catalog_pb2.SCHEDULE_CHANGE_KIND_MOVED: ScheduleChangeKind.MOVED,
}


class CatalogScheduleFeed:
    """The `ScheduleFeed` port."""

    def __init__(self, catalog: "catalog_pb2_grpc.CatalogServiceAsyncStub") -> None:
        self._catalog = catalog

    async def changes_after(self, sequence: int, limit: int) -> Sequence[ScheduleChange]:
        """See `ScheduleFeed.changes_after`."""
        request = catalog_pb2.ListScheduleChangesRequest(after_sequence=sequence, page_size=limit)
        try:
            response = await self._catalog.ListScheduleChanges(request)
        except RemoteError as error:
            raise CatalogUnavailable("the catalogue is not answering") from error
        return [
            ScheduleChange(
                sequence=change.sequence,
                kind=_KINDS[change.kind],
                show_id=change.show_id,
                start_time=change.start_time.ToDatetime(dt.UTC),
                reason=change.change_reason,
                time=change.change_time.ToDatetime(dt.UTC),
            )
            for change in response.changes
        ]
