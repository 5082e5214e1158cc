"""Signing in and erasing, with the process dead at every single call it makes, before and after it."""

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import pytest_asyncio

from booking_svc.app import encoded
from booking_svc.domain.booking import Booking, BookingState
from booking_svc.domain.contact import Contact
from booking_svc.domain.people import email_address
from booking_svc.domain.sign_in import Challenge, SignInKeys, SignInTerms
from booking_svc.domain.terms import Terms
from booking_svc.errors import SignInOver
from booking_svc.ports import Erasures, Ports, SignInPorts
from booking_svc.stores.erasures import MongoErasures
from booking_svc.stores.mongo import MongoBookings
from booking_svc.stores.people import MongoPeople
from booking_svc.stores.sign_in_codes import MongoSignInCodes
from booking_svc.usecases.rights import Rights
from booking_svc.usecases.signing_in import Browser, Opened, SignIns
from mesh import mongo as mesh_mongo
from mesh.background import Background
from mesh.ids import new_request_id
from mesh.mongo import Document
from mesh.testing import FakeClock
from stack.engines import MongoEngine
from tests.fixtures.booking_desk import desk_settings, new_database
from tests.fixtures.bookings import in_state
from tests.fixtures.crashing import Died, Fate, mortal_port

KEYS = SignInKeys(b"a-sign-in-secret-for-tests")
TERMS = SignInTerms(50, 100, 500, 1000, dt.timedelta(days=30), dt.timedelta(minutes=10))
NOBODY = Fate(at_call=0, after=False)


@dataclass
class Post:
    """Takes everything."""

    codes: list[str] = field(default_factory=list)
    forgotten: set[str] = field(default_factory=set)

    async def send_code(
        self, challenge: Challenge, code: str, minutes: int, language: str, request_id: str
    ) -> None:
        self.codes.append(code)

    async def forget(self, recipients: Sequence[str], booking_ids: Sequence[str], request_id: str) -> None:
        self.forgotten |= {*recipients, *booking_ids}


@dataclass
class House:
    """The stores, and processes over them that may die."""

    client: mesh_mongo.Client
    database: str
    terms: Terms
    clock: FakeClock = field(default_factory=lambda: FakeClock(dt.datetime.now(dt.UTC)))
    post: Post = field(default_factory=Post)

    def process(self, fate: Fate) -> tuple[SignIns, Rights]:
        """A process with that fate."""
        nothing: Any = None
        ports = Ports(
            bookings=mortal_port(MongoBookings(self.client, self.database, encoded), fate),
            payment_events=nothing,
            shows=nothing,
            seats=nothing,
            providers={},
            chosen_provider="",
            clock=self.clock,
            terms=self.terms,
            background=Background(),
        )
        notices = mortal_port(self.post, fate)
        codes = mortal_port(MongoSignInCodes(self.client, self.database), fate)
        people = mortal_port(MongoPeople(self.client, self.database), fate)
        erasures: Erasures = mortal_port(MongoErasures(self.client, self.database), fate)
        sign_ins = SignIns(ports, SignInPorts(codes, people, notices), KEYS, TERMS)
        return sign_ins, Rights(ports, sign_ins, erasures, notices, KEYS, TERMS)

    async def booking(self, email: str) -> Booking:
        """A booking of yesterday's show."""
        confirmed = in_state(BookingState.CONFIRMED)
        start = self.clock.now() - dt.timedelta(days=1)
        booking = replace(
            confirmed,
            booking_id=uuid4().hex,
            buyer_id=uuid4().hex,
            access_key=uuid4().hex,
            show=replace(confirmed.show, start_time=start),
            contact=Contact("Ada Lovelace", email, ""),
            create_time=self.clock.now() - dt.timedelta(days=2),
        )
        await MongoBookings(self.client, self.database, encoded).add(booking, None)
        return booking

    async def signed_in(self, email: str) -> str:
        """A token."""
        sign_ins, _ = self.process(NOBODY)
        sent = await sign_ins.start(new_request_id(), email_address(email), "10.0.0.1", "en")
        code = self.post.codes[-1]
        return (await sign_ins.complete(new_request_id(), sent.challenge_id, code, Browser(""))).token

    async def documents(self, collection: str, chosen: Document) -> list[Any]:
        """What is stored."""
        found = self.client[self.database][collection].find(chosen)
        return [document async for document in found]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(mongo: MongoEngine) -> AsyncIterator[House]:
    async with AsyncExitStack() as around:
        database = await around.enter_async_context(new_database(mongo))
        client = mesh_mongo.open_client(database.url, "crashes")
        around.push_async_callback(mesh_mongo.close, client)
        for kind in (MongoSignInCodes, MongoPeople, MongoErasures):
            await kind(client, database.name).ready()
        await MongoBookings(client, database.name, encoded).ready()
        office: Any = type("Nowhere", (), {"target": "127.0.0.1:1"})
        yield House(client, database.name, desk_settings(database, office, "http://sandbox.example").terms)


