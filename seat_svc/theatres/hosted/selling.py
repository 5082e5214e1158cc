"""Sales and cancellations of hosted theatres."""

import asyncio
from typing import Final

import structlog

from mesh.background import Background
from mesh.clock import Clock
from mesh.errors import InvalidField, RequestIdReused, StoreUnavailable
from seat_svc.domain.sale import Purchase, RefusedSale, Sale, SeatPayment, Ticket, new_ticket_id
from seat_svc.domain.show import Show
from seat_svc.errors import SeatsLost, UnknownSale, UnknownSeat
from seat_svc.ports import AlreadySold, Claim, SaleRecorded, Sales, SeatLedger
from seat_svc.theatres.hosted.access import LedgerAccess

log = structlog.get_logger()

SELL_SECONDS: Final = 12.0
"""A sale is made or given up within this; a claim is overdue only long after (`LedgerTimes.claim_for`)."""

_LOOK_SECONDS: Final = 1.0
"""A store that just failed to answer is not waited for as long again."""


class Selling:
    """Sells in three steps: claim in the ledger, one insert that decides, settle in the ledger.

    Both kinds of change run to their end even when their caller goes away. A
    crash between the steps leaves a claim, which `Settlement` ends later.
    """

    def __init__(
        self, ledger: SeatLedger, sales: Sales, access: LedgerAccess, background: Background, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._sales = sales
        self._access = access
        self._background = background
        self._clock = clock

    async def sell(self, show: Show, purchase: Purchase, request_id: str) -> tuple[Ticket, ...]:
        """See `TheatreConnector.confirm`."""
        return await self._background.finish(self._bounded_sell(show, purchase, request_id))

    async def cancel(
        self,
        show: Show,
        sale_id: str,
        seat_ids: tuple[str, ...],
        request_id: str,
        payments: tuple[SeatPayment, ...],
    ) -> tuple[Ticket, ...]:
        """See `TheatreConnector.cancel`."""
        return await self._background.finish(self._cancel(show, sale_id, seat_ids, request_id, payments))

    async def _bounded_sell(self, show: Show, purchase: Purchase, request_id: str) -> tuple[Ticket, ...]:
        try:
            async with asyncio.timeout(SELL_SECONDS):
                return await self._sell(show, purchase, request_id)
        except TimeoutError:
            raise StoreUnavailable("mongodb") from None

    async def _sell(self, show: Show, purchase: Purchase, request_id: str) -> tuple[Ticket, ...]:
        async def claim_it(current: Show) -> tuple[Show, Claim]:
            return current, await self._ledger.claim(current, purchase, request_id)

        try:
            show, claim = await self._access.settled(show, claim_it)
        except SaleRecorded:
            return _answer(show, purchase, await self._sales.find(purchase.sale_id))
        except SeatsLost as lost:
            return await self._refuse(show, purchase, lost.seat_ids)
        except UnknownSeat:
            # The show may have moved to another screen since it was sold.
            found = await self._sales.find(purchase.sale_id)
            if found is None:
                raise
            return _answer(show, purchase, found)
        sale = self._new_sale(show, purchase)
        try:
            await self._sales.add(sale)
        except AlreadySold:
            return await self._refused_by_the_last_word(show, claim, purchase)
        except StoreUnavailable:
            sale = await self._recorded_after_all(purchase)
        await self._settle(show, sale)
        return _answer(show, purchase, sale)

    async def _recorded_after_all(self, purchase: Purchase) -> Sale:
        """Not answered is not the same as not done."""
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                found = await self._sales.find(purchase.sale_id)
        except TimeoutError:
            found = None
        if not isinstance(found, Sale):
            # It may still be: the claim stays until that is known.
            raise StoreUnavailable("mongodb")
        return found

    def _new_sale(self, show: Show, purchase: Purchase) -> Sale:
        return Sale(
            sale_id=purchase.sale_id,
            booking_id=purchase.booking_id,
            seller=purchase.seller,
            show_id=show.show_id,
            theatre_id=show.theatre_id,
            business_date=show.business_date,
            hold_id=purchase.hold_id,
            tickets=tuple(Ticket(new_ticket_id(show.theatre_id), seat_id) for seat_id in purchase.seat_ids),
            payments=purchase.payments,
            sale_time=self._clock.now(),
        )

    async def _refuse(self, show: Show, purchase: Purchase, lost: tuple[str, ...]) -> tuple[Ticket, ...]:
        """Answers that seats are lost, once nothing can make it untrue.

        An earlier insert of this very sale may have been made, or be on its way from a process that nobody
        hears of any more: the buyer would be refunded and have the seats all the same.
        """
        refused = RefusedSale(purchase.sale_id, lost)
        try:
            await self._sales.refuse(refused, show.show_id)
        except AlreadySold:
            found = await self._sales.find(purchase.sale_id)
            if found is not None:
                # The ledger did not know of it: somebody else may hold these seats, and would pay in vain.
                await self._settle(show, found)
            return _answer(show, purchase, found)
        await self._settle(show, refused)
        raise SeatsLost(lost)

    async def _refused_by_the_last_word(
        self, show: Show, claim: Claim, purchase: Purchase
    ) -> tuple[Ticket, ...]:
        """The sale was made or refused before, or seats were sold that the ledger had forgotten."""
        found = await self._sales.find(purchase.sale_id)
        if found is not None:
            await self._settle(show, found)
            return _answer(show, purchase, found)
        others = await self._sales.holding(show.show_id, purchase.seat_ids)
        for other in others:
            await self._settle(show, other)
        sold = {seat_id for other in others for seat_id in other.live_seat_ids}
        lost = tuple(seat_id for seat_id in purchase.seat_ids if seat_id in sold)
        if lost:
            return await self._refuse(show, purchase, lost)
        # The other sale was cancelled since: asking again will do.
        await self._access.on(show, lambda current: self._ledger.give_up(current, claim))
        raise StoreUnavailable("mongodb")

    async def _cancel(
        self,
        show: Show,
        sale_id: str,
        seat_ids: tuple[str, ...],
        request_id: str,
        payments: tuple[SeatPayment, ...],
    ) -> tuple[Ticket, ...]:
        await self._ledger.remember(show.show_id, request_id, _content_of(sale_id, seat_ids, payments))
        known = await self._sales.find(sale_id)
        if known is None and not seat_ids:
            known = await self._ruled_out(show, sale_id)
        if not isinstance(known, Sale) or known.show_id != show.show_id:
            raise UnknownSale
        sold = [ticket.seat_id for ticket in known.tickets]
        if unknown := set(seat_ids).difference(sold):
            raise UnknownSeat(sorted(unknown))
        _require_of_sale(payments, known)
        sale = await self._sales.cancel(known, seat_ids or sold, payments)
        if not set(seat_ids).isdisjoint(sale.live_seat_ids):
            raise InvalidField("payments", "only seats whose tickets are good")
        await self._access.on(show, lambda current: self._ledger.record(current, sale))
        return sale.tickets

    async def _ruled_out(self, show: Show, sale_id: str) -> Sale | RefusedSale | None:
        """That there will be no such sale either, or the one that has been made meanwhile.

        Whoever cancels all of a booking has given it up: a confirm of it that is still on its way would sell
        seats whose money went back.
        """
        refused = RefusedSale(sale_id, ())
        try:
            await self._sales.refuse(refused, show.show_id)
        except AlreadySold:
            return await self._sales.find(sale_id)
        await self._settle(show, refused)
        return refused

    async def _settle(self, show: Show, sale: Sale | RefusedSale) -> None:
        """The word stands whatever comes of this; what is left undone is settled when it is met."""
        try:
            await self._access.on(show, lambda current: self._ledger.record(current, sale))
        except StoreUnavailable:
            log.warning("sale_left_to_settle", show_id=show.show_id, sale_id=sale.sale_id)


def _answer(show: Show, purchase: Purchase, found: Sale | RefusedSale | None) -> tuple[Ticket, ...]:
    """What the first request for this sale was answered."""
    if found is None:
        raise StoreUnavailable("mongodb")
    if isinstance(found, RefusedSale):
        raise SeatsLost(found.lost_seat_ids or purchase.seat_ids)
    if found.show_id != show.show_id or not purchase.is_of(found):
        raise RequestIdReused
    return found.tickets


def _content_of(sale_id: str, seat_ids: tuple[str, ...], payments: tuple[SeatPayment, ...]) -> str:
    return " ".join(("cancel", sale_id, ",".join(seat_ids), *(payment.word for payment in payments)))


def _require_of_sale(payments: tuple[SeatPayment, ...], sale: Sale) -> None:
    """Raises `InvalidField` for what the sale does not have."""
    currency_of = {payment.seat_id: payment.amount.currency_code for payment in sale.payments}
    for payment in payments:
        if payment.seat_id not in currency_of:
            raise InvalidField("payments", "only seats of the booking")
        if payment.amount.currency_code != currency_of[payment.seat_id]:
            raise InvalidField("payments", "the currency that was paid in")
