"""A grpc.aio server as every service runs it: concerns, limits, health, reflection."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import grpc
import structlog
from google.protobuf import descriptor_pool
from grpc import aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from mesh.background import Background
from mesh.interceptors import Concerns, Registrar
from mesh.interceptors.access import Access, declared_access
from mesh.interceptors.access_log import logged
from mesh.interceptors.admission import Admission
from mesh.interceptors.auth import authorised
from mesh.interceptors.deadline import within_deadline
from mesh.interceptors.metrics import measured
from mesh.interceptors.trace import traced
from mesh.settings import ServiceSettings

log = structlog.get_logger()

Probe = Callable[[], Awaitable[None]]
"""Returns when a dependency answers, raises when it does not."""

PROBE_SECONDS = 2.0
_STARTING_PROBE_SECONDS = 0.2
_MOST_HEALTH_WATCHERS = 100
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # From about 1,000 calls that wait to be accepted on, gRPC's core drops them as a bare CANCELLED;
    # what is too much is refused by admission instead, with a reason and a time to come again.
    ("grpc.server.max_pending_requests", 100_000),
    ("grpc.server.max_pending_requests_hard_limit", 200_000),
    # Clients ping every 20 s (mesh.channel); the default floor of 300 s would cut them off.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    # On a stalled machine pings arrive in a bunch; that is no reason to cut a caller off.
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
)


class AddressTaken(Exception):
    """The address to listen on is in use or not ours."""


class UndeclaredAccess(Exception):
    """A method says nowhere who may call it."""


class _Health(health.aio.HealthServicer):
    """Anybody may watch, for as long as they like: so many that calls still find room."""

    def __init__(self) -> None:
        super().__init__()
        self._watchers = 0

    async def Watch(self, request: Any, context: Any) -> None:
        if self._watchers >= _MOST_HEALTH_WATCHERS:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many watch")
        self._watchers += 1
        try:
            await super().Watch(request, context)
        finally:
            self._watchers -= 1


class GrpcServer:
    """Serves what was added to it, from `start` until `stop`; see `mesh.run` for the order."""

    def __init__(self, settings: ServiceSettings, background: Background) -> None:
        self._listen = settings.listen
        self._reflection = settings.reflection
        self._background = background
        self._probes: dict[str, Probe] = {}
        self._service_names: list[str] = []
        self._serving: bool | None = None
        self._served = False
        self._draining = False
        admission = Admission(
            settings.max_concurrent_rpcs, settings.queue_target_seconds, settings.queue_interval_seconds
        )
        concerns = Concerns(
            before=[traced, admission.enter],
            guards=[
                admission.guard,
                authorised(
                    settings.mesh_token.get_secret_value(),
                    {name: token.get_secret_value() for name, token in settings.partner_tokens.items()},
                ),
                within_deadline,
            ],
            after=[admission.leave, measured, logged],
        )
        self._server = aio.server(
            # gRPC's default lets a second process on a taken port have half of the calls.
            options=[*_OPTIONS, ("grpc.so_reuseport", int(settings.reuse_port))],
            # Admission tells when to come again, gRPC does not: this bounds what is being refused.
            maximum_concurrent_rpcs=2 * settings.max_concurrent_rpcs + _MOST_HEALTH_WATCHERS,
        )
        self._registrar = Registrar(self._server, concerns)
        self._health = _Health()
        self._add_public(self._health, health_pb2_grpc.add_HealthServicer_to_server)
        self.address = ""

    def add(self, service_name: str, servicer: object, register: Callable[[Any, Any], None]) -> None:
        """Adds a servicer by its generated `add_…_to_server`; every method must declare its access."""
        service = descriptor_pool.Default().FindServiceByName(service_name)
        for method in service.methods:
            if declared_access(f"/{service_name}/{method.name}", descriptor_pool.Default()) is Access.REFUSED:
                raise UndeclaredAccess(f"{service_name}.{method.name} declares no access")
        register(servicer, self._registrar)
        self._service_names.append(service_name)

    def _add_public(self, servicer: object, register: Callable[[Any, Any], None]) -> None:
        """What anybody may call, without a deadline, and is no business of ours."""
        register(servicer, Registrar(self._server, None))

    def needs(self, probes: Mapping[str, Probe]) -> None:
        """Reports not serving while any of these does not answer; checked every 2 s."""
        self._probes.update(probes)

    async def start(self) -> str:
        """Listens and, once every probe answered, reports serving. Returns the address."""
        if self._reflection:
            names = [*self._service_names, health.SERVICE_NAME, reflection.SERVICE_NAME]
            self._add_public(
                reflection.aio.ReflectionServicer(names),
                reflection_pb2_grpc.add_ServerReflectionServicer_to_server,
            )
        host = self._listen.rpartition(":")[0]
        try:
            port = self._server.add_insecure_port(self._listen)
        except RuntimeError:
            port = 0
        if port == 0:
            raise AddressTaken(self._listen)
        self.address = f"{host}:{port}"
        await self._server.start()
        await self._check()
        self._background.every("health", PROBE_SECONDS, self._watch_health)
        return self.address

    async def drain(self, notice_seconds: float, grace_seconds: float) -> None:
        """Reports not serving, keeps answering for the notice, then lets calls in flight end."""
        self._draining = True
        await self._health.enter_graceful_shutdown()
        await asyncio.sleep(notice_seconds)
        await self._server.stop(grace_seconds)

    async def _watch_health(self) -> None:
        await self._check()
        # At the start somebody waits for it.
        while not self._served and not self._draining:
            await asyncio.sleep(_STARTING_PROBE_SECONDS)
            await self._check()

    async def _check(self) -> None:
        away = await self._away()
        serving = not away
        if serving != self._serving and not self._draining:
            self._serving = serving
            self._served = self._served or serving
            log.info("health", serving=serving, away=away)
            status = (
                health_pb2.HealthCheckResponse.SERVING
                if serving
                else health_pb2.HealthCheckResponse.NOT_SERVING
            )
            for name in ("", *self._service_names):
                await self._health.set(name, status)

    async def _away(self) -> Sequence[str]:
        outcomes = await asyncio.gather(
            *(asyncio.wait_for(probe(), PROBE_SECONDS) for probe in self._probes.values()),
            return_exceptions=True,
        )
        return [
            name
            for name, outcome in zip(self._probes, outcomes, strict=True)
            if isinstance(outcome, BaseException)
        ]
