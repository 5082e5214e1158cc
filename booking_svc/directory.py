"""Shows as catalog_svc knows them, and what happened to them."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

from matinee.catalog.v1 import catalog_pb2, catalog_pb2_grpc

from booking_svc.convert import show_from
from booking_svc.domain.show import ShowOnSale
from booking_svc.errors import CatalogUnavailable, UnknownShow
from booking_svc.ports import ScheduleChange, ScheduleChangeKind
from mesh.errors import RemoteError


class CatalogShowDirectory:
    """The `ShowDirectory` port. Always asks: a price must be the present one when it is promised."""

    def __init__(self, catalog: "catalog_pb2_grpc.CatalogServiceAsyncStub") -> None:
        self._catalog = catalog

    async def find(self, show_id: str) -> ShowOnSale:
        """See `ShowDirectory.find`."""
        try:
            response = await self._catalog.GetShow(catalog_pb2.GetShowRequest(show_id=show_id))
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
