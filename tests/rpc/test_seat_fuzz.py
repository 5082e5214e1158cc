"""Nasty values in every field of every call of both faces: a clear answer, never INTERNAL, nothing changed.

Requests are good ones with one to three fields made bad, so that most get past the first checks.
"""

import datetime as dt
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import grpc
import pytest
import pytest_asyncio
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from grpc import aio
from matinee.theatre.v1 import seats_pb2, theatre_pb2
from pymongo import MongoClient

from mesh.errors import RemoteError
from mesh.ids import new_request_id
from mesh.testing import MESH_TOKEN
from seat_svc.domain.show import Connector
from stack.engines import MongoEngine, ValkeyEngine
from tests.fixtures.engines import MongoDatabase
from tests.fixtures.seat_service import PARTNER_TOKEN, SeatService, payments_for, seat_service
from tests.fixtures.seats import a_show, hall, move_clock

ROUNDS = 25
SERVICES = ("matinee.seat.v1.SeatService", "matinee.theatre.v1.TheatreService")
METHODS = [
    (service, method.name)
    for service in SERVICES
    for method in descriptor_pool.Default().FindServiceByName(service).methods
]
# What bad input may be answered with; and what only these reasons may be.
CODES = {
    *("INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "ALREADY_EXISTS", "ABORTED"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED"),
}
REASONS = {"THEATRE_UNAVAILABLE", "NOT_OFFERED"}
TEXTS = (
    "", " ", "A1", "a1", "AA1", "A01", "A99999999", "nowhere", "../../etc/passwd", "$where", "{'$gt': ''}",
    "\x00", "{show}:x", "a/b", "'\";--", "𝕏", "e\u0301", "A\u0661", "\u202e", "2026-02-30", "2026-06-01",
    "-1", "nan", "GBP", "x" * 65, "A" * 3000, "5b3c8a52-5c0e-4f0e-9c36-0f2d2d1c7a11",
)  # fmt: skip
INTEGERS = (-(2**31), -1, 0, 1, 7, 11, 601, 1001, 2**31 - 1)
# None of the holds that are made may end while later requests are looked at.
HOLD_TIMES = (-(2**31), -1, 0, 600, 601, 2**31 - 1)
LONG_INTEGERS = (*INTEGERS, -(2**63), 2**53 + 1, 2**63 - 1, 253_402_300_800)


# That a booking's seats were lost is remembered among the sales, so that they are never sold to it after all.
_REMEMBERED = re.compile(rb":request:|:(claims-due|sales)$")


@dataclass
class Box:
    """A running inventory, with one of everything that a request may name."""

    service: SeatService
    sales: Any
    names: dict[str, tuple[str, ...]]
    """By field: what exists, but is somebody else's, over, closed or of another show."""
    seat_ids: Iterator[str]

    async def snapshot(self) -> dict[object, object]:
        """All that is stored, but for what is remembered of requests and what is due to be looked at."""
        redis = self.service.redis
        keys = {
            key for name in self.names["show_id"] async for key in redis.scan_iter(f"*{name}*", count=1000)
        }
        kept = {key: await _content(redis, key) for key in keys if not _REMEMBERED.search(key)}
        sales = self.sales.find({"lost_seat_ids": {"$exists": False}})
        return {**kept, **{sale["_id"]: sale for sale in sales}}

    def good(self, name: str) -> Any:
        """A value that a request may have in that field."""
        show = self.service.show
        if name == "seat_ids":
            return [next(self.seat_ids)]
        values = {
            "request_id": new_request_id(),
            "show_id": show.show_id,
            "show_ids": [show.show_id],
            "holder_id": f"holder-{new_request_id()}",
            "booking_id": "booking-sold",
            "theatre_id": show.theatre_id,
            "business_date": show.business_date.isoformat(),
            "category_id": "standard",
            "party_size": 2,
            "page_size": 2,
            "hold_seconds": 600,
        }
        return values.get(name)


