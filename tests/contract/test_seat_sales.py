"""The last word: sales in a real MongoDB."""

import asyncio
import datetime as dt
from dataclasses import replace

import pytest

from mesh import mongo
from mesh.clock import SystemClock
from mesh.errors import StoreUnavailable
from mesh.money import Money
from seat_svc.domain.sale import SeatPayment
from seat_svc.ports import AlreadySold
from seat_svc.stores.mongo import MongoSales
from tests.fixtures.engines import MongoDatabase
from tests.fixtures.seats import a_sale, a_show


def costs(**minor_units: int) -> tuple[SeatPayment, ...]:
    return tuple(SeatPayment(seat_id, Money("INR", units)) for seat_id, units in minor_units.items())


async def test_a_sale_is_found_as_it_was_recorded(sales: MongoSales) -> None:
    sale = a_sale(a_show(), "A1", "A2")
    await sales.add(sale)
    assert await sales.find(sale.sale_id) == sale
    assert await sales.of_show(sale.show_id) == [sale]
    assert await sales.find("another") is None


async def test_a_seat_is_sold_once_in_a_show_whoever_comes_at_the_same_time(sales: MongoSales) -> None:
    show = a_show()
    outcomes = await asyncio.gather(
        *(sales.add(a_sale(show, f"A{number}", "B1")) for number in range(20)), return_exceptions=True
    )
    assert sum(outcome is None for outcome in outcomes) == 1
    assert all(outcome is None or isinstance(outcome, AlreadySold) for outcome in outcomes)
    (only,) = await sales.of_show(show.show_id)
    assert await sales.holding(show.show_id, ["B1", "C1"]) == [only]
    await sales.add(a_sale(a_show(), "B1"))


async def test_the_same_sale_is_recorded_once(sales: MongoSales) -> None:
    sale = a_sale(a_show(), "A1")
    await sales.add(sale)
    with pytest.raises(AlreadySold):
        await sales.add(sale)
    with pytest.raises(AlreadySold):
        await sales.add(replace(a_sale(a_show(), "Z9"), sale_id=sale.sale_id))


async def test_cancelled_seats_can_be_sold_again_and_only_those(sales: MongoSales) -> None:
    show = a_show()
    sale = a_sale(show, "A1", "A2")
    await sales.add(sale)
    cancelled = await sales.cancel(sale, ["A1"])
    assert (cancelled.live_seat_ids, cancelled.cancelled_seat_ids, cancelled.version) == (("A2",), ("A1",), 2)
    await sales.add(a_sale(show, "A1"))
    with pytest.raises(AlreadySold):
        await sales.add(a_sale(show, "A2"))


async def test_cancelling_twice_or_at_once_counts_once(sales: MongoSales) -> None:
    sale = a_sale(a_show(), "A1", "A2")
    await sales.add(sale)
    answers = await asyncio.gather(*(sales.cancel(sale, ["A1", "A2"]) for _ in range(5)))
    assert {(answer.version, answer.live_seat_ids) for answer in answers} == {(2, ())}


async def test_what_kept_seats_cost_is_set_with_the_cancellation_and_what_they_were_sold_for_is_known(
    sales: MongoSales,
) -> None:
    sale = a_sale(a_show(), "A1", "A2", "A3")
    await sales.add(sale)
    after = await sales.cancel(sale, ["A1"], costs(A3=30_000))
    assert (after.cancelled_seat_ids, after.version) == (("A1",), 2)
    assert after.payments == costs(A1=25_000, A2=25_000, A3=30_000)
    assert after.sold_for == sale.payments
    again = await sales.cancel(after, ["A2"], costs(A3=20_000))
    assert (again.payments, again.sold_for) == (costs(A1=25_000, A2=25_000, A3=20_000), sale.payments)
    assert await sales.find(sale.sale_id) == again


