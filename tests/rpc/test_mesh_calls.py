"""What the mesh does around every call, over a real socket.

The servicer stands in for any service; its methods do what each test names.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from matinee.notify.v1 import notify_pb2, notify_pb2_grpc
from matinee.seat.v1 import seat_pb2, seat_pb2_grpc
from matinee.theatre.v1 import theatre_pb2, theatre_pb2_grpc

from mesh import deadlines, tracing
from mesh.channel import MeshChannel, open_channel
from mesh.errors import MatineeError, RemoteError
from mesh.interceptors import caller
from mesh.interceptors.errors import failure_in
from mesh.run import Process, Resources
from mesh.server import AddressTaken, GrpcServer, UndeclaredAccess
from mesh.settings import ServiceSettings
from mesh.testing import MESH_TOKEN, calling, eventually, mesh_secret, serving

SERVICE = "matinee.notify.v1.NotificationService"
Behaviour = Callable[[Any, Any], Awaitable[Any]]


class Teapot(MatineeError):
    code = "FAILED_PRECONDITION"
    reason = "TEAPOT"


class Notifications(notify_pb2_grpc.NotificationServiceServicer):
    """Answers GetPreferences by whatever the test gave it."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    async def GetPreferences(self, request: Any, context: Any) -> Any:
        return await self._behaviour(request, context)


async def _nothing(_request: object, _context: object) -> notify_pb2.GetPreferencesResponse:
    return notify_pb2.GetPreferencesResponse()


@asynccontextmanager
async def _notifications(behaviour: Behaviour, **settings: Any) -> AsyncIterator[str]:
    async def build(settings: ServiceSettings, resources: Resources) -> Process:
        server = GrpcServer(settings, resources.background)
        server.add(
            SERVICE, Notifications(behaviour), notify_pb2_grpc.add_NotificationServiceServicer_to_server
        )
        return server

    async with serving(ServiceSettings(mesh_token=mesh_secret(), **settings), build) as address:
        yield address


async def _ask(channel: MeshChannel, **kwargs: Any) -> notify_pb2.GetPreferencesResponse:
    stub = channel.stub(notify_pb2_grpc.NotificationServiceStub)
    return await stub.GetPreferences(notify_pb2.GetPreferencesRequest(), **kwargs)


async def _refusal(behaviour: Behaviour) -> RemoteError:
    async with _notifications(behaviour) as address, calling(address) as channel:
        with pytest.raises(RemoteError) as caught:
            await _ask(channel)
    return caught.value


async def test_a_typed_error_arrives_with_its_code_reason_and_facts() -> None:
    async def refuse(_request: object, _context: object) -> object:
        raise Teapot("short and stout", spout="left")

    error = await _refusal(refuse)
    assert (error.code, error.reason, error.message) == ("FAILED_PRECONDITION", "TEAPOT", "short and stout")
    assert error.facts == {"spout": "left"}


async def test_an_error_that_repeats_a_huge_field_still_arrives_with_its_reason() -> None:
    async def refuse(_request: object, _context: object) -> object:
        raise Teapot("x" * 100_000, field="é" * 100_000)

    error = await _refusal(refuse)
    assert (error.code, error.reason) == ("FAILED_PRECONDITION", "TEAPOT")
    assert len(error.message.encode()) == 500
    assert error.facts["field"].endswith("é…")


async def test_an_error_that_repeats_a_field_of_emoji_still_arrives_with_its_code() -> None:
    async def refuse(_request: object, _context: object) -> object:
        raise Teapot("🎬" * 500, field="🎬" * 500)

    # Beyond its soft limit of metadata gRPC refuses the more answers the larger they are, not all.
    async with _notifications(refuse) as address, calling(address) as channel:
        answers = await asyncio.gather(*(_ask(channel) for _ in range(50)), return_exceptions=True)
    assert {answer.code for answer in answers if isinstance(answer, RemoteError)} == {"FAILED_PRECONDITION"}


async def test_an_unknown_error_tells_nothing_of_the_inside() -> None:
    async def fail(_request: object, _context: object) -> object:
        raise KeyError("mongodb://root:hunter2@10.1.2.3")

    error = await _refusal(fail)
    assert (error.code, error.reason) == ("INTERNAL", "INTERNAL")
    assert "hunter2" not in str(error)


