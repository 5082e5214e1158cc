"""Nasty values in every field of every call of BuyerService: a clear answer, never INTERNAL.

Requests are good ones with one or two fields made bad, so that most get past the first checks.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message
from matinee.booking.v1 import buyer_pb2

from mesh.errors import RemoteError
from stack.engines import MongoEngine
from tests.fixtures.door import Door, an_address, an_ip, open_door

ROUNDS = 45
METHODS = {
    method.name: method
    for method in descriptor_pool.Default().FindServiceByName("matinee.booking.v1.BuyerService").methods
}
CODES = {"INVALID_ARGUMENT", "FAILED_PRECONDITION", "UNAUTHENTICATED", "RESOURCE_EXHAUSTED", "ALREADY_EXISTS"}
REUSED = "5b3c8a52-5c0e-4f0e-9c36-0f2d2d1c7a11"
TEXTS = (
    "", " ", "\x00", "a\x00b", "{'$gt': ''}", "$where", "../../etc/passwd", "\u202e", "e\u0301", "𝕏",
    "nan", "-1", "ada@example.com\r\nBcc: eve@example.com", "\u212ate@example.com", "ada@\u0131.example",
    "@", "a@b", '"a b"@example.com', "ada@[127.0.0.1]", "+", "+1", "+\u0663\u0665\u0661",
    "+351912345678;ext=1", "tel:+351912345678", "127.0.0.1", "::1", "fe80::1%eth0", "0x7f.1",
    "1" * 6, "\u0661" * 6, "x" * 64,
    "x" * 65, "x" * 100_000, REUSED, REUSED.upper(),
)  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def door(mongo: MongoEngine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    async with open_door(mongo, tmp_path_factory.mktemp("door")) as running:
        yield running


async def _good(door: Door, kind: type[Message]) -> Any:
    """A request that would be granted."""
    values: dict[str, Any] = {"request_id": str(uuid4()), "client_ip": an_ip(), "language": "en"}
    names = {asked.name for asked in kind.DESCRIPTOR.fields}
    if "email" in names:
        values["email"] = an_address()
    if "challenge_id" in names:
        values["challenge_id"] = (await door.start(an_address())).challenge_id
        values["code"] = door.post.code
    if "sign_in_token" in names:
        values["sign_in_token"] = await door.sign_in(an_address())
    return kind(**{name: value for name, value in values.items() if name in names})


async def _answer(door: Door, name: str, request: Message) -> tuple[str, str]:
    call = getattr(door.stub, name)
    try:
        if METHODS[name].server_streaming:
            async for part in call(request, timeout=20):
                assert isinstance(part, buyer_pb2.ExportBuyerResponse)
        else:
            await call(request)
    except RemoteError as error:
        return error.code, error.reason
    return "OK", ""


@pytest.mark.parametrize("name", sorted(METHODS))
async def test_nasty_values_get_a_clear_answer_and_leave_others_alone(door: Door, name: str) -> None:
    chance = random.Random(name)
    kind = message_factory.GetMessageClass(METHODS[name].input_type)
    fields = [asked.name for asked in kind.DESCRIPTOR.fields]
    other = await door.sign_in(an_address())
    booking = door.desk.stored(await door.bought(an_address()))
    answers: Counter[str] = Counter()
    for turn in range(ROUNDS):
        door.clock.advance(30)
        request = await _good(door, kind)
        for spoiled in chance.sample(fields, min(len(fields), turn % 3)):
            setattr(request, spoiled, chance.choice(TEXTS))
        code, reason = await _answer(door, name, request)
        assert code == "OK" or (code in CODES and reason), (code, reason, str(request)[:300])
        answers[code] += 1
    assert answers["OK"] >= ROUNDS // 4  # the control: what is not spoiled is granted
    assert len(answers) > 1
    assert (await door.buyer(other)).person_id
    for kept in ("contact", "buyer_id", "access_key"):
        assert door.desk.stored(booking["_id"])[kept] == booking[kept]
