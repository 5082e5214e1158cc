"""`matinee.booking.v1.BuyerService`."""

from collections.abc import AsyncIterator
from typing import Any, TypeAlias

from grpc import aio
from matinee.booking.v1 import buyer_pb2, buyer_pb2_grpc

from booking_svc.convert import buyers
from booking_svc.convert.values import timestamp
from booking_svc.usecases.rights import Rights
from booking_svc.usecases.signing_in import Browser, SignIns
from mesh.clock import Clock

_Context: TypeAlias = "aio.ServicerContext[Any, Any]"


class BuyerServicer(buyer_pb2_grpc.BuyerServiceServicer):
    """Each method is described in the proto."""

    def __init__(self, sign_ins: SignIns, rights: Rights, clock: Clock) -> None:
        self._sign_ins = sign_ins
        self._rights = rights
        self._clock = clock

    async def StartSignIn(
        self, request: buyer_pb2.StartSignInRequest, _context: _Context
    ) -> buyer_pb2.StartSignInResponse:
        address = buyers.address_from(request)
        sent = await self._sign_ins.start(request.request_id, address, request.client_ip, request.language)
        return buyer_pb2.StartSignInResponse(
            challenge_id=sent.challenge_id, expire_time=timestamp(sent.expire_time)
        )

    async def CompleteSignIn(
        self, request: buyer_pb2.CompleteSignInRequest, _context: _Context
    ) -> buyer_pb2.CompleteSignInResponse:
        opened = await self._sign_ins.complete(
            request.request_id,
            request.challenge_id,
            request.code,
            Browser(request.buyer_id, request.earlier_sign_in_token),
        )
        return buyer_pb2.CompleteSignInResponse(
            sign_in_token=opened.token, buyer=buyers.buyer(opened.sign_in)
        )

    async def GetBuyer(
        self, request: buyer_pb2.GetBuyerRequest, _context: _Context
    ) -> buyer_pb2.GetBuyerResponse:
        return buyer_pb2.GetBuyerResponse(buyer=buyers.buyer(await self._sign_ins.of(request.sign_in_token)))

    async def EndSignIn(
        self, request: buyer_pb2.EndSignInRequest, _context: _Context
    ) -> buyer_pb2.EndSignInResponse:
        await self._sign_ins.end(request.request_id, request.sign_in_token)
        return buyer_pb2.EndSignInResponse()

    async def ExportBuyer(
        self, request: buyer_pb2.ExportBuyerRequest, _context: _Context
    ) -> AsyncIterator[buyer_pb2.ExportBuyerResponse]:
        sign_in = await self._rights.signed_in_lately(request.sign_in_token)
        yield buyer_pb2.ExportBuyerResponse(buyer=buyers.buyer(sign_in))
        async for booking in self._rights.bookings_of(sign_in.address):
            exported = buyers.exported_booking(booking, self._clock.now())
            yield buyer_pb2.ExportBuyerResponse(booking=exported)

    async def EraseBuyer(
        self, request: buyer_pb2.EraseBuyerRequest, _context: _Context
    ) -> buyer_pb2.EraseBuyerResponse:
        erasure_id = await self._rights.erase(request.request_id, request.sign_in_token)
        return buyer_pb2.EraseBuyerResponse(erasure_id=erasure_id)