async def test_a_cancellation_of_the_handlers_own_making_is_answered_at_once() -> None:
    async def cancel(_request: object, _context: object) -> object:
        raise asyncio.CancelledError

    started = asyncio.get_running_loop().time()
    error = await _refusal(cancel)
    assert error.code == "INTERNAL"
    assert asyncio.get_running_loop().time() - started < 4, "before the caller's own deadline"


async def test_a_refusal_of_a_callee_is_passed_on_but_its_faults_are_not() -> None:
    async def refused(_request: object, _context: object) -> object:
        raise RemoteError("ABORTED", "SEAT_TAKEN", "A1 is taken", {"seat_ids": "A1"}, "/seat/Hold")

    async def away(_request: object, _context: object) -> object:
        raise RemoteError("DEADLINE_EXCEEDED", "", "10.1.2.3 timed out", {}, "/seat/Hold")

    async def broken(_request: object, _context: object) -> object:
        raise RemoteError("INTERNAL", "INTERNAL", "oops", {}, "/seat/Hold")

    passed_on = await _refusal(refused)
    assert (passed_on.code, passed_on.reason, passed_on.facts) == (
        "ABORTED",
        "SEAT_TAKEN",
        {"seat_ids": "A1"},
    )
    unavailable = await _refusal(away)
    assert (unavailable.code, unavailable.reason) == ("UNAVAILABLE", "DEPENDENCY_UNAVAILABLE")
    assert "10.1.2.3" not in unavailable.message
    assert (await _refusal(broken)).code == "INTERNAL"


async def test_a_call_without_a_deadline_is_refused() -> None:
    async with _notifications(_nothing) as address, aio.insecure_channel(address) as channel:
        stub = notify_pb2_grpc.NotificationServiceStub(channel)
        with pytest.raises(aio.AioRpcError) as caught:
            await stub.GetPreferences(
                notify_pb2.GetPreferencesRequest(), metadata=(("authorization", f"Bearer {MESH_TOKEN}"),)
            )
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert b"DEADLINE_REQUIRED" in dict(caught.value.trailing_metadata() or ())["grpc-status-details-bin"]


@pytest.mark.parametrize("token", ["", "wrong", MESH_TOKEN[:-1], MESH_TOKEN + "x", MESH_TOKEN.upper()])
async def test_a_call_without_the_mesh_token_is_refused(token: str) -> None:
    reached = False

    async def reach(_request: object, _context: object) -> notify_pb2.GetPreferencesResponse:
        nonlocal reached
        reached = True
        return notify_pb2.GetPreferencesResponse()

    async with _notifications(reach) as address, calling(address, token=token) as channel:
        with pytest.raises(RemoteError) as caught:
            await _ask(channel)
    assert (caught.value.code, caught.value.reason) == ("UNAUTHENTICATED", "TOKEN_REQUIRED")
    assert not reached


async def test_a_partners_token_opens_partner_methods_and_no_others() -> None:
    partners: list[str] = []

    class Theatre(theatre_pb2_grpc.TheatreServiceServicer):
        async def GetTheatre(self, request: Any, context: Any) -> Any:
            known = caller()
            partners.append(known.partner if known else "")
            return theatre_pb2.GetTheatreResponse()

    async def build(settings: ServiceSettings, resources: Resources) -> Process:
        server = GrpcServer(settings, resources.background)
        server.add(
            "matinee.theatre.v1.TheatreService",
            Theatre(),
            theatre_pb2_grpc.add_TheatreServiceServicer_to_server,
        )
        server.add(
            SERVICE, Notifications(_nothing), notify_pb2_grpc.add_NotificationServiceServicer_to_server
        )
        return server

    settings = ServiceSettings.model_validate(
        {
            "mesh_token": MESH_TOKEN,
            "partner_tokens": {"apollo": "token-of-apollo", "astoria": "token-of-astoria"},
        }
    )
    async with serving(settings, build) as address:
        async with calling(address, token="token-of-astoria") as channel:
            await channel.stub(theatre_pb2_grpc.TheatreServiceStub).GetTheatre(
                theatre_pb2.GetTheatreRequest()
            )
            with pytest.raises(RemoteError, match="UNAUTHENTICATED"):
                await _ask(channel)
        async with calling(address) as channel:
            with pytest.raises(RemoteError, match="UNAUTHENTICATED"):
                await channel.stub(theatre_pb2_grpc.TheatreServiceStub).GetTheatre(
                    theatre_pb2.GetTheatreRequest()
                )
    assert partners == ["astoria"]


