"""What payment providers tell: applied to its booking at once, and kept for later where that cannot be."""

import asyncio
import contextlib
import datetime as dt
from enum import Enum
from typing import Final

import structlog

from booking_svc.domain.booking import Booking
from booking_svc.domain.inputs import Input
from booking_svc.errors import TryAgain, UnknownProvider
from booking_svc.ports import Lease, PaymentProvider, Ports, ToldEvent
from booking_svc.usecases.changes import ALARMS, Changes
from booking_svc.usecases.driving import Driver
from booking_svc.usecases.steps import news_of_refund, news_of_session, refund_id_of
from mesh.errors import InvalidField, StoreUnavailable
from mesh.ids import new_token

log = structlog.get_logger()

_MOST_BODY_BYTES: Final = 64 * 1024
_MOST_SIGNATURE: Final = 1024
_MOST_WAITING: Final = 100
_SETTLE_SECONDS: Final = 5.0
"""So long whoever kept an event is left to act on it."""
_FAULTY_SECONDS: Final = 60.0
_CURSOR_SECONDS: Final = 20.0
_MOST_PAGES: Final = 20


class _Heard(Enum):
    """What an event was to its booking."""

    APPLIED = "APPLIED"
    KNOWN = "KNOWN"
    NOTHING_NEW = "NOTHING_NEW"
    UNMATCHED = "UNMATCHED"
    """Signed by the provider, but about nothing that was started here."""


