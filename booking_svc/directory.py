"""Shows as catalog_svc knows them, and what happened to them."""

import asyncio
import contextvars
import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from matinee.catalog.v1 import catalog_pb2, catalog_pb2_grpc

from booking_svc.convert.theatres import show_from
from booking_svc.domain.show import ShowOnSale
from booking_svc.errors import CatalogUnavailable, UnknownShow
from booking_svc.ports import ScheduleChange, ScheduleChangeKind
from mesh.errors import RemoteError
from mesh.recent import Recent

_REVISION_SECONDS: Final = 1.0
_ANSWER_SECONDS: Final = 2.0
"""How long is waited for the revision: a call that asks for a show has other things to do as well."""
_KEPT_SECONDS: Final = 60.0
_MOST_SHOWS: Final = 2_000


@dataclass(frozen=True, slots=True)
class _Known:
    show: ShowOnSale
    revision: catalog_pb2.Revision
    asked_at: float


class CatalogShowDirectory:
    """The `ShowDirectory` port. A show is kept while the catalogue's revision stays the same.

    That is asked for once a second, and may be a second old itself. A show that
    changes meanwhile is met by the second walk through its bookings
    (`usecases.following`), which allows for longer than this.
    """

    def __init__(
        self, catalog: "catalog_pb2_grpc.CatalogServiceAsyncStub", monotonic: Callable[[], float]
    ) -> None:
        self._catalog = catalog
        self._monotonic = monotonic
        self._known: Recent[str, _Known] = Recent(_MOST_SHOWS)
        self._revision = catalog_pb2.Revision()
        self._revision_asked_at = -_REVISION_SECONDS
        self._asking: asyncio.Task[None] | None = None

    async def find(self, show_id: str) -> ShowOnSale:
        """See `ShowDirectory.find`."""
        revision = await self._current()
        asked_at = self._monotonic()
        known = self._known.get(show_id)
        if known is None or known.revision != revision or asked_at - known.asked_at > _KEPT_SECONDS:
            request = catalog_pb2.GetShowRequest(show_id=show_id, at_least=revision)
            known = self._known.put(show_id, _Known(await self._ask(request), revision, asked_at))
        return known.show

    async def is_cancelled(self, show_id: str) -> bool:
        """See `ShowDirectory.is_cancelled`; always asks."""
        return (await self._ask(catalog_pb2.GetShowRequest(show_id=show_id))).cancelled

    async def _current(self) -> catalog_pb2.Revision:
        if self._monotonic() - self._revision_asked_at >= _REVISION_SECONDS:
            if self._asking is None:
                # For all who come meanwhile, so not in the first one's context with its deadline.
                self._asking = asyncio.create_task(
                    self._ask_revision(), name="revision", context=contextvars.Context()
                )
                self._asking.add_done_callback(self._asked)
            with _told_as_unavailable():
                await asyncio.shield(self._asking)
        return self._revision

    async def _ask_revision(self) -> None:
        now = self._monotonic()
        request = catalog_pb2.GetRevisionRequest()
        self._revision = (await self._catalog.GetRevision(request, timeout=_ANSWER_SECONDS)).revision
        self._revision_asked_at = now

    def _asked(self, asking: "asyncio.Task[None]") -> None:
        self._asking = None
        if not asking.cancelled():
            asking.exception()  # seen, even when everybody who waited has gone

    async def _ask(self, request: catalog_pb2.GetShowRequest) -> ShowOnSale:
        with _told_as_unavailable():
            try:
                return show_from(await self._catalog.GetShow(request))
            except RemoteError as error:
                if error.code == "NOT_FOUND":
                    raise UnknownShow("no such show", show_id=request.show_id) from None
                raise


@contextmanager
def _told_as_unavailable() -> Iterator[None]:
    try:
        yield
    except RemoteError as error:
        if error.outcome_unknown:
            raise CatalogUnavailable("the catalogue is not answering") from error
        raise


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
