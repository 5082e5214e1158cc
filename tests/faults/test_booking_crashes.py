"""A crash at every single await of a booking's life, enumerated: it ends right after the restart."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import pytest
import pytest_asyncio

from booking_svc.app import encoded, open_ports, open_schedule, use_cases
from booking_svc.domain.booking import Booking, BookingState, PaymentMethod, SeatStanding
from booking_svc.domain.contact import Contact
from booking_svc.domain.duties import Duty
from booking_svc.domain.proof import Viewer
from booking_svc.errors import HoldExpired
from booking_svc.ports import Ports, ScheduleFeed, ShowWalks
from booking_svc.servicer import UseCases
from booking_svc.stores.mongo import MongoBookings
from booking_svc.stores.payment_events import MongoPaymentEvents
from booking_svc.stores.show_walks import MongoShowWalks
from booking_svc.usecases.cancelling import CancelWish, cancel_booking
from booking_svc.usecases.creating import create_booking
from booking_svc.usecases.driving import STEPS
from booking_svc.usecases.following import ScheduleFollower
from booking_svc.usecases.paying import PaymentWish
from mesh import mongo as mesh_mongo
from mesh.clock import SystemClock
from mesh.ids import derived_request_id
from mesh.run import Resources
from mesh.testing import FakeClock, eventually
from stack.engines import MongoEngine
from tests.fixtures import sandbox as cards
from tests.fixtures.booking_desk import PUBLIC_URL, desk_settings, new_database
from tests.fixtures.box_office import BoxOffice, open_box_office
from tests.fixtures.crashing import Fate, mortal, mortal_port, until_death
from tests.fixtures.sandbox import Posted, Sandbox, WebhookAddress, running_sandbox, webhook_address

NOBODY_PAYS = "nobody pays"
"""In the place of a card: the buyer does not even go to the provider."""
LATE_SECONDS = 0.15
CONTACT = Contact("Ada Lovelace", "ada@example.com", "", "en")
RESTART_SECONDS = 25.0
"""By the service's clock: what a restart takes. More than any lease lasts, and less than a booking is waited
for whose buyer does not come back to it."""


@dataclass
class World:
    """All that outlives a process of booking_svc."""

    ports: Ports
    office: BoxOffice
    sandbox: Sandbox
    hook: WebhookAddress
    clock: FakeClock
    events: Any
    feed: ScheduleFeed
    walks: ShowWalks


@dataclass
class Life:
    """One booking's life: its buyer's steps, each sent again to the next process if one dies."""

    world: World
    card: str
    buyer_id: str
    show_id: str
    cancel: bool
    cancel_seats: tuple[str, ...] = ()
    call_off: bool = False
    robbed: bool = False
    use: UseCases = field(init=False)
    follower: ScheduleFollower = field(init=False)
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set)
    booking_id: str = ""

    def request_id(self, step: str) -> str:
        return derived_request_id(self.buyer_id, step)

    @property
    def viewer(self) -> Viewer:
        return Viewer(buyer_id=self.buyer_id)

    async def create(self) -> None:
        use, request_id = self.use, self.request_id("create")
        booking = await create_booking(
            use.ports, use.changes, request_id, self.buyer_id, self.show_id, ("A1", "A2")
        )
        self.booking_id = booking.booking_id

    async def start(self) -> None:
        if self.card == NOBODY_PAYS:
            return
        wish = PaymentWish(PaymentMethod.CREDIT_CARD, CONTACT, f"{PUBLIC_URL}/bookings/x")
        redirect = await self.use.cashier.start_payment(
            self.request_id("start"), self.booking_id, self.viewer, wish
        )
        if self.card:
            await self.world.sandbox.pay(redirect.url, self.card)

    async def hear(self) -> None:
        """The provider's webhook; a lost one is never sent."""
        if self.card in {"", cards.LOST_WEBHOOK, NOBODY_PAYS}:
            return
        if self.robbed:
            # Their hold was wiped, and somebody else was faster.
            for held in self.world.office.holds_of(self.show_id):
                held.ends = 0
            self.world.office.take(self.show_id, ["A1"])
        posted = await eventually(self._posted)
        assert posted is not None
        await self.use.news.record_payment_event("sandbox", posted.body, posted.signature)
        await self.under_way()

    async def under_way(self) -> None:
        """What goes on in the background comes to its end."""
        self.tasks |= self.use.driver.under_way
        await asyncio.gather(*self.use.driver.under_way)

    async def _posted(self) -> Posted | None:
        for posted in reversed(self.world.hook.posted):
            if posted.event["data"].get("metadata", {}).get("booking_id") == self.booking_id:
                return posted
        return None

    async def _refunded(self) -> bool:
        booking = await self.world.ports.bookings.find(self.booking_id)
        assert booking is not None
        return "refund" in {kind for kind, _ in await _ledger(self, booking)}

    async def give_back(self) -> None:
        if self.cancel:
            await cancel_booking(
                *(self.use.ports, self.use.changes, self.use.driver, self.request_id("cancel")),
                *(self.booking_id, self.viewer, CancelWish(self.cancel_seats)),
            )

    async def lose_the_show(self) -> None:
        if self.call_off and self.show_id not in {change.show_id for change in self.world.office.changes}:
            self.world.office.cancel_show(self.show_id)

    def begin_process(self, fate: Fate | None) -> None:
        """A process that dies as the fate says, or one that lives on."""
        world = self.world
        if fate is None:
            self.use = use_cases(world.ports)
            self.follower = ScheduleFollower(world.ports, self.use.driver, world.feed, world.walks)
            return
        self.use = use_cases(mortal(world.ports, fate))
        self.follower = ScheduleFollower(
            self.use.ports, self.use.driver, mortal_port(world.feed, fate), mortal_port(world.walks, fate)
        )

    async def wait_in_vain(self) -> None:
        if self.card in {"", NOBODY_PAYS}:
            self.world.clock.advance(1)
            await self.settle()  # the provider is asked, and nobody has paid
            self.world.clock.advance(300)

    async def settle(self) -> None:
        """One round of the process's loops, one after the other: the calls must come in the same order."""
        await self.use.news.catch_up()
        await self.under_way()
        await self.use.news.act_on_waiting()
        await self.under_way()
        await self.use.driver.begin_due()
        await self.under_way()
        if self.call_off:
            await self.follower.read()
            await self.follower.walk()
            await self.under_way()

    async def settle_for_good(self) -> None:
        """Some rounds, with time for what has to be tried again."""
        for turn in range(4):
            await self.settle()
            if self.card == cards.SLOW_REFUND and turn == 0:
                await eventually(self._refunded, 10)  # the sandbox goes by the real time
            self.world.clock.advance(5)

    @property
    def steps(self) -> list[Callable[[], Awaitable[None]]]:
        own = [self.create, self.start, self.hear, self.give_back, self.lose_the_show]
        return [*own, self.wait_in_vain, self.settle]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(mongo: MongoEngine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder: Path = tmp_path_factory.mktemp("world")
    async with AsyncExitStack() as around:
        database = await around.enter_async_context(new_database(mongo))
        office = await around.enter_async_context(open_box_office())
        hook = await around.enter_async_context(webhook_address())
        sandbox = await around.enter_async_context(
            running_sandbox(folder, hook.url, late_seconds=LATE_SECONDS)
        )
        resources = await around.enter_async_context(Resources())
        settings = desk_settings(database, office, sandbox.url)
        client = mesh_mongo.open_client(settings.mongo_url, "crashes")
        around.push_async_callback(mesh_mongo.close, client)
        bookings = MongoBookings(client, settings.mongo_database, encoded)
        events = MongoPaymentEvents(client, settings.mongo_database)
        await bookings.ready()
        await events.ready()
        clock = FakeClock(SystemClock().now())
        ports = await open_ports(settings, resources, clock, bookings, events)
        outbox = mesh_mongo.database_of(client, settings.mongo_database)["bookings"]
        walks = MongoShowWalks(client, settings.mongo_database)
        await walks.ready()
        feed = await open_schedule(settings, resources)
        yield World(ports, office, sandbox, hook, clock, outbox, feed, walks)


async def _live(life: Life, fate: Fate) -> None:
    """Lives through all steps; where the process dies, the next one goes on with the same step."""
    clock = life.world.clock
    # The sandbox goes by the real time; what the last life has jumped ahead is taken back.
    clock.advance((SystemClock().now() - clock.now()).total_seconds())
    life.begin_process(fate)
    for step in life.steps:
        with until_death():
            await step()
        if fate.dead and life.use.ports is not life.world.ports:
            # The tasks of a dead process are gone with it.
            life.tasks |= life.use.driver.under_way
            await asyncio.gather(*life.tasks, return_exceptions=True)
            clock.advance(RESTART_SECONDS)
            life.begin_process(None)
            await life.settle()
            await step()
    clock.advance(RESTART_SECONDS)
    life.begin_process(None)
    await life.settle_for_good()


async def _ended(life: Life, state: BookingState, fate: Fate) -> Booking:
    booking = await life.world.ports.bookings.find(life.booking_id)
    assert booking is not None
    assert booking.state is state, f"died {fate.where}"
    work = (await life.world.events.find_one({"_id": life.booking_id}))["work"]
    assert work["next_look"] is None, f"nothing is left to do, died {fate.where}"
    return booking


async def _told(life: Life) -> list[str]:
    document = await life.world.events.find_one({"_id": life.booking_id})
    ids = [entry["event_id"] for entry in document["outbox"]]
    assert len(ids) == len(set(ids))
    return [entry["name"] for entry in document["outbox"]]


async def _ledger(life: Life, booking: Booking) -> list[tuple[str, int]]:
    payments = {payment.payment_id for payment in booking.payments}
    rows = [row for row in await life.world.sandbox.ledger() if row["reference"] in payments]
    return [(row["kind"], row["amount"]) for row in rows]


@dataclass(frozen=True)
class Scenario:
    """A life, and how it has to end whatever happens on the way."""

    card: str
    state: BookingState
    told: tuple[str, ...]
    ledger: tuple[tuple[str, int], ...]
    calls: tuple[str, ...]
    """Calls that a process has to die at, for the enumeration to mean anything."""
    cancel: bool = False
    cancel_seats: tuple[str, ...] = ()
    robbed: bool = False
    """Somebody else gets a seat while the payment is under way."""
    """None named: all."""
    call_off: bool = False


BOUGHT = ("add", "hold", "save", "open_session", "confirm")
GIVEN_BACK = ("booking_confirmed", "booking_cancelled", "refund_issued")
SCENARIOS = {
    "tickets": Scenario(
        cards.SUCCESS, BookingState.CONFIRMED, ("booking_confirmed",), (("capture", 2000),), BOUGHT
    ),
    "lost-webhook": Scenario(
        cards.LOST_WEBHOOK,
        BookingState.CONFIRMED,
        ("booking_confirmed",),
        (("capture", 2000),),
        (*BOUGHT, "list_events", "add"),
    ),
    "wrong-amount": Scenario(
        cards.SURPLUS,
        BookingState.REFUNDED,
        ("refund_issued",),
        (("capture", 2001), ("refund", 2001)),
        ("save", "release", "refund"),
    ),
    "refund-that-fails-first": Scenario(
        cards.FAILING_REFUND,
        BookingState.REFUNDED,
        GIVEN_BACK,
        (("capture", 2000), ("refund", 2000)),
        (*BOUGHT, "claim", "cancel", "refund"),
        cancel=True,
    ),
    "one-seat-cancelled": Scenario(
        cards.FAILING_REFUND,
        BookingState.CONFIRMED,
        GIVEN_BACK,
        (("capture", 2000), ("refund", 1000)),
        (*BOUGHT, "claim", "give_back", "refund"),
        cancel=True,
        cancel_seats=("A2",),
    ),
    "show-called-off": Scenario(
        cards.FAILING_REFUND,
        BookingState.REFUNDED,
        ("booking_confirmed", "show_cancelled", "refund_issued"),
        (("capture", 2000), ("refund", 2000)),
        # Walk and drives go on side by side, so not every call of theirs is met for certain.
        (*BOUGHT, "claim_position", "changes_after", "keep", "refresh", "of_show"),
        call_off=True,
    ),
    "show-called-off-while-paying": Scenario(
        "",
        BookingState.EXPIRED,
        ("booking_expired",),
        (),
        ("keep", "of_show", "save"),
        call_off=True,
    ),
    "slow-refund": Scenario(
        cards.SLOW_REFUND,
        BookingState.REFUNDED,
        GIVEN_BACK,
        (("capture", 2000), ("refund", 2000)),
        (*BOUGHT, "cancel", "refund", "get_refund"),
        cancel=True,
    ),
    "seats-lost": Scenario(
        cards.SUCCESS,
        BookingState.REFUNDED,
        ("refund_issued",),
        (("capture", 2000), ("refund", 2000)),
        (*BOUGHT, "cancel", "release", "refund"),
        robbed=True,
    ),
    "never-started": Scenario(NOBODY_PAYS, BookingState.EXPIRED, (), (), ("add", "hold", "release", "save")),
    "never-paid": Scenario(
        "", BookingState.EXPIRED, ("booking_expired",), (), ("claim", "expire_session", "release", "save")
    ),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("after", [False, True], ids=["before-the-call", "after-the-call"])
@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_crash_at_any_await_ends_right(world: World, name: str, after: bool) -> None:
    scenario = SCENARIOS[name]
    died_at: set[str] = set()
    for at_call in range(1, 200):
        fate = Fate(at_call, after)
        buyer_id = f"{name}-{after}-{at_call}"
        show_id = world.office.add_show()
        life = _life(world, scenario, buyer_id, show_id)
        await _live(life, fate)
        await _check_end(life, scenario, fate)
        if not fate.dead:
            break
        died_at.add(fate.where)
    else:
        pytest.fail("the life never ended without a crash")
    assert {f"{'after' if after else 'before'} {call}" for call in scenario.calls} <= died_at


def _life(world: World, scenario: Scenario, buyer_id: str, show_id: str) -> Life:
    return Life(
        *(world, scenario.card, buyer_id, show_id, scenario.cancel, scenario.cancel_seats),
        *(scenario.call_off, scenario.robbed),
    )


async def _check_end(life: Life, scenario: Scenario, fate: Fate) -> None:
    where = f"died {fate.where}"
    booking = await _ended(life, scenario.state, fate)
    assert await _told(life) == list(scenario.told), where
    assert await _ledger(life, booking) == list(scenario.ledger), where
    if scenario.state is BookingState.CONFIRMED:
        assert booking.seats is SeatStanding.SOLD, where
        kept = {"A1", "A2"} - set(scenario.cancel_seats)
        assert life.world.office.sold_seats(life.booking_id) == kept, where
        assert {ticket.seat_id for ticket in booking.tickets if not ticket.cancelled} == kept, where
    else:
        assert booking.seats is SeatStanding.FREED, where
        free = {"A2"} if scenario.robbed else {"A1", "A2"}
        assert free <= life.world.office.free_seats(life.show_id), where


@pytest.mark.timeout(300)
async def test_the_lives_take_every_step_that_there_is(world: World) -> None:
    """A new duty needs a life above that takes it, and that then dies at each of its calls."""
    taken: set[str] = set()
    for name, scenario in SCENARIOS.items():
        before = _steps_taken()
        life = _life(world, scenario, f"{name}-all-steps", world.office.add_show())
        await _live(life, Fate(at_call=-1, after=False))
        taken |= set(_steps_taken() - before)
    # Whoever starts a payment opens it; these are for the next process, when that one has died.
    after_a_crash = {"OpenPayment", "GiveUpCreation"}
    assert taken | after_a_crash == {duty.__name__ for duty in get_args(Duty)}


def _steps_taken() -> Counter[str]:
    """By duty, whatever came of them."""
    taken: Counter[str] = Counter()
    for metric in STEPS.collect():
        for sample in metric.samples:
            if sample.name == "booking_steps_total":
                taken[sample.labels["duty"]] += int(sample.value)
    return taken


@pytest.mark.parametrize("after", [False, True], ids=["before-the-call", "after-the-call"])
async def test_seats_that_a_dead_process_held_for_a_buyer_who_stays_away_are_freed(
    world: World, after: bool
) -> None:
    show_id = world.office.add_show()
    fate = Fate(at_call=-1, after=after, at="hold")
    life = Life(world, "", f"away-{after}", show_id, cancel=False)
    world.clock.advance((SystemClock().now() - world.clock.now()).total_seconds())
    life.begin_process(fate)
    with until_death():
        await life.create()
    assert fate.where.endswith("hold")
    life.begin_process(None)
    world.clock.advance(31)
    await life.settle()
    assert world.office.holds_of(show_id) == []
    with pytest.raises(HoldExpired):
        await life.create()


async def test_a_process_that_was_only_slow_comes_back_with_an_old_answer_and_changes_nothing(
    world: World,
) -> None:
    life = Life(world, cards.SUCCESS, "slow", world.office.add_show(), cancel=False)
    slow, quick = use_cases(world.ports), use_cases(world.ports)
    world.clock.advance((SystemClock().now() - world.clock.now()).total_seconds())
    life.use = slow
    await life.create()
    await life.start()
    world.office.slow["ConfirmHold"] = 0.5
    calls = world.office.calls["ConfirmHold"]
    hearing = asyncio.create_task(life.hear())

    async def confirming() -> bool:
        return world.office.calls["ConfirmHold"] > calls

    await eventually(confirming)
    del world.office.slow["ConfirmHold"]
    world.clock.advance(RESTART_SECONDS)  # the slow one's lease is over
    await quick.driver.drive(life.booking_id)
    confirmed = await world.ports.bookings.find(life.booking_id)
    assert confirmed is not None
    assert confirmed.state is BookingState.CONFIRMED
    await cancel_booking(
        *(world.ports, quick.changes, quick.driver, life.request_id("cancel")),
        *(life.booking_id, life.viewer, CancelWish()),
    )
    refunded = await world.ports.bookings.find(life.booking_id)
    await hearing
    assert await world.ports.bookings.find(life.booking_id) == refunded
    assert refunded is not None
    assert refunded.state is BookingState.REFUNDED
    assert await _told(life) == list(GIVEN_BACK)
