"""Two processes on the same stores: one that is stopped, and one that meets what it left."""

from collections.abc import AsyncIterator

import pytest

from seat_svc.domain.show import Show
from seat_svc.stores.mongo import MongoSales
from seat_svc.stores.redis import RedisSeatLedger
from seat_svc.theatres.hosted import HostedTheatre
from tests.fixtures.seats import (
    KnownShows,
    SteppedSales,
    a_show,
    open_ledger,
    open_theatre,
)


@pytest.fixture
def show() -> Show:
    return a_show()


@pytest.fixture
def stepped(sales: MongoSales) -> SteppedSales:
    return SteppedSales(sales)


@pytest.fixture
async def theatre(ledger: RedisSeatLedger, stepped: SteppedSales, show: Show) -> AsyncIterator[HostedTheatre]:
    """The process that is stopped."""
    async with open_theatre(ledger, stepped, KnownShows(show)) as opened:
        yield opened


@pytest.fixture
async def neighbour(redis_url: str, sales: MongoSales, show: Show) -> AsyncIterator[HostedTheatre]:
    """Another process on the same stores."""
    async with open_ledger(redis_url) as ledger, open_theatre(ledger, sales, KnownShows(show)) as opened:
        yield opened
