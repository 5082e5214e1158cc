"""What payment providers tell: stored first, then acted on."""

import asyncio
import contextlib
import datetime as dt
from typing import Final

import structlog

from booking_svc.domain.booking import Booking
from booking_svc.domain.inputs import Input
from booking_svc.errors import TryAgain, UnknownProvider
from booking_svc.ports import Lease, PaymentProvider, Ports, StoredEvent
from booking_svc.usecases.changes import ALARMS
from booking_svc.usecases.driving import Driver
from booking_svc.usecases.steps import news_of_refund, news_of_session, refund_id_of
from mesh.errors import InvalidField, StoreUnavailable
from mesh.ids import new_token

log = structlog.get_logger()

_MOST_BODY_BYTES: Final = 64 * 1024
_MOST_SIGNATURE: Final = 1024
_AT_ONCE: Final = 64
_MOST_WAITING: Final = 100
_SETTLE_SECONDS: Final = 5.0
"""So long whoever stored an event is left to act on it."""
_FAULTY_SECONDS: Final = 60.0
_CURSOR_SECONDS: Final = 20.0
_MOST_PAGES: Final = 20


class PaymentNews:
    """Takes events in and acts on them: at once when they arrive, later when that did not work out."""

    def __init__(self, ports: Ports, driver: Driver) -> None:
        self._ports = ports
        self._driver = driver
        self._owner = new_token()
        self.under_way: set[asyncio.Task[None]] = set()

    async def record_payment_event(self, provider_name: str, body: bytes, signature: str) -> bool:
        """Stores a webhook's event and begins to act on it; True when it was known already.

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
        stored = StoredEvent(provider.name, event)
        is_new = await self._ports.background.finish(
            self._ports.payment_events.add(stored, self._ports.now())
        )
        if is_new:
            self._begin(stored)
        return not is_new

    async def act_on_waiting(self) -> None:
        """Acts on events that were stored but not acted on: their process died, or was too busy."""
        try:
            before = self._ports.now() - dt.timedelta(seconds=_SETTLE_SECONDS)
            waiting = await self._ports.payment_events.waiting(before, _MOST_WAITING)
            async with asyncio.TaskGroup() as group:
                for stored in waiting:
                    group.create_task(self._act(stored))
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
            unknown = await events.unknown(provider.name, [event.event_id for event in page.events])
            for event in page.events:
                stored = StoredEvent(provider.name, event)
                if event.event_id in unknown and await events.add(stored, self._ports.now()):
                    self._begin(stored)
            await events.move_cursor(provider.name, self._owner, page.cursor)
            if not page.more:
                return

    def _begin(self, stored: StoredEvent) -> None:
        """Acts in the background, unless too much is under way: then the loop does it later."""
        if len(self.under_way) >= _AT_ONCE:
            return
        task = asyncio.create_task(self._ports.background.finish(self._act(stored)))
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)

    async def _act(self, stored: StoredEvent) -> None:
        try:
            await self._apply(stored)
            await self._ports.payment_events.acted_on(stored, self._ports.now())
        except (TryAgain, StoreUnavailable) as error:
            log.warning("payment_event_put_off", event_id=stored.event.event_id, reason=error.reason)
        except Exception:  # one faulty event must not keep the others from being acted on
            ALARMS.labels("payment_event_failed").inc()
            log.exception("payment_event_failed", event_id=stored.event.event_id)
            again = self._ports.now() + dt.timedelta(seconds=_FAULTY_SECONDS)
            with contextlib.suppress(StoreUnavailable):
                await self._ports.payment_events.put_off(stored, again)

    async def _apply(self, stored: StoredEvent) -> None:
        event = stored.event
        booking = await self._ports.bookings.find(event.booking_id) if event.booking_id else None
        news = _news_for(booking, stored) if booking is not None else None
        if booking is None or news is None:
            # Signed by the provider, but about nothing that was started here.
            ALARMS.labels("payment_event_unmatched").inc()
            log.error("payment_event_unmatched", event_id=event.event_id, provider=stored.provider)
            return
        for given in news:
            await self._driver.change_and_begin(booking, given)


def _news_for(booking: Booking, stored: StoredEvent) -> tuple[Input, ...] | None:
    event = stored.event
    if event.refund is not None:
        refund = booking.refund(refund_id_of(event.refund))
        payment = booking.payment(refund.payment_id) if refund is not None else None
    else:
        payment = booking.payment(event.payment_id)
    if payment is None or payment.provider != stored.provider:
        return None
    if event.refund is not None:
        return news_of_refund(event.refund)
    return news_of_session(payment.payment_id, event.session) if event.session is not None else ()
