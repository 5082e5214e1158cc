"""Where the books are read from: one port for providers, and two looks in the right order."""

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from stack.books.comparing import Patience, compare, still_there
from stack.books.records import Booking, Books, Comparison, Movement, Sale

_SECOND_LOOK_SECONDS: Final = 2.0


class ProviderLedger(Protocol):
    """A payment provider's own account of what it took and sent back for this installation."""

    @property
    def provider(self) -> str:
        """Its name, as bookings have it."""
        ...

    async def movements(self) -> Sequence[Movement]:
        """All captures and succeeded refunds so far. Raises `StackError` when they cannot be read."""
        ...


class Stores(Protocol):
    """The databases of the bookings and of the seats."""

    async def bookings(self) -> Sequence[Booking]:
        """All bookings."""
        ...

    async def sales(self) -> Sequence[Sale]:
        """All sales, those of partners too."""
        ...


async def look(stores: Stores, ledgers: Sequence[ProviderLedger]) -> Books:
    """Reads everything once.

    Bookings come first: what they claim of sales and money had happened before, so whoever is read
    later must know of it. What the later ones know beyond that is on its way to the bookings.
    """
    bookings = await stores.bookings()
    sales = await stores.sales()
    movements = [movement for ledger in ledgers for movement in await ledger.movements()]
    return Books(bookings, sales, movements, frozenset(ledger.provider for ledger in ledgers))


async def compare_books(
    stores: Stores,
    ledgers: Sequence[ProviderLedger],
    clock: Callable[[], dt.datetime],
    patience: Patience | None = None,
    second_look_seconds: float = _SECOND_LOOK_SECONDS,
) -> Comparison:
    """Compares, and looks once more before it says that anything differs."""
    first = compare(await look(stores, ledgers), clock(), patience)
    if not first.differences:
        return first
    await asyncio.sleep(second_look_seconds)
    return still_there(first, compare(await look(stores, ledgers), clock(), patience))