async def test_the_callers_deadline_and_trace_go_on_to_the_next_service() -> None:
    heard: list[tuple[float, tracing.TraceContext | None]] = []

    async def last(_request: object, context: Any) -> notify_pb2.GetPreferencesResponse:
        heard.append((context.time_remaining(), tracing.current()))
        return notify_pb2.GetPreferencesResponse()

    async with AsyncExitStack() as stack:
        last_address = await stack.enter_async_context(_notifications(last))
        onward = await stack.enter_async_context(calling(last_address, timeout_seconds=60))

        async def first(_request: object, context: Any) -> notify_pb2.GetPreferencesResponse:
            heard.append((context.time_remaining(), tracing.current()))
            return await _ask(onward)

        first_address = await stack.enter_async_context(_notifications(first))
        channel = await stack.enter_async_context(calling(first_address))
        with tracing.entered(None) as outer:
            await _ask(channel, timeout=3.0)

    (first_left, first_trace), (last_left, last_trace) = heard
    # On the wire a timeout has three digits, rounded up.
    assert last_left < first_left <= 3.0 + deadlines.MARGIN_SECONDS
    assert first_trace is not None
    assert last_trace is not None
    assert outer.trace_id == first_trace.trace_id == last_trace.trace_id
    assert len({outer.span_id, first_trace.span_id, last_trace.span_id}) == 3


async def test_a_call_with_no_time_left_is_not_made() -> None:
    async with calling("127.0.0.1:1") as channel:
        deadlines.set_remaining(0.01)
        try:
            with pytest.raises(RemoteError) as caught:
                await _ask(channel)
        finally:
            deadlines.set_remaining(None)
    assert caught.value.code == "DEADLINE_EXCEEDED"


async def test_a_stream_ends_with_its_typed_error_and_keeps_what_came_before() -> None:
    class Seats(seat_pb2_grpc.SeatServiceServicer):
        async def WatchSeats(self, request: Any, context: Any) -> Any:
            yield seat_pb2.WatchSeatsResponse()
            raise Teapot("enough")

    async def build(settings: ServiceSettings, resources: Resources) -> Process:
        server = GrpcServer(settings, resources.background)
        server.add("matinee.seat.v1.SeatService", Seats(), seat_pb2_grpc.add_SeatServiceServicer_to_server)
        return server

    received = 0
    async with (
        serving(ServiceSettings(mesh_token=mesh_secret()), build) as address,
        calling(address) as channel,
    ):
        stream = channel.stub(seat_pb2_grpc.SeatServiceStub).WatchSeats(
            seat_pb2.WatchSeatsRequest(), timeout=5
        )

        async def read() -> None:
            nonlocal received
            async for _ in stream:
                received += 1

        with pytest.raises(RemoteError) as caught:
            await read()
    assert (received, caught.value.reason) == (1, "TEAPOT")


async def test_health_follows_the_stores_and_turns_not_serving_first_when_draining() -> None:
    store_answers = True
    resources = Resources()
    server = GrpcServer(ServiceSettings(mesh_token=mesh_secret()), resources.background)
    server.add(SERVICE, Notifications(_nothing), notify_pb2_grpc.add_NotificationServiceServicer_to_server)

    async def probe() -> None:
        if not store_answers:
            raise ConnectionError("away")

    server.needs({"store": probe})
    address = await server.start()
    async with resources, aio.insecure_channel(address) as channel, calling(address) as mesh_channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)

        async def reports(status: int) -> bool:
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=SERVICE), timeout=10)
            return bool(answer.status == status)

        assert await reports(health_pb2.HealthCheckResponse.SERVING)
        store_answers = False
        await eventually(lambda: reports(health_pb2.HealthCheckResponse.NOT_SERVING))
        store_answers = True
        await eventually(lambda: reports(health_pb2.HealthCheckResponse.SERVING))

        notice = asyncio.create_task(server.drain(notice_seconds=60, grace_seconds=1))
        await eventually(lambda: reports(health_pb2.HealthCheckResponse.NOT_SERVING))
        await _ask(mesh_channel)  # still answered during the notice
        notice.cancel()  # it is long: how slow these answers came must not matter
        await asyncio.gather(notice, return_exceptions=True)
        await server.drain(notice_seconds=0, grace_seconds=1)
        await resources.background.close(1)


