"""The Lua scripts against a plain model of the rules, by sequences of steps that hypothesis thinks up."""

import asyncio
import datetime as dt
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from redis.asyncio import Redis

from mesh.errors import MatineeError
from mesh.ids import new_request_id
from seat_svc.domain.orders import HoldOrder, InventoryRules
from seat_svc.domain.sale import Purchase, Sale
from seat_svc.domain.seats import Hold, SeatState
from seat_svc.ports import Claim, ClaimsOverdue, MapReading, SaleRecorded
from seat_svc.stores.redis import LedgerTimes
from tests.fixtures.seats import (
    a_purchase,
    a_sale,
    a_show,
    an_order,
    hall,
    move_clock,
    open_ledger,
    put_in_place,
)

T = TypeVar("T")

SEATS = [f"A{number}" for number in range(1, 6)]
LIMIT = 4
CLAIM_SECONDS = 50
seats_drawn = st.lists(st.sampled_from(SEATS), min_size=1, max_size=3, unique=True)


@dataclass
class Held:
    """A hold of the model."""

    holder: str
    seat_ids: tuple[str, ...]
    expire: float


class Ledger(RuleBasedStateMachine):
    """Takes each step in Redis and in the model, and compares what is answered and what is left."""

    url = ""
    orders = Bundle("orders")
    holds = Bundle("holds")
    purchases = Bundle("purchases")
    sold = Bundle("sold")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.open = AsyncExitStack()
        self.show = a_show(layout=hall(1, len(SEATS)))
        times = LedgerTimes(claim_for=dt.timedelta(seconds=CLAIM_SECONDS))
        rules = InventoryRules(seats_per_holder=LIMIT)
        self.ledger = self.run(self.open.enter_async_context(open_ledger(self.url, rules, times)))
        self.redis = self.run(self.open.enter_async_context(Redis.from_url(self.url)))
        self.run(put_in_place(self.ledger, self.show))
        self.now = 0.0
        self.state = dict.fromkeys(SEATS, SeatState.AVAILABLE)
        self.live: dict[str, Held] = {}
        self.answered: dict[str, str] = {}
        self.claims: dict[str, tuple[Claim, tuple[str, ...], float]] = {}
        self.recorded: dict[str, Sale] = {}
        self.owner: dict[str, str] = {}
        self.seen = self.run(self.ledger.seat_map(self.show)).seat_map

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(step)

    def teardown(self) -> None:
        self.run(self.open.aclose())
        self.loop.close()

    # The model's own rules

    def end_due(self) -> None:
        for hold_id, held in list(self.live.items()):
            if held.expire <= self.now:
                self.end(hold_id)

    def end(self, hold_id: str, becomes: SeatState = SeatState.AVAILABLE) -> None:
        for seat_id in self.live.pop(hold_id).seat_ids:
            self.state[seat_id] = becomes

    def taken(self, seat_ids: tuple[str, ...]) -> bool:
        return any(self.state[seat_id] is not SeatState.AVAILABLE for seat_id in seat_ids)

    async def forget_all(self) -> None:
        for key in await self.redis.keys("{*"):
            await self.redis.delete(key)

    async def held_counts(self) -> dict[str, int]:
        counts = await self.redis.hgetall(f"{{{self.show.show_id}}}:holders")
        return {str(holder, "ascii"): int(count) for holder, count in counts.items()}  # type: ignore[arg-type]

    # Steps

    @rule(target=orders, seat_ids=seats_drawn, holder=st.sampled_from(["anna", "bert"]))
    def order(self, seat_ids: list[str], holder: str) -> HoldOrder:
        return an_order(*seat_ids, holder=holder, seconds=60)

    @rule(target=holds, order=orders)
    def hold(self, order: HoldOrder) -> Any:
        """The first time or again: orders stay in their bundle."""
        self.end_due()
        held_by = sum(len(held.seat_ids) for held in self.live.values() if held.holder == order.holder)
        refusal = None
        if self.taken(order.seat_ids):
            refusal = "SEAT_TAKEN"
        elif held_by + len(order.seat_ids) > LIMIT:
            refusal = "HOLD_LIMIT"
        is_answer = True
        try:
            answer: Hold | str = self.run(self.ledger.hold(self.show, order, ()))
        except (MatineeError, ClaimsOverdue) as error:
            answer = reason_of(error)
            is_answer = isinstance(error, MatineeError)
        if order.request_id in self.answered:
            told = answer.hold_id if isinstance(answer, Hold) else answer
            assert told == self.answered[order.request_id]
            return multiple()
        if not isinstance(answer, Hold):
            assert answer == refusal
            if is_answer:
                self.answered[order.request_id] = answer
            return multiple()
        assert refusal is None
        self.answered[order.request_id] = answer.hold_id
        self.live[answer.hold_id] = Held(order.holder, order.seat_ids, self.now + 60)
        for seat_id in order.seat_ids:
            self.state[seat_id] = SeatState.HELD
        return (answer.hold_id, order.seat_ids)

    @rule(hold=holds)
    def release(self, hold: tuple[str, tuple[str, ...]]) -> None:
        self.end_due()
        self.run(self.ledger.release(self.show, hold[0], new_request_id()))
        if hold[0] in self.live:
            self.end(hold[0])

    @rule(seconds=st.sampled_from([20, 60]))
    def wait(self, seconds: int) -> None:
        # Far from every limit, so that the time which the test itself takes does not matter.
        self.run(move_clock(self.redis, seconds))
        self.now += seconds

    @rule(target=purchases, hold=holds)
    def pay(self, hold: tuple[str, tuple[str, ...]]) -> Purchase:
        return self.pay_for(hold)

    def pay_for(self, hold: tuple[str, tuple[str, ...]]) -> Purchase:
        return a_purchase(*hold[1], hold_id=hold[0])

    @rule(purchase=purchases)
    def claim(self, purchase: Purchase) -> None:
        self.claim_for(purchase)

    def claim_for(self, purchase: Purchase) -> None:
        self.end_due()
        sale_id, hold_id = purchase.sale_id, purchase.hold_id
        may = sale_id in self.claims or hold_id in self.live or not self.taken(purchase.seat_ids)
        expected = "RECORDED" if sale_id in self.recorded else "CLAIMED" if may else "SEATS_LOST"
        try:
            claim = self.run(self.ledger.claim(self.show, purchase, new_request_id()))
            answer = "CLAIMED"
        except SaleRecorded:
            answer = "RECORDED"
        except (MatineeError, ClaimsOverdue) as error:
            answer = reason_of(error)
        assert answer == expected
        if answer != "CLAIMED":
            return
        if sale_id not in self.claims and hold_id in self.live:
            self.end(hold_id)
        for seat_id in purchase.seat_ids:
            self.state[seat_id] = SeatState.CLAIMED
        self.claims[sale_id] = (claim, purchase.seat_ids, self.now + CLAIM_SECONDS)

    @rule(target=sold, purchase=purchases)
    def record(self, purchase: Purchase) -> Any:
        return self.record_sale(purchase)

    def record_sale(self, purchase: Purchase) -> Any:
        """What follows a claim whose insert was accepted: its seats are nobody else's in MongoDB."""
        self.end_due()
        if purchase.sale_id not in self.claims:
            return multiple()
        sale = replace(a_sale(self.show, *purchase.seat_ids), sale_id=purchase.sale_id)
        self.take_over(sale)
        return sale

    @rule(target=sold, hold=holds)
    def buy(self, hold: tuple[str, tuple[str, ...]]) -> Any:
        """Both steps of a sale at once, so that sales are common enough to be cancelled and confused."""
        purchase = self.pay_for(hold)
        self.claim_for(purchase)
        return self.record_sale(purchase)

    @rule(sale=sold, data=st.data())
    def cancel(self, sale: Sale, data: st.DataObject) -> None:
        self.end_due()
        latest = self.recorded[sale.sale_id]
        if not latest.live_seat_ids:
            return
        chosen = data.draw(st.sampled_from(latest.live_seat_ids))
        tickets = tuple(
            replace(ticket, cancelled=ticket.cancelled or ticket.seat_id == chosen)
            for ticket in latest.tickets
        )
        self.take_over(replace(latest, tickets=tickets, version=latest.version + 1))

    def take_over(self, sale: Sale) -> None:
        self.run(self.ledger.record(self.show, sale))
        self.recorded[sale.sale_id] = sale
        self.claims.pop(sale.sale_id, None)
        for seat_id in sale.live_seat_ids:
            self.state[seat_id], self.owner[seat_id] = SeatState.SOLD, sale.sale_id
        for seat_id in sale.cancelled_seat_ids:
            if self.owner.get(seat_id) == sale.sale_id:
                del self.owner[seat_id]
                self.state[seat_id] = SeatState.AVAILABLE

    @rule(sale=sold)
    def record_an_older_word(self, sale: Sale) -> None:
        self.end_due()
        if sale.version < self.recorded[sale.sale_id].version:
            self.run(self.ledger.record(self.show, sale))

    @rule(purchase=purchases)
    def give_up(self, purchase: Purchase) -> None:
        self.end_due()
        if purchase.sale_id in self.claims:
            claim, seat_ids, _ = self.claims.pop(purchase.sale_id)
            self.run(self.ledger.give_up(self.show, claim))
            for seat_id in seat_ids:
                self.state[seat_id] = SeatState.AVAILABLE

    @rule()
    def wipe_and_rebuild(self) -> None:
        """All that is soft is gone; what MongoDB has is there again."""
        self.run(self.forget_all())
        assert self.run(self.ledger.begin_rebuild(self.show.show_id, "t")).name == "YOURS"
        sales = list(self.recorded.values())
        assert self.run(self.ledger.rebuild(self.show, "t", sales, frozenset())).name == "READY"
        self.live.clear()
        self.claims.clear()
        self.answered.clear()
        for seat_id in SEATS:
            self.state[seat_id] = SeatState.SOLD if seat_id in self.owner else SeatState.AVAILABLE

    # What must always be true

    @invariant()
    def the_map_is_the_models(self) -> None:
        self.end_due()
        reading = self.run(self.ledger.seat_map(self.show)).seat_map
        assert [SeatState(state).name for state in reading.states] == [
            self.state[seat_id].name for seat_id in SEATS
        ]

    @invariant()
    def the_changes_lead_from_map_to_map(self) -> None:
        now = self.run(self.ledger.seat_map(self.show)).seat_map
        changes = self.run(self.ledger.changes(self.show, self.seen.sequence))
        assert now.sequence >= self.seen.sequence
        if not isinstance(changes, MapReading):
            states = bytearray(self.seen.states)
            for change in changes.deltas:
                for seat, state in change.changes:
                    states[seat] = state
            assert bytes(states) == now.states
        self.seen = now

    @invariant()
    def overdue_claims_are_known(self) -> None:
        overdue = {claim.sale_id for claim in self.run(self.ledger.overdue(self.show)).claims}
        assert overdue == {sale_id for sale_id, (*_, due) in self.claims.items() if due <= self.now}

    @invariant()
    def no_holder_is_forgotten_or_counted_twice(self) -> None:
        expected: dict[str, int] = {}
        for held in self.live.values():
            expected[held.holder] = expected.get(held.holder, 0) + len(held.seat_ids)
        assert self.run(self.held_counts()) == expected


def reason_of(error: MatineeError | ClaimsOverdue) -> str:
    return error.refusal.reason if isinstance(error, ClaimsOverdue) else error.reason


async def test_the_scripts_do_what_the_model_does(redis_url: str) -> None:
    class Machine(Ledger):
        url = redis_url

    # In a thread: hypothesis calls the machine's steps directly, and each runs a loop of its own.
    await asyncio.to_thread(
        run_state_machine_as_test,
        Machine,
        settings=settings(
            max_examples=50,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