async def _hold_of_partner(service: SeatService, seat_id: str) -> seats_pb2.Hold:
    request = theatre_pb2.HoldSeatsRequest(
        request_id=new_request_id(), show_id=service.show.show_id, seat_ids=[seat_id], holder_id="customer"
    )
    return (await service.theatre.HoldSeats(request)).hold


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def box(mongo: MongoEngine, valkey: ValkeyEngine) -> AsyncIterator[Box]:
    database = MongoDatabase(mongo.url, f"test_{uuid4().hex}")
    shows = {
        "open": a_show(layout=hall(26, 40, layout_id="large")),
        "other": a_show(),
        "foreign": a_show(theatre_id="elsewhere"),
        "unreachable": a_show(connector=Connector.API),
        "closed": a_show(start_time=dt.datetime.now(dt.UTC) - dt.timedelta(days=1)),
        "cancelled": a_show(cancelled=True),
    }
    async with seat_service(database, valkey.url, *shows.values(), seats_per_holder=1000) as service:
        expired = await service.hold("A1")
        foreign = await service.hold("A1", show_id=shows["foreign"].show_id)
        elsewhere = await service.hold("A1", show_id=shows["other"].show_id)
        await move_clock(service.redis, 301)
        live = await service.hold("A3", "A4")
        partners = await _hold_of_partner(service, "A5")
        sold = await service.hold("A6", "A7")
        await service.confirm(sold, "booking-sold")
        for name in ("closed", "cancelled", "other", "foreign"):
            # Whatever was due there is done, and the show is loaded: looking at it changes nothing any more.
            await service.states(shows[name].show_id)
        names = {
            "show_id": tuple(show.show_id for show in shows.values()),
            "hold_id": tuple(hold.hold_id for hold in (expired, foreign, elsewhere, live, partners, sold)),
            "booking_id": ("booking-sold", "booking-new"),
            "seat_ids": ("A3", "A5", "A6", "Z40", "Z41"),
            "theatre_id": ("roxy", "elsewhere"),
        }
        names["show_ids"] = names["show_id"]
        seats = (f"{row}{number}" for row in "CDEFGHIJKLMNOPQRSTUVWXY" for number in range(1, 41))
        with MongoClient[dict[str, Any]](database.url) as client:
            yield Box(service, client[database.name]["sales"], names, seats)
            client.drop_database(database.name)


async def _content(redis: Any, key: bytes) -> Any:
    match await redis.type(key):
        case b"hash":
            return await redis.hgetall(key)
        case b"zset":
            return await redis.zrange(key, 0, -1, withscores=True)
        case b"stream":
            return await redis.xrange(key)
    return await redis.get(key)


def _bad(box: Box, asked: Any, chance: random.Random) -> Any:
    match asked.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING:
            return chance.choice((*TEXTS, *box.names.get(asked.name, ())))
        case FieldDescriptor.CPPTYPE_BOOL:
            return chance.random() < 0.5
        case FieldDescriptor.CPPTYPE_INT64:
            return chance.choice(LONG_INTEGERS)
    if asked.name == "hold_seconds":
        return chance.choice(HOLD_TIMES)
    return chance.choice(INTEGERS)


def _spoil(box: Box, message: Message, chance: random.Random) -> None:
    """Makes one to three of the fields bad, at any depth."""
    fields: list[Any] = list(message.DESCRIPTOR.fields)
    for asked in chance.sample(fields, min(len(fields), chance.randint(1, 3))):
        message.ClearField(asked.name)
        value = getattr(message, asked.name)
        if asked.message_type is not None and asked.is_repeated:
            for _ in range(chance.choice((0, 1, 1, 2, 11))):
                inner = value.add(seat_id="A3")
                inner.amount.currency_code, inner.amount.minor_units = "INR", 25_000
                _spoil(box, inner, chance)
        elif asked.message_type is not None:
            _spoil(box, value, chance)
        elif asked.is_repeated:
            value.extend(_bad(box, asked, chance) for _ in range(chance.choice((0, 1, 1, 2, 3, 10_000))))
        else:
            setattr(message, asked.name, _bad(box, asked, chance))