async def test_a_call_in_flight_ends_well_while_the_server_drains() -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(_request: object, _context: object) -> notify_pb2.GetPreferencesResponse:
        entered.set()
        await leave.wait()
        return notify_pb2.GetPreferencesResponse(preferences=[notify_pb2.Preference(wanted=True)])

    resources = Resources()
    server = GrpcServer(ServiceSettings(mesh_token=mesh_secret()), resources.background)
    server.add(SERVICE, Notifications(slow), notify_pb2_grpc.add_NotificationServiceServicer_to_server)
    address = await server.start()
    async with resources, calling(address) as channel:
        asked = asyncio.create_task(_ask(channel))
        await entered.wait()
        draining = asyncio.create_task(server.drain(notice_seconds=0, grace_seconds=5))
        leave.set()
        assert [each.wanted for each in (await asked).preferences] == [True]
        await draining
        await resources.background.close(1)


async def test_a_second_server_on_the_same_address_is_refused() -> None:
    async with _notifications(_nothing) as address:
        second = GrpcServer(ServiceSettings(mesh_token=mesh_secret(), listen=address), Resources().background)
        with pytest.raises(AddressTaken, match=address):
            await second.start()


async def test_a_service_whose_methods_declare_no_access_cannot_be_served() -> None:
    server = GrpcServer(ServiceSettings(mesh_token=mesh_secret()), Resources().background)
    undeclared = _undeclared_service()
    with pytest.raises(UndeclaredAccess, match="Ask"):
        server.add(undeclared, object(), lambda _servicer, _server: None)


def _undeclared_service() -> str:
    from google.protobuf import descriptor_pb2, descriptor_pool

    pool = descriptor_pool.Default()
    file = descriptor_pb2.FileDescriptorProto(name="tests/undeclared.proto", package="tests.undeclared")
    file.message_type.add(name="Nothing")
    method = file.service.add(name="Undeclared").method.add(name="Ask")
    method.input_type = method.output_type = ".tests.undeclared.Nothing"
    pool.AddSerializedFile(file.SerializeToString())
    return "tests.undeclared.Undeclared"


async def test_only_an_unavailable_callee_is_retried() -> None:
    calls = 0

    async def first_unavailable(_request: object, context: Any) -> notify_pb2.GetPreferencesResponse:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise _Unavailable("try again")
        return notify_pb2.GetPreferencesResponse()

    async def always_aborted(_request: object, _context: object) -> object:
        nonlocal calls
        calls += 1
        raise Teapot("no")

    async with _notifications(first_unavailable) as address:
        async with open_channel(address, MESH_TOKEN, retried_services=[SERVICE]) as channel:
            await _ask(channel)
        assert calls == 2
    calls = 0
    async with _notifications(always_aborted) as address:
        async with open_channel(address, MESH_TOKEN, retried_services=[SERVICE]) as channel:
            with pytest.raises(RemoteError, match="TEAPOT"):
                await _ask(channel)
        assert calls == 1


class _Unavailable(MatineeError):
    code = "UNAVAILABLE"
    reason = "STORE_UNAVAILABLE"


async def test_calls_that_wait_to_be_accepted_are_not_dropped() -> None:
    # With gRPC's own limit thousands of these end as CANCELLED, which nobody may repeat.
    codes: dict[str, int] = {}

    async def one(channel: MeshChannel) -> None:
        try:
            await _ask(channel, timeout=60)
            code = "OK"
        except RemoteError as error:
            code = error.code
        codes[code] = codes.get(code, 0) + 1

    async with (
        _notifications(_nothing, max_concurrent_rpcs=100_000, queue_target_seconds=60) as address,
        calling(address) as channel,
    ):
        await asyncio.gather(*(one(channel) for _ in range(3000)))
    assert codes == {"OK": 3000}


async def _crowd(**settings: float) -> tuple[list[RemoteError], float]:
    """Sixty callers of a process that is busy for 3 s with them: who was refused, and the longest wait."""

    async def work(_request: object, _context: object) -> notify_pb2.GetPreferencesResponse:
        time.sleep(0.05)  # noqa: ASYNC251 - the process is busy, nothing else runs meanwhile
        return notify_pb2.GetPreferencesResponse()

    async def come(channel: MeshChannel) -> tuple[RemoteError | None, float]:
        came = time.perf_counter()
        try:
            await _ask(channel, timeout=30.0)
        except RemoteError as error:
            return error, time.perf_counter() - came
        return None, time.perf_counter() - came

    async with _notifications(work, **settings) as address, calling(address) as channel:
        await _ask(channel)
        outcomes = await asyncio.gather(*(come(channel) for _ in range(60)))
    return [error for error, _ in outcomes if error is not None], max(seconds for _, seconds in outcomes)


