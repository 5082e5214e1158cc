"""Starting a payment, and giving a booking up."""

from dataclasses import dataclass
from typing import Final

import structlog

from booking_svc.domain import duties, inputs
from booking_svc.domain.booking import (
    AcceptedRequest,
    Booking,
    BookingState,
    Payment,
    PaymentMethod,
    PaymentState,
)
from booking_svc.domain.contact import Contact
from booking_svc.domain.proof import Viewer
from booking_svc.errors import (
    BookingBusy,
    HoldExpired,
    PaymentMethodRefused,
    StateForbids,
)
from booking_svc.ports import Ports
from booking_svc.usecases import steps
from booking_svc.usecases.changes import Changes, Wanted
from booking_svc.usecases.driving import Driver
from booking_svc.usecases.requests import accepted, require_same
from booking_svc.usecases.viewing import get_booking
from mesh.ids import derived_request_id

log = structlog.get_logger()

_MOST_TRIES: Final = 4


@dataclass(frozen=True, slots=True)
class PaymentWish:
    """How a buyer wants to pay."""

    method: PaymentMethod
    contact: Contact
    return_url: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where to send the browser, for a booking that awaits its payment."""

    booking: Booking
    url: str


class Cashier:
    """Starts payments, one open at a time for each booking."""

    def __init__(self, ports: Ports, changes: Changes, driver: Driver) -> None:
        self._ports = ports
        self._changes = changes
        self._driver = driver

    async def start_payment(
        self, request_id: str, booking_id: str, viewer: Viewer, wish: PaymentWish
    ) -> Redirect:
        """Opens a payment, or answers with the one that is open.

        Another method or contact closes the open payment at its provider
        first. Raises `HoldExpired`, `StateForbids`, `PaymentLimit`,
        `PaymentMethodRefused`, `PaymentProviderUnavailable`, `RequestIdReused`.
        """
        self._ports.terms.checked_return_url(wish.return_url)
        request = accepted(
            *(request_id, booking_id, wish.method.value, wish.return_url),
            *(wish.contact.full_name, wish.contact.email, wish.contact.phone, wish.contact.language),
        )
        remembered = self._changes.remembered(booking_id)
        if remembered is not None and viewer.may_see(remembered) and not remembered.payments:
            redirect = await self._ports.background.finish(self._start_at_once(remembered, request, wish))
            if redirect is not None:
                return redirect
        booking = await get_booking(self._ports, booking_id, viewer)
        return await self._ports.background.finish(self._start(booking, request, wish))

    async def abandon_booking(self, request_id: str, booking_id: str, viewer: Viewer) -> Booking:
        """Gives an unpaid booking up; its open payment is closed at the provider first.

        Raises `StateForbids` when that one turns out to be paid.
        """
        request = accepted(request_id, booking_id, "abandon")
        booking = await get_booking(self._ports, booking_id, viewer)
        for known in booking.accepted:
            require_same(known, request)
        return await self._ports.background.finish(self._abandon(booking, request))

    async def _start_at_once(
        self, remembered: Booking, request: AcceptedRequest, wish: PaymentWish
    ) -> Redirect | None:
        """A booking's first payment, if the booking is still as it was; None: it has to be looked at."""
        payment = self._payment(remembered, request, wish)
        started = inputs.PaymentStarted(payment, wish.contact, self._ports.terms.most_payments)
        saved = await self._changes.attempt(remembered, Wanted(started))
        return await self._redirect(saved.booking, saved.booking.payments[-1]) if saved is not None else None

    async def _start(self, booking: Booking, request: AcceptedRequest, wish: PaymentWish) -> Redirect:
        for _ in range(_MOST_TRIES):
            known = _asked_before(booking, request)
            if known is not None:
                return await self._redirect(booking, known)
            open_payment = booking.open_payment
            if booking.state is BookingState.AWAITING_PAYMENT and open_payment is not None:
                if _is_same_wish(booking, open_payment, wish):
                    return await self._redirect(booking, open_payment)
                booking = await self._close(booking, open_payment)
                if booking.open_payment is not None:
                    # Its bank is deciding on it just now.
                    return await self._redirect(booking, booking.open_payment)
            payment = self._payment(booking, request, wish)
            started = inputs.PaymentStarted(payment, wish.contact, self._ports.terms.most_payments)
            try:
                booking = await self._changes.apply(booking, started)
            except StateForbids as error:
                if error.facts["state"] != BookingState.AWAITING_PAYMENT.value:
                    raise
                # The same was asked twice at once: look at what the other one began.
                booking = await self._ports.bookings.find(booking.booking_id) or booking
        raise BookingBusy("this booking is being paid in several places at once")

    def _payment(self, booking: Booking, request: AcceptedRequest, wish: PaymentWish) -> Payment:
        now = self._ports.now()
        return Payment(
            payment_id=derived_request_id("payment", booking.booking_id, request.request_id),
            request=request,
            provider=self._ports.chosen_provider,
            method=wish.method,
            amount=booking.quote.total,
            return_url=wish.return_url,
            start_time=now,
            expire_time=booking.hold.pay_until if booking.hold is not None else now,
        )

    async def _redirect(self, booking: Booking, payment: Payment) -> Redirect:
        if payment.amount.minor_units == 0:
            await self._driver.drive(booking.booking_id)
            return Redirect(
                await self._ports.bookings.find(booking.booking_id) or booking, payment.return_url
            )
        if payment.state is PaymentState.STARTING:
            booking, payment = await self._open(booking, payment)
        if not payment.redirect_url:
            raise _not_opened(booking)
        return Redirect(booking, payment.redirect_url)

    async def _open(self, booking: Booking, payment: Payment) -> tuple[Booking, Payment]:
        for given in await steps.open_payment(self._ports, booking, duties.OpenPayment(payment.payment_id)):
            booking = await self._changes.apply(booking, given)
        opened = booking.payment(payment.payment_id)
        if opened is None or not opened.session_id:
            raise _not_opened(booking)
        return booking, opened

    async def _close(self, booking: Booking, payment: Payment) -> Booking:
        for given in await steps.close_payment(self._ports, booking, duties.ClosePayment(payment.payment_id)):
            booking = await self._changes.apply(booking, given)
        return booking

    async def _abandon(self, booking: Booking, request: AcceptedRequest) -> Booking:
        for _ in range(_MOST_TRIES):
            open_payment = booking.open_payment
            if booking.state is BookingState.AWAITING_PAYMENT and open_payment is not None:
                booking = await self._close(booking, open_payment)
            try:
                booking = await self._changes.apply(booking, inputs.Abandoned(request))
            except StateForbids as error:
                if error.facts["state"] != BookingState.AWAITING_PAYMENT.value:
                    await self._driver.drive(booking.booking_id)
                    raise
                booking = await self._ports.bookings.find(booking.booking_id) or booking
            else:
                await self._driver.drive(booking.booking_id)
                return await self._ports.bookings.find(booking.booking_id) or booking
        raise BookingBusy("this booking is being paid at the same time")


def _not_opened(booking: Booking) -> HoldExpired | PaymentMethodRefused:
    """Why there is no page to send the browser to: too late, or the provider did not want it."""
    return HoldExpired() if booking.state is BookingState.EXPIRED else PaymentMethodRefused()


def _asked_before(booking: Booking, request: AcceptedRequest) -> Payment | None:
    for payment in booking.payments:
        require_same(payment.request, request)
        if payment.request == request:
            return payment
    return None


def _is_same_wish(booking: Booking, payment: Payment, wish: PaymentWish) -> bool:
    return payment.method is wish.method and booking.contact == wish.contact
