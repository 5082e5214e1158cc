"""`matinee.booking.v1.BuyerService`."""

from typing import Any, TypeAlias

from grpc import aio
from matinee.booking.v1 import buyer_pb2, buyer_pb2_grpc

from booking_svc import convert
from booking_svc.usecases.signing_in import SignIns

_Context: TypeAlias = "aio.ServicerContext[Any, Any]"


class BuyerServicer(buyer_pb2_grpc.BuyerServiceServicer):
    """Each method is described in the proto."""

    def __init__(self, sign_ins: SignIns) -> None:
        self._sign_ins = sign_ins

    async def StartSignIn(
        self, request: buyer_pb2.StartSignInRequest, _context: _Context
    ) -> buyer_pb2.StartSignInResponse:
        address = convert.address_from(request)
        sent = await self._sign_ins.start(request.request_id, address, request.client_ip, request.language)
        return buyer_pb2.StartSignInResponse(
            challenge_id=sent.challenge_id, expire_time=convert.timestamp(sent.expire_time)
        )

    async def CompleteSignIn(
        self, request: buyer_pb2.CompleteSignInRequest, _context: _Context
    ) -> buyer_pb2.CompleteSignInResponse:
        opened = await self._sign_ins.complete(
            request.request_id, request.challenge_id, request.code, request.buyer_id
        )
        return buyer_pb2.CompleteSignInResponse(
            sign_in_token=opened.token, buyer=convert.buyer(opened.sign_in)
        )

    async def GetBuyer(
        self, request: buyer_pb2.GetBuyerRequest, _context: _Context
    ) -> buyer_pb2.GetBuyerResponse:
        return buyer_pb2.GetBuyerResponse(buyer=convert.buyer(await self._sign_ins.of(request.sign_in_token)))

    async def EndSignIn(
        self, request: buyer_pb2.EndSignInRequest, _context: _Context
    ) -> buyer_pb2.EndSignInResponse:
        await self._sign_ins.end(request.request_id, request.sign_in_token)
        return buyer_pb2.EndSignInResponse()
