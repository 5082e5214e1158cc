"""The databases of booking_svc and seat_svc, read without a name, an address or a key of anybody."""

import asyncio
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from mesh.money import Money
from stack.books.records import Booking, PartialCancellation, Payment, Refund, Sale, Ticket
from stack.errors import StackError

_Document = Mapping[str, Any]
_Read = TypeVar("_Read")
_BOOKING_FIELDS: Final = (
    *("state", "show.show_id", "seat_ids", "quote.total", "quote.lines.amount", "quote.seat_prices"),
    *("update_time", "hold.pay_until", "paid_by"),
    *("payments.payment_id", "payments.provider", "payments.amount", "payments.captured"),
    *("refunds.refund_id", "refunds.payment_id", "refunds.amount", "refunds.state"),
    *("refunds.provider_refund_id", "refunds.tries", "tickets"),
    *(f"partial_cancellations.{name}" for name in ("request_id", "seat_ids", "refund", "done")),
    *("partial_cancellations.kept.total", "partial_cancellations.kept.seat_prices"),
)
_SALE_FIELDS: Final = (
    *("booking_id", "seller", "show_id", "tickets", "payments", "seat_keys", "change_time"),
)
_CONNECT_MILLISECONDS: Final = 5_000
_READ_MILLISECONDS: Final = 120_000
_BATCH: Final = 2_000


class MongoStores:
    """The `Stores` port. Raises `StackError` when the server does not answer."""

    def __init__(self, url: str, bookings: str, seats: str) -> None:
        try:
            self._client = MongoClient[dict[str, Any]](
                url,
                appname="books",
                tz_aware=True,
                serverSelectionTimeoutMS=_CONNECT_MILLISECONDS,
                connectTimeoutMS=_CONNECT_MILLISECONDS,
                socketTimeoutMS=_READ_MILLISECONDS,
            )
        except (PyMongoError, ValueError):
            raise StackError("MONGO_URL is not the address of a MongoDB") from None
        self._bookings = bookings
        self._seats = seats

    async def bookings(self) -> list[Booking]:
        """See `Stores.bookings`."""
        return await asyncio.to_thread(
            self._all, (self._bookings, "bookings"), _BOOKING_FIELDS, {}, booking_of
        )

    async def sales(self) -> list[Sale]:
        """See `Stores.sales`; records of refused sales are none."""
        chosen = {"tickets": {"$exists": True}}
        return await asyncio.to_thread(self._all, (self._seats, "sales"), _SALE_FIELDS, chosen, sale_of)

    def _all(
        self,
        where: tuple[str, str],
        fields: Sequence[str],
        chosen: Mapping[str, Any],
        record: Callable[[_Document], _Read],
    ) -> list[_Read]:
        database, collection = where
        documents = self._client[database].get_collection(collection, read_concern=ReadConcern("majority"))
        try:
            with documents.find(chosen, list(fields), batch_size=_BATCH) as found:
                return [record(document) for document in found]
        except PyMongoError as error:
            # Its text may show the URL, and with it a password.
            raise StackError(
                f"MongoDB: {database}.{collection} cannot be read ({type(error).__name__})"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()


def booking_of(document: _Document) -> Booking:
    """A document of booking_svc."""
    quote = document["quote"]
    hold = document.get("hold") or {}
    return Booking(
        booking_id=document["_id"],
        state=document["state"],
        show_id=document["show"]["show_id"],
        seat_ids=tuple(document["seat_ids"]),
        total=_money(quote["total"]),
        lines=tuple(_money(line["amount"]) for line in quote["lines"]),
        seat_prices=_prices(quote),
        update_time=document["update_time"],
        pay_until=hold.get("pay_until"),
        payments=tuple(
            Payment(
                each["payment_id"],
                each["provider"],
                _money(each["amount"]),
                _money(each["captured"]) if each["captured"] else None,
            )
            for each in document["payments"]
        ),
        paid_by=document["paid_by"],
        refunds=tuple(
            Refund(
                *(each["refund_id"], each["payment_id"], _money(each["amount"]), each["state"]),
                *(each["provider_refund_id"], each["tries"]),
            )
            for each in document["refunds"]
        ),
        tickets=_tickets(document),
        partial_cancellations=tuple(
            PartialCancellation(
                *(each["request_id"], tuple(each["seat_ids"]), _money(each["refund"])),
                *(_money(each["kept"]["total"]), _prices(each["kept"]), each["done"]),
            )
            # Bookings that were stored before seats could be cancelled singly have none.
            for each in document.get("partial_cancellations", ())
        ),
    )


def sale_of(document: _Document) -> Sale:
    """A document of seat_svc."""
    change_time: dt.datetime = document["change_time"]
    return Sale(
        sale_id=document["_id"],
        booking_id=document["booking_id"],
        seller=document["seller"],
        show_id=document["show_id"],
        tickets=_tickets(document),
        paid={each["seat_id"]: _money(each) for each in document["payments"]},
        guarded_seat_ids=frozenset(key.rpartition("/")[2] for key in document["seat_keys"]),
        change_time=change_time,
    )


def _tickets(document: _Document) -> tuple[Ticket, ...]:
    return tuple(
        Ticket(each["ticket_id"], each["seat_id"], each["cancelled"]) for each in document["tickets"]
    )


def _prices(quote: _Document) -> dict[str, Money]:
    return {each["seat_id"]: _money(each["amount"]) for each in quote["seat_prices"]}


def _money(document: _Document) -> Money:
    return Money(document["currency_code"], document["minor_units"])
