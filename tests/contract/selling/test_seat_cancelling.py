"""Sales that are cancelled, whole or by the seat, also while they are being made."""

import asyncio

import pytest
from redis.asyncio import Redis

from mesh.errors import InvalidField, RequestIdReused
from mesh.ids import new_request_id
from mesh.money import Money
from seat_svc.domain.sale import SeatPayment
from seat_svc.domain.seats import SeatState
from seat_svc.domain.show import Show
from seat_svc.errors import SeatsLost, UnknownSale
from seat_svc.stores.mongo import MongoSales
from seat_svc.theatres.hosted import HostedTheatre
from tests.fixtures.seats import (
    SteppedSales,
    a_sale,
)
from tests.fixtures.selling import buy, hold, state_of

CANCEL_A1 = new_request_id()


async def _nothing() -> None:
    pass


async def test_a_sale_that_was_cancelled_before_it_was_made_is_never_made(
    theatre: HostedTheatre, neighbour: HostedTheatre, stepped: SteppedSales, show: Show, sales: MongoSales
) -> None:
    """Whoever gave the booking up has sent the money back: the seat must not be sold to it afterwards."""
    held = await hold(theatre, show, "A1")
    on_its_way, may_arrive = asyncio.Event(), asyncio.Event()

    async def pause() -> None:
        on_its_way.set()
        await may_arrive.wait()

    stepped.before_add = pause
    first = asyncio.create_task(buy(theatre, show, held, "sale-1"))
    await on_its_way.wait()
    with pytest.raises(UnknownSale):
        await neighbour.cancel(show, "sale-1", (), new_request_id())
    assert await state_of(neighbour, show, "A1") is SeatState.AVAILABLE
    may_arrive.set()
    with pytest.raises(SeatsLost):
        await first
    assert await sales.of_show(show.show_id) == []
    other = await hold(neighbour, show, "A1", holder="bert")
    assert len(await buy(neighbour, show, other, "sale-2")) == 1


async def test_a_sale_that_is_made_while_it_is_cancelled_is_cancelled(
    theatre: HostedTheatre, stepped: SteppedSales, show: Show, sales: MongoSales
) -> None:
    """It was not there when it was looked for."""

    async def made_meanwhile() -> None:
        stepped.after_finding = _nothing
        await sales.add(sale)

    sale = a_sale(show, "A1")
    stepped.after_finding = made_meanwhile
    (ticket,) = await theatre.cancel(show, sale.sale_id, (), new_request_id())
    assert ticket.cancelled
    assert await state_of(theatre, show, "A1") is SeatState.AVAILABLE


def costs(currency: str = "INR", **minor_units: int) -> tuple[SeatPayment, ...]:
    return tuple(SeatPayment(seat_id, Money(currency, units)) for seat_id, units in minor_units.items())


async def test_what_the_kept_seats_cost_is_set_with_the_cancellation(
    theatre: HostedTheatre, neighbour: HostedTheatre, show: Show, sales: MongoSales, redis_client: Redis
) -> None:
    held = await hold(theatre, show, "A1", "A2", "A3")
    tickets = await buy(theatre, show, held, "sale-1")
    for each in (theatre, neighbour):  # the second is a repeat
        answer = await each.cancel(show, "sale-1", ("A1",), CANCEL_A1, costs(A2=30_000, A3=0))
        assert [ticket.cancelled for ticket in answer] == [True, False, False]
    (sale,) = await sales.of_show(show.show_id)
    assert sale.payments == costs(A1=25_000, A2=30_000, A3=0)
    await redis_client.flushall()
    again = await buy(neighbour, show, held, "sale-1")
    assert [ticket.ticket_id for ticket in again] == [ticket.ticket_id for ticket in tickets], (
        "a late repeat of the confirm is known by what was paid then"
    )


async def test_a_cancellation_that_was_on_its_way_does_not_undo_what_a_later_one_has_set(
    theatre: HostedTheatre, neighbour: HostedTheatre, stepped: SteppedSales, show: Show, sales: MongoSales
) -> None:
    """Its answer was given up, it was repeated, and the next one made, before its update arrives."""
    await buy(theatre, show, await hold(theatre, show, "A1", "A2", "A3"), "sale-1")
    on_its_way, may_arrive = asyncio.Event(), asyncio.Event()

    async def pause() -> None:
        on_its_way.set()
        await may_arrive.wait()

    stepped.after_finding = pause
    late = asyncio.create_task(theatre.cancel(show, "sale-1", ("A1",), CANCEL_A1, costs(A3=24_000)))
    await on_its_way.wait()
    await neighbour.cancel(show, "sale-1", ("A1",), CANCEL_A1, costs(A3=24_000))
    await neighbour.cancel(show, "sale-1", ("A2",), new_request_id(), costs(A3=23_000))
    may_arrive.set()
    await late
    (sale,) = await sales.of_show(show.show_id)
    assert sale.payments == costs(A1=25_000, A2=25_000, A3=23_000)


@pytest.mark.parametrize(
    "payments",
    [costs(A9=1), costs("USD", A2=1), costs(A3=1), costs(A2=1, A3=1)],
    ids=["a seat of nobody", "another currency", "a cancelled seat", "one of them cancelled"],
)
async def test_wrong_payments_are_refused_and_nothing_is_cancelled(
    theatre: HostedTheatre, show: Show, sales: MongoSales, payments: tuple[SeatPayment, ...]
) -> None:
    await buy(theatre, show, await hold(theatre, show, "A1", "A2", "A3"), "sale-1")
    await theatre.cancel(show, "sale-1", ("A3",), new_request_id())
    before = await sales.find("sale-1")
    with pytest.raises(InvalidField) as caught:
        await theatre.cancel(show, "sale-1", ("A1",), new_request_id(), payments)
    assert caught.value.facts == {"field": "payments"}
    assert await sales.find("sale-1") == before
    assert await state_of(theatre, show, "A1") is SeatState.SOLD


@pytest.mark.parametrize("other", [(), costs(A2=1), costs(A2=24_000, A3=24_000)])
async def test_one_request_id_stands_for_one_set_of_payments(
    theatre: HostedTheatre, show: Show, sales: MongoSales, other: tuple[SeatPayment, ...]
) -> None:
    await buy(theatre, show, await hold(theatre, show, "A1", "A2", "A3"), "sale-1")
    await theatre.cancel(show, "sale-1", ("A1",), CANCEL_A1, costs(A2=24_000))
    before = await sales.find("sale-1")
    with pytest.raises(RequestIdReused):
        await theatre.cancel(show, "sale-1", ("A1",), CANCEL_A1, other)
    assert await sales.find("sale-1") == before


async def test_single_seats_of_a_sale_that_is_not_there_keep_nobody_from_buying(
    theatre: HostedTheatre, show: Show
) -> None:
    held = await hold(theatre, show, "A1")
    with pytest.raises(UnknownSale):
        await theatre.cancel(show, "sale-1", ("A1",), new_request_id())
    assert len(await buy(theatre, show, held, "sale-1")) == 1