async def test_an_erasure_comes_to_its_end_wherever_a_process_dies(house: House) -> None:
    deaths: list[str] = []
    for after in (False, True):
        for at_call in range(1, 100):
            fate = Fate(at_call, after)
            await _erased_across(house, fate)
            if not fate.where:
                break
            deaths.append(fate.where)
    assert len(deaths) >= 20
    assert {
        "after erase",
        "before erase",
        "after forget",
        "after add",
        "before done",
        "after sweep_again",
    } <= {*deaths}


async def _erased_across(house: House, fate: Fate) -> None:
    email = f"ada-{uuid4().hex}@example.com"
    bookings = [await house.booking(email) for _ in range(2)]
    token, request_id = await house.signed_in(email), new_request_id()
    _, dying = house.process(fate)
    try:
        await dying.erase(request_id, token)
        await dying.go_on()
        house.clock.advance(2 * 3600 + 1)
        await dying.go_on()
    except Died:
        pass
    _, survivor = house.process(NOBODY)
    if not await house.documents("erasures", {"_id": request_id}):
        await survivor.erase(request_id, token)  # the person presses the button again
    for _ in range(3):
        house.clock.advance(2 * 3600 + 1)
        await survivor.go_on()
    for booking in bookings:
        [stored] = await house.documents("bookings", {"_id": booking.booking_id})
        assert (stored["contact"], stored["contact_keys"], stored["access_key"]) == (None, [], ""), fate
        assert stored["buyer_id"] != booking.buyer_id
        assert len(stored["tickets"]) == 2
        assert booking.booking_id in house.post.forgotten
    assert email in house.post.forgotten
    [erasure] = await house.documents("erasures", {"_id": request_id})
    assert "done_time" in erasure, fate
    for collection in ("people", "sign_ins", "sign_in_codes", "erasures", "bookings"):
        assert email not in str(await house.documents(collection, {})), (collection, fate)


async def test_a_sign_in_comes_about_once_wherever_a_process_dies(house: House) -> None:
    deaths: list[str] = []
    for after in (False, True):
        for at_call in range(1, 100):
            fate = Fate(at_call, after)
            await _signed_in_across(house, fate)
            if not fate.where:
                break
            deaths.append(fate.where)
    assert {"before put", "after send_code", "after spend", "before add", "after add"} <= {*deaths}


async def _signed_in_across(house: House, fate: Fate) -> None:
    email = email_address(f"ada-{uuid4().hex}@example.com")
    dying, (survivor, _) = house.process(fate)[0], house.process(NOBODY)
    first, second = new_request_id(), new_request_id()

    async def come_in(sign_ins: SignIns) -> Opened:
        sent = await sign_ins.start(first, email, "10.0.0.1", "en")
        return await sign_ins.complete(second, sent.challenge_id, house.post.codes[-1], Browser("a-buyer"))

    opened: Opened | None = None
    try:
        opened = await come_in(dying)
    except Died:
        # Whoever was sending is taken to be dead only after a while.
        house.clock.advance(16)
    again = await come_in(survivor)
    assert opened is None or again.token == opened.token, fate
    assert (await survivor.of(again.token)).address == email
    assert len(await house.documents("sign_ins", {"text": email.text})) == 1, fate
    challenge_id = KEYS.challenge_id(first)
    try:
        await survivor.complete(new_request_id(), challenge_id, house.post.codes[-1], Browser("a-buyer"))
    except SignInOver:
        return
    raise AssertionError(f"the code was good twice: {fate}")
