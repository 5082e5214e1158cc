"""Channels to other services: deadlines, identity and trace go along, errors come back typed.

Not client interceptors: grpc.aio makes a task and several wrappers for every
call that one sees. The generated stubs only ask a channel for callables, so
wrapping those does the same in one await.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar, cast

from grpc import aio

from mesh import deadlines, tracing
from mesh.errors import RemoteError
from mesh.interceptors.admission import TIMEOUT_HEADER
from mesh.interceptors.errors import failure_in

StubT = TypeVar("StubT")

_OPTIONS = (
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),
    # A server that comes back should be noticed within a second, not within two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # One connection for each channel object, so that several channels are several connections.
    ("grpc.use_local_subchannel_pool", 1),
)


def service_config(retried_services: Sequence[str]) -> str:
    """gRPC's own retries: on UNAVAILABLE alone, within a budget, for services of idempotent calls."""
    config: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
    if retried_services:
        config["methodConfig"] = [
            {
                "name": [{"service": name} for name in retried_services],
                "retryPolicy": {
                    "maxAttempts": 4,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "0.5s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
        config["retryThrottling"] = {"maxTokens": 20, "tokenRatio": 0.2}
    return json.dumps(config)


class MeshChannel:
    """A channel for the generated stubs.

    A unary call raises `RemoteError`, and waits at most its `timeout`, the
    channel's, or what is left of the current call's deadline: the least of
    these. A stream ends at its `timeout` or at the current call's deadline;
    one of them must be there.
    """

    def __init__(self, channel: aio.Channel, token: str, timeout_seconds: float) -> None:
        self._channel = channel
        self._authorization = ("authorization", f"Bearer {token}")
        self._timeout = timeout_seconds

    def unary_unary(self, path: str, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """Called by the stub."""
        return self._single(path, self._channel.unary_unary(path, *args, **kwargs))

    def stream_unary(self, path: str, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """Called by the stub."""
        return self._single(path, self._channel.stream_unary(path, *args, **kwargs))

    def unary_stream(self, path: str, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """Called by the stub."""
        return self._streaming(path, self._channel.unary_stream(path, *args, **kwargs))

    def stream_stream(self, path: str, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """Called by the stub."""
        return self._streaming(path, self._channel.stream_stream(path, *args, **kwargs))

    def stub(self, kind: Callable[[aio.Channel], StubT]) -> StubT:
        """The generated stub of that class over this channel, as `channel.stub(SeatServiceStub)`."""
        return kind(cast(aio.Channel, self))

    async def ready(self, within_seconds: float) -> None:
        """Waits until the other side answers; raises TimeoutError."""
        async with asyncio.timeout(within_seconds):
            await self._channel.channel_ready()

    async def close(self) -> None:
        """Ends calls in flight and the connection."""
        await self._channel.close(None)

    async def __aenter__(self) -> "MeshChannel":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _single(self, path: str, call: Callable[..., Any]) -> Callable[..., Any]:
        async def invoke(request: Any, *, timeout: float | None = None) -> Any:
            seconds = deadlines.budget(self._timeout if timeout is None else timeout)
            if seconds <= 0:
                raise RemoteError("DEADLINE_EXCEEDED", "", "no time was left to call", {}, path)
            try:
                return await call(request, timeout=seconds, metadata=self._metadata(seconds))
            except aio.AioRpcError as error:
                raise _remote_error(error, path) from None

        return invoke

    def _streaming(self, path: str, call: Callable[..., Any]) -> Callable[..., Any]:
        async def invoke(request: Any, *, timeout: float | None = None) -> AsyncIterator[Any]:
            left = deadlines.remaining()
            seconds = timeout if left is None else left if timeout is None else min(left, timeout)
            if seconds is None:
                raise ValueError(f"{path} needs a timeout")
            stream = call(request, timeout=max(seconds, 0.001), metadata=self._metadata(seconds))
            try:
                async for message in stream:
                    yield message
            except aio.AioRpcError as error:
                raise _remote_error(error, path) from None
            finally:
                stream.cancel()

        return invoke

    def _metadata(self, seconds: float) -> tuple[tuple[str, str], ...]:
        traceparent = tracing.current_traceparent()
        usual = (self._authorization, (TIMEOUT_HEADER, str(max(1, int(seconds * 1000)))))
        return (*usual, (tracing.TRACEPARENT, traceparent)) if traceparent else usual


def open_channel(
    target: str, token: str, *, timeout_seconds: float = 5.0, retried_services: Sequence[str] = ()
) -> MeshChannel:
    """A channel to `host:port` or any gRPC target, balanced over its addresses; connects when first used."""
    options = [*_OPTIONS, ("grpc.service_config", service_config(retried_services))]
    return MeshChannel(aio.insecure_channel(target, options=options), token, timeout_seconds)


def _remote_error(error: aio.AioRpcError, path: str) -> RemoteError:
    failure = failure_in(error)
    return RemoteError(
        failure.code, failure.reason, failure.message, failure.facts, path, failure.retry_seconds
    )
