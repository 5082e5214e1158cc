"""The private engines: what tests and the launcher rely on."""

import asyncio
from pathlib import Path
from typing import Any

import pika
import psutil
import pytest
from pymongo import MongoClient
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import TimeoutError as RedisTimeoutError

from stack.child import lives, until
from stack.engines import MongoEngine, RabbitEngine, ValkeyEngine
from stack.errors import ProcessFailed
from stack.ports import is_free
from tests.fixtures.engines import MongoDatabase


def test_mongo_has_transactions(mongo_database: MongoDatabase) -> None:
    with MongoClient[dict[str, Any]](mongo_database.url) as client:
        seats = client[mongo_database.name]["seats"]
        seats.insert_one({"_id": 0})
        with client.start_session() as session, session.start_transaction():
            seats.insert_one({"_id": 1}, session=session)
            session.abort_transaction()

        assert seats.count_documents({}) == 1


async def test_mongo_keeps_its_documents_when_it_is_killed_and_restarted(
    mongo: MongoEngine, mongo_database: MongoDatabase
) -> None:
    with MongoClient[dict[str, Any]](mongo.url) as client:
        client[mongo_database.name]["seats"].insert_one({"_id": "A1"})

    port = mongo.port
    await mongo.kill()
    assert is_free(port)
    await mongo.restart()

    assert mongo.port == port
    with MongoClient[dict[str, Any]](mongo.url) as client:
        assert client[mongo_database.name]["seats"].find_one() == {"_id": "A1"}


async def test_mongo_serves_its_folder_on_another_port_when_the_old_one_is_taken(tmp_path: Path) -> None:
    async with MongoEngine(tmp_path) as before:
        taken = before.port
        with MongoClient[dict[str, Any]](before.url) as client:
            client["moves"]["seats"].insert_one({"_id": "A1"})

    somebody_else = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", taken)
    async with somebody_else, MongoEngine(tmp_path) as after:
        assert after.port != taken
        with MongoClient[dict[str, Any]](after.url) as client:
            client["moves"]["seats"].insert_one({"_id": "A2"})
            assert client["moves"]["seats"].count_documents({}) == 2


async def test_valkey_keeps_its_keys_when_it_is_restarted(valkey: ValkeyEngine) -> None:
    async with Redis.from_url(valkey.url) as client:
        await client.set("restart", "kept")

    await valkey.restart()

    async with Redis.from_url(valkey.url) as client:
        assert await client.get("restart") == b"kept"


async def test_valkey_is_reached_by_a_socket_of_its_folder_if_its_path_is_short_enough(
    valkey: ValkeyEngine, tmp_path: Path
) -> None:
    async with Redis.from_url(valkey.url) as by_tcp, Redis.from_url(valkey.local_url) as by_socket:
        await by_tcp.set("key", "value")
        assert await by_socket.get("key") == b"value"
    assert valkey.local_url.startswith("unix://")
    for folder in (tmp_path / ("long" * 30), tmp_path / "with space?"):
        async with ValkeyEngine(folder) as elsewhere, Redis.from_url(elsewhere.local_url) as client:
            assert elsewhere.local_url == elsewhere.url
            assert await client.ping()


async def test_valkey_refuses_writes_instead_of_evicting_keys(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as client:
        assert await client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


async def test_a_paused_engine_answers_nobody_until_it_is_resumed(valkey: ValkeyEngine) -> None:
    async with (
        Redis.from_url(valkey.url) as patient,
        Redis.from_url(valkey.url, socket_timeout=0.2, retry=Retry(NoBackoff(), 0)) as hurried,
    ):
        assert await patient.ping()
        valkey.pause()
        try:
            with pytest.raises(RedisTimeoutError):
                await hurried.ping()
        finally:
            valkey.resume()

        assert await patient.ping()


async def test_each_virtual_host_of_rabbitmq_is_empty(rabbitmq: RabbitEngine, amqp_url: str) -> None:
    other = await rabbitmq.add_virtual_host("other")
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        connection.channel().queue_declare("notify.email", durable=True, arguments={"x-queue-type": "quorum"})

    with (
        pika.BlockingConnection(pika.URLParameters(other)) as connection,
        pytest.raises(pika.exceptions.ChannelClosedByBroker, match="NOT_FOUND"),
    ):
        connection.channel().queue_declare("notify.email", passive=True)


async def test_rabbitmq_takes_its_port_mapper_with_it(tmp_path: Path) -> None:
    async with RabbitEngine(tmp_path) as engine:
        mine = _processes_of(tmp_path)
        assert {"epmd", "beam.smp"} <= {process.name() for process in mine}
        assert engine.running

    # Its helpers end when they find that it has gone.
    assert await until(lambda: not any(map(lives, mine)), 10)


async def test_an_engine_that_cannot_start_shows_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "storage.bson").write_text("not a storage file")
    engine = MongoEngine(tmp_path)

    with pytest.raises(ProcessFailed, match="mongo ended while starting"):
        await engine.start()

    assert not engine.running


async def test_an_engine_that_a_killed_launcher_left_behind_is_ended_first(tmp_path: Path) -> None:
    left = ValkeyEngine(tmp_path)
    await left.start()
    leftover = left.pid

    async with ValkeyEngine(tmp_path) as engine:
        assert engine.pid != leftover
        assert not left.running


def _processes_of(folder: Path) -> list[psutil.Process]:
    """The processes that run in this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found
