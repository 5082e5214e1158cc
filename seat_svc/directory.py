"""Shows as catalog_svc knows them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog
from matinee.catalog.v1 import catalog_pb2, catalog_pb2_grpc

from mesh import deadlines
from mesh.errors import RemoteError, StoreUnavailable
from mesh.recent import Recent
from seat_svc.convert import layout_from, show_from
from seat_svc.domain.layout import Layout
from seat_svc.domain.show import Show
from seat_svc.errors import UnknownShow

log = structlog.get_logger()

_MOST_SHOWS: Final = 20_000
_MOST_LAYOUTS: Final = 500
_FRESH_SECONDS: Final = 300.0
"""After this a show is asked for again, in case that the call which tells of its change was lost."""
_PATIENCE_SECONDS: Final = 0.5
"""So long is waited for an answer when there is one that was known."""
_ASK_AGAIN_SECONDS: Final = 10.0
"""After no answer came."""


@dataclass(frozen=True, slots=True)
class _Known:
    show: Show
    ask_at: float


class CatalogShowDirectory:
    """The `ShowDirectory` port."""

    def __init__(
        self, catalog: "catalog_pb2_grpc.CatalogServiceAsyncStub", time: Callable[[], float]
    ) -> None:
        """`time` gives seconds that never go back."""
        self._catalog = catalog
        self._time = time
        self._shows: Recent[str, _Known] = Recent(_MOST_SHOWS)
        self._layouts: Recent[str, Layout] = Recent(_MOST_LAYOUTS)
        self._asking: dict[str, asyncio.Task[Show]] = {}

    async def find(self, show_id: str) -> Show:
        """See `ShowDirectory.find`."""
        known = self._shows.get(show_id)
        if known is not None and self._time() < known.ask_at:
            return known.show
        asking = self._asking.get(show_id)
        if asking is None:
            asking = asyncio.create_task(self._ask_without_deadline(show_id), name="get-show")
            self._asking[show_id] = asking
            asking.add_done_callback(lambda _: self._asking.pop(show_id))
        # The answer is for all who wait for it, whether or not the first of them goes away.
        answer = asyncio.shield(asking)
        if known is None:
            return await answer
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await answer
        except TimeoutError:
            return self._known_still(show_id, known)

    async def fetch(self, show_id: str) -> Show:
        """See `ShowDirectory.fetch`; never answers with what somebody asked before."""
        try:
            response = await self._catalog.GetShow(catalog_pb2.GetShowRequest(show_id=show_id))
        except RemoteError as error:
            if error.code == "NOT_FOUND":
                self._shows.forget(show_id)
                raise UnknownShow from None
            log.warning("show_not_fetched", show_id=show_id, code=error.code)
            raise StoreUnavailable("catalog") from error
        show = show_from(response, self._layout(response))
        self._shows.put(show_id, _Known(show, self._time() + _FRESH_SECONDS))
        return show

    async def newest(self, show_id: str) -> Show:
        """See `ShowDirectory.newest`."""
        known = self._shows.get(show_id)
        try:
            return await self.fetch(show_id)
        except StoreUnavailable:
            if known is None:
                raise
            return self._known_still(show_id, known)

    async def _ask_without_deadline(self, show_id: str) -> Show:
        deadlines.set_remaining(None)
        return await self.newest(show_id)

    def _known_still(self, show_id: str, known: "_Known") -> Show:
        """What is known now, perhaps better than then; the catalogue is left alone for a while."""
        latest = self._shows.get(show_id) or known
        ask_at = max(latest.ask_at, self._time() + _ASK_AGAIN_SECONDS)
        return self._shows.put(show_id, _Known(latest.show, ask_at)).show

    def _layout(self, response: catalog_pb2.GetShowResponse) -> Layout:
        layout_id = response.layout.layout_id
        return self._layouts.get(layout_id) or self._layouts.put(layout_id, layout_from(response.layout))