async def test_a_late_repeat_does_not_undo_what_a_later_cancellation_has_set(sales: MongoSales) -> None:
    sale = a_sale(a_show(), "A1", "A2", "A3")
    await sales.add(sale)
    await sales.cancel(sale, ["A1"], costs(A2=24_000, A3=24_000))
    newest = await sales.cancel(sale, ["A2"], costs(A3=23_000))
    assert await sales.cancel(sale, ["A1"], costs(A3=24_000)) == newest, (
        "only its tickets say that it is late"
    )
    assert await sales.cancel(sale, ["A1"], costs(A2=24_000, A3=24_000)) == newest
    assert await sales.find(sale.sale_id) == newest


async def test_a_cancellation_that_prices_a_cancelled_seat_changes_nothing(sales: MongoSales) -> None:
    sale = a_sale(a_show(), "A1", "A2", "A3")
    await sales.add(sale)
    one = await sales.cancel(sale, ["A2"])
    assert await sales.cancel(sale, ["A1"], costs(A2=1, A3=1)) == one


async def test_cancellations_at_once_leave_each_seat_what_the_one_that_was_made_says(
    sales: MongoSales,
) -> None:
    """Each prices the seats that the others cancel: the first one wins, and no seat has half of anything."""
    sale = a_sale(a_show(), "A1", "A2", "A3", "A4")
    await sales.add(sale)
    wanted = {
        "A1": costs(A2=1, A3=1, A4=1),
        "A2": costs(A1=2, A3=2, A4=2),
        "A3": costs(A1=3, A2=3, A4=3),
    }
    await asyncio.gather(*(sales.cancel(sale, [seat_id], kept) for seat_id, kept in wanted.items()))
    (last,) = await sales.of_show(sale.show_id)
    (gone,) = last.cancelled_seat_ids
    assert last.payments == tuple(
        sorted((*costs(**{gone: 25_000}), *wanted[gone]), key=lambda each: each.seat_id)
    )
    assert last.sold_for == sale.payments


async def test_sales_without_a_good_ticket_left_are_not_equal(sales: MongoSales) -> None:
    show = a_show()
    for _ in range(2):
        sale = a_sale(show, "A1")
        await sales.add(sale)
        await sales.cancel(sale, ["A1"])
    assert await sales.holding(show.show_id, ["A1"]) == []


async def test_the_books_of_a_date_come_in_pages(sales: MongoSales) -> None:
    show = a_show()
    moment = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
    expected = []
    for number in range(5):
        sale = replace(a_sale(show, f"A{number}"), sale_time=moment, sale_id=f"sale-{number}")
        await sales.add(sale)
        expected.append(sale)
    await sales.add(a_sale(a_show(theatre_id="other"), "A1"))
    await sales.add(a_sale(a_show(business_date=dt.date(2020, 1, 1)), "A1"))

    found = []
    position = None
    while page := await sales.of_date(show.theatre_id, show.business_date, position, 2):
        found += page
        position = (page[-1].sale_time, page[-1].sale_id)
    assert found == expected


async def test_what_changed_lately_is_found(sales: MongoSales) -> None:
    assert await sales.newest_change() is None
    old = replace(a_sale(a_show(), "A1"), sale_time=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    await sales.add(old)
    assert await sales.newest_change() == old.sale_time
    cancelled = await sales.cancel(old, ["A1"])
    newest = await sales.newest_change()
    assert newest is not None
    assert newest > old.sale_time
    assert await sales.changed_since(newest - dt.timedelta(seconds=1)) == [cancelled]


async def test_a_store_that_is_away_is_told_as_such_within_seconds(mongo_database: MongoDatabase) -> None:
    client = mongo.open_client("mongodb://127.0.0.1:9/?replicaSet=rs0", "tests")
    sales = MongoSales(client, mongo_database.name, SystemClock())
    started = asyncio.get_running_loop().time()
    with pytest.raises(StoreUnavailable):
        await sales.add(a_sale(a_show(), "A1"))
    assert asyncio.get_running_loop().time() - started < 10
    await mongo.close(client)
