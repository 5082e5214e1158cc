"""One transaction on the catalogue."""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from pymongo import ReplaceOne

from catalog_svc.domain.imports.batch import Changes
from catalog_svc.domain.imports.known import Key, Kind, Known, key_of, references_of
from catalog_svc.domain.imports.records import Record
from catalog_svc.domain.movies import Movie
from catalog_svc.domain.places import City
from catalog_svc.domain.schedule import ScheduleChange, ScheduleChangeKind
from catalog_svc.domain.shows import Show, ShowPlan
from catalog_svc.domain.theatres import Layout, Screen, Theatre
from catalog_svc.ports import Receipt
from catalog_svc.stores import documents
from mesh.mongo import Database, Document

CATALOGUE = "catalogue"
"""Name of the collection of one document that counts the changes, and the document's id."""

SCHEDULE = "schedule"
"""The revision that counts cancelled and moved shows."""

_LONGEST_SHOW = dt.timedelta(hours=24)

Session: TypeAlias = Any
"""The driver's session; its class has another name in each driver."""

_COLLECTIONS: Mapping[Kind, tuple[str, Callable[[Any], Document], Callable[[Any], Record]]] = {
    City: ("cities", documents.city_document, documents.city_of),
    Movie: ("movies", documents.movie_document, documents.movie_of),
    Theatre: ("theatres", documents.theatre_document, documents.theatre_of),
    Layout: ("layouts", documents.layout_document, documents.layout_of),
    Screen: ("screens", documents.screen_document, documents.screen_of),
}
_PART_OF: Mapping[Kind, str] = {
    City: "places",
    Movie: "movies",
    Theatre: "places",
    Layout: "layouts",
    Screen: "places",
    ShowPlan: "shows",
}
"""The revision that a kind counts in."""


