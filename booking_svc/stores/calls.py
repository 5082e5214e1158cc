"""Asking MongoDB: bounded, and with the errors that use cases know."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pymongo.errors import ConnectionFailure, PyMongoError

from mesh.errors import StoreUnavailable
from mesh.mongo import STEP_SECONDS, Document, within_deadline

LONG_AGO: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def come(time: dt.datetime) -> Document:
    """A condition for a time that has come; names the type, or a partial index on it is not used."""
    return {"$lte": time, "$type": "date"}


@contextmanager
def store_call() -> Iterator[None]:
    """Bounds what is asked inside; a store that does not answer is `StoreUnavailable`."""
    try:
        with within_deadline(STEP_SECONDS):
            yield
    except PyMongoError as error:
        unanswered = isinstance(error, ConnectionFailure) or error.timeout
        if unanswered or error.has_error_label("RetryableWriteError"):
            raise StoreUnavailable("mongodb") from error
        raise
