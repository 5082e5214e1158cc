"""Composes the concerns around every handler, once for each method instead of once for each call.

grpc.aio runs every interceptor's coroutine for every RPC, to find a handler
that is always the same. Here handlers are wrapped when they are registered, and
only the concerns' own work is left as the cost of a call.
"""

from __future__ import annotations  # grpc.RpcMethodHandler is generic only in its type stubs

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.message import DecodeError
from grpc import aio

from mesh.errors import MatineeError
from mesh.interceptors import errors
from mesh.interceptors.access import declared_access
from mesh.interceptors.call import Call, Method, Step

Behaviour = Callable[[Any, Any], Any]

_UNREADABLE: Final = object()


class UnreadableMessage(MatineeError):
    """What was sent is no message of the method's type: other bytes, or text that is not UTF-8."""

    code = "INVALID_ARGUMENT"
    reason = "UNREADABLE_MESSAGE"

    def __init__(self) -> None:
        super().__init__("the request is not a message of this method's type")


class Concerns:
    """What happens around every handler of a Matinee server.

    For each call: `before`, then the `guards`, any of which may refuse it,
    then the handler, then `after`, which sees how the call ended (`Call.code`,
    `Call.reason`), also when a guard refused it. `before` and `after` must not
    raise.
    """

    def __init__(self, before: Sequence[Step], guards: Sequence[Step], after: Sequence[Step]) -> None:
        self._before = tuple(before)
        self._guards = tuple(guards)
        self._after = tuple(after)

    def around(self, path: str, handler: Any) -> grpc.RpcMethodHandler[Any, Any]:
        """The handler of the method `/package.Service/Method` with all concerns around it."""
        method = Method(path, declared_access(path, descriptor_pool.Default()))
        if handler.response_streaming:
            inner = handler.stream_stream if handler.request_streaming else handler.unary_stream
            behaviour = self._streaming(method, inner)
            make = (
                grpc.stream_stream_rpc_method_handler
                if handler.request_streaming
                else grpc.unary_stream_rpc_method_handler
            )
        else:
            inner = handler.stream_unary if handler.request_streaming else handler.unary_unary
            behaviour = self._single(method, inner)
            make = (
                grpc.stream_unary_rpc_method_handler
                if handler.request_streaming
                else grpc.unary_unary_rpc_method_handler
            )
        read = _reader(handler.request_deserializer, of_stream=handler.request_streaming)
        return make(behaviour, read, handler.response_serializer)

    def _single(self, method: Method, behaviour: Behaviour) -> Behaviour:
        async def answer(request: Any, context: aio.ServicerContext[Any, Any]) -> Any:
            call = Call(method, context)
            for enter in self._before:
                enter(call)
            try:
                try:
                    for guard in self._guards:
                        guard(call)
                    if request is _UNREADABLE:
                        raise UnreadableMessage
                    return await behaviour(request, context)
                except BaseException as error:  # noqa: BLE001 - this is where every error gets its status
                    failure = _ended_by(error, call)
                await errors.abort(context, failure)
            finally:
                for leave in self._after:
                    leave(call)
            return None

        return answer

    def _streaming(self, method: Method, behaviour: Behaviour) -> Behaviour:
        async def answer(request: Any, context: aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
            call = Call(method, context, streams=True)
            for enter in self._before:
                enter(call)
            try:
                try:
                    for guard in self._guards:
                        guard(call)
                    if request is _UNREADABLE:
                        raise UnreadableMessage
                    async with contextlib.aclosing(behaviour(request, context)) as messages:
                        async for message in messages:
                            yield message
                    return
                except BaseException as error:  # noqa: BLE001 - this is where every error gets its status
                    failure = _ended_by(error, call)
                await errors.abort(context, failure)
            finally:
                for leave in self._after:
                    leave(call)

        return answer


def _reader(deserialize: Callable[[bytes], Any], *, of_stream: bool) -> Callable[[bytes], Any]:
    """Reads a request, also one that is none.

    A stream's messages are read inside of the handler, where an error is one of its own. A single request is
    read before any of our concerns, and gRPC would tell an error as UNKNOWN: there it is told later.
    """

    def read(message: bytes) -> Any:
        try:
            return deserialize(message)
        except DecodeError:
            if of_stream:
                raise UnreadableMessage from None
            return _UNREADABLE

    return read


def _ended_by(error: BaseException, call: Call) -> errors.Failure:
    """The failure to tell; raises the error again when there is nobody, or nothing more, to tell."""
    if isinstance(error, GeneratorExit) or errors.client_went_away(error):
        call.code = "CANCELLED"
        raise error
    if errors.aborted_by_handler(error):
        call.code = errors.code_name(call.context.code())
        raise error
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        raise error
    failure = errors.failure_of(error)
    call.code, call.reason = failure.code, failure.reason
    return failure


class Registrar:
    """What generated `add_…_to_server` functions take for a server: puts the concerns around each handler.

    Handlers are added by service. Those that grpc.aio knows by method have it wait, for each call, for the
    next call of every such method: a microsecond for each.
    """

    def __init__(self, server: aio.Server, concerns: Concerns | None) -> None:
        """Without concerns handlers are added as they are."""
        self._server = server
        self._concerns = concerns

    def add_generic_rpc_handlers(self, _handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """The same handlers come by name as well."""

    def add_registered_method_handlers(
        self, service_name: str, handlers: Mapping[str, grpc.RpcMethodHandler[Any, Any]]
    ) -> None:
        """Adds the service's methods."""
        ready = {
            name: self._concerns.around(f"/{service_name}/{name}", handler) if self._concerns else handler
            for name, handler in handlers.items()
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service_name, ready),))
