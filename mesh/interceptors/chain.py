"""Composes the concerns around every handler, once for each method instead of once for each call.

grpc.aio runs an interceptor's coroutine for every RPC and every interceptor;
wrapping the handler once, and remembering it, leaves the concerns' own work
as the only cost of a call.
"""

from __future__ import annotations  # grpc.RpcMethodHandler is generic only in its type stubs

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import grpc
from google.protobuf import descriptor_pool
from grpc import aio

from mesh.interceptors import errors
from mesh.interceptors.access import declared_access, is_infrastructure
from mesh.interceptors.call import Call, Method, Step

Behaviour = Callable[[Any, Any], Any]


class MeshInterceptor(aio.ServerInterceptor):
    """The only interceptor of a Matinee server.

    For each call: `before`, then the `guards`, any of which may refuse it,
    then the handler, then `after`, which sees how the call ended (`Call.code`,
    `Call.reason`), also when a guard refused it. `before` and `after` must not
    raise.
    """

    def __init__(self, before: Sequence[Step], guards: Sequence[Step], after: Sequence[Step]) -> None:
        self._before = tuple(before)
        self._guards = tuple(guards)
        self._after = tuple(after)
        self._wrapped: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """The handler of the method with all concerns around it."""
        path = handler_call_details.method
        try:
            return self._wrapped[path]
        except KeyError:
            handler = await continuation(handler_call_details)
            # An unknown path is not remembered: a caller could invent them without end.
            if handler is None or is_infrastructure(path):
                return handler
            wrapped = self._wrap(path, handler)
            self._wrapped[path] = wrapped
            return wrapped

    def _wrap(self, path: str, handler: Any) -> grpc.RpcMethodHandler[Any, Any]:
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
        return make(behaviour, handler.request_deserializer, handler.response_serializer)

    def _single(self, method: Method, behaviour: Behaviour) -> Behaviour:
        async def answer(request: Any, context: aio.ServicerContext[Any, Any]) -> Any:
            call = Call(method, context)
            for enter in self._before:
                enter(call)
            try:
                try:
                    for guard in self._guards:
                        guard(call)
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
