"""Connecting to MongoDB, with the guarantees that everything here counts on.

The only place besides `stores/mongo.py` modules that knows Motor; see
docs/decisions/0001-motor.md.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

import pymongo
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from mesh import deadlines

Document: TypeAlias = dict[str, Any]
Database: TypeAlias = "AsyncIOMotorDatabase[Mapping[str, Any]]"
Collection: TypeAlias = "AsyncIOMotorCollection[Mapping[str, Any]]"
Client: TypeAlias = "AsyncIOMotorClient[Mapping[str, Any]]"

STEP_SECONDS = 3.0
"""The longest that one step waits for the store, however far its caller's deadline."""


def open_client(url: str, app_name: str) -> Client:
    """A client that connects when first used; close it with `.close()`.

    Writes are acknowledged by a majority and journaled, times come back in
    UTC with their zone, and no wait is longer than a few seconds.
    """
    return AsyncIOMotorClient(
        url,
        appname=app_name,
        tz_aware=True,
        w="majority",
        journal=True,
        readConcernLevel="majority",
        serverSelectionTimeoutMS=2_000,
        connectTimeoutMS=2_000,
        waitQueueTimeoutMS=2_000,
        socketTimeoutMS=10_000,
        maxPoolSize=64,
        retryWrites=True,
        retryReads=True,
    )


def database_of(client: Client, name: str) -> Database:
    """The database with that name; write and read concern as the client's."""
    return client.get_database(
        name, write_concern=WriteConcern("majority", j=True), read_concern=ReadConcern("majority")
    )


def within_deadline(at_most: float = STEP_SECONDS) -> AbstractContextManager[None]:
    """Bounds every store call made inside: `async with` is not needed, plain `with` is.

    Uses what is left of the current call's deadline if that is less. PyMongo
    raises a `PyMongoError` with `.timeout` set when it runs out.
    """
    # Zero would mean no limit at all to PyMongo.
    return pymongo.timeout(max(deadlines.budget(at_most), 0.001))


async def ping(client: Client) -> None:
    """Returns when a primary answers; for health probes."""
    with pymongo.timeout(1.5):
        await client.admin.command("ping")
