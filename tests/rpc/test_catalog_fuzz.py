"""Nasty values in every field of every request: a clear answer, never INTERNAL, and nothing is stored."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from matinee.catalog.v1 import admin_pb2, catalog_pb2

from mesh.errors import RemoteError
from mesh.ids import new_request_id
from stack.engines import MongoEngine
from tests.fixtures.catalog import Catalogue, catalogue_on, show, springfield
from tests.fixtures.engines import MongoDatabase

ROUNDS = 60
TEXTS = (
    "", " ", "springfield", "the-comet", "plaza", "../../etc/passwd", "$where", "{'$gt': ''}", "\x00",
    "'\";--", "<script>", "𝕏", "e\u0301", "\u202e", "2026-06-01", "2026-02-30", "-1", "nan",
    "A" * 3000, "日本", "::1", "999.1.1.1", "en", "GBP",
)  # fmt: skip
INTEGERS = (-(2**31), -1, 0, 1, 7, 1000, 2**31 - 1)
LONG_INTEGERS = (*INTEGERS, -(2**63), 2**63 - 1, 253_402_300_799, 253_402_300_800)
FLOATS = (0.0, -0.0, 1.5, -90.0, 180.0, 1e308, float("inf"), float("-inf"), float("nan"))

READS = (
    ("ListCities", catalog_pb2.ListCitiesRequest),
    ("LocateCity", catalog_pb2.LocateCityRequest),
    ("ListMovies", catalog_pb2.ListMoviesRequest),
    ("SearchMovies", catalog_pb2.SearchMoviesRequest),
    ("GetMovie", catalog_pb2.GetMovieRequest),
    ("ListShows", catalog_pb2.ListShowsRequest),
    ("GetShow", catalog_pb2.GetShowRequest),
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def catalogue(mongo: MongoEngine) -> AsyncIterator[Catalogue]:
    """A catalogue with one of each."""
    async with catalogue_on(MongoDatabase(mongo.url, f"test_{uuid4().hex}")) as running:
        await running.store(*springfield(), show())
        yield running


def _value(field: Any, chance: random.Random) -> Any:
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING:
            return chance.choice(TEXTS)
        case FieldDescriptor.CPPTYPE_BOOL:
            return chance.random() < 0.5
        case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
            return chance.choice(FLOATS)
        case FieldDescriptor.CPPTYPE_INT64:
            return chance.choice(LONG_INTEGERS)
        case _:
            return chance.choice(INTEGERS)


def _fill(message: Message, chance: random.Random, probability: float) -> None:
    """Sets each field with that probability, through all levels."""
    for field in message.DESCRIPTOR.fields:
        if chance.random() > probability:
            continue
        if field.message_type is not None:
            inner = getattr(message, field.name)
            _fill(inner.add() if field.is_repeated else inner, chance, probability)
        elif field.is_repeated:
            getattr(message, field.name).extend(_value(field, chance) for _ in range(chance.randint(0, 3)))
        else:
            setattr(message, field.name, _value(field, chance))


async def _answer(method: Callable[[Any], Awaitable[object]], request: Message) -> str:
    """The code that the call ended with; the error must be one that a caller can act on."""
    try:
        await method(request)
    except RemoteError as caught:
        error = caught
    else:
        return "OK"
    assert error.code in {"INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "ALREADY_EXISTS"}, error
    assert error.reason
    assert error.message
    return error.code


@pytest.mark.parametrize(("name", "kind"), READS, ids=[name for name, _ in READS])
async def test_reads_answer_clearly_whatever_is_asked(
    catalogue: Catalogue, name: str, kind: type[Message]
) -> None:
    chance = random.Random(name)
    codes: Counter[str] = Counter()
    for _ in range(ROUNDS):
        request = kind()
        _fill(request, chance, 0.6)
        codes[await _answer(getattr(catalogue.reads, name), request)] += 1
    assert codes.total() == ROUNDS
    assert codes.keys() - {"OK"}


async def test_changes_answer_clearly_whatever_is_asked(catalogue: Catalogue) -> None:
    chance = random.Random("changes")
    before = await catalogue.reads.GetShow(catalog_pb2.GetShowRequest(show_id=show().show.show_id))
    for kind, name in (
        (admin_pb2.CancelShowRequest, "CancelShow"),
        (admin_pb2.RescheduleShowRequest, "RescheduleShow"),
    ):
        for _ in range(ROUNDS):
            request = kind()
            _fill(request, chance, 0.7)
            if chance.random() < 0.7:
                request.request_id = new_request_id()
            await _answer(getattr(catalogue.admin, name), request)
    assert await catalogue.reads.GetShow(catalog_pb2.GetShowRequest(show_id=show().show.show_id)) == before


async def test_imports_refuse_records_that_make_no_sense_by_line(catalogue: Catalogue) -> None:
    chance = random.Random("imports")
    valid = [*springfield(), show()]
    for _ in range(ROUNDS * 2):
        record = admin_pb2.ImportRecord()
        record.CopyFrom(chance.choice(valid))
        kind = record.WhichOneof("record")
        assert kind is not None
        inner = getattr(record, kind)
        _fill(inner, chance, 0.25)
        if record in valid:
            continue
        report = await catalogue.store(record)
        assert (report.stored_count, report.rejected_count) in {(1, 0), (0, 1)}
        if report.stored_count:
            # What was taken is valid, so it can be told again, and be put back.
            await catalogue.reads.ListCities(catalog_pb2.ListCitiesRequest())
            await catalogue.reads.SearchMovies(catalog_pb2.SearchMoviesRequest())
        else:
            assert {refused.line for refused in report.refused} == {1}
            assert all(refused.field and refused.problem for refused in report.refused)