async def test_a_queue_that_stands_is_shed_with_a_time_to_come_again() -> None:
    refused, slowest = await _crowd(queue_target_seconds=0.1, queue_interval_seconds=0.3)
    assert {(error.code, error.reason) for error in refused} == {("RESOURCE_EXHAUSTED", "OVERLOADED")}
    assert all(error.retry_seconds is not None and 0.5 <= error.retry_seconds <= 5 for error in refused)
    nobody, waited_out = await _crowd(queue_target_seconds=60)
    assert not nobody
    assert slowest < 0.6 * waited_out


async def test_whoever_watches_health_takes_no_room_from_calls() -> None:
    watching, refused = 0, 0

    async def watch(stub: Any, name: str) -> None:
        nonlocal watching, refused
        try:
            async for _ in stub.Watch(health_pb2.HealthCheckRequest(service=name)):
                watching += 1
        except aio.AioRpcError:
            refused += 1

    async def all_were_heard() -> bool:
        return watching + refused == 130

    async with (
        _notifications(_nothing, max_concurrent_rpcs=2) as address,
        calling(address) as channel,
        aio.insecure_channel(address) as health_channel,
    ):
        stub: Any = health_pb2_grpc.HealthStub(health_channel)
        names = [name for _ in range(65) for name in (SERVICE, "no.such.Service")]
        watchers = [asyncio.create_task(watch(stub, name)) for name in names]
        await eventually(all_were_heard)
        assert (watching, refused) == (100, 30)
        await _ask(channel)
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)


async def test_calls_in_flight_beyond_the_bound_are_told_when_to_come_again() -> None:
    release = asyncio.Event()
    in_flight = 0

    async def wait(_request: object, _context: object) -> notify_pb2.GetPreferencesResponse:
        nonlocal in_flight
        in_flight += 1
        await release.wait()
        return notify_pb2.GetPreferencesResponse()

    async def both_wait() -> bool:
        return in_flight == 2

    async with _notifications(wait, max_concurrent_rpcs=2) as address, calling(address) as channel:
        waiting = [asyncio.create_task(_ask(channel)) for _ in range(2)]
        await eventually(both_wait)
        with pytest.raises(RemoteError) as caught:
            await _ask(channel)
        assert (caught.value.code, caught.value.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
        assert caught.value.retry_seconds == 1.0
        release.set()
        await asyncio.gather(*waiting)


@pytest.mark.parametrize("wanted", [True, False])
async def test_reflection_tells_what_is_served_if_it_is_wanted(*, wanted: bool) -> None:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    async with (
        _notifications(_nothing, reflection=wanted) as address,
        aio.insecure_channel(address) as channel,
    ):
        stub: Any = reflection_pb2_grpc.ServerReflectionStub
        answers = stub(channel).ServerReflectionInfo(iter([request]), timeout=20)
        if not wanted:
            with pytest.raises(aio.AioRpcError) as refused:
                await answers.read()
            assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
            return
        names = {service.name for service in (await answers.read()).list_services_response.service}
        assert {SERVICE, "grpc.health.v1.Health"} <= names


async def test_bytes_that_are_no_message_are_refused_with_a_reason_and_reach_no_handler() -> None:
    reached: list[object] = []

    async def note(request: object, _context: object) -> notify_pb2.GetPreferencesResponse:
        reached.append(request)
        return notify_pb2.GetPreferencesResponse()

    async with _notifications(note) as address, aio.insecure_channel(address) as channel:
        call: Any = channel.unary_unary(f"/{SERVICE}/GetPreferences")
        token = (("authorization", f"Bearer {MESH_TOKEN}"),)
        for garbage in (b"\xff" * 40, b"\x0a\x05ab"):
            with pytest.raises(aio.AioRpcError) as refused:
                await call(garbage, timeout=5, metadata=token)
            assert failure_in(refused.value).reason == "UNREADABLE_MESSAGE"
        with pytest.raises(aio.AioRpcError) as stranger:
            await call(b"\xff", timeout=5)
        assert stranger.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert reached == []
