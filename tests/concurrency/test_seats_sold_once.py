"""50 buyers want the same 10 seats at once: each seat is sold to one of them.

The same buyers against a ledger that looks first and takes later, and against
sales without the unique index, must be seen to break the promise: else this
test could not see it broken.
"""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from mesh.errors import RemoteError
from mesh.ids import new_request_id, new_token
from seat_svc.domain.orders import HoldOrder
from seat_svc.domain.sale import Purchase, RefusedSale, Sale
from seat_svc.domain.seats import Hold, SeatState
from seat_svc.domain.show import Show
from seat_svc.errors import SeatsLost, SeatTaken
from seat_svc.ports import Claim, Judged
from seat_svc.stores.mongo import MongoSales
from seat_svc.theatres.hosted import HostedTheatre
from tests.fixtures.engines import MongoDatabase
from tests.fixtures.meeting import Meeting
from tests.fixtures.seat_service import SeatService, seat_service
from tests.fixtures.seats import (
    KnownShows,
    a_purchase,
    a_show,
    an_order,
    hall,
    open_ledger,
    open_theatre,
)

BUYERS = 50
ROUNDS = 5
SEATS = 10


@dataclass
class Outcome:
    """Who got what."""

    holders: Counter[str] = field(default_factory=Counter)
    """Holds given out for each seat."""
    tickets: Counter[str] = field(default_factory=Counter)
    """Tickets given out for each seat."""


async def sell_out(theatres: list[HostedTheatre], show: Show) -> Outcome:
    """Every buyer tries the seats one after the other until it has one, and buys it."""
    outcome = Outcome()
    seat_ids = [seat.seat_id for seat in show.layout.seats]

    async def buyer(number: int) -> None:
        theatre = theatres[number % len(theatres)]
        for offset in range(len(seat_ids)):
            seat_id = seat_ids[(number + offset) % len(seat_ids)]
            try:
                hold = await theatre.hold(show, an_order(seat_id, holder=f"buyer-{number}"))
            except SeatTaken:
                continue
            outcome.holders[seat_id] += 1
            try:
                tickets = await theatre.confirm(
                    show, a_purchase(seat_id, hold_id=hold.hold_id), new_request_id()
                )
            except SeatsLost:
                continue
            outcome.tickets.update(ticket.seat_id for ticket in tickets)
            return

    await asyncio.gather(*map(buyer, range(BUYERS)))
    return outcome


async def test_ten_seats_go_to_exactly_ten_of_fifty_buyers(redis_url: str, sales: MongoSales) -> None:
    async with AsyncExitStack() as processes:
        for _ in range(ROUNDS):
            show = a_show(layout=hall(1, SEATS))
            theatres = []
            for _ in range(2):
                ledger = await processes.enter_async_context(open_ledger(redis_url))
                theatres.append(
                    await processes.enter_async_context(open_theatre(ledger, sales, KnownShows(show)))
                )
            outcome = await sell_out(theatres, show)
            assert len(outcome.tickets) == SEATS
            assert set(outcome.tickets.values()) == {1}
            assert set(outcome.holders.values()) == {1}
            recorded = Counter(
                seat_id for sale in await sales.of_show(show.show_id) for seat_id in sale.live_seat_ids
            )
            assert recorded == outcome.tickets


async def buy_one_seat(service: SeatService, show: Show, number: int) -> str:
    """As `sell_out`'s buyer, over a socket; the seat that was bought, if any."""
    seat_ids = [seat.seat_id for seat in show.layout.seats]
    for offset in range(SEATS):
        seat_id = seat_ids[(number + offset) % SEATS]
        try:
            hold = await service.hold(seat_id, holder_id=f"buyer-{number}")
        except RemoteError as error:
            if error.reason != "SEAT_TAKEN":
                raise
            continue
        (ticket,) = await service.confirm(hold, f"booking-{number}")
        return ticket.seat_id
    return ""


async def test_through_the_service_ten_seats_go_to_exactly_ten_of_fifty_buyers(
    mongo_database: MongoDatabase, redis_url: str
) -> None:
    show = a_show(layout=hall(1, SEATS))
    # Servers and buyers are one process here: on a busy machine calls wait, and none is to be refused for it.
    async with (
        seat_service(mongo_database, redis_url, show, queue_target_seconds=10) as first,
        seat_service(mongo_database, redis_url, show, queue_target_seconds=10) as second,
    ):
        sold = await asyncio.gather(
            *(buy_one_seat((first, second)[number % 2], show, number) for number in range(BUYERS))
        )
        tickets = Counter(seat_id for seat_id in sold if seat_id)
        assert (len(tickets), set(tickets.values())) == (SEATS, {1})
        assert set((await first.states()).values()) == {"SOLD"}


class UnguardedLedger:
    """Looks whether a seat is free, and takes it in a later step: as if each were a command of its own.

    All have looked before the first one takes, and again before the first one buys.
    """

    def __init__(self) -> None:
        self._states: dict[str, SeatState] = {}
        self._before_holds = Meeting(BUYERS)
        self._before_claims = Meeting(BUYERS)

    async def hold(self, show: Show, order: HoldOrder, _judged: Judged) -> Hold:
        taken = [seat_id for seat_id in order.seat_ids if self._look(seat_id) is not SeatState.AVAILABLE]
        await self._before_holds.come()
        if taken:
            raise SeatTaken(taken)
        self._take(order.seat_ids, SeatState.HELD)
        now = show.start_time
        return Hold(new_token(), show.show_id, order.seat_ids, order.holder_id, now, now)

    async def claim(self, _show: Show, purchase: Purchase, _request_id: str) -> Claim:
        lost = [seat_id for seat_id in purchase.seat_ids if self._look(seat_id) is SeatState.SOLD]
        await self._before_claims.come()
        if lost:
            raise SeatsLost(lost)
        return Claim(purchase.sale_id, 0)

    async def record(self, _show: Show, sale: Sale | RefusedSale) -> None:
        if isinstance(sale, Sale):
            self._take(sale.live_seat_ids, SeatState.SOLD)

    async def give_up(self, _show: Show, _claim: Claim) -> None:
        return None

    def _look(self, seat_id: str) -> SeatState:
        return self._states.get(seat_id, SeatState.AVAILABLE)

    def _take(self, seat_ids: tuple[str, ...], state: SeatState) -> None:
        for seat_id in seat_ids:
            self._states[seat_id] = state

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the control does not need {name}")


class UnguardedSales:
    """The real sales as they would be without the unique index."""

    def __init__(self, sales: MongoSales) -> None:
        self._sales = sales

    async def add(self, sale: Sale) -> None:
        # What the index compares is made different for each sale, so that it never objects.
        await self._sales.add(replace(sale, show_id=f"{sale.show_id}-{sale.sale_id}"))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sales, name)


async def test_the_control_without_any_guard_sells_seats_twice(sales: MongoSales) -> None:
    ledger: Any = UnguardedLedger()
    show = a_show(layout=hall(1, SEATS))
    unguarded: Any = UnguardedSales(sales)
    async with open_theatre(ledger, unguarded, KnownShows(show)) as theatre:
        outcome = await sell_out([theatre], show)
    assert max(outcome.tickets.values()) > 1


async def test_the_last_word_alone_sells_each_seat_once_even_where_holds_collide(sales: MongoSales) -> None:
    ledger: Any = UnguardedLedger()
    show = a_show(layout=hall(1, SEATS))
    async with open_theatre(ledger, sales, KnownShows(show)) as theatre:
        outcome = await sell_out([theatre], show)
    assert max(outcome.holders.values()) > 1
    assert set(outcome.tickets.values()) == {1}
