"""Connecting to MongoDB, with the guarantees that everything here counts on.

The only module that knows of two drivers; see docs/decisions/0001-motor.md.
"""

import inspect
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import Any, Literal, TypeAlias

import pymongo
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConnectionFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from mesh import deadlines
from mesh.errors import StoreUnavailable
from mesh.settings import SettingsInvalid

Document: TypeAlias = dict[str, Any]
Database: TypeAlias = AsyncDatabase[Mapping[str, Any]]
Collection: TypeAlias = AsyncCollection[Mapping[str, Any]]
Client: TypeAlias = AsyncMongoClient[Mapping[str, Any]]

Driver: TypeAlias = Literal["pymongo", "motor"]
"""PyMongo's own asyncio client, or Motor, which hands every call to a thread."""

STEP_SECONDS = 3.0
"""The longest that one step waits for the store, however far its caller's deadline."""

_MAY_WORK_LATER = ("RetryableWriteError", "TransientTransactionError", "UnknownTransactionCommitResult")


def open_client(url: str, app_name: str, driver: Driver = "pymongo") -> Client:
    """A client that connects when first used; end it with `close`.

    Motor's has the same calls but for those that `close`, `aggregated` and
    `session_of` are for.

    Writes are acknowledged by a majority and journaled, times come back in
    UTC with their zone, and no wait is longer than a few seconds. Raises
    `SettingsInvalid` for what is no address.
    """
    # At DEBUG it tells every command with its documents: names and addresses.
    logging.getLogger("pymongo").setLevel(logging.INFO)
    client: Any = AsyncMongoClient if driver == "pymongo" else AsyncIOMotorClient
    try:
        opened: Client = client(
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
    except (PyMongoError, ValueError):
        # Without what was wrong with it: a password that was not escaped ends up in any part of it.
        raise SettingsInvalid("MONGO_URL: must be mongodb://, its password percent-encoded") from None
    return opened


async def close(client: Client) -> None:
    """Ends all connections."""
    await _awaited(client.close())


def database_of(client: Client, name: str) -> Database:
    """The database with that name; write and read concern as the client's."""
    return client.get_database(
        name, write_concern=WriteConcern("majority", j=True), read_concern=ReadConcern("majority")
    )


async def aggregated(collection: Collection, pipeline: Sequence[Mapping[str, Any]]) -> list[Document]:
    """All that the pipeline gives."""
    cursor = await _awaited(collection.aggregate(pipeline))
    found: list[Document] = await cursor.to_list(length=None)
    return found


@asynccontextmanager
async def session_of(client: Client) -> AsyncIterator[AsyncClientSession]:
    """A session, for transactions."""
    async with await _awaited(client.start_session()) as session:
        yield session


def within_deadline(at_most: float = STEP_SECONDS) -> AbstractContextManager[None]:
    """Bounds every store call made inside: `async with` is not needed, plain `with` is.

    Uses what is left of the current call's deadline if that is less. PyMongo
    raises a `PyMongoError` with `.timeout` set when it runs out.
    """
    # Zero would mean no limit at all to PyMongo.
    return pymongo.timeout(max(deadlines.budget(at_most), 0.001))


@contextmanager
def store_call(at_most: float = STEP_SECONDS) -> Iterator[None]:
    """As `within_deadline`; a store that does not answer, or not now, is `StoreUnavailable`."""
    try:
        with within_deadline(at_most):
            yield
    except PyMongoError as error:
        unanswered = isinstance(error, ConnectionFailure) or error.timeout
        if unanswered or any(error.has_error_label(label) for label in _MAY_WORK_LATER):
            raise StoreUnavailable("mongodb") from error
        raise


async def ping(client: Client) -> None:
    """Returns when a primary answers; for health probes."""
    with pymongo.timeout(1.5):
        await client.admin.command("ping")


async def _awaited(given: Any) -> Any:
    """What only one of the drivers lets one wait for."""
    return await given if inspect.isawaitable(given) else given
