"""The catalogue in MongoDB: what readers ask for, and one transaction at a time for writers."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, TypeVar

from pymongo import IndexModel

from catalog_svc.domain.movies import Movie
from catalog_svc.domain.programme import ComingShows, Places
from catalog_svc.domain.revisions import Revisions
from catalog_svc.domain.schedule import ScheduleChange
from catalog_svc.domain.shows import Show, ShowStatus
from catalog_svc.domain.theatres import Layout
from catalog_svc.ports import CatalogueChange
from catalog_svc.stores import documents
from catalog_svc.stores.programme import coming_shows_of, programme_pipeline
from catalog_svc.stores.transaction import CATALOGUE, MongoCatalogueChange
from mesh import deadlines
from mesh.errors import StoreUnavailable
from mesh.mongo import Client, aggregated, database_of, ping, session_of, store_call

T = TypeVar("T")

_RECEIPT_SECONDS = 7 * 24 * 3600
_INDEXES: Mapping[str, list[IndexModel]] = {
    "movies": [IndexModel("slug", unique=True), IndexModel("revision")],
    "shows": [
        IndexModel([("city_id", 1), ("status", 1), ("start_time", 1)]),
        IndexModel([("city_id", 1), ("movie_id", 1), ("business_date", 1), ("start_time", 1)]),
        IndexModel([("status", 1), ("start_time", 1)]),
        IndexModel([("screen_id", 1), ("start_time", 1)]),
        IndexModel([("theatre_id", 1), ("business_date", 1)]),
    ],
    "receipts": [IndexModel("create_time", expireAfterSeconds=_RECEIPT_SECONDS)],
}


class MongoCatalogueArchive:
    """The database `name`; every wait is bounded, and StoreUnavailable tells of one that was too long."""

    def __init__(
        self, client: Client, name: str, transaction: type[MongoCatalogueChange] = MongoCatalogueChange
    ) -> None:
        self._client = client
        self._database = database_of(client, name)
        self._prepared = False
        self._transaction = transaction
        # Of two at a time one would be refused and begin again; here they wait in line instead.
        self._one_at_a_time = asyncio.Lock()

    async def ready(self) -> None:
        """Returns when the store answers and has its indexes; for health probes."""
        await self._prepare()
        await ping(self._client)

    async def _prepare(self) -> None:
        if self._prepared:
            return
        with store_call():
            for collection, indexes in _INDEXES.items():
                await self._database[collection].create_indexes(indexes)
            await self._database[CATALOGUE].update_one(
                {"_id": CATALOGUE},
                {"$setOnInsert": {"movies": 0, "places": 0, "layouts": 0, "shows": 0}},
                upsert=True,
            )
        self._prepared = True

    async def revisions(self) -> Revisions:
        """The present revisions."""
        with store_call():
            stored = await self._database[CATALOGUE].find_one({"_id": CATALOGUE}) or {}
        return Revisions(stored.get("movies", 0), stored.get("places", 0), stored.get("shows", 0))

    async def movies_between(self, after: int, until: int) -> list[Movie]:
        """Movies that changed last after the one revision and until the other; at most 1,000 for each."""
        with store_call():
            found = self._database["movies"].find({"revision": {"$gt": after, "$lte": until}})
            return [documents.movie_of(document) async for document in found]

    async def places(self) -> Places:
        """Every city, theatre and screen."""
        with store_call():
            cities = [documents.city_of(found) async for found in self._database["cities"].find()]
            theatres = [documents.theatre_of(found) async for found in self._database["theatres"].find()]
            screens = [documents.screen_of(found) async for found in self._database["screens"].find()]
        return Places(
            {city.city_id: city for city in cities},
            {theatre.theatre_id: theatre for theatre in theatres},
            {screen.screen_id: screen for screen in screens},
        )

    async def programme(
        self, city_id: str | None, since: dt.datetime, undiscounted_theatre_ids: Collection[str]
    ) -> Mapping[str, ComingShows]:
        """Coming shows by movie; theatres without the afternoon discount are named by the caller."""
        pipeline = programme_pipeline(city_id, since, undiscounted_theatre_ids)
        with store_call():
            groups = await aggregated(self._database["shows"], pipeline)
        return {group["_id"]: coming_shows_of(group) for group in groups}

    async def shows(
        self, city_id: str, movie_id: str, business_date: dt.date, since: dt.datetime
    ) -> list[Show]:
        """A movie's scheduled shows of a business date from that start time on, by start time."""
        where = {
            "city_id": city_id,
            "movie_id": movie_id,
            "business_date": business_date.isoformat(),
            "start_time": {"$gte": since},
            "status": ShowStatus.SCHEDULED.value,
        }
        with store_call():
            found = self._database["shows"].find(where).sort([("start_time", 1), ("_id", 1)])
            return [documents.show_of(document) async for document in found]

    async def show(self, show_id: str) -> Show | None:
        """One show."""
        with store_call():
            document = await self._database["shows"].find_one({"_id": show_id})
        return None if document is None else documents.show_of(document)

    async def schedule_changes(self, after_sequence: int, limit: int) -> list[ScheduleChange]:
        """Changes of shows after that place, in order."""
        with store_call():
            changes = self._database["schedule_changes"]
            found = changes.find({"_id": {"$gt": after_sequence}}).sort("_id", 1).limit(limit)
            return [documents.schedule_change_of(document) async for document in found]

    async def layout(self, layout_id: str) -> Layout | None:
        """One layout."""
        with store_call():
            document = await self._database["layouts"].find_one({"_id": layout_id})
        return None if document is None else documents.layout_of(document)

    async def change(self, steps: Callable[[CatalogueChange], Awaitable[T]], at_most_seconds: float) -> T:
        """See `CatalogueArchive`."""
        await self._prepare()

        async def take_steps(session: Any) -> T:
            return await steps(await self._transaction.begin(self._database, session))

        try:
            # The driver would begin again for two minutes, however short its own time limit is.
            async with asyncio.timeout(deadlines.budget(at_most_seconds)), self._one_at_a_time:
                with store_call(at_most_seconds):
                    async with session_of(self._client) as session:
                        answer: T = await session.with_transaction(take_steps)
                        return answer
        except TimeoutError:
            raise StoreUnavailable("mongodb") from None