def _request(box: Box, kind: type[Message]) -> Message:
    """One that would be granted."""
    message = kind()
    for asked in message.DESCRIPTOR.fields:
        value = box.good(asked.name)
        if asked.is_repeated and value:
            getattr(message, asked.name).extend(value)
        elif value is not None:
            setattr(message, asked.name, value)
    return message


def _call(box: Box, service: str, name: str) -> tuple[Any, type[Message], bool]:
    method = descriptor_pool.Default().FindServiceByName(service).FindMethodByName(name)
    stub = box.service.seats if service == SERVICES[0] else box.service.theatre
    return getattr(stub, name), message_factory.GetMessageClass(method.input_type), method.server_streaming


async def _answer(call: Callable[..., Any], request: Message, *, streams: bool) -> str:
    """The code that the call ended with; an error must be one that a caller can act on."""
    try:
        if streams:
            async with aclosing(call(request, timeout=10)) as stream:
                await anext(stream)
        else:
            await call(request)
    except RemoteError as caught:
        error = caught
    else:
        return "OK"
    assert error.code in CODES or error.reason in REASONS, f"{error} to {str(request)[:500]}"
    assert error.reason
    assert error.message
    return error.code


@pytest.mark.parametrize(("service", "name"), METHODS)
async def test_bad_input_is_answered_clearly_and_changes_nothing(box: Box, service: str, name: str) -> None:
    chance = random.Random(f"{service} {name}")
    call, kind, streams = _call(box, service, name)
    codes: Counter[str] = Counter()
    kept = await box.snapshot()
    for _ in range(ROUNDS):
        request = _request(box, kind)
        if "hold_id" in kind.DESCRIPTOR.fields_by_name:
            hold = await box.service.hold(*box.good("seat_ids"), holder_id=box.good("holder_id"))
            request.hold_id = hold.hold_id  # type: ignore[attr-defined]
            if "payments" in kind.DESCRIPTOR.fields_by_name:
                request.booking_id = f"booking-{new_request_id()}"  # type: ignore[attr-defined]
                request.payments.extend(payments_for(hold.seat_ids))  # type: ignore[attr-defined]
            kept = await box.snapshot()
        _spoil(box, request, chance)
        code = await _answer(call, request, streams=streams)
        codes[code] += 1
        now = await box.snapshot()
        if code != "OK":
            changed = [key for key in now.keys() | kept.keys() if now.get(key) != kept.get(key)]
            assert changed == [], f"{code}: {str(request)[:500]}"
        kept = now
    assert codes.total() == ROUNDS
    assert codes.keys() - {"OK"}


@pytest.mark.parametrize(("service", "name"), METHODS)
async def test_no_call_is_taken_without_a_deadline_or_with_bytes_that_are_no_request(
    box: Box, service: str, name: str
) -> None:
    method = descriptor_pool.Default().FindServiceByName(service).FindMethodByName(name)
    token = MESH_TOKEN if service == SERVICES[0] else PARTNER_TOKEN
    options: dict[str, Any] = {"metadata": (("authorization", f"Bearer {token}"),)}
    async with aio.insecure_channel(box.service.address) as channel:
        make: Any = channel.unary_stream if method.server_streaming else channel.unary_unary

        async def code(request: bytes, **more: Any) -> grpc.StatusCode:
            call: Any = make(f"/{service}/{name}")(request, **options, **more)
            with pytest.raises(aio.AioRpcError) as caught:
                await (call.read() if method.server_streaming else call)
            return caught.value.code()

        kept = await box.snapshot()
        assert await code(b"") is grpc.StatusCode.INVALID_ARGUMENT
        for garbage in (b"\xff" * 40, b"\x0a\x05ab", b"\x0a\x02\xff\xfe", b"\x0a\xff\xff\xff\xff\x0f"):
            assert await code(garbage, timeout=20) is grpc.StatusCode.INVALID_ARGUMENT
        assert await box.snapshot() == kept
