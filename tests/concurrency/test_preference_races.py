"""Many change one address's preferences at once: every change is kept, and no rule is got around."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest_asyncio

from mesh.clock import SystemClock
from mesh.mongo import close, open_client
from notify_svc.domain.news import NewsKind
from notify_svc.domain.notifications import Channel
from notify_svc.domain.preferences import Preferences, Switch
from notify_svc.domain.unsubscribing import UnsubscribeTokens
from notify_svc.errors import AlwaysTold, PreferencesBusy
from notify_svc.ports import PreferenceStore
from notify_svc.stores.ledger import MongoNotificationLedger
from notify_svc.stores.mongo import NotifyDatabase
from notify_svc.stores.preferences import MongoPreferences
from notify_svc.stores.requests import MongoRequestLog
from notify_svc.usecases.preferences import PreferenceDesk
from tests.fixtures.engines import MongoDatabase
from tests.fixtures.meeting import Meeting

ADA = "ada@example.com"
OFFERED = frozenset({Channel.EMAIL, Channel.PUSH})
OFF: list[Switch] = [
    (channel, kind)
    for channel in sorted(OFFERED, key=lambda channel: channel.value)
    for kind in (NewsKind.PAYMENTS, NewsKind.CANCELLATIONS, NewsKind.REMINDERS)
]
TICKETS: list[Switch] = [(Channel.EMAIL, NewsKind.TICKETS), (Channel.PUSH, NewsKind.TICKETS)]


class ReadTogether(MongoPreferences):
    """All have read before the first one writes."""

    def __init__(self, database: NotifyDatabase, readers: int) -> None:
        super().__init__(database)
        self._all_have_read = Meeting(readers)

    async def of(self, address: str) -> Preferences:
        found = await super().of(address)
        await self._all_have_read.come()
        return found


class Unguarded(ReadTogether):
    """Writes whatever is there by now: what the store must not do."""

    async def put(self, address: str, before: Preferences, after: Preferences, now: dt.datetime) -> bool:
        del before
        while not await super().put(address, await self.of(address), after, now):
            pass
        return True


@pytest_asyncio.fixture(loop_scope="session")
async def database(mongo_database: MongoDatabase) -> AsyncIterator[NotifyDatabase]:
    client = open_client(mongo_database.url, "test")
    yield NotifyDatabase(client, mongo_database.name)
    await close(client)


def a_desk(database: NotifyDatabase, store: PreferenceStore) -> PreferenceDesk:
    clock = SystemClock()
    return PreferenceDesk(
        store,
        MongoNotificationLedger(database),
        MongoRequestLog(database, clock),
        UnsubscribeTokens([b"a-secret-of-some-length"]),
        OFFERED,
        clock,
    )


async def switched_off(desk: PreferenceDesk, switch: Switch) -> bool:
    """Until nobody is faster; False when the rule forbids it."""
    request_id = str(uuid4())
    while True:
        try:
            await desk.change(ADA, {switch: False}, request_id, "digest")
        except PreferencesBusy:
            continue
        except AlwaysTold:
            return False
        return True


async def all_at_once(
    database: NotifyDatabase, kind: type[ReadTogether], switches: list[Switch]
) -> Preferences:
    store = kind(database, readers=len(switches))
    await store.forget([ADA])
    desk = a_desk(database, store)
    await asyncio.gather(*(switched_off(desk, switch) for switch in switches))
    return await store.of(ADA)


async def test_no_change_is_lost(database: NotifyDatabase) -> None:
    for _ in range(5):
        kept = await all_at_once(database, ReadTogether, OFF)
        assert kept.unwanted == set(OFF)
        assert kept.version == len(OFF)


async def test_control_without_the_guard_changes_are_lost(database: NotifyDatabase) -> None:
    kept = await all_at_once(database, Unguarded, OFF)
    assert len(kept.unwanted) == 1, "only the last one's is kept"


async def test_tickets_stay_on_one_channel_when_both_are_switched_off_at_once(
    database: NotifyDatabase,
) -> None:
    for _ in range(10):
        kept = await all_at_once(database, ReadTogether, TICKETS)
        assert len(kept.unwanted) == 1


async def test_a_repeat_at_the_same_moment_is_one_change(database: NotifyDatabase) -> None:
    store = MongoPreferences(database)
    desk = a_desk(database, store)
    request_id = str(uuid4())
    await asyncio.gather(
        *(desk.change(ADA, {OFF[0]: False}, request_id, "digest") for _ in range(8)), return_exceptions=True
    )
    kept = await store.of(ADA)
    assert (kept.version, kept.request_ids, set(kept.unwanted)) == (1, (request_id,), {OFF[0]})
