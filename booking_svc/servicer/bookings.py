"""`matinee.booking.v1.BookingService`: protobuf in, use case, protobuf out."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from grpc import aio
from matinee.booking.v1 import booking_pb2, booking_pb2_grpc

from booking_svc.convert import bookings, prices, requests
from booking_svc.domain.booking import Booking
from booking_svc.domain.proof import Viewer
from booking_svc.ports import Ports
from booking_svc.usecases.cancelling import cancel_booking, preview_cancellation
from booking_svc.usecases.changes import Changes
from booking_svc.usecases.creating import create_booking
from booking_svc.usecases.driving import Driver
from booking_svc.usecases.paying import Cashier, PaymentWish
from booking_svc.usecases.quoting import quote_booking
from booking_svc.usecases.signing_in import SignIns
from booking_svc.usecases.telling import PaymentNews
from booking_svc.usecases.viewing import list_bookings
from booking_svc.usecases.watching import BookingWatch

_Context: TypeAlias = "aio.ServicerContext[Any, Any]"


@dataclass(frozen=True, slots=True)
class UseCases:
    """What the servicer calls."""

    ports: Ports
    changes: Changes
    driver: Driver
    cashier: Cashier
    news: PaymentNews
    watch: BookingWatch


class BookingServicer(booking_pb2_grpc.BookingServiceServicer):
    """Each method is described in the proto."""

    def __init__(self, use_cases: UseCases, sign_ins: SignIns) -> None:
        self._use = use_cases
        self._sign_ins = sign_ins

    async def QuoteBooking(
        self, request: booking_pb2.QuoteBookingRequest, _context: _Context
    ) -> booking_pb2.QuoteBookingResponse:
        priced = await quote_booking(self._use.ports, request.show_id, tuple(request.seat_ids))
        return booking_pb2.QuoteBookingResponse(quote=prices.quote(priced))

    async def CreateBooking(
        self, request: booking_pb2.CreateBookingRequest, _context: _Context
    ) -> booking_pb2.CreateBookingResponse:
        booking = await create_booking(
            self._use.ports,
            self._use.changes,
            request.request_id,
            request.buyer_id,
            request.show_id,
            tuple(request.seat_ids),
        )
        return booking_pb2.CreateBookingResponse(booking=self._shown(booking))

    async def GetBooking(
        self, request: booking_pb2.GetBookingRequest, _context: _Context
    ) -> booking_pb2.GetBookingResponse:
        viewer = await self._viewer(request.viewer)
        booking = await self._use.watch.booking_past(
            request.booking_id,
            viewer,
            bookings.states_from(request.passing_states),
            request.wait_milliseconds / 1000,
        )
        return booking_pb2.GetBookingResponse(booking=self._shown(booking))

    async def ListBookings(
        self, request: booking_pb2.ListBookingsRequest, _context: _Context
    ) -> booking_pb2.ListBookingsResponse:
        position = requests.position_from(request.page_token)
        viewer = await self._sign_ins.prove(Viewer(buyer_id=request.buyer_id), request.sign_in_token)
        page = await list_bookings(self._use.ports, viewer, request.page_size, position)
        return booking_pb2.ListBookingsResponse(
            bookings=[self._shown(booking) for booking in page.bookings],
            next_page_token=requests.page_token(page.next_before),
        )

    async def StartPayment(
        self, request: booking_pb2.StartPaymentRequest, _context: _Context
    ) -> booking_pb2.StartPaymentResponse:
        wish = PaymentWish(
            method=bookings.method_from(request.method),
            contact=requests.contact_from(request.contact),
            return_url=request.return_url,
        )
        viewer = await self._viewer(request.viewer)
        redirect = await self._use.cashier.start_payment(request.request_id, request.booking_id, viewer, wish)
        return booking_pb2.StartPaymentResponse(
            booking=self._shown(redirect.booking), redirect_url=redirect.url
        )

    async def RecordPaymentEvent(
        self, request: booking_pb2.RecordPaymentEventRequest, _context: _Context
    ) -> booking_pb2.RecordPaymentEventResponse:
        repeated = await self._use.news.record_payment_event(
            request.provider, request.body, request.signature
        )
        return booking_pb2.RecordPaymentEventResponse(repeated_event=repeated)

    async def PreviewCancellation(
        self, request: booking_pb2.PreviewCancellationRequest, _context: _Context
    ) -> booking_pb2.PreviewCancellationResponse:
        viewer = await self._viewer(request.viewer)
        settled = await preview_cancellation(
            self._use.ports, request.booking_id, viewer, tuple(request.seat_ids)
        )
        return prices.settlement(settled)

    async def CancelBooking(
        self, request: booking_pb2.CancelBookingRequest, _context: _Context
    ) -> booking_pb2.CancelBookingResponse:
        booking = await cancel_booking(
            self._use.ports,
            self._use.changes,
            self._use.driver,
            request.request_id,
            request.booking_id,
            await self._viewer(request.viewer),
            requests.cancel_wish_from(request),
        )
        return booking_pb2.CancelBookingResponse(booking=self._shown(booking))

    async def AbandonBooking(
        self, request: booking_pb2.AbandonBookingRequest, _context: _Context
    ) -> booking_pb2.AbandonBookingResponse:
        viewer = await self._viewer(request.viewer)
        booking = await self._use.cashier.abandon_booking(request.request_id, request.booking_id, viewer)
        return booking_pb2.AbandonBookingResponse(booking=self._shown(booking))

    async def WatchBooking(
        self, request: booking_pb2.WatchBookingRequest, _context: _Context
    ) -> AsyncIterator[booking_pb2.WatchBookingResponse]:
        viewer = await self._viewer(request.viewer)
        async for booking in self._use.watch.watch_booking(request.booking_id, viewer):
            yield booking_pb2.WatchBookingResponse(booking=self._shown(booking))

    async def _viewer(self, message: booking_pb2.BookingViewer) -> Viewer:
        return await self._sign_ins.prove(requests.viewer_from(message), message.sign_in_token)

    def _shown(self, booking: Booking) -> booking_pb2.Booking:
        return bookings.booking(booking, self._use.ports.clock.now())
