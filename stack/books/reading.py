"""Where the books are read from: one port for providers, and two looks in the right order."""

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from stack.books.comparing import Patience, compare, still_there
from stack.books.records import Booking, Books, Comparison, Movement, Sale
from stack.errors import StackError

_SECOND_LOOK_SECONDS: Final = 2.0


class ProviderLedger(Protocol):
    """A payment provider's own account of what it took and sent back for this installation."""

    @property
    def provider(self) -> str:
        """Its name, as bookings have it."""
        ...

    async def movements(self) -> Sequence[Movement]:
        """All captures, refunds that succeeded and disputes that cost money so far.

        Raises `StackError` when they cannot be read.
        """
        ...

    @property
    def passed_over(self) -> int:
        """How many captures the last reading left out, since nothing marks them as this installation's."""
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
    later must know of it. What the later ones know beyond that is on its way to the bookings. A ledger
    that cannot be read does not keep the rest from being compared.
    """
    bookings = await stores.bookings()
    sales = await stores.sales()
    movements: list[Movement] = []
    unread: dict[str, str] = {}
    for ledger in ledgers:
        try:
            movements += await ledger.movements()
        except StackError as error:
            unread[ledger.provider] = str(error)
    providers = frozenset(ledger.provider for ledger in ledgers) - unread.keys()
    passed_over = sum(ledger.passed_over for ledger in ledgers if ledger.provider in providers)
    return Books(bookings, sales, movements, providers, unread, passed_over)


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