class PaymentNews:
    """Takes events in: each is in its booking, or kept for later, before it is answered.

    The update that applies an event keeps its key with the booking (`Booking.heard`), so nothing else has
    to be written for it. Other events are kept on their own (`PaymentEvents`): those that said nothing
    new, so that a repetition is known; those about nothing of ours, with an alarm; and those whose booking
    could not be changed just then, to be acted on by whichever replica comes to it. While the store is away
    nothing is taken in, and the provider sends its events again.
    """

    def __init__(self, ports: Ports, changes: Changes, driver: Driver) -> None:
        self._ports = ports
        self._changes = changes
        self._driver = driver
        self._owner = new_token()

    async def record_payment_event(self, provider_name: str, body: bytes, signature: str) -> bool:
        """Takes a webhook's event in and begins with what follows from it; True when it was known already.

        Raises `UnknownProvider`, `WebhookSignatureInvalid`, `InvalidField`, `StoreUnavailable`.
        """
        provider = self._ports.providers.get(provider_name)
        if provider is None:
            raise UnknownProvider
        if len(body) > _MOST_BODY_BYTES:
            raise InvalidField("body", "is too large")
        if len(signature) > _MOST_SIGNATURE:
            raise InvalidField("signature", "is too long")
        event = provider.parse_event(body, signature, self._ports.clock.now())
        if event is None:
            return False
        told = ToldEvent(provider.name, event)
        return not await self._ports.background.finish(self._take(told))

    async def act_on_waiting(self) -> None:
        """Acts on events that were kept and not acted on."""
        try:
            before = self._ports.now() - dt.timedelta(seconds=_SETTLE_SECONDS)
            waiting = await self._ports.payment_events.waiting(before, _MOST_WAITING)
            async with asyncio.TaskGroup() as group:
                for told in waiting:
                    group.create_task(self._act(told))
        except StoreUnavailable:
            log.warning("payment_events_put_off")

    async def catch_up(self) -> None:
        """Reads on in each provider's own list of events, so that a lost webhook is only a late one."""
        for provider in self._ports.providers.values():
            try:
                await self._catch_up(provider)
            except (TryAgain, StoreUnavailable) as error:
                log.warning("catch_up_put_off", provider=provider.name, reason=error.reason)

    async def _catch_up(self, provider: PaymentProvider) -> None:
        events = self._ports.payment_events
        for _ in range(_MOST_PAGES):
            now = self._ports.now()
            lease = Lease(self._owner, now + dt.timedelta(seconds=_CURSOR_SECONDS))
            cursor = await events.claim_cursor(provider.name, lease, now)
            if cursor is None:
                return
            page = await provider.list_events(cursor)
            for told in await self._not_known([ToldEvent(provider.name, event) for event in page.events]):
                await self._take(told)
            await events.move_cursor(provider.name, self._owner, page.cursor)
            if not page.more:
                return

    async def _not_known(self, page: list[ToldEvent]) -> list[ToldEvent]:
        """Those of a provider's events that no booking has heard and that are not kept either."""
        heard = await self._ports.bookings.heard({told.event.booking_id for told in page}) if page else {}
        rest = [told for told in page if told.key not in heard.get(told.event.booking_id, ())]
        if not rest:
            return []
        ids = [told.event.event_id for told in rest]
        unknown = await self._ports.payment_events.unknown(rest[0].provider, ids)
        return [told for told in rest if told.event.event_id in unknown]

    async def _take(self, told: ToldEvent) -> bool:
        """Applies or keeps the event; True when it is new."""
        events, now = self._ports.payment_events, self._ports.now()
        # Signed and received: whatever keeps it from being applied, it is not lost.
        try:
            heard = await self._hear(told)
        except StoreUnavailable:
            # Where it would be kept is the same store: the provider, who is told at once, sends it again.
            raise
        except TryAgain as error:
            log.warning("payment_event_put_off", event_id=told.event.event_id, reason=error.reason)
            return await events.add(told, now)
        except Exception:
            log.exception("payment_event_put_off", event_id=told.event.event_id)
            return await events.add(told, now)
        if heard is _Heard.NOTHING_NEW:
            return await events.add(told, now, waiting=False)
        if heard is _Heard.UNMATCHED:
            is_new = await events.add(told, now)
            if is_new:
                await self._act(told)
            return is_new
        return heard is _Heard.APPLIED

    async def _act(self, told: ToldEvent) -> None:
        """Acts on an event that is kept."""
        try:
            if await self._hear(told) is _Heard.UNMATCHED:
                ALARMS.labels("payment_event_unmatched").inc()
                log.error("payment_event_unmatched", event_id=told.event.event_id, provider=told.provider)
            await self._ports.payment_events.acted_on(told, self._ports.now())
        except (TryAgain, StoreUnavailable) as error:
            log.warning("payment_event_put_off", event_id=told.event.event_id, reason=error.reason)
        except Exception:  # one faulty event must not keep the others from being acted on
            ALARMS.labels("payment_event_failed").inc()
            log.exception("payment_event_failed", event_id=told.event.event_id)
            again = self._ports.now() + dt.timedelta(seconds=_FAULTY_SECONDS)
            with contextlib.suppress(StoreUnavailable):
                await self._ports.payment_events.put_off(told, again)

    async def _hear(self, told: ToldEvent) -> _Heard:
        """Applies the event to its booking, and begins with what follows from it."""
        if await self._hear_at_once(told):
            return _Heard.APPLIED
        booking_id = told.event.booking_id
        booking = await self._ports.bookings.find(booking_id) if booking_id else None
        news = _news_for(booking, told) if booking is not None else None
        if booking is None or news is None:
            return _Heard.UNMATCHED
        for given in () if told.key in booking.heard else news:
            saved = await self._driver.change_and_begin(booking, given, told.key)
            if saved.changed:
                return _Heard.APPLIED
            booking = saved.booking
        return _Heard.KNOWN if told.key in booking.heard else _Heard.NOTHING_NEW

    async def _hear_at_once(self, told: ToldEvent) -> bool:
        """Whether the event could be applied to the booking as it is remembered."""
        remembered = self._changes.remembered(told.event.booking_id)
        news = _news_for(remembered, told) if remembered is not None else None
        if remembered is None or not news or told.key in remembered.heard:
            return False
        return await self._driver.attempt_and_begin(remembered, news[0], told.key)


def _news_for(booking: Booking, told: ToldEvent) -> tuple[Input, ...] | None:
    event = told.event
    if event.refund is not None:
        refund = booking.refund(refund_id_of(event.refund))
        payment = booking.payment(refund.payment_id) if refund is not None else None
    else:
        payment = booking.payment(event.payment_id)
    if payment is None or payment.provider != told.provider:
        return None
    if event.refund is not None:
        return news_of_refund(event.refund)
    return news_of_session(payment.payment_id, event.session) if event.session is not None else ()
