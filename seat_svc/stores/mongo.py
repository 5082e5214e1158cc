"""Sales in MongoDB, where uniqueness for (show, seat) has the last word; see docs/decisions/0003."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from pymongo import IndexModel, ReturnDocument
from pymongo.read_concern import ReadConcern

from mesh.clock import Clock
from mesh.grouped_writes import GroupedWrites
from mesh.money import Money
from mesh.mongo import Client, Document, database_of, ping, store_call
from seat_svc.domain.sale import RefusedSale, Sale, SeatPayment, Ticket
from seat_svc.ports import AlreadySold

_INDEXES: Final = (
    # Partial, because two sales without any good ticket left are not equal to each other.
    IndexModel("seat_keys", unique=True, partialFilterExpression={"seat_keys": {"$type": "string"}}),
    IndexModel("show_id"),
    IndexModel("change_time"),
    # No insert is on its way for so long.
    IndexModel("refuse_time", expireAfterSeconds=30 * 24 * 3600),
    IndexModel([("theatre_id", 1), ("business_date", 1), ("sale_time", 1), ("_id", 1)]),
)


class MongoSales:
    """The `Sales` port: collections `sales` and `blocked_seats` of one database."""

    def __init__(self, client: Client, name: str, clock: Clock) -> None:
        database = database_of(client, name)
        self._client = client
        self._sales = database["sales"]
        self._writes = GroupedWrites(self._sales)
        # A majority read may miss a sale that the primary has and the majority not yet: to be told "no" after
        # an insert of unknown outcome, one must wait until what was written before is with the majority.
        self._sales_for_certain = self._sales.with_options(read_concern=ReadConcern("linearizable"))
        self._blocked = database["blocked_seats"]
        self._clock = clock
        self._prepared = False

    async def ready(self) -> None:
        """Returns when the store answers and has its indexes; for health probes."""
        if self._prepared:
            await ping(self._client)
            return
        with store_call():
            await self._sales.create_indexes(list(_INDEXES))
        self._prepared = True

    async def add(self, sale: Sale) -> None:
        """See `Sales.add`: one document, so all seats or none."""
        if not self._prepared:
            await self.ready()
        await self._insert(_document_of(sale))

    async def refuse(self, refused: RefusedSale, show_id: str) -> None:
        """See `Sales.refuse`: a record under the sale's id, which any insert of it must then meet.

        It has none of the fields that sales are looked for by.
        """
        await self._insert(
            {
                "_id": refused.sale_id,
                "lost_in_show_id": show_id,
                "lost_seat_ids": list(refused.lost_seat_ids),
                "refuse_time": self._clock.now(),
            }
        )

    async def _insert(self, document: Document) -> None:
        if not await self._writes.insert(document):
            raise AlreadySold

    async def find(self, sale_id: str) -> Sale | RefusedSale | None:
        """See `Sales.find`."""
        with store_call():
            document = await self._sales_for_certain.find_one({"_id": sale_id})
        if document is None:
            return None
        if "lost_seat_ids" in document:
            return RefusedSale(sale_id, tuple(document["lost_seat_ids"]))
        return _sale_of(document)

    async def of_show(self, show_id: str) -> list[Sale]:
        """See `Sales.of_show`."""
        return await self._all({"show_id": show_id})

    async def holding(self, show_id: str, seat_ids: Sequence[str]) -> list[Sale]:
        """See `Sales.holding`."""
        keys = [_seat_key(show_id, seat_id) for seat_id in seat_ids]
        return await self._all({"show_id": show_id, "seat_keys": {"$in": keys}})

    async def cancel(
        self, sale: Sale, seat_ids: Collection[str], payments: Collection[SeatPayment] = ()
    ) -> Sale:
        """See `Sales.cancel`: tickets, keys and payments change in one update.

        Its condition keeps a late repeat from undoing what a later call has set: by then its tickets are
        cancelled.
        """
        keys = [_seat_key(sale.show_id, seat_id) for seat_id in seat_ids]
        condition: Document = {"$in": keys}
        changes: Document = {"tickets.$[chosen].cancelled": True, "change_time": self._clock.now()}
        filters: list[Document] = [{"chosen.seat_id": {"$in": list(seat_ids)}}]
        if payments:
            condition["$all"] = [_seat_key(sale.show_id, payment.seat_id) for payment in payments]
            changes["sold_for"] = _payment_documents(sale.sold_for or sale.payments)
        for number, payment in enumerate(payments):
            changes[f"payments.$[kept{number}].minor_units"] = payment.amount.minor_units
            filters.append({f"kept{number}.seat_id": payment.seat_id})
        with store_call():
            cancelled: Mapping[str, Any] | None = await self._sales.find_one_and_update(
                {"_id": sale.sale_id, "seat_keys": condition},
                {"$pull": {"seat_keys": {"$in": keys}}, "$set": changes, "$inc": {"version": 1}},
                array_filters=filters,
                return_document=ReturnDocument.AFTER,
            )
        if cancelled is not None:
            return _sale_of(cancelled)
        # Nothing was changed; sales are never deleted.
        latest = await self.find(sale.sale_id)
        return latest if isinstance(latest, Sale) else sale

    async def changed_since(self, time: dt.datetime) -> list[Sale]:
        """See `Sales.changed_since`."""
        return await self._all({"change_time": {"$gte": time}})

    async def newest_change(self) -> dt.datetime | None:
        """See `Sales.newest_change`."""
        with store_call():
            document = await self._sales.find_one(
                # Records of refusals have none.
                {"change_time": {"$type": "date"}},
                {"change_time": 1},
                sort=[("change_time", -1)],
            )
        return document["change_time"] if document else None

    async def of_date(
        self, theatre_id: str, date: dt.date, after: tuple[dt.datetime, str] | None, limit: int
    ) -> list[Sale]:
        """See `Sales.of_date`."""
        chosen: Document = {"theatre_id": theatre_id, "business_date": date.isoformat()}
        if after:
            time, sale_id = after
            chosen["$or"] = [
                {"sale_time": {"$gt": time}},
                {"sale_time": time, "_id": {"$gt": sale_id}},
            ]
        with store_call():
            documents = (
                await self._sales.find(chosen)
                .sort([("sale_time", 1), ("_id", 1)])
                .limit(limit)
                .to_list(length=limit)
            )
        return [_sale_of(document) for document in documents]

    async def blocked_seats(self, show_id: str) -> frozenset[str]:
        """See `Sales.blocked_seats`."""
        with store_call():
            document = await self._blocked.find_one({"_id": show_id})
        return frozenset(document["reason_of_seat"]) if document else frozenset()

    async def _all(self, chosen: Document) -> list[Sale]:
        with store_call():
            documents = await self._sales.find(chosen).to_list(length=None)
        return [_sale_of(document) for document in documents]


def _seat_key(show_id: str, seat_id: str) -> str:
    return f"{show_id}/{seat_id}"


def _document_of(sale: Sale) -> Document:
    return {
        "_id": sale.sale_id,
        "booking_id": sale.booking_id,
        "seller": sale.seller,
        "show_id": sale.show_id,
        "theatre_id": sale.theatre_id,
        "business_date": sale.business_date.isoformat(),
        "hold_id": sale.hold_id,
        "seat_keys": [_seat_key(sale.show_id, seat_id) for seat_id in sale.live_seat_ids],
        "tickets": [
            {"seat_id": ticket.seat_id, "ticket_id": ticket.ticket_id, "cancelled": ticket.cancelled}
            for ticket in sale.tickets
        ],
        "payments": _payment_documents(sale.payments),
        "sale_time": sale.sale_time,
        "change_time": sale.sale_time,
        "version": sale.version,
    }


def _sale_of(document: Mapping[str, Any]) -> Sale:
    return Sale(
        sale_id=document["_id"],
        booking_id=document["booking_id"],
        seller=document["seller"],
        show_id=document["show_id"],
        theatre_id=document["theatre_id"],
        business_date=dt.date.fromisoformat(document["business_date"]),
        hold_id=document["hold_id"],
        tickets=tuple(
            Ticket(ticket["ticket_id"], ticket["seat_id"], ticket["cancelled"])
            for ticket in document["tickets"]
        ),
        payments=_payments_of(document["payments"]),
        sale_time=document["sale_time"],
        version=document["version"],
        # Only sales that were cancelled in part have it, and only where that changed what the rest costs.
        sold_for=_payments_of(document.get("sold_for", ())),
    )


def _payment_documents(payments: Collection[SeatPayment]) -> list[Document]:
    return [
        {
            "seat_id": payment.seat_id,
            "currency_code": payment.amount.currency_code,
            "minor_units": payment.amount.minor_units,
        }
        for payment in payments
    ]


def _payments_of(documents: Collection[Mapping[str, Any]]) -> tuple[SeatPayment, ...]:
    return tuple(
        SeatPayment(payment["seat_id"], Money(payment["currency_code"], payment["minor_units"]))
        for payment in documents
    )