class MongoCatalogueChange:
    """See `CatalogueChange`.

    Every change counts up a revision, all of them in one document: of two
    transactions that overlap MongoDB refuses the one that counts second, and
    the driver takes its steps again, on what the other one left.
    """

    def __init__(self, database: Database, session: Session, revisions: Mapping[str, int]) -> None:
        self._database = database
        self._session = session
        self._revisions = revisions

    @classmethod
    async def begin(cls, database: Database, session: Session) -> "MongoCatalogueChange":
        """The change that this transaction makes."""
        return cls(
            database, session, await database[CATALOGUE].find_one({"_id": CATALOGUE}, session=session) or {}
        )

    async def receipt(self, request_id: str) -> Receipt | None:
        """See `CatalogueChange`."""
        stored = await self._database["receipts"].find_one({"_id": request_id}, session=self._session)
        if stored is None:
            return None
        show = documents.show_of(stored["show"]) if stored["show"] else None
        return Receipt(stored["digest"], show)

    async def keep_receipt(self, request_id: str, receipt: Receipt) -> None:
        """See `CatalogueChange`."""
        await self._database["receipts"].insert_one(
            {
                "_id": request_id,
                "digest": receipt.digest,
                "show": documents.show_document(receipt.show) if receipt.show else None,
                "create_time": dt.datetime.now(dt.UTC),
            },
            session=self._session,
        )

    async def known(self, records: Iterable[Record]) -> Known:
        """See `CatalogueChange`. Follows references from the shows down to the cities."""
        records = list(records)
        plans = [record for record in records if isinstance(record, ShowPlan)]
        shows = await self._shows({"_id": {"$in": [plan.show_id for plan in plans]}})
        layouts_on_sale = {Key(Layout, show.layout_id) for show in shows}
        return Known(
            records=await self._with_references(records, layouts_on_sale),
            shows={show.plan.show_id: show for show in shows},
            slugs=await self._slugs([record.slug for record in records if isinstance(record, Movie)]),
            screenings=await self.screenings(plans),
            theatres_in_use=await self._theatres_in_use(
                [record.theatre_id for record in records if isinstance(record, Theatre)]
            ),
        )

    async def show(self, show_id: str) -> tuple[Show, Theatre] | None:
        """See `CatalogueChange`."""
        shows = await self._shows({"_id": show_id})
        if not shows:
            return None
        key = Key(Theatre, shows[0].plan.theatre_id)
        theatre = (await self._stored({key})).get(key)
        return (shows[0], theatre) if isinstance(theatre, Theatre) else None

    async def screenings(self, plans: Sequence[ShowPlan]) -> Sequence[Show]:
        """See `CatalogueChange`."""
        if not plans:
            return ()
        starts = [plan.start_time for plan in plans]
        return await self._shows(
            {
                "screen_id": {"$in": list({plan.screen_id for plan in plans})},
                "start_time": {"$gte": min(starts) - _LONGEST_SHOW, "$lte": max(starts) + _LONGEST_SHOW},
            }
        )

    async def save(self, changes: Changes) -> None:
        """See `CatalogueChange`."""
        parts = {_PART_OF[type(record)] for record in changes.records}
        if changes.shows:
            parts.add(_PART_OF[ShowPlan])
        writes: dict[str, list[ReplaceOne[Mapping[str, Any]]]] = {}
        for record in changes.records:
            collection, to_document, _ = _COLLECTIONS[type(record)]
            document = to_document(record)
            if isinstance(record, Movie):
                document["revision"] = self._revisions["movies"] + 1
            writes.setdefault(collection, []).append(_put(document))
        if changes.shows:
            writes["shows"] = [_put(documents.show_document(show)) for show in changes.shows]
        for collection, operations in writes.items():
            await self._database[collection].bulk_write(operations, ordered=False, session=self._session)
        await self._count(parts)

    async def reschedule(self, former: Show, show: Show, reason: str) -> None:
        """See `CatalogueChange`. Who reads the list misses none: places are given in the order of commits."""
        cancelled = show.plan.status is not former.plan.status
        change = ScheduleChange(
            sequence=self._revisions.get(SCHEDULE, 0) + 1,
            kind=ScheduleChangeKind.CANCELLED if cancelled else ScheduleChangeKind.MOVED,
            show_id=show.plan.show_id,
            theatre_id=show.plan.theatre_id,
            previous_start_time=former.plan.start_time,
            start_time=show.plan.start_time,
            reason=reason,
            time=dt.datetime.now(dt.UTC),
        )
        document = documents.show_document(show)
        await self._database["shows"].replace_one({"_id": document["_id"]}, document, session=self._session)
        await self._database["schedule_changes"].insert_one(
            documents.schedule_change_document(change), session=self._session
        )
        await self._count({_PART_OF[ShowPlan], SCHEDULE})

    async def _count(self, parts: Collection[str]) -> None:
        if parts:
            await self._database[CATALOGUE].update_one(
                {"_id": CATALOGUE}, {"$inc": dict.fromkeys(parts, 1)}, session=self._session
            )

    async def _with_references(self, records: Iterable[Record], more: Iterable[Key]) -> dict[Key, Record]:
        """What is stored of the records, of what they refer to, of what that refers to, and so on."""
        found: dict[Key, Record] = {}
        looked_for: set[Key] = set()
        ahead = set(more)
        for record in records:
            ahead |= {key_of(record), *references_of(record)}
        while ahead := {key for key in ahead if key.kind is not ShowPlan} - looked_for:
            stored = await self._stored(ahead)
            found |= stored
            looked_for |= ahead
            ahead = {key for record in stored.values() for key in references_of(record)}
        return found

    async def _stored(self, keys: Iterable[Key]) -> dict[Key, Record]:
        ids: dict[Kind, list[str]] = {}
        for key in keys:
            ids.setdefault(key.kind, []).append(key.id)
        stored: dict[Key, Record] = {}
        for kind, wanted in ids.items():
            collection, _, to_record = _COLLECTIONS[kind]
            found = self._database[collection].find({"_id": {"$in": wanted}}, session=self._session)
            async for document in found:
                record = to_record(document)
                stored[key_of(record)] = record
        return stored

    async def _shows(self, where: Mapping[str, Any]) -> list[Show]:
        found = self._database["shows"].find(where, session=self._session)
        return [documents.show_of(document) async for document in found]

    async def _slugs(self, slugs: Sequence[str]) -> dict[str, str]:
        found = self._database["movies"].find(
            {"slug": {"$in": slugs}}, projection=["slug"], session=self._session
        )
        return {document["slug"]: document["_id"] async for document in found}

    async def _theatres_in_use(self, theatre_ids: Sequence[str]) -> frozenset[str]:
        used = await self._database["shows"].distinct(
            "theatre_id", {"theatre_id": {"$in": theatre_ids}}, session=self._session
        )
        return frozenset(used)


def _put(document: Document) -> ReplaceOne[Mapping[str, Any]]:
    return ReplaceOne({"_id": document["_id"]}, document, upsert=True)
