"""``python -m bench.timed``: the seat inventory with stop-watches at its stores.

The same parts as ``python -m seat_svc`` in the same composition; only the ledger that is handed in times
its own calls, from the domain's objects to the answer in hand. A confirm goes to MongoDB between its claim
and its record, so that this time is known without touching the sales.
"""

import time
from collections.abc import Awaitable
from typing import Final, TypeVar

from prometheus_client import Counter

from mesh.run import Process, Resources, run
from seat_svc.app import NAME, build_with_ledger
from seat_svc.domain.orders import HoldOrder
from seat_svc.domain.sale import Purchase, RefusedSale, Sale
from seat_svc.domain.seats import Hold
from seat_svc.domain.show import Show
from seat_svc.ports import Claim, Judged, MapReading, SeatLedger
from seat_svc.settings import Settings
from seat_svc.stores.redis import RedisSeatLedger
from seat_svc.stores.servers import Servers

T = TypeVar("T")

WAITED: Final = "bench_waited_seconds"
_WAITED: Final = Counter(WAITED, "Time that calls waited for a store.", ["method", "store"])


class TimedLedger(RedisSeatLedger):
    """The ledger; remembers when a claim was made until the sale is recorded."""

    def __init__(self, servers: Servers, settings: Settings) -> None:
        super().__init__(servers, settings.rules)
        self._claimed: dict[str, float] = {}

    async def seat_map(self, show: Show) -> MapReading:
        """See `SeatLedger.seat_map`."""
        return await _redis("GetSeatMap", super().seat_map(show))

    async def hold(self, show: Show, order: HoldOrder, judged: Judged) -> Hold:
        """See `SeatLedger.hold`."""
        return await _redis("HoldSeats", super().hold(show, order, judged))

    async def claim(self, show: Show, purchase: Purchase, request_id: str) -> Claim:
        """See `SeatLedger.claim`."""
        claim = await _redis("ConfirmHold", super().claim(show, purchase, request_id))
        self._claimed[purchase.sale_id] = time.perf_counter()
        return claim

    async def record(self, show: Show, sale: Sale | RefusedSale) -> None:
        """See `SeatLedger.record`."""
        claimed = self._claimed.pop(sale.sale_id, None)
        if claimed is not None:
            _WAITED.labels("ConfirmHold", "mongodb").inc(time.perf_counter() - claimed)
        await _redis("ConfirmHold", super().record(show, sale))


async def _redis(method: str, asked: Awaitable[T]) -> T:
    started = time.perf_counter()
    try:
        return await asked
    finally:
        _WAITED.labels(method, "redis").inc(time.perf_counter() - started)


async def build(settings: Settings, resources: Resources) -> Process:
    """The inventory with the timed ledger."""

    def make_ledger(servers: Servers, settings: Settings) -> SeatLedger:
        return TimedLedger(servers, settings)

    return await build_with_ledger(settings, resources, make_ledger)


if __name__ == "__main__":
    run(NAME, Settings, build)
